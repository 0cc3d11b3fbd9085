"""Tells a learner which mistake they made: the known mistake that, fed the same inputs, returns the same values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from unravel.course.checks import apply_edit
from unravel.course.model import Check, Edit, Exercise, Lesson
from unravel.errors import UnravelError
from unravel.grading.alarm import Alarm, limit
from unravel.grading.fault import LearnerFault
from unravel.grading.loading import Unit
from unravel.grading.reference import Reference
from unravel.grading.remote import Session
from unravel.grading.running import Outcome, run_check
from unravel.grading.transport import LocalTransport
from unravel.grading.wire import Ref

Checks = Sequence[tuple[Check, Callable[..., None], Outcome]]


@dataclass
class Memory:
    """What known mistakes did in the checks of one run, for those who diagnose many submissions to the same run.

    Good for one exercise, one seed and one learner: `unravel dev check` asks each mistake about all others.
    """

    sessions: dict[Edit, Session] = field(default_factory=dict)
    outcomes: dict[tuple[Edit, str], Outcome] = field(default_factory=dict)


def diagnose(
    lesson: Lesson,
    exercise: Exercise,
    reference: Reference,
    seed: int,
    ran: Checks,
    learner: str = "",
    memory: Memory | None = None,
) -> str:
    """The `why` of the mistake that behaves as the submission did in every check that ran; empty when none does."""
    ran = [item for item in ran if item[2].trace]
    if not ran:
        return ""
    source = lesson.solution.read_text(encoding="utf-8")
    seconds = sum(1 + 10 * outcome.result.duration for _, _, outcome in ran)
    for mistake in exercise.mistakes:
        kept = Memory() if memory is None else memory
        try:
            with limit(seconds):
                if mistake not in kept.sessions:
                    edited = apply_edit(source, exercise.id, mistake)
                    transport = LocalTransport([Unit(lesson.solution.name, edited)], learner=learner)
                    kept.sessions[mistake] = Session(transport, reference)
                if all(_agrees(kept, mistake, item, seed) for item in ran):
                    return mistake.why
        except (UnravelError, LearnerFault, Alarm):
            continue  # a fault of the course, which `unravel dev check` reports to its author
        except Exception:  # values from a submission may not even be comparable: no diagnosis, but a report
            continue
    return ""


def _agrees(memory: Memory, mistake: Edit, item: tuple[Check, Callable[..., None], Outcome], seed: int) -> bool:
    check, function, outcome = item
    key = mistake, check.name
    if key not in memory.outcomes:
        memory.outcomes[key] = run_check(check, function, memory.sessions[mistake], seed)
    again = memory.outcomes[key]
    if again.result.status is not outcome.result.status or len(again.trace) != len(outcome.trace):
        return False
    pairs = zip(again.trace, outcome.trace, strict=True)
    return all(mine[0] == theirs[0] and same(mine[1], theirs[1]) for mine, theirs in pairs)


def same(a: Any, b: Any) -> bool:
    """Whether two returned values agree, up to rounding. Two handles agree when their classes have the same name."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if not (a.is_floating_point() or a.is_complex()):
            return torch.equal(a, b)
        return torch.allclose(a.detach(), b.detach(), rtol=1e-3, atol=1e-5, equal_nan=True)
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-5) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Ref) and isinstance(b, Ref):
        return a.type == b.type
    return type(a) is type(b) and bool(a == b)
