"""The proofs about one lesson's checks: solution, stub, mistakes, alternatives, each run as a submission would be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from unravel.course.checks import apply_edit
from unravel.course.markers import make_stub
from unravel.course.model import Edit, Exercise, Lesson
from unravel.errors import ContentError, UnravelError
from unravel.grading.diagnose import Memory
from unravel.grading.lesson import LessonGrader
from unravel.grading.reference import load_reference
from unravel.grading.report import CheckResult, ExerciseResult, Status
from unravel.grading.source import Source
from unravel.grading.transport import SandboxTransport
from unravel.grading.warm import Warm

SEEDS = (1, 20_260, 777_777)
MIN_MISTAKES = 3


@dataclass(frozen=True)
class Prover:
    """Runs code as submissions to one lesson, in the sandbox. Each method yields what it finds wrong."""

    lesson: Lesson
    warm: Warm

    def problems(self) -> Iterator[ContentError]:
        """Everything that is wrong with the lesson's checks."""
        yield from self._annotations()
        yield from bare_asserts(self.lesson.tests)
        broken = list(self._solution())
        yield from broken
        yield from self._stub()
        if broken:
            return  # mistakes and alternatives are edits of the solution, and would fail for its reasons
        for exercise in self.lesson.exercises:
            if len(exercise.mistakes) < MIN_MISTAKES:
                fault = f"`{exercise.id}` has {len(exercise.mistakes)} mistakes; at least {MIN_MISTAKES} are wanted."
                yield ContentError(fault, fix="Add believable ones to MISTAKES.", path=self.lesson.tests)
            memories = {seed: Memory() for seed in SEEDS}
            for mistake in exercise.mistakes:
                yield from self._mistake(exercise, mistake, memories)
            for alternative in exercise.alternatives:
                yield from self._alternative(exercise, alternative)

    def _grade(
        self, code: str, exercises: tuple[Exercise, ...], seed: int, memory: Memory | None = None
    ) -> list[ExerciseResult]:
        """The results of each exercise by itself: what it needs is not asked for here."""
        # Each seed stands for another learner, whose models have their parts in other places.
        units = Source.text(code, self.lesson.stub.name).units
        transport = SandboxTransport(self.warm, units, learner=f"learner-{seed}")
        try:
            grader = LessonGrader(self.lesson, transport, seed, lambda event: None, memory)
            return [grader.grade(exercise, alone=True) for exercise in exercises]
        finally:
            transport.close()

    def _annotations(self) -> Iterator[ContentError]:
        reference = load_reference(self.lesson.solution)
        for exercise in self.lesson.exercises:
            if exercise.kind != "function":
                continue
            contract = reference.contract(exercise.id)
            bare = [name for name in (*contract.signature.parameters, "return") if name not in contract.hints]
            if bare:
                fault = f"`{exercise.id}` has no annotation for {', '.join(bare)}."
                yield self._fault(fault, "The grader holds answers to them: add them.", exercise.code_line)

    def _solution(self) -> Iterator[ContentError]:
        code = self.lesson.solution.read_text(encoding="utf-8")
        for seed in SEEDS:
            for result in self._grade(code, self.lesson.exercises, seed):
                for check in not_passed(result):
                    fault = f"The solution of `{result.id}` does not pass {told(check)} (seed {seed})."
                    yield self._fault(fault, "Mend the solution or the check.")

    def _stub(self) -> Iterator[ContentError]:
        code = make_stub(self.lesson.solution.read_text(encoding="utf-8"), self.lesson.solution)
        # Each check by itself: after the first that finds the stub, a learner is spared the others.
        each = (replace(exercise, checks=(check,)) for exercise in self.lesson.exercises for check in exercise.checks)
        for result in self._grade(code, tuple(each), SEEDS[0]):
            for check in result.checks:
                if check.status is not Status.NOT_STARTED:
                    fault = f"The stub of `{result.id}` should fail with NotImplementedError, but meets {told(check)}."
                    yield self._fault(
                        fault, "Let the check call the exercise first of all, and leave imports in the stub."
                    )

    def _mistake(self, exercise: Exercise, mistake: Edit, memories: dict[int, Memory]) -> Iterator[ContentError]:
        for seed in SEEDS[:2]:
            result = self._grade_edit(exercise, mistake, seed, memories[seed])
            odd = [check for check in result.checks if check.status not in (Status.PASSED, Status.FAILED)]
            if odd:
                yield self._at(
                    mistake, f"This mistake in `{exercise.id}` should fail by an assertion, but meets {told(odd[0])}."
                )
            elif result.status is Status.PASSED:
                yield self._at(mistake, f"No check rejects this mistake in `{exercise.id}` (seed {seed}).")
            elif result.diagnosis != mistake.why:
                what = f"as another one: {result.diagnosis!r}" if result.diagnosis else "not at all"
                yield self._at(mistake, f"This mistake in `{exercise.id}` is diagnosed {what} (seed {seed}).")
            else:
                continue
            return

    def _alternative(self, exercise: Exercise, alternative: Edit) -> Iterator[ContentError]:
        for seed in SEEDS:
            for check in not_passed(self._grade_edit(exercise, alternative, seed)):
                yield self._at(
                    alternative, f"This alternative for `{exercise.id}` does not pass {told(check)} (seed {seed})."
                )

    def _grade_edit(self, exercise: Exercise, edit: Edit, seed: int, memory: Memory | None = None) -> ExerciseResult:
        source = self.lesson.solution.read_text(encoding="utf-8")
        try:
            code = apply_edit(source, exercise.id, edit, self.lesson.tests)
        except UnravelError as fault:
            return ExerciseResult(exercise.id, "", "", "", Status.ERROR, 0, 0, message=str(fault))
        return self._grade(code, (exercise,), seed, memory)[0]

    def _fault(self, fault: str, fix: str, line: int | None = None) -> ContentError:
        return ContentError(fault, fix=fix, path=self.lesson.solution, line=line)

    def _at(self, edit: Edit, fault: str) -> ContentError:
        fix = "Change the mistake or add a check that tells it from the others."
        return ContentError(fault, fix=fix, path=self.lesson.tests, line=edit.line)


def not_passed(result: ExerciseResult) -> list[CheckResult]:
    """The checks that did not pass; an exercise without checks counts as one that did not."""
    failed = [check for check in result.checks if check.status is not Status.PASSED]
    if failed or result.status is Status.PASSED:
        return failed
    return [CheckResult(result.id, result.id, "", False, result.status, result.message)]


def told(check: CheckResult) -> str:
    """A check and what it met, in a few words."""
    message = f": {check.message}" if check.message else ""
    return f"`{check.name}` ({check.status}{message})"


def bare_asserts(tests: Path) -> Iterator[ContentError]:
    """Asserts without a message: the learner would read only "AssertionError"."""
    for node in ast.walk(ast.parse(tests.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assert) and node.msg is None:
            fix = "Add what the learner should read, after a comma."
            yield ContentError("This assert has no message.", fix=fix, path=tests, line=node.lineno)
