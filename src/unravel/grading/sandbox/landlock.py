"""Landlock: after `restrict`, files outside the ruleset can't be opened. No privilege needed, and no way back.

The ruleset is built once, in the zygote; a forked child inherits its descriptor and only has to restrict itself.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from unravel.grading.sandbox.system import PR_SET_NO_NEW_PRIVS, prctl, syscall

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
_RIGHTS_OF_ABI_1 = (1 << 13) - 1
_SIZES = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}  # of struct landlock_ruleset_attr; 24 bytes from ABI 6 on


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The kernel's landlock version; 0 where there is no landlock."""
    try:
        return syscall(_CREATE, None, 0, 1, what="landlock version")
    except (OSError, AttributeError):
        return 0


def _handled(version: int) -> int:
    rights = _RIGHTS_OF_ABI_1
    for since, right in ((2, 1 << 13), (3, _TRUNCATE), (5, 1 << 15)):
        rights |= right if version >= since else 0
    return rights


def build(readable: Iterable[Path], devices: Iterable[Path] = ()) -> int:
    """The descriptor of a ruleset that lets through only reading below `readable` and writing to `devices`.

    TCP is denied from ABI 4 on, signals and abstract sockets towards other processes from ABI 6 on. A path that is
    not there is skipped.
    """
    version = abi()
    attributes = _Ruleset(_handled(version), 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = _SIZES.get(version, 24)
    ruleset = syscall(_CREATE, ctypes.byref(attributes), size, 0, what="landlock ruleset")
    for path in readable:
        _allow(ruleset, path, _READ_FILE, _READ_DIR)
    for path in devices:
        _allow(ruleset, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & _handled(version), 0)
    return ruleset


def _allow(ruleset: int, path: Path, file_rights: int, directory_rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_directory = stat.S_ISDIR(os.fstat(parent).st_mode)
        rule = _Beneath(file_rights | (directory_rights if is_directory else 0), parent)
        syscall(_ADD_RULE, ruleset, 1, ctypes.byref(rule), 0, what=f"landlock rule for {path}")
    finally:
        os.close(parent)


def restrict(ruleset: int) -> None:
    """Binds this process, and all that it starts, to the ruleset."""
    prctl(PR_SET_NO_NEW_PRIVS, 1, what="no_new_privs")
    syscall(_RESTRICT, ruleset, 0, what="landlock")
