"""Runs one check and turns whatever happens into a `CheckResult`. Fails closed, always with a reason."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from unravel.course.model import Check
from unravel.errors import ContentError, UnravelError
from unravel.grading.authoring import Draw, Learner
from unravel.grading.fault import LearnerFault, plain
from unravel.grading.remote import CheckMisuse, Session, Submission
from unravel.grading.report import CheckResult, Frame, Status

MAX_MESSAGE = 3_000
FIXTURES = ("submission", "draw", "learner")


@dataclass(frozen=True)
class Outcome:
    """A result, and the record of every value that the code under test returned on the way."""

    result: CheckResult
    trace: tuple[tuple[str, Any], ...]


def derive(seed: int, *words: str) -> int:
    """A seed of its own for each use of the run's seed."""
    text = ":".join([str(seed), *words]).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "little")


def run_check(check: Check, function: Callable[..., None], session: Session, seed: int) -> Outcome:
    """Runs `function`, a check of the course, on the code behind `session`."""
    session.begin()
    started = time.monotonic()
    status, message, frames = _attempt(check, function, session, seed)
    visible = not check.hidden
    result = CheckResult(
        name=check.name,
        sentence=check.sentence,
        doc=check.doc,
        hidden=check.hidden,
        status=status,
        message=plain(message, MAX_MESSAGE) if visible else _hidden(status),
        frames=frames if visible else (),
        stdout="".join(session.transport.stdout) if visible else "",
        # How long hidden inputs took could tell of them.
        duration=round(time.monotonic() - started, 4) if visible else 0.0,
    )
    return Outcome(result, tuple(session.trace))


def _attempt(
    check: Check, function: Callable[..., None], session: Session, seed: int
) -> tuple[Status, str, tuple[Frame, ...]]:
    try:
        session.transport.ensure()
        session.transport.deadline = time.monotonic() + check.seconds
        torch.manual_seed(derive(seed, check.name, "grader"))
        # After the grader's own, since code under diagnosis runs in this process and shares its generator.
        session.transport.request({"op": "seed", "seed": derive(seed, check.name, "child")})
        function(**_fixtures(function, session, derive(seed, check.name)))
    except LearnerFault as fault:
        return fault.status, fault.message, fault.frames
    except AssertionError as fault:
        return Status.FAILED, str(fault) or check.doc, ()
    except (CheckMisuse, ContentError) as fault:
        return Status.ERROR, f"This check is at fault, not you: {str(fault).rstrip('.')}. Please report it.", ()
    except UnravelError as fault:
        return Status.ERROR, str(fault), ()
    except Exception as fault:  # a value that the check did not foresee: no points, and a reason
        return (
            Status.ERROR,
            f"The check could not use what your code returned ({type(fault).__name__}: {fault}).",
            (),
        )
    return Status.PASSED, "", ()


def _fixtures(function: Callable[..., None], session: Session, seed: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in inspect.signature(function).parameters:
        if name == "submission":
            made[name] = Submission(session)
        elif name == "draw":
            made[name] = Draw(seed)
        elif name == "learner":
            made[name] = Learner(session.transport.learner)
        else:
            raise CheckMisuse(f"`{function.__name__}` asks for `{name}`; a check may ask for {', '.join(FIXTURES)}")
    return made


def _hidden(status: Status) -> str:
    return (
        ""
        if status is Status.PASSED
        else "What this check feeds your code stays hidden; its sentence says what must hold."
    )
