"""Grades the exercises of one lesson on one submission: order, prerequisites, verdicts, points, diagnosis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from unravel.course.model import Exercise, Lesson
from unravel.errors import UnravelError
from unravel.grading.diagnose import Memory, diagnose
from unravel.grading.fault import LearnerFault, from_error
from unravel.grading.reference import load_module, load_reference
from unravel.grading.remote import Session
from unravel.grading.report import CheckResult, ExerciseResult, Status
from unravel.grading.running import Outcome, run_check
from unravel.grading.transport import LocalTransport, SandboxTransport

OnEvent = Callable[[dict[str, Any]], None]

# After one of these the remaining checks of the exercise would meet the same fate, slowly.
_FINAL = {Status.TIMEOUT, Status.MEMORY, Status.CRASHED, Status.NOT_STARTED}


def grade_lesson(
    lesson: Lesson,
    wanted: Sequence[str],
    transport: SandboxTransport | LocalTransport,
    seed: int,
    on_event: OnEvent,
) -> tuple[ExerciseResult, ...]:
    """The results of the `wanted` exercises. What they build on is checked too, but not reported."""
    grader = LessonGrader(lesson, transport, seed, on_event)
    needed = closure(lesson, wanted)
    results = [grader.grade(exercise, exercise.id in wanted) for exercise in lesson.exercises if exercise.id in needed]
    return tuple(result for result in results if result.id in wanted)


def closure(lesson: Lesson, wanted: Iterable[str]) -> set[str]:
    """The wanted exercises and all they build on within the lesson."""
    by_id = {exercise.id: exercise for exercise in lesson.exercises}
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        name = todo.pop()
        if name in by_id and name not in found:
            found.add(name)
            todo.extend(by_id[name].needs)
    return found


class LessonGrader:
    """One run over one submission."""

    def __init__(
        self,
        lesson: Lesson,
        transport: SandboxTransport | LocalTransport,
        seed: int,
        on_event: OnEvent,
        memory: Memory | None = None,
    ):
        self._memory = memory
        self._lesson = lesson
        self._seed = seed
        self._on_event = on_event
        self._reference = load_reference(lesson.solution)
        self._tests = load_module(lesson.tests)
        self._session = Session(transport, self._reference)
        self._statuses: dict[str, Status] = {}

    def grade(self, exercise: Exercise, report: bool = True, *, alone: bool = False) -> ExerciseResult:
        """The fate of one exercise. Those it needs must have been graded before, unless it is graded `alone`."""
        started = time.monotonic()
        needs = () if alone else exercise.needs
        waiting = [name for name in needs if self._statuses.get(name, Status.PASSED) is not Status.PASSED]
        if waiting:
            result = _result(exercise, Status.BLOCKED, (), message=_waiting(waiting, self._statuses))
        else:
            result = self._run(exercise, started, report)
        self._statuses[exercise.id] = result.status
        if report:
            self._on_event({"event": "exercise", "exercise": asdict(result)})
        return result

    def _run(self, exercise: Exercise, started: float, report: bool) -> ExerciseResult:
        broken = self._unloadable()
        if broken is not None:
            return _result(exercise, broken.status, (), message=broken.message, advice=_mend(broken))
        outcomes: list[Outcome] = []
        for check in exercise.checks:
            outcome = self._check(exercise, check.name, outcomes)
            outcomes.append(outcome)
            if report:
                self._on_event({"event": "check", "exercise": exercise.id, "check": asdict(outcome.result)})
        checks = tuple(outcome.result for outcome in outcomes)
        status = next((check.status for check in checks if check.status is not Status.PASSED), Status.PASSED)
        why = self._diagnosis(exercise, outcomes) if status is Status.FAILED and report else ""
        duration = round(time.monotonic() - started, 4)
        unread = self._unread(exercise)
        return _result(
            exercise, status, checks, diagnosis=why, duration=duration, advice=_mend(unread) if unread else ""
        )

    def _unread(self, exercise: Exercise) -> LearnerFault | None:
        """The cell that Python can't read, where the exercise is missing because of it."""
        loaded = self._session.transport.loaded
        if loaded is None or exercise.id in loaded.names:
            return None
        fault = next((fault for fault in loaded.faults if fault.unreadable), None)
        return from_error(fault.error) if fault else None

    def _unloadable(self) -> LearnerFault | None:
        """Why nothing of the submission can be checked, if so: one sentence, rather than one for each check."""
        try:
            self._session.transport.ensure()
        except LearnerFault as fault:
            where = f"{fault.frames[-1].file}, line {fault.frames[-1].line}: " if fault.frames else ""
            line = f" The line reads: {fault.frames[-1].text}" if fault.frames and fault.frames[-1].text else ""
            return LearnerFault(fault.status, where + fault.message + line, fault.frames)
        except UnravelError as fault:
            return LearnerFault(Status.ERROR, str(fault))
        return None

    def _check(self, exercise: Exercise, name: str, before: list[Outcome]) -> Outcome:
        check = next(check for check in exercise.checks if check.name == name)
        ended = next((item.result for item in before if item.result.status in _FINAL), None)
        if ended is not None:
            return Outcome(_skipped(check.name, check.sentence, check.doc, check.hidden, ended), ())
        outcome = run_check(check, getattr(self._tests, name), self._session, self._seed)
        if check.hidden:
            # What the child saw of hidden inputs must not come out in a later check's output.
            self._session.transport.close()
        return outcome

    def _diagnosis(self, exercise: Exercise, outcomes: list[Outcome]) -> str:
        ran = [
            (check, getattr(self._tests, check.name), outcome)
            for check, outcome in zip(exercise.checks, outcomes, strict=True)
        ]
        learner = self._session.transport.learner
        return diagnose(self._lesson, exercise, self._reference, self._seed, ran, learner, self._memory)


def _skipped(name: str, sentence: str, doc: str, hidden: bool, ended: CheckResult) -> CheckResult:
    if ended.status is Status.NOT_STARTED:
        return CheckResult(name, sentence, doc, hidden, Status.NOT_STARTED)
    return CheckResult(
        name, sentence, doc, hidden, Status.BLOCKED, f"Not run: an earlier check ended with {ended.status}."
    )


def _waiting(waiting: list[str], statuses: dict[str, Status]) -> str:
    named = " and ".join(f"`{name}` ({statuses[name]})" for name in waiting)
    return f"It builds on {named}, which must pass first."


def _result(
    exercise: Exercise,
    status: Status,
    checks: tuple[CheckResult, ...],
    *,
    message: str = "",
    diagnosis: str = "",
    advice: str = "",
    duration: float = 0.0,
) -> ExerciseResult:
    return ExerciseResult(
        id=exercise.id,
        title=exercise.title,
        chapter=exercise.chapter,
        lesson=exercise.lesson,
        status=status,
        points=exercise.points if status is Status.PASSED and checks else 0,
        max_points=exercise.points,
        message=message or next((check.message for check in checks if check.status is status and check.message), ""),
        diagnosis=diagnosis,
        next=advice or _next(exercise, status),
        checks=checks,
        duration=duration,
    )


def _next(exercise: Exercise, status: Status) -> str:
    if status is Status.PASSED:
        return "`unravel next` shows where to go on."
    if status is Status.NOT_STARTED:
        return f"Write the body of `{exercise.id}` in your file, then check again."
    if status is Status.BLOCKED:
        return f"Solve {' and '.join(f'`{name}`' for name in exercise.needs)} first."
    # A report is no place to count hints: it doesn't know how many the learner has seen.
    help_ = f" `unravel hint {exercise.id}` helps." if exercise.hints else ""
    return f"Mend it and check again.{help_}"


def _mend(fault: LearnerFault) -> str:
    """What to do about a file that can't be loaded. No hint helps there."""
    if not fault.frames:
        return "Mend the file, then check again."
    place = fault.frames[-1]
    cell = "" if place.file.endswith(".py") else f" of {place.file}"
    return f"Mend line {place.line}{cell}, then check again."
