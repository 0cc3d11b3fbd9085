"""The course's content is found by name, in the wheel, or around an editable checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel import paths
from unravel.errors import UnravelError
from unravel.paths import content_root


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package somewhere else, without any content."""
    place = tmp_path / "site" / "src" / "unravel"
    place.mkdir(parents=True)
    monkeypatch.setattr(paths, "PACKAGE", place)
    monkeypatch.delenv("UNRAVEL_COURSE", raising=False)
    return place


def test_checkout(package: Path) -> None:
    (package.parent.parent / "chapters").mkdir()
    assert content_root() == package.parent.parent


def test_wheel_goes_before_the_checkout(package: Path) -> None:
    (package.parent.parent / "chapters").mkdir()
    (package / "_content" / "chapters").mkdir(parents=True)
    assert content_root() == package / "_content"


def test_variable_goes_before_all(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "_content" / "chapters").mkdir(parents=True)
    (tmp_path / "mine" / "chapters").mkdir(parents=True)
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path / "mine"))
    assert content_root() == tmp_path / "mine"


def test_variable_that_names_no_course(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path))
    with pytest.raises(UnravelError, match="without `chapters/`") as caught:
        content_root()
    assert caught.value.path == tmp_path
    assert "unset it" in caught.value.fix


def test_nowhere(package: Path) -> None:
    with pytest.raises(UnravelError, match="not found") as caught:
        content_root()
    assert "UNRAVEL_COURSE" in caught.value.fix
