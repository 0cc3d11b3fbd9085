"""Where the warm server listens: a private socket per user, course and installation."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from unravel.errors import UnravelError


def runtime_folder() -> Path:
    """A folder that only this user can enter. Raises `UnravelError` when somebody else has made it."""
    base = os.environ.get("UNRAVEL_RUNTIME") or os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"unravel-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o077:
        raise UnravelError(
            "The folder of the warm server doesn't belong to you alone.",
            fix="Remove it, or set UNRAVEL_RUNTIME.",
            path=folder,
        )
    return folder


def socket_path(root: Path) -> Path:
    """The socket of the server for the course at `root`, in this environment and with this version of the code.

    The name's first half stands for course and environment, its second half for the code.
    """
    newest = max(entry.stat().st_mtime_ns for entry in _sources(Path(__file__).parents[1]))
    words = f"{root.resolve()}\n{sys.prefix}", str(newest)
    return runtime_folder() / ("-".join(hashlib.sha256(word.encode()).hexdigest()[:10] for word in words) + ".sock")


def outdated(path: Path) -> list[Path]:
    """The sockets of servers that run an older version of the code for the same course."""
    family = path.name.partition("-")[0]
    return [other for other in path.parent.glob(f"{family}-*.sock") if other != path]


def _sources(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """The package's Python files. Not the course's, which an installed package keeps in `_content`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                yield entry
            elif not entry.name.startswith("_") and entry.is_dir():
                yield from _sources(entry.path)
