"""What a course is made of: frozen dataclasses, read from files, holding no code that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from unravel.errors import UnravelError

Kind = Literal["function", "class", "constant"]

# The time that the learner's code may take in a check that names no other.
DEFAULT_SECONDS = 5.0


@dataclass(frozen=True)
class Prose:
    """A run of Markdown, kept as it was written. `line` is its first line in the lesson file (from 1)."""

    markdown: str
    line: int


@dataclass(frozen=True)
class Demo:
    """A `{code-cell}`: code that the page runs and shows with its output. Never calls an exercise."""

    code: str
    line: int


@dataclass(frozen=True)
class Predict:
    """A question that the reader answers before seeing the result. Both texts are Markdown."""

    question: str
    answer: str
    line: int


@dataclass(frozen=True)
class Callout:
    """A `{note}`, `{warning}`, `{tip}`, `{important}` or `{seealso}` box. `title` may be empty."""

    kind: str
    title: str
    markdown: str
    line: int


@dataclass(frozen=True)
class Place:
    """The place in the page where an exercise stands."""

    exercise: str
    line: int


Block = Prose | Demo | Predict | Callout | Place


@dataclass(frozen=True)
class Check:
    """One test function of the autograder, as read from its source.

    `name` is the function's name, `sentence` that name as a sentence, `doc` its docstring (what the learner
    reads), `seconds` its time limit. A `hidden` check shows the learner its sentence and verdict, never its
    inputs, message or output.
    """

    name: str
    sentence: str
    doc: str
    exercise: str
    hidden: bool
    seconds: float
    line: int


@dataclass(frozen=True)
class Edit:
    """A change to the solution of one exercise: replace `old` by `new`, or, where `old` is None, the whole region."""

    exercise: str
    why: str
    old: str | None
    new: str
    line: int


@dataclass(frozen=True)
class Exercise:
    """One thing to write. `id` is the name of the function, class or constant, unique in the course."""

    id: str
    title: str
    chapter: str
    lesson: str
    kind: Kind
    difficulty: int
    minutes: int
    points: int
    statement: str
    hints: tuple[str, ...]
    needs: tuple[str, ...]
    line: int
    code_line: int
    checks: tuple[Check, ...]
    mistakes: tuple[Edit, ...]
    alternatives: tuple[Edit, ...]


@dataclass(frozen=True)
class Lesson:
    """One idea: a page of prose, a stub, a solution and its checks. `id` is the file's stem, unique in the course."""

    id: str
    chapter: str
    title: str
    page: Path
    stub: Path
    solution: Path
    tests: Path
    blocks: tuple[Block, ...]
    exercises: tuple[Exercise, ...]
    imports: tuple[str, ...]

    @property
    def points(self) -> int:
        """The sum of the points of the lesson's exercises."""
        return sum(exercise.points for exercise in self.exercises)


@dataclass(frozen=True)
class Chapter:
    """A folder of lessons, with the facts of its `chapter.toml`."""

    id: str
    title: str
    summary: str
    goals: tuple[str, ...]
    prerequisites: tuple[str, ...]
    hours: float
    lessons: tuple[Lesson, ...]
    path: Path


@dataclass(frozen=True)
class Course:
    """All chapters, in order. `root` holds `chapters/`, `solutions/` and `tests/exercises/`."""

    root: Path
    chapters: tuple[Chapter, ...]

    def lessons(self) -> Iterator[Lesson]:
        """Every lesson, in the order of the course."""
        for chapter in self.chapters:
            yield from chapter.lessons

    def exercises(self) -> Iterator[Exercise]:
        """Every exercise, in the order of the course."""
        for lesson in self.lessons():
            yield from lesson.exercises

    @cached_property
    def _names(self) -> dict[str, Chapter | Lesson | Exercise]:
        found: dict[str, Chapter | Lesson | Exercise] = {}
        for chapter in self.chapters:
            found[chapter.id] = chapter
            for lesson in chapter.lessons:
                found[lesson.id] = lesson
                found.update((exercise.id, exercise) for exercise in lesson.exercises)
        return found

    def find(self, name: str) -> Chapter | Lesson | Exercise:
        """The chapter, lesson or exercise called `name`. Raises `UnravelError`, with near names, when there is none."""
        if name in self._names:
            return self._names[name]
        import difflib

        near = difflib.get_close_matches(name, self._names, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else "`unravel list` shows all names."
        raise UnravelError(f"There is no chapter, lesson or exercise called {name!r}.", fix=hint)

    def exercise(self, name: str) -> Exercise:
        """The exercise called `name`; `UnravelError` when the name is unknown or names something else."""
        found = self.find(name)
        if isinstance(found, Exercise):
            return found
        raise UnravelError(
            f"{name!r} is a {type(found).__name__.lower()}, not an exercise.", fix="`unravel list` shows all names."
        )

    def lesson(self, name: str) -> Lesson:
        """The lesson called `name`; `UnravelError` when the name is unknown or names something else."""
        found = self.find(name)
        if isinstance(found, Lesson):
            return found
        raise UnravelError(
            f"{name!r} is a {type(found).__name__.lower()}, not a lesson.", fix="`unravel list` shows all names."
        )

    def exercises_of(self, name: str) -> tuple[Exercise, ...]:
        """The exercises that `name` covers: one, a lesson's, or a chapter's."""
        found = self.find(name)
        if isinstance(found, Exercise):
            return (found,)
        if isinstance(found, Lesson):
            return found.exercises
        return tuple(exercise for lesson in found.lessons for exercise in lesson.exercises)
