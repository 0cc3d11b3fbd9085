"""Namespaces: a child that is alone. It sees no process but its own, no network, no shared memory of others.

The zygote itself moves into a user and a pid namespace of its own, where it is the first process: when it ends, the
kernel ends every child with it. For each child it makes fresh namespaces and forks once; there the child is the first
process, and its end is the end of whatever it started.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unravel.grading.sandbox.system import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl, setns, unshare

NOBODY = 65534
_NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30


@dataclass(frozen=True)
class Rooms:
    """Makes the namespaces of one child after the other. `home` is a descriptor of the zygote's own pid namespace."""

    home: int

    def prepare(self) -> None:
        """The next fork is the first process of a new pid namespace, alone in new net, ipc and uts namespaces."""
        setns(self.home, _NEWPID)  # without it the kernel refuses a second pid namespace
        unshare(_NEWPID | _NEWNET | _NEWIPC | _NEWUTS)


def settle() -> Rooms:
    """Moves this process into a user and a pid namespace of its own. Raises OSError where the system refuses.

    The process that called stays outside, as a keeper that waits and shares its fate; what returns is its child.
    """
    if not _possible():
        raise OSError("this system doesn't let an ordinary process make user namespaces")
    _new_user(_NEWPID)
    inside = os.fork()
    if inside:
        _keep(inside)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, what="parent-death signal")
    return Rooms(os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC))


def own_user() -> None:
    """A user namespace of its own, for a child: its count of threads is its alone."""
    _new_user()


def _new_user(others: int = 0) -> None:
    uid, gid = os.getuid(), os.getgid()
    unshare(_NEWUSER | others)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} {uid} 1"), ("gid_map", f"{NOBODY} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _possible() -> bool:
    """Tries all of it in a process that can be thrown away: a half-made user namespace can't be left again."""
    trial = os.fork()
    if trial == 0:
        code = 1
        try:
            _new_user(_NEWPID | _NEWNET | _NEWIPC | _NEWUTS)
            inside = os.fork()
            if inside == 0:
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1])
        finally:
            os._exit(code)
    return os.waitpid(trial, 0)[1] == 0


def _keep(inside: int) -> None:
    """Waits for the zygote, holding nothing, and ends with its exit code."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    code = 1
    try:
        code = abs(os.waitstatus_to_exitcode(os.waitpid(inside, 0)[1]))
    finally:
        os._exit(code)


def leave_root(needed: Iterable[Path] = ()) -> bool:
    """Root becomes nobody, if nobody can read the interpreter and what else is `needed`; True when it did.

    Where it can't (an interpreter below a home directory of mode 0700) children stay root in name: without
    capabilities, and with landlock and seccomp between them and what root owns.
    """
    places = [*map(Path, (sys.base_prefix, sys.prefix, *sys.path)), *needed]
    if os.getuid() != 0 or not all(_open_to_all(place.resolve()) for place in places if place.is_dir()):
        return False
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # Changing user made this process undumpable, and /proc/self root's; the maps above must be written.
    prctl(PR_SET_DUMPABLE, 1, what="dumpable")
    return True


def _open_to_all(place: Path) -> bool:
    """Whether a stranger can reach and list a directory."""
    reachable = all(folder.stat().st_mode & 0o001 for folder in (place, *place.parents))
    return reachable and bool(place.stat().st_mode & 0o004)
