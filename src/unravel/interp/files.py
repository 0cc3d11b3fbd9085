"""Files that are either the old ones or the new ones, and a sentence where one can't be written."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from unravel.errors import UnravelError

FAULTS = {
    errno.ENOSPC: ("The disk is full, so nothing was changed.", "Free some space and try again."),
    errno.EDQUOT: ("Your disk quota is used up, so nothing was changed.", "Free some space and try again."),
    errno.EROFS: ("This file system is read-only, so nothing was changed.", "Use a folder that you can write to."),
    errno.EACCES: ("You may not write here, so nothing was changed.", "Use a folder of your own."),
    errno.EPERM: ("You may not write here, so nothing was changed.", "Use a folder of your own."),
    errno.ENOTDIR: ("A file stands where a folder should be, so nothing was changed.", "Choose another folder."),
    errno.EEXIST: ("A file stands where a folder should be, so nothing was changed.", "Choose another folder."),
}


def write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Writes files into `folder`, made where needed: first all of them under other names, then each takes its own.

    A full disk or a kill while writing leaves the old files as they were.
    """
    ready: dict[str, str] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mask = os.umask(0)
        os.umask(mask)
        for name, content in contents.items():
            handle, ready[name] = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(ready[name], 0o666 & ~mask)  # mkstemp makes files that only their owner reads
        for name in list(ready):
            os.replace(ready.pop(name), folder / name)
    except OSError as error:
        fault, fix = FAULTS.get(error.errno or 0, (f"This can't be written: {error.strerror or error}.", ""))
        raise UnravelError(fault, fix=fix, path=folder) from error
    finally:
        for part in ready.values():
            with contextlib.suppress(OSError):
                os.unlink(part)
