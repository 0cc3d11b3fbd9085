"""What a learner did, append-only: attempts, hints seen, give-ups. Progress is derived, never written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unravel.workspace.database import Database
from unravel.workspace.history import FAILURES_QUERY, HISTORY_QUERY, Event, diagnoses_of, events_of
from unravel.workspace.progress import IDLE, PROGRESS_QUERY, ExerciseProgress, from_row

if TYPE_CHECKING:
    from unravel.course.model import Exercise
    from unravel.workspace.models import Attempt

ADD_HINT = "INSERT INTO hints (learner, exercise, rung, created) VALUES (:learner, :exercise, :rung, :created)"
ADD_GIVE_UP = "INSERT INTO give_ups (learner, exercise, created) VALUES (:learner, :exercise, :created)"

# The head of a report on something that the grader did not run.
_NO_RUN: dict[str, Any] = {
    "seed": 0,
    "tier": "none",
    "official": False,
    "duration": 0.0,
    "source": "reset",
    "sha256": "",
    "notes": [],
    "version": "",
    "format": 1,
}

LEARNERS_QUERY = (
    "SELECT learner FROM (SELECT learner, created FROM attempts UNION ALL SELECT learner, created FROM hints) AS seen "
    "GROUP BY learner ORDER BY MAX(created) DESC"
)


class Store:
    """One learner's records. `place` is a SQLite file, or the URL of a PostgreSQL database that many share.

    Any number of processes and threads may use stores of one place at the same time.
    """

    def __init__(self, place: Path | str, learner: str):
        self.learner = learner
        self._database = Database(place)

    def prepare(self) -> None:
        """Creates or migrates the database now, rather than at the first use."""
        self._database.prepare()

    def record_report(self, report: dict[str, Any]) -> list[int]:
        """Adds the attempts of a report (as `Report.to_json` gives it), all or none; returns their ids.

        An exercise that nobody tried is recorded only where that is news: when its last status was another.
        """
        stands = {name: progress.status for name, progress in self.progress().items()}
        attempts = []
        for result in report["exercises"]:
            before, status = stands.get(result["id"]), str(result["status"])
            if status not in IDLE or (before is not None and before != status):
                attempts.append(self._attempt(report, result))
        with self._database.session(write=True) as session:
            session.add_all(attempts)
        return [attempt.id for attempt in attempts]

    def record_reset(self, exercises: Iterable[Exercise]) -> None:
        """Adds that these are as they were delivered, so not started; what was passed before stays recorded.

        Of an exercise that was never tried there is nothing to say.
        """
        results = [_untouched(exercise) for exercise in exercises]
        self.record_report({**_NO_RUN, "started": _now(), "exercises": results})

    def record_hint(self, exercise: str, rung: int) -> None:
        """Adds that rung `rung` (the first is 1) of the exercise's hints was shown."""
        values = {"learner": self.learner, "exercise": exercise, "rung": rung, "created": _now()}
        self._database.run(ADD_HINT, values)

    def record_give_up(self, exercise: str) -> None:
        """Adds that the learner was shown the solution without having solved the exercise."""
        self._database.run(ADD_GIVE_UP, {"learner": self.learner, "exercise": exercise, "created": _now()})

    def attempts(self, exercise: str | None = None) -> list[Attempt]:
        """Every attempt, or those at one exercise, oldest first."""
        from sqlalchemy import select

        from unravel.workspace.models import Attempt

        query = select(Attempt).where(Attempt.learner == self.learner).order_by(Attempt.id)
        if exercise is not None:
            query = query.where(Attempt.exercise == exercise)
        with self._database.session() as session:
            return list(session.scalars(query))

    def learners(self) -> list[str]:
        """Everybody with records in this place, the one with the latest attempt or hint first."""
        return [row[0] for row in self._database.run(LEARNERS_QUERY, {})]

    def progress(self) -> dict[str, ExerciseProgress]:
        """How the learner stands, by exercise; one that was never touched is absent."""
        rows = self._database.run(PROGRESS_QUERY, {"learner": self.learner})
        return {row[0]: from_row(row) for row in rows}

    def history(self) -> tuple[Event, ...]:
        """What the learner did, oldest first, without the reports."""
        return events_of(self._database.run(HISTORY_QUERY, {"learner": self.learner}))

    def diagnoses(self) -> dict[str, tuple[str, ...]]:
        """The mistakes that the grader named in failed attempts, by exercise, oldest first."""
        return diagnoses_of(self._database.run(FAILURES_QUERY, {"learner": self.learner}))

    def _attempt(self, report: dict[str, Any], result: dict[str, Any]) -> Attempt:
        from unravel.workspace.models import Attempt

        points, max_points = result["points"], result["max_points"]
        return Attempt(
            learner=self.learner,
            exercise=result["id"],
            status=str(result["status"]),
            points=points,
            max_points=max_points,
            seed=report["seed"],
            sha256=report["sha256"],
            tier=str(report["tier"]),
            official=report["official"],
            duration=result["duration"],
            created=_now(),
            report={**report, "exercises": [result], "points": points, "max_points": max_points},
        )


def _untouched(exercise: Exercise) -> dict[str, Any]:
    """The result of an exercise that is as it was delivered, in the form of the grader's."""
    names = ("id", "title", "chapter", "lesson")
    facts = {name: getattr(exercise, name) for name in names}
    told = {"message": "", "diagnosis": "", "next": "", "checks": [], "duration": 0.0}
    return {**facts, "status": "not started", "points": 0, "max_points": exercise.points, **told}


def _now() -> str:
    # Always with microseconds: without them the texts of two moments would not sort as the moments do.
    return datetime.now(UTC).isoformat(timespec="microseconds")
