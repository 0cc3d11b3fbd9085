"""The map of the course: which lessons are done, begun, open or waiting, for what, and how much is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from unravel.course.model import Chapter, Course, Exercise, Lesson
from unravel.workspace.guide import UNTOUCHED, LessonStand, stand_of
from unravel.workspace.progress import ExerciseProgress

Progress = Mapping[str, ExerciseProgress]


class State(StrEnum):
    """How a lesson stands. One that waits can be read and tried all the same."""

    DONE = "done"
    BEGUN = "in progress"
    OPEN = "open"
    WAITING = "waiting"


@dataclass(frozen=True)
class Stop:
    """One lesson on the map.

    `waits_for` are the earlier chapters that are not done, then the exercises of other lessons without which
    none of this lesson's open exercises can be judged; empty for a lesson that is done. `minutes` are those of
    the exercises that are left.
    """

    stand: LessonStand
    state: State
    waits_for: tuple[Chapter | Exercise, ...]
    minutes: int


def course_map(course: Course, progress: Progress) -> dict[str, Stop]:
    """The stops by the id of their lesson, in the order of the course."""
    chapters = {chapter.id: chapter for chapter in course.chapters}
    return {lesson.id: _stop(course, chapters[lesson.chapter], lesson, progress) for lesson in course.lessons()}


def minutes_left(course: Course, progress: Progress) -> int:
    """The minutes of all exercises that are not passed."""
    return sum(exercise.minutes for exercise in _todo(tuple(course.exercises()), progress))


def _stop(course: Course, chapter: Chapter, lesson: Lesson, progress: Progress) -> Stop:
    todo = _todo(lesson.exercises, progress)
    waits_for: tuple[Chapter | Exercise, ...] = ()
    if todo:
        waits_for = (*_chapters(course, chapter, progress), *_exercises(course, lesson, progress))
    if not todo:
        state = State.DONE
    elif any(_touched(progress.get(exercise.id, UNTOUCHED)) for exercise in lesson.exercises):
        state = State.BEGUN
    else:
        state = State.WAITING if waits_for else State.OPEN
    return Stop(stand_of(lesson, progress), state, waits_for, sum(exercise.minutes for exercise in todo))


def _chapters(course: Course, chapter: Chapter, progress: Progress) -> Iterator[Chapter]:
    """The chapter's prerequisites that are not done."""
    for earlier in course.chapters:
        if earlier.id in chapter.prerequisites and _todo(course.exercises_of(earlier.id), progress):
            yield earlier


def _exercises(course: Course, lesson: Lesson, progress: Progress) -> tuple[Exercise, ...]:
    """What must be passed elsewhere before any of the lesson's open exercises can be; empty when one can."""
    found: dict[str, Exercise] = {}
    for exercise in _todo(lesson.exercises, progress):
        outside = _outside(course, exercise, lesson, progress)
        if not outside:
            return ()
        found |= outside
    return tuple(item for item in course.exercises() if item.id in found)


def _outside(course: Course, exercise: Exercise, lesson: Lesson, progress: Progress) -> dict[str, Exercise]:
    """The open exercises of other lessons that this one builds on, be it through others of its lesson."""
    # Subtle: where a lesson can't be read the course is loaded without it, and needs may name what is not there.
    known = {item.id: item for item in course.exercises()}
    found: dict[str, Exercise] = {}
    names, seen = list(exercise.needs), set(exercise.needs)
    while names:
        need = known.get(names.pop())
        if need is None or progress.get(need.id, UNTOUCHED).passed:
            continue
        if need.lesson != lesson.id:
            found[need.id] = need
            continue
        names += [name for name in need.needs if name not in seen]
        seen.update(need.needs)
    return found


def _todo(exercises: tuple[Exercise, ...], progress: Progress) -> list[Exercise]:
    return [exercise for exercise in exercises if not progress.get(exercise.id, UNTOUCHED).passed]


def _touched(stand: ExerciseProgress) -> bool:
    """Whether the learner has worked on it. A hint or a give-up counts, a reset or a block on its own doesn't."""
    return bool(stand.attempts or stand.hints or stand.gave_up)
