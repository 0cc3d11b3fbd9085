"""What to do next, hints one rung at a time, and solutions only for those who passed or gave up."""

import pytest

from unravel.errors import UnravelError
from unravel.workspace.guide import answer, missing, next_exercise, next_hint, solution, stands


@pytest.fixture
def record(workspace, report, result):
    return lambda *results: workspace.store.record_report(report(*(result(*item) for item in results)))


def test_next_is_the_first_that_builds_on_nothing_open(workspace, course, record):
    assert next_exercise(workspace, course).exercise.id == "softmax"
    record(("softmax",))
    assert next_exercise(workspace, course).exercise.id == "LAYERS"
    record(("LAYERS",), ("Bag",), ("split",))
    assert next_exercise(workspace, course) is None
    record(("softmax", "failed"))
    assert next_exercise(workspace, course).exercise.id == "softmax"


def test_an_exercise_whose_need_is_open_waits(workspace, remake, sources):
    course = remake(sources, {"softmax": ("split",), "LAYERS": ("split",), "Bag": ("split",)})
    assert next_exercise(workspace, course).exercise.id == "split"


@pytest.mark.parametrize(("name", "text"), [("softmax", "raise Not"), ("Bag", "raise Not"), ("LAYERS", "raise Not")])
def test_the_spot_is_the_line_to_write(workspace, course, record, name, text):
    order = ["softmax", "LAYERS", "Bag"]
    record(*((item,) for item in order[: order.index(name)]))
    spot = next_exercise(workspace, course)
    assert spot.exercise.id == name
    assert spot.path.read_text().split("\n")[spot.line - 1].strip().startswith(text)


def test_a_deleted_file_is_said_with_the_way_out(workspace, course):
    workspace.file(course.lesson("tensors")).unlink()
    with pytest.raises(UnravelError, match="unravel update"):
        next_exercise(workspace, course)


def test_hints_come_one_by_one_and_end(workspace, course):
    rungs = [next_hint(workspace, course, "split") for _ in range(3)]
    assert [(rung.number, rung.text, rung.fresh) for rung in rungs] == [
        (1, "Look.", True),
        (2, "Think.", True),
        (2, "Think.", False),
    ]
    assert workspace.store.progress()["split"].hints == 2


def test_a_hint_without_a_name_is_for_the_next_exercise(workspace, course, record):
    record(("softmax",))
    workspace.file(course.lesson("tensors")).unlink()
    assert next_hint(workspace, course, None).exercise.id == "LAYERS"
    record(("LAYERS",), ("Bag",), ("split",))
    with pytest.raises(UnravelError, match="every exercise"):
        next_hint(workspace, course, None)


def test_the_solution_is_for_those_who_passed_once(workspace, course, record):
    with pytest.raises(UnravelError, match="--give-up"):
        solution(workspace, course, "split")
    assert not workspace.store.progress().get("split")
    record(("split", "passed"), ("split", "failed"))
    assert "text.split()" in solution(workspace, course, "split", give_up=True)
    assert not workspace.store.progress()["split"].gave_up


def test_giving_up_is_recorded_once_and_for_all(workspace, course):
    assert "text.split()" in solution(workspace, course, "split", give_up=True)
    assert workspace.store.progress()["split"].gave_up
    assert "text.split()" in solution(workspace, course, "split")


def test_what_broke_is_open_again_but_keeps_its_points(workspace, course, record):
    record(("softmax",), ("Bag", "failed"))
    record(("softmax", "error"))
    tensors, tokens = stands(workspace, course)
    assert (tensors.done, tensors.points, tensors.broken) == (0, 3, ("softmax",))
    assert (tokens.done, tokens.points, tokens.broken) == (0, 0, ())


def test_a_name_that_the_file_lost_has_no_line(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    path.write_text(path.read_text().replace("def softmax(", "def soft_max("))
    assert next_exercise(workspace, course).line is None


def test_missing_files_are_named(workspace, course, record):
    assert missing(workspace, course) == ()
    record(("softmax",), ("LAYERS",), ("Bag",))
    gone = workspace.file(course.lesson("tensors"))
    gone.unlink()
    assert missing(workspace, course) == (gone,)
    assert next_exercise(workspace, course).exercise.id == "split"


def test_a_solution_without_a_name_is_that_of_the_next_exercise(workspace, course):
    with pytest.raises(UnravelError, match="not solved softmax"):
        answer(workspace, course, None)
    first, again = (answer(workspace, course, None, give_up=True) for _ in range(2))
    assert (first.exercise.id, first.recorded, again.recorded) == ("softmax", True, False)
    assert next_exercise(workspace, course).gave_up
