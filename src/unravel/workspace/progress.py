"""How a learner stands with one exercise, derived from everything that was ever recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PASSED = "passed"
# These say how an exercise stands, not that somebody tried it.
IDLE = ("not started", "blocked")

PROGRESS_QUERY = (
    "SELECT exercise, status, best_status, attempts, points, hints, gave_up, last_at, first_passed_at "
    "FROM progress WHERE learner = :learner"
)


@dataclass(frozen=True)
class ExerciseProgress:
    """One exercise. `status` is that of the last attempt (None: no attempt); `points` are the best so far.

    `best_status` is "passed" once any attempt passed, else the last status. `hints` counts the rungs seen.
    """

    exercise: str
    status: str | None = None
    best_status: str | None = None
    attempts: int = 0
    points: int = 0
    hints: int = 0
    gave_up: bool = False
    last_at: datetime | None = None
    first_passed_at: datetime | None = None

    @property
    def passed(self) -> bool:
        """Whether the last attempt passed: an exercise that broke is to be done again."""
        return self.status == PASSED

    @property
    def ever_passed(self) -> bool:
        """Whether any attempt passed."""
        return self.best_status == PASSED


def from_row(row: Sequence[Any]) -> ExerciseProgress:
    """The progress that a row of `PROGRESS_QUERY` holds."""
    exercise, status, best, attempts, points, hints, gave_up, last, first = row
    return ExerciseProgress(
        exercise,
        status,
        best,
        int(attempts),
        int(points),
        int(hints),
        bool(gave_up),
        _moment(last),
        _moment(first),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
