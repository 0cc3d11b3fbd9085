"""The tables, typed. Rows are only ever added; triggers of the migrations refuse anything else.

One database may hold many learners (a cohort on PostgreSQL), so each row says whose it is. Moments are ISO
8601 text in UTC: they sort as they read, and SQLite and PostgreSQL store them alike.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of the progress database."""


class Attempt(Base):
    """One exercise in one run of the grader. `report` is that run's report, cut down to this exercise."""

    __tablename__ = "attempts"
    __table_args__ = (Index("attempts_by_exercise", "learner", "exercise"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    learner: Mapped[str]
    exercise: Mapped[str]
    status: Mapped[str]
    points: Mapped[int]
    max_points: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    tier: Mapped[str]
    official: Mapped[bool]
    duration: Mapped[float] = mapped_column(Float)
    created: Mapped[str]
    report: Mapped[dict[str, Any]] = mapped_column(JSON)


class Hint(Base):
    """One rung of an exercise's ladder of hints, shown. The first rung is 1."""

    __tablename__ = "hints"
    __table_args__ = (Index("hints_by_exercise", "learner", "exercise"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    learner: Mapped[str]
    exercise: Mapped[str]
    rung: Mapped[int]
    created: Mapped[str]


class GiveUp(Base):
    """The solution of an exercise, shown to a learner who had not solved it."""

    __tablename__ = "give_ups"
    __table_args__ = (Index("give_ups_by_exercise", "learner", "exercise"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    learner: Mapped[str]
    exercise: Mapped[str]
    created: Mapped[str]
