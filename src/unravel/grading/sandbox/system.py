"""The few system calls that Python has no name for. A failure is an OSError that says which step failed."""

from __future__ import annotations

import ctypes
import os
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47

_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    """`result`, or the OSError of the call that `what` names when it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def syscall(number: int, *arguments: Any, what: str) -> int:
    """A raw system call. Integers are passed as longs, so that a 64-bit flag isn't cut to 32."""
    passed = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return checked(int(_libc.syscall(ctypes.c_long(number), *passed)), what)


def prctl(option: int, *arguments: Any, what: str) -> int:
    """prctl(2) with the missing arguments zero, as several options demand."""
    passed = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    passed += [ctypes.c_ulong(0)] * (4 - len(passed))
    return checked(int(_libc.prctl(ctypes.c_int(option), *passed)), what)


def unshare(flags: int) -> None:
    """unshare(2): new namespaces for the calling process, or for its children in the case of pids."""
    checked(int(_libc.unshare(ctypes.c_int(flags))), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """setns(2): back into the namespace that the descriptor stands for."""
    checked(int(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind))), "setns")


def drop_capabilities() -> None:
    """Gives up every capability for good: bounding and ambient sets first, then permitted, effective, inheritable."""
    for capability in range(_LAST_CAPABILITY + 1):
        # Without CAP_SETPCAP, or past the kernel's last one, this fails; the capset below is what counts then.
        _libc.prctl(ctypes.c_int(PR_CAPBSET_DROP), ctypes.c_ulong(capability), *[ctypes.c_ulong(0)] * 3)
    _libc.prctl(ctypes.c_int(PR_CAP_AMBIENT), ctypes.c_ulong(4), *[ctypes.c_ulong(0)] * 3)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    checked(int(_libc.capset(header, (ctypes.c_uint32 * 6)())), "capset")
