"""Namespaces: a child that is alone. It sees no process but its own, no network, no shared memory of others.

A process moves into a new pid namespace only by forking after `unshare`, so a child is born in two steps: a short-lived
first process unshares and forks the child, then exits; the zygote, as subreaper, becomes the child's parent.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from unravel.grading.sandbox.system import PR_SET_DUMPABLE, prctl, unshare

NOBODY = 65534
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 1 << 17, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30


def separate() -> None:
    """Puts this process into new namespaces, and its future children into a new one of pids."""
    uid, gid = os.getuid(), os.getgid()
    unshare(_NEWUSER | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS | _NEWNS)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} {uid} 1"),
        ("gid_map", f"{NOBODY} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)


def leave_root() -> bool:
    """Root becomes nobody, if nobody can read the interpreter; True when it did.

    Where it can't (an interpreter below a home directory of mode 0700) the child stays root in name: without
    capabilities, and with landlock and seccomp between it and what root owns.
    """
    if os.getuid() != 0 or not _open_to_all():
        return False
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # Changing user made this process undumpable, and /proc/self root's; the maps above must be written.
    prctl(PR_SET_DUMPABLE, 1, what="dumpable")
    return True


def _open_to_all() -> bool:
    """Whether a stranger can reach the interpreter's libraries and every directory that modules are imported from."""
    places = [Path(place) for place in (sys.base_prefix, sys.prefix, *sys.path)]
    return all(_reachable(place.resolve()) for place in places if place.is_dir())


def _reachable(place: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (place, *place.parents)) and bool(
        place.stat().st_mode & 0o004
    )
