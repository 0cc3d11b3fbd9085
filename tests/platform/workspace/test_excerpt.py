"""Cutting one exercise out of a learner's file, in any state, and putting it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.course.markers import make_stub
from unravel.course.model import Course
from unravel.errors import UnravelError
from unravel.workspace.excerpt import changed_elsewhere, cut, open_excerpt, save_excerpt
from unravel.workspace.stubs import code_of

TINY = Path(__file__).parents[1] / "tiny_course"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(TINY)


@pytest.fixture
def stub(course: Course) -> str:
    return make_stub(course.lesson("basics").solution.read_text())


def pieces(course: Course, source: str) -> dict[str, str]:
    lesson = course.lesson("basics")
    code = code_of(lesson)
    found = {}
    for exercise in lesson.exercises:
        before, text, after = cut(source, code, exercise.id)
        if after or source.endswith(text):
            assert before + text + after == source
        found[exercise.id] = text
    return found


def test_each_exercise_of_a_stub_is_found(course: Course, stub: str) -> None:
    found = pieces(course, stub)
    assert found["double"].startswith("def double(")
    assert found["double"].endswith("raise NotImplementedError()\n")
    assert found["mean_square"].startswith("def mean_square(")
    assert found["ANSWER"].startswith("# ANSWER: ")
    assert found["ANSWER"].endswith("\nraise NotImplementedError()\n")
    assert found["Scale"].startswith("class Scale(")
    assert "def forward" in found["Scale"]
    assert not any("import torch" in text or "def describe" in text for text in found.values())


@pytest.mark.parametrize("broken", [False, True])
def test_written_constants_and_helpers(course: Course, stub: str, broken: bool) -> None:
    source = stub.replace("# YOUR CODE HERE\nraise NotImplementedError()\n", "ANSWER: int = 6 * 7\n")
    source = source.replace("def mean_square(", "def _helper(x):\n    return x\n\n\ndef mean_square(")
    if broken:
        source = source.replace("    # YOUR CODE HERE\n", "    return (1 +\n", 1)
    found = pieces(course, source)
    assert found["ANSWER"].endswith("ANSWER: int = 6 * 7\n")
    assert found["mean_square"].startswith("def _helper(x):")
    assert "_helper" not in found["double"]
    assert ("return (1 +" in found["double"]) is broken


def test_a_line_at_the_margin_stays_with_its_exercise(course: Course, stub: str) -> None:
    source = stub.replace("    # YOUR CODE HERE\n    raise NotImplementedError()\n", "return 2 * x\n", 1)
    assert pieces(course, source)["double"].endswith("return 2 * x\n")


def test_text_in_a_string_is_no_definition(course: Course, stub: str) -> None:
    source = stub.replace("    # YOUR CODE HERE\n", '    note = """\ndef Scale(x):\n"""\n', 1)
    assert "def Scale(x):" in pieces(course, source)["double"]


def test_a_missing_exercise_is_put_at_the_end(course: Course) -> None:
    code = code_of(course.lesson("basics"))
    before, text, after = cut("import torch", code, "double")
    assert (before, after) == ("import torch\n\n\n", "")
    assert text.startswith("def double(")


def test_saving_touches_nothing_else(course: Course, stub: str, tmp_path: Path) -> None:
    lesson = course.lesson("basics")
    path = tmp_path / "basics.py"
    path.write_bytes(stub.replace("\n", "\r\n").encode())
    opened = open_excerpt(path, lesson, lesson.exercises[0])
    saved = save_excerpt(opened, opened.text.replace("raise NotImplementedError()", "return 2 * x").rstrip())
    expected = stub.replace("raise NotImplementedError()", "return 2 * x", 1).replace("\n", "\r\n")
    assert path.read_bytes() == expected.encode()
    assert not changed_elsewhere(saved)
    assert opened.line == stub[: stub.index("def double")].count("\n") + 1


def test_a_file_changed_elsewhere_is_not_overwritten(course: Course, stub: str, tmp_path: Path) -> None:
    lesson = course.lesson("basics")
    path = tmp_path / "basics.py"
    path.write_text(stub)
    opened = open_excerpt(path, lesson, lesson.exercises[0])
    path.write_text(stub + "# mine\n")
    with pytest.raises(UnravelError, match="changed elsewhere"):
        save_excerpt(opened, "def double(x):\n    return x\n")
    assert path.read_text() == stub + "# mine\n"


def test_a_missing_file_is_told(course: Course, tmp_path: Path) -> None:
    lesson = course.lesson("basics")
    with pytest.raises(UnravelError, match="unravel update"):
        open_excerpt(tmp_path / "basics.py", lesson, lesson.exercises[0])


def test_in_the_whole_course_a_fresh_file_gives_each_exercise_its_own_part_and_no_more() -> None:
    for lesson in load_course(Path(__file__).parents[3]).lessons():
        code = code_of(lesson)
        source = make_stub(lesson.solution.read_text(encoding="utf-8"))
        for part in code.parts:
            if part.exercise is not None:
                _, text, _ = cut(source, code, part.exercise)
                assert text.strip() == make_stub(part.source).strip(), (lesson.id, part.exercise)
