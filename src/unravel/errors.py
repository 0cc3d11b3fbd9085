"""The one error that a person is meant to read: what is wrong, where, and what to do next."""

from __future__ import annotations

from pathlib import Path


class UnravelError(Exception):
    """An expected fault. The command line prints `str(error)` without a traceback.

    `fault` says what is wrong, `fix` what to do about it; `path` and `line` say where, when there is a where.
    """

    def __init__(self, fault: str, *, fix: str = "", path: Path | str | None = None, line: int | None = None):
        self.fault = fault
        self.fix = fix
        self.path = Path(path) if path is not None else None
        self.line = line
        super().__init__(self.describe())

    def describe(self) -> str:
        """One paragraph: `path:line: fault fix`."""
        where = ""
        if self.path is not None:
            where = f"{self.path}:{self.line}: " if self.line is not None else f"{self.path}: "
        return " ".join(part for part in (where + self.fault, self.fix) if part)


class ContentError(UnravelError):
    """A fault in the course's own files. Always carries the path, and the line where there is one."""
