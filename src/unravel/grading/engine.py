"""The one engine that serves the command line, watch mode, the app, notebooks, nbgrader and batches."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from unravel.course.model import Course, Exercise, Lesson
from unravel.errors import UnravelError
from unravel.grading.fault import from_error
from unravel.grading.report import ExerciseResult, Report, Status, Tier
from unravel.grading.source import Source
from unravel.grading.warm import Limits, Warm

if TYPE_CHECKING:
    from unravel.grading.lesson import OnEvent
    from unravel.grading.transport import Loaded

HEAVY = ("transformer_lens", "unravel.interp")
# Models, and what they are built on: a warm process has them when a lesson needs them.
PRELOAD = ("transformer_lens", "unravel.interp.model.load", "unravel.interp.model.variant", "unravel.interp.learner")
MAX_NOTES = 3


def _silent(event: dict[str, Any]) -> None:
    """Ignores an event."""


class Engine:
    """Holds the warm processes and grades submissions, one at a time. Use it as a context manager.

    `isolation` is "auto", "full", "partial" or "none", as in `Warm`.
    """

    def __init__(self, course: Course, *, isolation: str = "auto", limits: Limits | None = None):
        self.course = course
        self._isolation = isolation
        self._limits = limits
        self._warm: dict[tuple[str, ...], Warm] = {}

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the warm processes."""
        for warm in self._warm.values():
            warm.close()
        self._warm.clear()

    def prepare(self, lesson: Lesson | None = None) -> Warm:
        """The warm process that suits a lesson, started when there is none. Torch loads here meanwhile."""
        preload = ("torch", *(PRELOAD if lesson is not None and uses_models(lesson) else ()))
        if preload not in self._warm:
            shared = tuple(self.course.root / name for name in ("models", "datasets"))
            warm = Warm(preload=preload, isolation=self._isolation, readable=tuple(p for p in shared if p.exists()))
            warm.start(wait=False)
            self._warm[preload] = warm
            import torch

            torch.set_num_threads(1)
            import unravel.grading.lesson  # noqa: F401  (loads what grading needs while the other process warms up)
        return self._warm[preload]

    def check(
        self,
        source: Source,
        exercises: Sequence[str],
        *,
        seed: int | None = None,
        learner: str = "",
        on_event: OnEvent = _silent,
    ) -> Report:
        """Grades the exercises, all of one lesson, on one submission. Raises `UnravelError` on an unknown name.

        `learner` is the id whose variants of the models it is graded on; empty: the models as they are shipped.
        """
        found = [self.course.exercise(name) for name in exercises]
        lesson = one_lesson(self.course, found)
        seed = secrets.randbits(31) if seed is None else seed
        started, clock = datetime.now(UTC), time.monotonic()
        results, tier, notes = self._grade(lesson, found, source, seed, learner, on_event)
        return Report(
            seed=seed,
            tier=tier,
            official=tier is not Tier.NONE,
            started=started.isoformat(timespec="milliseconds"),
            duration=round(time.monotonic() - clock, 4),
            source=source.name,
            sha256=source.sha256,
            exercises=results,
            notes=notes,
            version=version(),
            learner=learner,
        )

    def _grade(
        self, lesson: Lesson, found: Sequence[Exercise], source: Source, seed: int, learner: str, on_event: OnEvent
    ) -> tuple[tuple[ExerciseResult, ...], Tier, tuple[str, ...]]:
        warm = self.prepare(lesson)
        from unravel.grading.lesson import grade_lesson
        from unravel.grading.transport import SandboxTransport

        transport = SandboxTransport(warm, source.units, self._limits or limits_for(lesson), learner=learner)
        try:
            results = grade_lesson(lesson, [exercise.id for exercise in found], transport, seed, on_event)
        finally:
            transport.close()
        return results, warm.tier, (*tier_notes(warm.tier), *load_notes(lesson, transport.loaded, results))


def uses_models(lesson: Lesson) -> bool:
    """Whether the lesson's file imports the models or transformer-lens at its top; then the warm process has them."""
    return any(f"{name}.".startswith(f"{heavy}.") for name in lesson.imports for heavy in HEAVY)


def limits_for(lesson: Lesson) -> Limits:
    """Limits under which a right answer has all the processor time that the checks of its lesson may take."""
    seconds = sum(check.seconds for exercise in lesson.exercises for check in exercise.checks)
    return Limits(cpu_seconds=Limits().cpu_seconds + math.ceil(seconds))


def one_lesson(course: Course, found: Sequence[Exercise]) -> Lesson:
    """The lesson that all the exercises belong to. Raises `UnravelError` when there are several, or none."""
    names = {exercise.lesson for exercise in found}
    if len(names) != 1:
        raise UnravelError("A submission is one lesson's file.", fix="Check one lesson at a time.")
    return course.lesson(names.pop())


def version() -> str:
    """The installed version of Unravel."""
    from unravel import __version__

    return str(__version__)


def tier_notes(tier: Tier) -> tuple[str, ...]:
    """What a reader of the report must know of the isolation."""
    if tier is Tier.NONE:
        return ("This system can't isolate the code it checks: the result is for practice and is no official grade.",)
    return ()


def load_notes(lesson: Lesson, loaded: Loaded | None, results: Sequence[ExerciseResult]) -> tuple[str, ...]:
    """What failed when the submission was loaded, and no result tells: a misspelt import, say."""
    exercises = {exercise.id for exercise in lesson.exercises}
    failed = [f for f in loaded.faults if not f.not_started and not f.names & exercises] if loaded else []
    told = [(fault, from_error(fault.error).message.partition("\n")[0][:200]) for fault in failed]
    notes = [
        f"Line {fault.line} of {fault.unit} failed when the file was loaded: {message}"
        for fault, message in told
        if not any(message in result.message for result in results)
    ]
    more = [f"{len(notes) - MAX_NOTES} further lines failed too."] if len(notes) > MAX_NOTES else []
    return (*notes[:MAX_NOTES], *more)


def refused(found: Sequence[Exercise], fault: UnravelError) -> tuple[ExerciseResult, ...]:
    """Results for a submission that can't be read at all: every exercise an error, with the reason."""
    return tuple(
        ExerciseResult(
            e.id,
            e.title,
            e.chapter,
            e.lesson,
            Status.ERROR,
            0,
            e.points,
            message=str(fault),
            next="Mend the file and check again.",
        )
        for e in found
    )
