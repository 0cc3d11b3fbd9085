"""Stubs are made from the solutions, all or none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unravel.course.markers import make_stub
from unravel.dev.sync import sync
from unravel.errors import ContentError

TINY = Path(__file__).parent.parent / "tiny_course"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNRAVEL_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(TINY, tmp_path / "tiny", ignore=shutil.ignore_patterns("__pycache__")))


def test_committed_stubs_of_the_tiny_course_are_fresh() -> None:
    for solution in (TINY / "solutions").rglob("*.py"):
        stub = TINY / "chapters" / solution.relative_to(TINY / "solutions")
        assert stub.read_bytes() == make_stub(solution.read_text()).encode()


def test_fresh_stubs_are_left_alone(tiny: Path) -> None:
    stub = tiny / "chapters/ch00_tiny/more.py"
    before = stub.stat().st_mtime_ns
    assert sync(tiny) == []
    assert stub.stat().st_mtime_ns == before


def test_missing_and_stale_stubs_are_written(tiny: Path) -> None:
    more, basics = tiny / "chapters/ch00_tiny/more.py", tiny / "chapters/ch00_tiny/basics.py"
    wanted = more.read_bytes(), basics.read_bytes()
    more.unlink()
    basics.write_text(basics.read_text() + "# touched\n")
    assert sync(tiny) == [basics, more]
    assert (more.read_bytes(), basics.read_bytes()) == wanted


def test_bad_markers_change_nothing(tiny: Path) -> None:
    basics, more = tiny / "solutions/ch00_tiny/basics.py", tiny / "solutions/ch00_tiny/more.py"
    basics.write_text(basics.read_text() + "# new\n")
    more.write_text(more.read_text().replace("    ### END SOLUTION\n", ""))
    stubs = {path: path.read_bytes() for path in (tiny / "chapters").rglob("*.py")}
    with pytest.raises(ContentError, match="has no `### END SOLUTION`") as caught:
        sync(tiny)
    assert caught.value.path == more
    assert {path: path.read_bytes() for path in (tiny / "chapters").rglob("*.py")} == stubs


def test_no_solutions(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no folder of solutions"):
        sync(tmp_path)
