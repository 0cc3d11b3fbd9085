"""The peers that the grader is measured against, on the same exercise and the same checks: pytest and nbgrader."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from _timing import shell

from unravel.course.model import Exercise, Lesson

# Gives the tests of a lesson the learner's functions directly, as a course without a grader would.
CONFTEST = """
import importlib.util, random
import pytest
from unravel.grading import Draw

@pytest.fixture
def submission():
    spec = importlib.util.spec_from_file_location("submission", {path!r})
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

@pytest.fixture
def draw():
    return Draw(random.getrandbits(31))
"""

# A test cell that runs the same checks in the notebook's own kernel, as nbgrader does.
TEST_CELL = """
import importlib.util, random, types
from unravel.grading import Draw
spec = importlib.util.spec_from_file_location("checks", {tests!r})
checks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checks)
submission = types.SimpleNamespace(**{{k: v for k, v in globals().items() if k == {name!r}}})
for test in {names!r}:
    getattr(checks, test)(submission, Draw(random.getrandbits(31)))
"""


def pytest_peer(folder: Path, lesson: Lesson, exercise: Exercise) -> list[str]:
    """Sets up a folder; the command that runs the exercise's checks there with pytest."""
    folder.mkdir()
    shutil.copy(lesson.tests, folder / lesson.tests.name)
    shutil.copy(lesson.solution, folder / "answer.py")
    (folder / "conftest.py").write_text(CONFTEST.format(path=str(folder / "answer.py")))
    names = [f"{folder / lesson.tests.name}::{check.name}" for check in exercise.checks]
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *names]


def nbgrader_peer(folder: Path, lesson: Lesson, exercise: Exercise, learners: int) -> list[str]:
    """Sets up an nbgrader course with one assignment and `learners` submissions; the command that grades them."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    folder.mkdir()
    test = TEST_CELL.format(tests=str(lesson.tests), name=exercise.id, names=[c.name for c in exercise.checks])
    cells = [
        new_code_cell(lesson.solution.read_text(), metadata={"nbgrader": _meta("answer", solution=True)}),
        new_code_cell(test, metadata={"nbgrader": _meta("test", grade=True, points=exercise.points)}),
    ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    places = [folder / "source" / "ps1", *(folder / "submitted" / f"learner{i}" / "ps1" for i in range(learners))]
    for place in places:
        place.mkdir(parents=True)
        nbformat.write(notebook, place / "ps1.ipynb")
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.root = {str(folder)!r}\n")
    nbgrader = str(Path(sys.executable).parent / "nbgrader")
    shell([nbgrader, "generate_assignment", "ps1"], cwd=folder)
    return [nbgrader, "autograde", "ps1", "--force"]


def _meta(name: str, *, solution: bool = False, grade: bool = False, points: int = 0) -> dict[str, object]:
    meta = {"grade_id": name, "solution": solution, "grade": grade, "locked": grade, "schema_version": 3, "task": False}
    return {**meta, "points": points, "cell_type": "code"} if grade else meta


def full_marks(folder: Path, exercise: Exercise) -> bool:
    """Whether nbgrader gave every submission all points: a peer that fails fast would win every race."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        scores = [submission.score for submission in book.assignment_submissions("ps1")]
    return bool(scores) and all(score == exercise.points for score in scores)
