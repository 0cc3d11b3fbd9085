"""Forking a child up to the point where it waits for its job: alone, holding nothing, not yet bound."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from unravel.grading.report import Tier
from unravel.grading.sandbox.enter import SOCKET, Walls, enter, keep_only, reset_signals
from unravel.grading.sandbox.limits import Limits, thread_limit
from unravel.grading.sandbox.namespaces import leave_root, separate

Target = Callable[[socket.socket], None]
_LONGEST_JOB = 4096


@dataclass(frozen=True)
class Unborn:
    """A forked child that waits for its job. `channel` is the zygote's end; closing it ends the child."""

    pid: int
    channel: socket.socket

    def go(self, limits: Limits, descriptor: int) -> None:
        """Gives the child its limits and its socket. It puts the sandbox on and calls the target."""
        message = json.dumps(limits.__dict__).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        self.channel.sendmsg([message], rights)


def conceive(walls: Walls, target: Target) -> Unborn:
    """Forks a child of the tier that `walls` are for. Raises OSError when the system refuses a part of it."""
    ours, theirs = socket.socketpair()
    if walls.tier is Tier.FULL:
        pid = _fork_apart(walls, target, theirs)
    else:
        pid = os.fork()
        if pid == 0:
            _live(walls, target, theirs, alone=False)
    theirs.close()
    return Unborn(pid, ours)


def _fork_apart(walls: Walls, target: Target, theirs: socket.socket) -> int:
    """Forks a first process that makes the namespaces, forks the child into them and exits. Returns the child's pid."""
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        _unshare_and_fork(walls, target, theirs, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.readline()
    os.waitpid(first, 0)  # only now is the child ours: its parent-death signal must mean the zygote
    if not answer.startswith(b"pid "):
        raise OSError(answer.decode(errors="replace").strip() or "the namespaces' first process died")
    return int(answer[4:])


def _unshare_and_fork(walls: Walls, target: Target, theirs: socket.socket, writing: int) -> NoReturn:
    try:
        leave_root()
        separate()
        child = os.fork()
        if child == 0:
            os.close(writing)
            _live(walls, target, theirs, alone=True)
        os.write(writing, f"pid {child}\n".encode())
        os._exit(0)
    except BaseException as error:
        os.write(writing, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)


def _live(walls: Walls, target: Target, channel: socket.socket, *, alone: bool) -> NoReturn:
    """The whole life of a child. Nothing it does may return into the zygote's loop."""
    code = 1
    try:
        os.setsid()
        reset_signals()
        if not alone and walls.tier is Tier.PARTIAL:
            leave_root()
        threads = thread_limit(alone)
        number, ruleset = keep_only(channel.detach(), walls.ruleset)
        waiting = socket.socket(fileno=number)
        limits, sock = _job(waiting)
        enter(replace(walls, ruleset=ruleset), limits, waiting, threads)
        target(sock)
        code = 0
    finally:
        os._exit(code)


def _job(waiting: socket.socket) -> tuple[Limits, socket.socket]:
    message, descriptors, _, _ = socket.recv_fds(waiting, _LONGEST_JOB, 1)
    if not message:
        os._exit(0)
    if descriptors[0] != SOCKET:
        os.dup2(descriptors[0], SOCKET, inheritable=False)
        os.close(descriptors[0])
    return Limits(**json.loads(message)), socket.socket(fileno=SOCKET)
