"""The version of a database: read cheaply, brought up to date by Alembic, refused when it is newer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unravel.errors import UnravelError

if TYPE_CHECKING:
    from sqlalchemy import Engine

# Every revision that this version of Unravel knows, oldest first. Written out, so that a database that is up
# to date is recognised without importing Alembic (half a second).
REVISIONS = ("0001",)
HEAD = REVISIONS[-1]

LOCK = 0x756E7261766C  # "unravl": any number, if only all of us take the same one

VERSION_QUERY = "SELECT version_num FROM alembic_version"


def is_current(version: str | None, where: str) -> bool:
    """Whether a database at `version` (None: empty) can be used as it is.

    Raises when it is newer than we are.
    """
    if version == HEAD:
        return True
    if version is None or version in REVISIONS:
        return False
    raise UnravelError(
        f"{where}: these records were written by a newer version of Unravel (revision {version}; "
        f"this one knows up to {HEAD}).",
        fix="Upgrade Unravel; nothing was changed.",
    )


def migrate(engine: Engine) -> None:
    """Runs every missing revision in one transaction: killed half-way, the database is as it was before."""
    from alembic import command
    from alembic.config import Config

    if engine.dialect.name == "sqlite":
        _use_wal(engine)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # SQLite's transaction holds the write lock from its start; here a second migrator must be held
            # off.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _use_wal(engine: Engine) -> None:
    """Readers and a writer don't wait for each other. The mode stays in the file.

    Where WAL can't be had (some network file systems), SQLite keeps its rollback journal, which is as safe.
    """
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
