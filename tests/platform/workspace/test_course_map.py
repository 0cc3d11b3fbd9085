"""What is done, begun, open or waiting, and how much is left."""

import pytest

from unravel.course.model import Chapter, Course
from unravel.workspace.course_map import State, course_map, minutes_left
from unravel.workspace.progress import ExerciseProgress


def passed(*names):
    return {name: ExerciseProgress(name, "passed", "passed", attempts=1, points=3) for name in names}


def states(course, progress):
    return {name: stop.state for name, stop in course_map(course, progress).items()}


def names(stop):
    return [item.id for item in stop.waits_for]


@pytest.fixture
def chained(remake, sources):
    """Everything in `tokens` builds on `Bag`, of the lesson before."""
    return remake(sources, {"split": ("Bag",), "Bag": ("LAYERS",)})


def test_a_newcomer_sees_what_is_open_and_what_waits(chained):
    found = course_map(chained, {})
    assert states(chained, {}) == {"tensors": State.OPEN, "tokens": State.WAITING}
    assert names(found["tokens"]) == ["Bag"]
    assert names(found["tensors"]) == []
    assert found["tensors"].minutes == 15
    assert minutes_left(chained, {}) == 20


def test_a_lesson_goes_from_begun_to_done_and_frees_the_next(chained):
    assert states(chained, passed("softmax"))["tensors"] is State.BEGUN
    progress = passed("softmax", "LAYERS", "Bag")
    assert states(chained, progress) == {"tensors": State.DONE, "tokens": State.OPEN}
    assert minutes_left(chained, progress) == 5
    everything = passed("softmax", "LAYERS", "Bag", "split")
    assert set(states(chained, everything).values()) == {State.DONE}
    assert minutes_left(chained, everything) == 0
    assert not any(stop.waits_for for stop in course_map(chained, everything).values())


@pytest.mark.parametrize(
    ("stand", "state"),
    [
        (ExerciseProgress("softmax", "failed", "failed", attempts=1), State.BEGUN),
        (ExerciseProgress("softmax", hints=1), State.BEGUN),
        (ExerciseProgress("softmax", gave_up=True), State.BEGUN),
        (ExerciseProgress("softmax", "not started", "not started"), State.OPEN),
    ],
)
def test_begun_is_what_somebody_worked_on(chained, stand, state):
    assert states(chained, {"softmax": stand})["tensors"] is state


def test_what_broke_makes_the_lesson_undone_and_blocks_again(chained):
    progress = {**passed("softmax", "LAYERS"), "Bag": ExerciseProgress("Bag", "failed", "passed", attempts=2, points=3)}
    assert states(chained, progress) == {"tensors": State.BEGUN, "tokens": State.WAITING}
    assert course_map(chained, progress)["tensors"].stand.broken == ("Bag",)


def test_one_exercise_that_can_be_done_opens_a_lesson(remake, sources):
    course = remake(sources, {"softmax": ("split",), "LAYERS": ("split",)})
    assert states(course, {})["tensors"] is State.OPEN
    course = remake(sources, {"softmax": ("split",), "LAYERS": ("split",), "Bag": ("LAYERS",)})
    assert names(course_map(course, {})["tensors"]) == ["split"]  # `Bag` waits for it through `LAYERS`


def test_a_chapter_waits_for_the_chapters_it_builds_on(course):
    first, facts = course.chapters[0], {"title": "T", "summary": "", "goals": (), "hours": 1.0, "path": course.root}
    one = Chapter(id="ch00_basics", prerequisites=(), lessons=first.lessons[:1], **facts)
    two = Chapter(id="ch01_next", prerequisites=("ch00_basics",), lessons=(_moved(first.lessons[1]),), **facts)
    both = Course(course.root, (one, two))
    found = course_map(both, passed("softmax"))
    assert (found["tokens"].state, names(found["tokens"])) == (State.WAITING, ["ch00_basics"])
    assert states(both, passed("softmax", "LAYERS", "Bag"))["tokens"] is State.OPEN


def _moved(lesson):
    from dataclasses import replace

    return replace(lesson, chapter="ch01_next")


def test_a_need_that_could_not_be_read_holds_nothing_up(remake, sources):
    course = remake(sources, {"split": ("gone",)})
    assert states(course, {})["tokens"] is State.OPEN
