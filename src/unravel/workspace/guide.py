"""What the learner does next: the next exercise, a hint, the solution; and how far they have come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from unravel.course.model import Course, Exercise, Lesson
from unravel.errors import UnravelError
from unravel.workspace.notebooks import cell_to_write
from unravel.workspace.pieces import solution_piece, where_to_write
from unravel.workspace.progress import ExerciseProgress
from unravel.workspace.stubs import code_of
from unravel.workspace.workspace import Workspace

UNTOUCHED = ExerciseProgress("")


@dataclass(frozen=True)
class Spot:
    """Where the learner writes an exercise.

    `line` counts from 1; in a notebook it is the number of the cell. None: the file has no such name any more.
    """

    exercise: Exercise
    path: Path
    line: int | None
    gave_up: bool = False


@dataclass(frozen=True)
class Rung:
    """A hint: rung `number` of `total`. Not `fresh`: there was no further one, this is the last one again."""

    exercise: Exercise
    text: str
    number: int
    total: int
    fresh: bool


@dataclass(frozen=True)
class Answer:
    """A solution. `recorded`: it was shown to somebody who gave up just now."""

    exercise: Exercise
    code: str
    recorded: bool


@dataclass(frozen=True)
class LessonStand:
    """How a lesson stands: of its exercises, how many are done, which broke since they passed, and the points."""

    lesson: Lesson
    done: int
    broken: tuple[str, ...]
    points: int


def next_exercise(workspace: Workspace, course: Course) -> Spot | None:
    """The first exercise that is not passed and builds on nothing that isn't; None when all are passed."""
    progress = workspace.store.progress()
    exercise = first_open(course, progress)
    if exercise is None:
        return None
    return replace(spot(workspace, course, exercise), gave_up=progress.get(exercise.id, UNTOUCHED).gave_up)


def first_open(course: Course, progress: Mapping[str, ExerciseProgress]) -> Exercise | None:
    """The exercise that `next_exercise` names, wherever it is written."""
    todo = [item for item in course.exercises() if not progress.get(item.id, UNTOUCHED).passed]
    open_ = {item.id for item in todo}
    ready = [item for item in todo if not open_.intersection(item.needs)]
    return (ready or todo)[0] if todo else None


def missing(workspace: Workspace, course: Course) -> tuple[Path, ...]:
    """The lesson files that are not there, though they were delivered or are new in the course."""
    files = (workspace.file(lesson) for lesson in course.lessons())
    return tuple(path for path in files if not path.exists())


def spot(workspace: Workspace, course: Course, exercise: Exercise) -> Spot:
    """Where `exercise` is written. `UnravelError` when the file is gone."""
    lesson = course.lesson(exercise.lesson)
    path = workspace.file(lesson)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        fix = "`unravel update` brings it back as it was delivered."
        raise UnravelError("This lesson file is missing.", fix=fix, path=path) from None
    except OSError as error:
        fix = "Give yourself permission to read it, or move it away; `unravel update` then delivers it anew."
        raise UnravelError(f"This file can't be read: {error.strerror}.", fix=fix, path=path) from error
    look = cell_to_write if path.suffix == ".ipynb" else where_to_write
    try:
        return Spot(exercise, path, look(text, exercise.id))
    except ValueError:
        return Spot(exercise, path, 1)


def next_hint(workspace: Workspace, course: Course, name: str | None) -> Rung:
    """The next rung of an exercise's hints, recorded as seen; by default of the exercise that `next` names."""
    exercise = course.exercise(name) if name else _current(workspace, course)
    total = len(exercise.hints)
    if not total:
        fix = "Read its statement again, or ask `unravel solution --give-up` for the solution."
        raise UnravelError(f"{exercise.id} has no hints.", fix=fix)
    seen = workspace.store.progress().get(exercise.id, UNTOUCHED).hints
    number = min(seen + 1, total)
    if seen < total:
        workspace.store.record_hint(exercise.id, number)
    return Rung(exercise, exercise.hints[number - 1], number, total, fresh=seen < total)


def solution(workspace: Workspace, course: Course, name: str, *, give_up: bool = False) -> str:
    """The code of `answer`."""
    return answer(workspace, course, name, give_up=give_up).code


def answer(workspace: Workspace, course: Course, name: str | None, *, give_up: bool = False) -> Answer:
    """The solution of an exercise, for those who passed it once or give up, which is recorded.

    By default of the exercise that `next` names.
    """
    exercise = course.exercise(name) if name else _current(workspace, course)
    stand = workspace.store.progress().get(exercise.id, UNTOUCHED)
    open_ = stand.ever_passed or stand.gave_up
    if not open_:
        if not give_up:
            help_ = f"`unravel hint {exercise.id}`"
            fix = f"Take a hint ({help_}), or see it with `unravel solution {exercise.id} --give-up`."
            raise UnravelError(f"You have not solved {exercise.id} yet.", fix=fix)
        workspace.store.record_give_up(exercise.id)
    code = solution_piece(code_of(course.lesson(exercise.lesson)), exercise.id)
    return Answer(exercise, code, recorded=not open_)


def progress_here() -> dict[str, ExerciseProgress]:
    """The progress in the workspace found from here; empty when there is none."""
    try:
        return Workspace.find().store.progress()
    except UnravelError:
        return {}


def stands(workspace: Workspace, course: Course) -> tuple[LessonStand, ...]:
    """How every lesson stands, in the order of the course."""
    progress = workspace.store.progress()
    return tuple(stand_of(lesson, progress) for lesson in course.lessons())


def stand_of(lesson: Lesson, progress: Mapping[str, ExerciseProgress]) -> LessonStand:
    """How one lesson stands."""
    mine = [progress.get(exercise.id, UNTOUCHED) for exercise in lesson.exercises]
    broken = tuple(item.exercise for item in mine if item.ever_passed and not item.passed)
    return LessonStand(lesson, sum(item.passed for item in mine), broken, sum(item.points for item in mine))


def _current(workspace: Workspace, course: Course) -> Exercise:
    here = first_open(course, workspace.store.progress())
    if here is None:
        raise UnravelError("You have passed every exercise.", fix="Name the one that you mean.")
    return here
