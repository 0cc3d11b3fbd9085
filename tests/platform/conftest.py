"""What tests of several packages share: the tiny course, and one warm engine over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.course.model import Course
from unravel.grading.engine import Engine

TINY = Path(__file__).parent / "tiny_course"


@pytest.fixture(scope="session")
def tiny() -> Path:
    """The root of the tiny course. Read only: `tiny_copy` may be changed."""
    return TINY


@pytest.fixture
def tiny_copy(tmp_path: Path) -> Path:
    """A copy of the tiny course that a test may break."""
    kept = shutil.ignore_patterns("__pycache__", ".unravel_cache", "conftest.py")
    return Path(shutil.copytree(TINY, tmp_path / "course", ignore=kept))


@pytest.fixture(scope="session")
def tiny_course() -> Course:
    """The tiny course."""
    return load_course(TINY)


@pytest.fixture(scope="session")
def engine(tiny_course: Course) -> Iterator[Engine]:
    """A warm engine over the tiny course, for as many checks as there are."""
    with Engine(tiny_course) as engine:
        yield engine
