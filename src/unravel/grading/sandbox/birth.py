"""Forking a child up to the point where it waits for its job: alone, holding nothing, not yet bound."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from unravel.grading.sandbox.enter import SOCKET, Walls, enter, keep_only, reset_signals
from unravel.grading.sandbox.limits import Limits, thread_limit
from unravel.grading.sandbox.namespaces import Rooms, own_user

Target = Callable[[socket.socket], None]
_LONGEST_MESSAGE = 4096
SANDBOX_FAILED = 71


@dataclass(frozen=True)
class Unborn:
    """A forked child that waits for its job.

    `channel` is the zygote's end; closing it ends the child. `windows` are descriptors that let the grader watch it,
    whatever user it is: its memory account and its end; empty where the system has none.
    """

    pid: int
    channel: socket.socket
    windows: tuple[int, ...] = ()

    def go(self, limits: Limits, descriptor: int) -> None:
        """Gives the child its limits and its socket. It puts the sandbox on and calls the target."""
        socket.send_fds(self.channel, [json.dumps(limits.__dict__).encode()], [descriptor])

    def close(self) -> None:
        """Closes everything of the child that is open here."""
        self.channel.close()
        for number in self.windows:
            os.close(number)


def conceive(walls: Walls, target: Target, rooms: Rooms | None) -> Unborn:
    """Forks a child. With `rooms` it has namespaces of its own. Raises OSError when the system refuses a part of it."""
    ours, theirs = socket.socketpair()
    if rooms is not None:
        rooms.prepare()
    pid = os.fork()
    if pid == 0:
        _live(walls, target, theirs, alone=rooms is not None)
    theirs.close()
    message, windows, _, _ = socket.recv_fds(ours, _LONGEST_MESSAGE, 1)  # still our own code that runs there
    if message != b"born":
        os.waitpid(pid, 0)
        raise OSError(f"a process could not be made ready: {message.decode(errors='replace') or 'it died'}")
    if windows and hasattr(os, "pidfd_open"):
        windows.append(os.pidfd_open(pid))
    return Unborn(pid, ours, tuple(windows))


def _live(walls: Walls, target: Target, channel: socket.socket, *, alone: bool) -> NoReturn:
    """The whole life of a child. Nothing it does may return into the zygote's loop."""
    code = SANDBOX_FAILED
    try:
        waiting, ruleset, threads = _prepare(walls, channel, alone)
        limits, sock = _job(waiting)
        enter(replace(walls, ruleset=ruleset), limits, waiting, threads)
        code = 1
        target(sock)
        code = 0
    finally:
        os._exit(code)


def _prepare(walls: Walls, channel: socket.socket, alone: bool) -> tuple[socket.socket, int, int]:
    """Everything that needs no job: so that a spare child has it behind it."""
    try:
        os.setsid()
        reset_signals()
        if alone:
            own_user()
        threads = thread_limit(alone)
        number, ruleset = keep_only(channel.detach(), walls.ruleset)
        waiting = socket.socket(fileno=number)
    except OSError as error:
        channel.send(str(error).encode())
        raise
    _announce(waiting)
    return waiting, ruleset, threads


def _announce(waiting: socket.socket) -> None:
    """Hands over a window on this process's memory: opened while it is allowed, it stays readable for the holder."""
    try:
        rollup = os.open("/proc/self/smaps_rollup", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        waiting.send(b"born")
        return
    socket.send_fds(waiting, [b"born"], [rollup])
    os.close(rollup)


def _job(waiting: socket.socket) -> tuple[Limits, socket.socket]:
    message, descriptors, _, _ = socket.recv_fds(waiting, _LONGEST_MESSAGE, 1)
    if not message:
        os._exit(0)
    if descriptors[0] != SOCKET:
        os.dup2(descriptors[0], SOCKET, inheritable=False)
        os.close(descriptors[0])
    return Limits(**json.loads(message)), socket.socket(fileno=SOCKET)
