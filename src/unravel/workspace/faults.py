"""Faults of the database, as sentences that say what to do next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from unravel.errors import UnravelError

_DAMAGED = (
    "This file is damaged: it is not a database that can be read.",
    "Move it away and run `unravel check` once: a new one is made. Your exercise files are not affected.",
)
_SENTENCES = {
    "database or disk is full": (
        "The disk is full, so nothing was recorded.",
        "Free some space and run it again.",
    ),
    "disk i/o error": (
        "The disk is full or failing, so nothing was recorded.",
        "Free some space and run it again.",
    ),
    "database is locked": (
        "Another process has been writing here for too long.",
        "Stop it, and run this again.",
    ),
    "readonly": (
        "You may not write to this file.",
        "Give yourself write permission on it and on its folder.",
    ),
    "unable to open": (
        "This file can't be opened.",
        "See that it is a file, and that you may read and write it.",
    ),
    "not a database": _DAMAGED,
    "malformed": _DAMAGED,
    "no such table": _DAMAGED,
    "no such column": _DAMAGED,
    "append-only": ("Records are only ever added, never changed or deleted.", ""),
}


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turns a database's faults into `UnravelError`; anything else passes."""
    try:
        yield
    except Exception as error:
        # SQLAlchemy wraps the driver's error. Looking for `orig` spares importing SQLAlchemy to name its
        # classes.
        origin = getattr(error, "orig", None) or error
        if isinstance(origin, sqlite3.Error):
            raise _sqlite_fault(where, origin) from error
        if origin is not error:
            first = str(origin).strip().split("\n")[0]
            fix = "See that its address is right and that the server is up."
            raise UnravelError(f"{where} can't be used: {first}.", fix=fix) from error
        raise


def _sqlite_fault(where: str, error: sqlite3.Error) -> UnravelError:
    said = str(error).lower()
    for words, (fault, fix) in _SENTENCES.items():
        if words in said:
            return UnravelError(fault, fix=fix, path=where)
    return UnravelError(f"The database reports: {error}.", fix="Nothing was recorded.", path=where)
