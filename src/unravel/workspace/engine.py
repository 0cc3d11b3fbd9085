"""SQLAlchemy engines for the two kinds of database. Imported late: SQLAlchemy is slow to load."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event


def sqlite_engine(path: Path, busy_seconds: float) -> Engine:
    """An engine on one file. No pool: nothing is held open between uses, over a fork, or in an idle app."""
    url = URL.create("sqlite", database=str(path.absolute()))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_seconds})
    event.listen(engine, "begin", _begin)
    return engine


def postgresql_engine(url: str) -> Engine:
    """An engine on a server. Needs the driver of the `cohort` extra."""
    try:
        return create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        from unravel.errors import UnravelError

        raise UnravelError(
            f"The driver for PostgreSQL is not installed (no module {error.name!r}).",
            fix="Install it with `pip install 'unravel[cohort]'`.",
        ) from error


def _begin(connection: Connection) -> None:
    # Sent here, since the driver itself begins only at the first INSERT, which would leave DDL outside.
    # A writer asks for the lock at once: a transaction that first reads, then writes, can't wait for it.
    reading = connection.get_execution_options().get("unravel_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
