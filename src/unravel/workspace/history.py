"""What a learner did and when, in one cheap list: attempts, hints and give-ups, without their reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from unravel.workspace.progress import IDLE, PASSED

Kind = Literal["attempt", "hint", "give up"]

# Standard SQL, for SQLite and PostgreSQL alike.
HISTORY_QUERY = (
    "SELECT kind, exercise, status, created FROM ("
    "SELECT 'attempt' AS kind, exercise, status, created FROM attempts WHERE learner = :learner "
    "UNION ALL SELECT 'hint', exercise, '', created FROM hints WHERE learner = :learner "
    "UNION ALL SELECT 'give up', exercise, '', created FROM give_ups WHERE learner = :learner"
    ") AS done ORDER BY created"
)

FAILURES_QUERY = (
    "SELECT exercise, report FROM attempts WHERE learner = :learner "
    "AND status NOT IN ('passed', 'not started', 'blocked') ORDER BY id"
)


@dataclass(frozen=True)
class Event:
    """One thing that the learner did to one exercise. `status` is that of an attempt, else empty."""

    kind: Kind
    exercise: str
    status: str
    moment: datetime

    @property
    def passed(self) -> bool:
        """Whether it is an attempt that passed."""
        return self.kind == "attempt" and self.status == PASSED

    @property
    def failed(self) -> bool:
        """Whether it is an attempt that did not pass."""
        return self.kind == "attempt" and self.status != PASSED


def events_of(rows: Iterable[Sequence[Any]]) -> tuple[Event, ...]:
    """The events that the rows of `HISTORY_QUERY` hold, oldest first.

    What says how an exercise stands, without anybody having tried it, is no event.
    """
    events = [
        Event(kind, exercise, status, datetime.fromisoformat(created))
        for kind, exercise, status, created in rows
        if status not in IDLE
    ]
    return tuple(sorted(events, key=lambda event: event.moment))


def diagnoses_of(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[str, ...]]:
    """By exercise, the mistakes that the grader named in the rows of `FAILURES_QUERY`, oldest first."""
    import json

    found: dict[str, tuple[str, ...]] = {}
    for exercise, report in rows:
        # SQLite gives the report as text, PostgreSQL's driver as an object.
        told = json.loads(report) if isinstance(report, str | bytes) else report
        why = next((item.get("diagnosis", "") for item in told.get("exercises", ())), "")
        if why:
            found[exercise] = (*found.get(exercise, ()), why)
    return found
