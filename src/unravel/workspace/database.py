"""One door to the database: plain statements at once, typed sessions where they are worth their import.

Importing SQLAlchemy's ORM takes 0.4 s, which is most of what `unravel status` or `unravel hint` may take in
all. So on SQLite the few plain statements go through the standard library's driver; everything else, and
every statement on PostgreSQL, goes through SQLAlchemy. Both see the same file, version check and faults.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unravel.errors import UnravelError
from unravel.workspace import schema
from unravel.workspace.faults import explained

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

BUSY_SECONDS = 10.0


class Database:
    """A SQLite file (given by its path) or a PostgreSQL database (given by its URL).

    Killed at any moment, SQLite in WAL mode loses no acknowledged record and keeps no half of one: what a
    killed process had committed is in the operating system's hands, and a torn tail of the log is ignored by
    its checksum. That would hold with synchronous=NORMAL as well; we keep FULL (the default) because a power
    cut is no kill: only FULL waits for the disk, and one wait for each run of the grader is cheap.
    """

    def __init__(self, place: Path | str):
        self.path = place if isinstance(place, Path) else None
        self.url = "" if isinstance(place, Path) else _with_driver(place)
        self.where = str(place) if self.path else "The database"
        self._ready = False

    def run(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Runs one plain statement, with `:name` placeholders, in a transaction of its own."""
        self.prepare()
        with explained(self.where):
            if self.path:
                return self._query(statement, values)
            from sqlalchemy import text

            with self._engine.begin() as link:
                result = link.execute(text(statement), values)
                return [tuple(row) for row in result] if result.returns_rows else []

    def _query(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            with closing(self._connect()) as connection, connection:
                return connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            # On a full disk SQLite can't write the files that it keeps beside a database, not even to read it. Where
            # its log holds nothing, all of the records are in the database itself.
            full = any(words in str(error) for words in ("disk I/O error", "is full", "unable to open"))
            if not full or not statement.startswith("SELECT") or self._log_bytes():
                raise
        with closing(self._connect("ro&immutable=1")) as connection:
            return connection.execute(statement, values).fetchall()

    def _log_bytes(self) -> int:
        assert self.path is not None
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.stat().st_size if log.exists() else 0

    @contextmanager
    def session(self, *, write: bool = False) -> Iterator[Session]:
        """A typed session; with `write` it commits at the end, and all or nothing."""
        from sqlalchemy.orm import Session

        self.prepare()
        with explained(self.where):
            engine = self._engine if write else self._engine.execution_options(unravel_read=True)
            with Session(engine, expire_on_commit=False) as session:
                yield session
                if write:
                    session.commit()

    def prepare(self) -> None:
        """Makes sure, once, that the tables are there and of this version."""
        # Subtle: a file that was deleted while we ran is made anew, so its absence undoes the "once".
        if self._ready and (self.path is None or self.path.exists()):
            return
        with explained(self.where):
            if not schema.is_current(self._version(), self.where):
                self._migrate()
        self._ready = True

    def _migrate(self) -> None:
        if self.path and not self.path.parent.is_dir():
            raise UnravelError(f"{self.path.parent} is missing.", fix="`unravel init` makes a workspace.")
        schema.migrate(self._engine)

    def _version(self) -> str | None:
        if self.path is None:
            return self._server_version()
        if not self.path.exists():
            return None
        try:
            rows = self._query(schema.VERSION_QUERY, {})
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return None
        return str(rows[0][0]) if rows else None

    def _server_version(self) -> str | None:
        from sqlalchemy import inspect, text

        with self._engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            row = connection.execute(text(schema.VERSION_QUERY)).fetchone()
        return str(row[0]) if row else None

    def _connect(self, mode: str = "rw") -> sqlite3.Connection:
        """Opens the file, never creates it: an empty file in its place would hide that it is gone."""
        assert self.path is not None
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS)

    @cached_property
    def _engine(self) -> Engine:
        from unravel.workspace.engine import postgresql_engine, sqlite_engine

        return sqlite_engine(self.path, BUSY_SECONDS) if self.path else postgresql_engine(self.url)


def _with_driver(url: str) -> str:
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    if url.startswith("postgresql+"):
        return url
    raise UnravelError(
        "The address of the database is not one of PostgreSQL.",
        fix="Write it as postgresql://user@host/name, or leave it out to keep progress in the workspace.",
    )
