"""Files that are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from unravel.errors import UnravelError

_FIXES = {
    errno.ENOSPC: ("The disk is full, so nothing was changed.", "Free some space and run the command again."),
    errno.EDQUOT: (
        "Your disk quota is used up, so nothing was changed.",
        "Free some space and run it again.",
    ),
    errno.EROFS: (
        "This file system is read-only, so nothing was changed.",
        "Use a folder that you can write to.",
    ),
    errno.EACCES: ("You may not write here, so nothing was changed.", "Use a folder of your own."),
    errno.EPERM: ("You may not write here, so nothing was changed.", "Use a folder of your own."),
}


def write_atomic(path: Path, content: str | bytes) -> None:
    """Writes `content` (a text as UTF-8) to `path`, making its folder where needed.

    It goes to a file beside it, is forced to the disk, and takes the name in one step: a crash, a kill
    or a full disk at any moment leaves the old file as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            _fill(handle, content.encode() if isinstance(content, str) else content)
            os.chmod(name, _mode(path))
            os.replace(name, path)
        except BaseException:
            _remove(name)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def read_text(path: Path, what: str, fix: str) -> str:
    """The text of `path`.

    Where it can't be read, an `UnravelError` that calls it `what` and says the `fix`.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnravelError(f"{what} is missing.", fix=fix, path=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnravelError(f"{what} can't be read ({error}).", fix=fix, path=path) from error


def unwritable(path: Path, error: OSError) -> UnravelError:
    """The sentence for a write that failed."""
    fault, fix = _FIXES.get(error.errno or 0, (f"This file can't be written: {error.strerror or error}.", ""))
    return UnravelError(fault, fix=fix, path=path)


def _fill(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _mode(path: Path) -> int:
    """The mode of the file that is replaced; for a new one, what the umask leaves (mkstemp gives 0600)."""
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _remove(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself last: without this a power cut may bring back the old file."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
