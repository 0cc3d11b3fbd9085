"""Attempts, hints and give-ups, append-only, and the view that derives progress from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES = ("attempts", "hints", "give_ups")

# Standard SQL, the same in SQLite and PostgreSQL. The last attempt is the one with the greatest id. "not
# started" and "blocked" say how an exercise stands, but nobody tried anything, so they don't count as
# attempts.
PROGRESS = """
CREATE VIEW progress AS
SELECT named.learner, named.exercise, latest.status,
       CASE WHEN tried.first_passed_at IS NULL THEN latest.status ELSE 'passed' END AS best_status,
       COALESCE(tried.attempts, 0) AS attempts, COALESCE(tried.points, 0) AS points,
       COALESCE(hinted.rungs, 0) AS hints, CASE WHEN gone.learner IS NULL THEN 0 ELSE 1 END AS gave_up,
       latest.created AS last_at, tried.first_passed_at
FROM (SELECT learner, exercise FROM attempts UNION SELECT learner, exercise FROM hints
      UNION SELECT learner, exercise FROM give_ups) AS named
LEFT JOIN (SELECT learner, exercise, MAX(id) AS last_id, MAX(points) AS points,
                  SUM(CASE WHEN status IN ('not started', 'blocked') THEN 0 ELSE 1 END) AS attempts,
                  MIN(CASE WHEN status = 'passed' THEN created END) AS first_passed_at
           FROM attempts GROUP BY learner, exercise) AS tried
  ON tried.learner = named.learner AND tried.exercise = named.exercise
LEFT JOIN attempts AS latest ON latest.id = tried.last_id
LEFT JOIN (SELECT learner, exercise, MAX(rung) AS rungs FROM hints GROUP BY learner, exercise) AS hinted
  ON hinted.learner = named.learner AND hinted.exercise = named.exercise
LEFT JOIN (SELECT DISTINCT learner, exercise FROM give_ups) AS gone
  ON gone.learner = named.learner AND gone.exercise = named.exercise
"""


def upgrade() -> None:
    """Creates everything."""
    _attempts()
    _small_table("hints", sa.Column("rung", sa.Integer, nullable=False))
    _small_table("give_ups")
    op.execute(PROGRESS)
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("learner", sa.String, nullable=False),
        sa.Column("exercise", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("max_points", sa.Integer, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("tier", sa.String, nullable=False),
        sa.Column("official", sa.Boolean, nullable=False),
        sa.Column("duration", sa.Float, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("attempts_by_exercise", "attempts", ["learner", "exercise"])


def _small_table(name: str, *columns: sa.Column[int]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("learner", sa.String, nullable=False),
        sa.Column("exercise", sa.String, nullable=False),
        *columns,
        sa.Column("created", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(f"{name}_by_exercise", name, ["learner", "exercise"])


def _guard_sqlite() -> None:
    """Subtle: INSERT OR REPLACE deletes without firing the delete trigger, so a taken id is refused."""
    taken = "BEFORE INSERT ON {0} WHEN EXISTS (SELECT 1 FROM {0} WHERE id = NEW.id)"
    for table in TABLES:
        for name, when in (
            ("no_update", f"BEFORE UPDATE ON {table}"),
            ("no_delete", f"BEFORE DELETE ON {table}"),
            ("no_replace", taken.format(table)),
        ):
            refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
            op.execute(f"CREATE TRIGGER {table}_{name} {when} BEGIN {refuse}; END")


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION unravel_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in TABLES:
        for name, when in (("no_change", "UPDATE OR DELETE"), ("no_truncate", "TRUNCATE")):
            op.execute(
                f"CREATE TRIGGER {table}_{name} BEFORE {when} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION unravel_append_only()"
            )
