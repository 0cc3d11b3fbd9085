"""`unravel dev check` finds what is unsound in a course, names the place, and says how to mend it."""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.dev import check as module
from unravel.dev.check import check_course, check_lesson, demo_problems, fingerprint, stub_problems
from unravel.dev.nbgrader_stub import available, clear_solutions
from unravel.dev.proofs import Prover, bare_asserts
from unravel.dev.sync import sync
from unravel.errors import ContentError
from unravel.grading.engine import Engine

CHECKS = "tests/exercises/ch00_tiny/test_more.py"
SOLUTION = "solutions/ch00_tiny/more.py"
PAGE = "chapters/ch00_tiny/more.md"
Edit = tuple[str, str, str]


@pytest.fixture
def small(tiny_copy: Path) -> Path:
    """The tiny course with its lesson `more` alone: one exercise, quick to prove."""
    toml = tiny_copy / "chapters/ch00_tiny/chapter.toml"
    toml.write_text(toml.read_text().replace('lessons = ["basics", "more"]', 'lessons = ["more"]'))
    for folder, name in (("chapters", "basics.md"), ("chapters", "basics.py"), ("solutions", "basics.py")):
        (tiny_copy / folder / "ch00_tiny" / name).unlink()
    (tiny_copy / "tests/exercises/ch00_tiny/test_basics.py").unlink()
    return tiny_copy


@pytest.fixture
def find(small: Path, engine: Engine) -> Callable[..., list[ContentError]]:
    """Edits the lesson, syncs its stub, and returns what is found wrong with it."""

    def find_it(*edits: Edit, stale: bool = False) -> list[ContentError]:
        for name, old, new in edits:
            text = (small / name).read_text()
            assert text.count(old) == 1, (name, old, text.count(old))
            (small / name).write_text(text.replace(old, new))
        if not stale:
            sync(small)
        return list(check_lesson(load_course(small).lesson("more"), engine))

    return find_it


def only(problems: list[ContentError], told: str, path: str, *, line: bool = True) -> ContentError:
    """The one problem; it must say this, in this file, with a line and a fix."""
    assert len(problems) == 1, [str(problem) for problem in problems]
    (problem,) = problems
    assert told in str(problem)
    assert str(problem.path).endswith(path)
    assert problem.fix
    assert not line or problem.line
    return problem


def test_the_tiny_course_is_sound(tiny: Path, tmp_path: Path):
    copy = Path(shutil.copytree(tiny, tmp_path / "course", ignore=shutil.ignore_patterns(".unravel_cache")))
    said: list[str] = []
    assert [str(problem) for problem in check_course(copy, say=said.append)] == []
    assert said == ["basics: sound", "more: sound"]


def test_a_lesson_with_no_fault_has_no_problem(find: Callable[..., list[ContentError]]):
    assert find() == []


def test_a_stale_stub(find: Callable[..., list[ContentError]]):
    edit = (SOLUTION, "The whole numbers from 1 to `n`.", "All whole numbers from 1 to `n`.")
    problem = only(find(edit, stale=True), "not what the solution makes", "chapters/ch00_tiny/more.py", line=False)
    assert "unravel dev sync" in problem.fix


def test_a_missing_stub(small: Path):
    lesson = load_course(small).lesson("more")
    lesson.stub.unlink()
    only(list(stub_problems(lesson)), "not what the solution makes", "chapters/ch00_tiny/more.py", line=False)


@pytest.mark.skipif(not available(), reason="nbgrader is not installed")
def test_nbgrader_makes_the_same_stub(tiny: Path):
    for lesson in load_course(tiny).lessons():
        assert clear_solutions(lesson.solution.read_text()) == lesson.stub.read_text()


def test_a_stub_that_nbgrader_would_make_otherwise(small: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module.nbgrader_stub, "available", lambda: True)
    monkeypatch.setattr(module.nbgrader_stub, "clear_solutions", lambda source: "other")
    only(list(stub_problems(load_course(small).lesson("more"))), "ClearSolutions", SOLUTION, line=False)


def test_a_solution_that_fails(find: Callable[..., list[ContentError]]):
    found = find((SOLUTION, "list(range(1, n + 1))", "list(range(1, n + 1)) + []  if n < 4 else [n]"))
    assert any(
        "The solution of `count_up` does not pass `test_steps_are_of_one` (failed: The length" in str(problem)
        for problem in found
    )


def test_a_check_that_passes_a_mistake(find: Callable[..., list[ContentError]]):
    same = 'Mistake("count_up", why="None at all.", wrong="return [*range(1, n + 1)]"),\n]\nALT'
    problem = only(find((CHECKS, "]\nALT", same)), "No check rejects this mistake in `count_up`", CHECKS)
    assert problem.line == 9


def test_a_mistake_that_crashes(find: Callable[..., list[ContentError]]):
    bad = 'Mistake("count_up", why="Broken.", wrong="return undefined"),\n]\nALT'
    problem = only(find((CHECKS, "]\nALT", bad)), "should fail by an assertion, but meets", CHECKS)
    assert "NameError" in str(problem)


def test_two_mistakes_that_can_not_be_told_apart(find: Callable[..., list[ContentError]]):
    twin = 'Mistake("count_up", why="A twin.", wrong="return [*range(n)]"),\n]\nALT'
    problem = only(find((CHECKS, "]\nALT", twin)), "diagnosed as another one: 'You began at 0", CHECKS)
    assert problem.line == 9


def test_a_mistake_that_does_not_apply(find: Callable[..., list[ContentError]]):
    with pytest.raises(ContentError, match="occurs"):
        find((CHECKS, 'right="n + 1"', 'right="n + 2"'))


def test_too_few_mistakes(find: Callable[..., list[ContentError]]):
    last = '    Mistake("count_up", why="You counted down: begin at 1.", wrong="return list(range(n, 0, -1))"),\n'
    only(find((CHECKS, last, "")), "has 2 mistakes; at least 3", CHECKS, line=False)


def test_an_alternative_that_is_refused(find: Callable[..., list[ContentError]]):
    problem = only(find((CHECKS, "while len(numbers) < n:", "while len(numbers) < 3:"))[:1], "This alternative", CHECKS)
    assert "test_steps_are_of_one" in str(problem)


def test_a_stub_that_fails_for_another_reason(find: Callable[..., list[ContentError]]):
    cut = (SOLUTION, "def count_up(n: int) -> list[int]:", "def count_up(n: int = int(len([1]))) -> list[int]:")
    assert find(cut) == []
    early = (CHECKS, "    n = draw.integer(4, 30)\n", '    assert submission is None, "Never."\n    n = 4\n')
    found = find(early)
    assert any(
        "should fail with NotImplementedError, but meets `test_steps_are_of_one` (failed" in str(p) for p in found
    )


def test_a_stub_that_fails_with_a_name_error(small: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch):
    from unravel.dev import proofs

    lesson = load_course(small).lesson("more")
    stub = lesson.stub.read_text().replace("    # YOUR CODE HERE", "    undefined")
    monkeypatch.setattr(proofs, "make_stub", lambda source, path: stub)
    found = list(Prover(lesson, engine.prepare(lesson))._stub())
    assert len(found) == 2
    assert all(
        "should fail with NotImplementedError" in str(problem) and "NameError" in str(problem) for problem in found
    )


def test_an_assert_without_a_message(find: Callable[..., list[ContentError]]):
    bare = (
        CHECKS,
        '    assert steps == {1}, f"Each number should be one more than the last, but the steps are {sorted(steps)}."',
    )
    problem = only(find((*bare, "    assert steps == {1}")), "This assert has no message", CHECKS)
    assert problem.line == 33


def test_a_message_that_is_there_is_seen(tmp_path: Path):
    (tmp_path / "t.py").write_text('def test(x):\n    assert x, "why"\n    assert (x,\n      "never false")\n')
    assert [problem.line for problem in bare_asserts(tmp_path / "t.py")] == [3]


def test_a_missing_annotation(find: Callable[..., list[ContentError]]):
    with pytest.raises(ContentError, match="annotation") as caught:
        find((SOLUTION, "def count_up(n: int) -> list[int]:", "def count_up(n: int):"))
    assert caught.value.line == 4


def test_a_check_over_its_time(find: Callable[..., list[ContentError]]):
    slow = (
        SOLUTION,
        "    return list(range(1, n + 1))",
        "    while True:\n        n += 1\n    return list(range(1, n + 1))",
    )
    quick = (CHECKS, '@checks("count_up")', '@checks("count_up", seconds=0.5)')
    found = find(slow, quick)
    assert any("does not pass" in str(problem) and "(timeout" in str(problem) for problem in found)


def test_a_failing_demo(find: Callable[..., list[ContentError]], small: Path):
    demo = "no tensors.\n\n```{code-cell} python\nx = 1\nx / 0\n```\n"
    problem = only(find((PAGE, "no tensors.\n", demo)), "ZeroDivisionError", PAGE)
    assert 5 <= (problem.line or 0) <= 7


def test_a_course_that_does_not_load_is_told_without_running_it(small: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "Engine", None)
    (small / CHECKS).write_text("def (")
    found = check_course(small)
    assert found
    assert any("Not valid Python" in str(problem) for problem in found)


def test_unchanged_lessons_are_skipped_until_they_or_the_grader_change(small: Path, monkeypatch: pytest.MonkeyPatch):
    proved: list[str] = []
    monkeypatch.setattr(module, "check_lesson", lambda lesson, engine: iter(proved.append(lesson.id) or ()))
    check_course(small)
    check_course(small, changed=True)
    assert proved == ["more"]
    (small / PAGE).write_text((small / PAGE).read_text() + "\nMore words.\n")
    check_course(small, changed=True)
    assert proved == ["more"] * 2
    check_course(small)
    assert proved == ["more"] * 3


def test_a_lesson_that_failed_is_proved_again(small: Path, monkeypatch: pytest.MonkeyPatch):
    fault = ContentError("A fault.", path=small / CHECKS)
    monkeypatch.setattr(module, "check_lesson", lambda lesson, engine: iter([fault]))
    said: list[str] = []
    assert check_course(small, say=said.append) == [fault]
    assert check_course(small, changed=True, say=said.append) == [fault]
    assert said == ["more: 1 problem"] * 2


def test_a_record_that_is_damaged_or_can_not_be_written_costs_time_only(small: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "check_lesson", lambda lesson, engine: iter(()))
    for text in ("", "[]", "{", '{"more": 3}'):
        (small / ".unravel_cache").mkdir(exist_ok=True)
        (small / ".unravel_cache/checked.json").write_text(text)
        assert check_course(small, changed=True) == []
    shutil.rmtree(small / ".unravel_cache")
    (small / ".unravel_cache").write_text("a file")
    assert check_course(small, changed=True) == []


def test_the_fingerprint_depends_on_each_file(small: Path):
    lesson = load_course(small).lesson("more")
    seen = {fingerprint(lesson)}
    for path in (lesson.page, lesson.stub, lesson.solution, lesson.tests):
        path.write_text(path.read_text() + "\n")
        seen.add(fingerprint(lesson))
    assert len(seen) == 5


def test_demos_that_run_are_no_problem(tiny: Path):
    assert list(demo_problems(load_course(tiny).lesson("basics"))) == []


def test_several_lessons_at_a_time_find_the_same(tiny_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # New processes load the main module again, and tests of the app leave Streamlit's in its place.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    page, told = tiny_copy / PAGE, []
    page.write_text(page.read_text() + "\n```{code-cell} python\n1 / 0\n```\n")
    one = check_course(tiny_copy, ["basics", "more"])
    both = check_course(tiny_copy, ["basics", "more"], jobs=2, say=told.append)
    assert [str(problem) for problem in both] == [str(problem) for problem in one]
    assert [type(problem) for problem in both] == [ContentError] * len(one)
    assert any("ZeroDivisionError" in str(problem) for problem in both)
    assert [line.split(":")[0] for line in told] == ["basics", "more"]
