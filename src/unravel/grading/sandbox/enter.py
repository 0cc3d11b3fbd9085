"""Putting the sandbox on: the last trusted lines that run in a child."""

from __future__ import annotations

import os
import select
import signal
import socket
from dataclasses import dataclass

from unravel.grading.report import Tier
from unravel.grading.sandbox import landlock, readable, seccomp
from unravel.grading.sandbox.limits import Limits, apply
from unravel.grading.sandbox.system import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, drop_capabilities, prctl

SOCKET = 3
_RULESET = 4
_GO = 5


@dataclass(frozen=True)
class Walls:
    """What the zygote built once for all its children. `ruleset` is a descriptor; -1 where there is no landlock."""

    tier: Tier
    ruleset: int = -1
    program: bytes = b""

    @staticmethod
    def build(tier: Tier, extra: tuple[os.PathLike[str], ...] = ()) -> Walls:
        """The landlock ruleset and the seccomp program of a tier; none of either in tier NONE."""
        if tier is Tier.NONE:
            return Walls(tier)
        from pathlib import Path

        paths = readable.readable(Path(path) for path in extra)
        ruleset = landlock.build(paths, readable.DEVICES)
        return Walls(tier, ruleset, seccomp.program(landlock_abi=landlock.abi()))


def reset_signals() -> None:
    """Default handlers and an empty mask: nothing of the zygote's arrangements is left. SIGPIPE stays ignored."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):  # the C library keeps some for itself
            continue
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def keep_only(channel: int, ruleset: int) -> tuple[int, int]:
    """Closes every descriptor but 0 to 2, which become /dev/null, and these two; returns their new numbers."""
    null = os.open(os.devnull, os.O_RDWR)
    high = [_duplicate_high(number) for number in (channel, ruleset)]
    for number in (0, 1, 2):
        os.dup2(null, number)
    moved = [
        os.dup2(source, target, inheritable=False) if source >= 0 else -1
        for source, target in zip(high, (_GO, _RULESET), strict=True)
    ]
    os.closerange(_GO + 1, os.sysconf("SC_OPEN_MAX"))
    os.closerange(SOCKET, SOCKET + 1)
    if ruleset < 0:
        os.closerange(_RULESET, _RULESET + 1)
    return moved[0], moved[1]


def _duplicate_high(number: int) -> int:
    import fcntl

    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 16) if number >= 0 else -1


def enter(walls: Walls, limits: Limits, channel: socket.socket, threads: int) -> None:
    """Binds this process for good. `channel` leads to the zygote: if that is gone by now, so is this process."""
    os.chdir("/")
    os.umask(0o077)
    apply(limits, threads=threads)
    if walls.tier is Tier.NONE:
        channel.close()
        return
    drop_capabilities()
    # After the last change of user or capabilities, which would clear it.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, what="parent-death signal")
    if select.select([channel], [], [], 0)[0]:
        os._exit(1)
    channel.close()
    prctl(PR_SET_DUMPABLE, 0, what="dumpable")
    landlock.restrict(walls.ruleset)
    os.close(walls.ruleset)
    seccomp.install(walls.program)
