"""The zygote: a process that has torch loaded and warm, and forks a child in milliseconds for each submission.

Started by exec (`python -I -m unravel.grading.zygote FD OPTIONS`), so that it holds nothing of the grader: no test, no
solution, no database, no descriptor but the control socket. It answers each request at once and never waits for a
child that runs learner code. It ends when the control socket closes or the grader's process does.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unravel.grading.report import Tier
from unravel.grading.sandbox import landlock, seccomp
from unravel.grading.sandbox.birth import Target, Unborn, conceive
from unravel.grading.sandbox.enter import Walls
from unravel.grading.sandbox.limits import Limits
from unravel.grading.sandbox.namespaces import Rooms, leave_root, settle
from unravel.grading.sandbox.proof import prove
from unravel.grading.sandbox.system import PR_SET_CHILD_SUBREAPER, prctl
from unravel.grading.warmth import load, stop_threads, warm

_LONGEST_REQUEST = 65536
_PROOF_SECONDS = 10.0


@dataclass
class Children:
    """The children of this zygote, with a spare that is forked ahead of its job."""

    walls: Walls
    target: Target
    rooms: Rooms | None
    living: dict[int, Unborn] = field(default_factory=dict)
    ended: dict[int, tuple[int, float]] = field(default_factory=dict)
    spare: Unborn | None = None

    def prepare(self) -> None:
        """Forks the next child's process, off the path of any request."""
        if self.spare is None:
            stop_threads()
            self.spare = conceive(self.walls, self.target, self.rooms)

    def spawn(self, limits: Limits, descriptor: int) -> Unborn:
        """Gives the spare its job; forks another when the spare has died meanwhile."""
        for _ in range(2):
            self.prepare()
            child, self.spare = self.spare, None
            assert child is not None
            self.living[child.pid] = child
            try:
                child.go(limits, descriptor)
            except OSError:
                self.end(child.pid)
                continue
            return child
        raise OSError("two children in a row died before their job")

    def end(self, pid: int) -> None:
        """Kills a child, if it lives. It is our own unreaped child, so the number can't mean another process."""
        if pid in self.living:
            for kill in (os.killpg, os.kill):
                try:
                    kill(pid, signal.SIGKILL)
                except OSError:
                    continue

    def reap(self) -> None:
        """Collects what has ended: children, and in tier NONE whatever they left behind."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.spare is not None and pid == self.spare.pid:
                self.spare.close()
                self.spare = None
            child = self.living.pop(pid, None)
            if child is not None:
                child.close()
                self.ended[pid] = (status, usage.ru_utime + usage.ru_stime)

    def clear_strays(self) -> None:
        """Tier NONE: kills the processes that dead children left, which are ours now (we are their subreaper)."""
        known = set(self.living) | ({self.spare.pid} if self.spare else set())
        try:
            mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        except OSError:
            return
        for pid in {int(word) for word in mine} - known:
            os.kill(pid, signal.SIGKILL)


class Zygote:
    """The loop: one request, one answer."""

    def __init__(self, control: socket.socket, children: Children):
        self.control = control
        self.children = children

    def serve(self, grader: int) -> None:
        """Answers until the grader is gone. `grader` is a descriptor of its process, or -1."""
        poll = select.poll()
        for number in (self.control.fileno(), grader):
            if number >= 0:
                poll.register(number, select.POLLIN)
        while True:
            self.children.prepare()
            if any(number == grader for number, _ in poll.poll()):
                return
            message, descriptors, _, _ = socket.recv_fds(self.control, _LONGEST_REQUEST, 1)
            if not message:
                return
            self.children.reap()
            self._answer(json.loads(message), descriptors)

    def _answer(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            if request["do"] == "spawn":
                self._spawn(Limits(**request["limits"]), descriptors[0])
            else:
                self._status(request["pid"], kill=request["do"] == "kill")
        except OSError as error:
            send(self.control, {"error": str(error)})
        finally:
            for number in descriptors:
                os.close(number)

    def _spawn(self, limits: Limits, descriptor: int) -> None:
        child = self.children.spawn(limits, descriptor)
        send(self.control, {"pid": child.pid}, list(child.windows))

    def _status(self, pid: int, *, kill: bool) -> None:
        if kill:
            self.children.end(pid)
            self.children.reap()
        if self.children.walls.tier is Tier.NONE:
            self.children.clear_strays()
        ended = self.children.ended.pop(pid, None)
        send(self.control, {"ended": ended, "known": pid in self.children.living})


def send(control: socket.socket, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
    """One message, ended by a newline."""
    data = json.dumps(message).encode() + b"\n"
    if descriptors:
        socket.send_fds(control, [data], descriptors)
    else:
        control.sendall(data)


def choose(isolation: str, readable: tuple[Path, ...], rooms: Rooms | None, no_rooms: str) -> tuple[Walls, str]:
    """The best walls that this system proves to hold, and why no better; OSError when the demanded ones don't."""
    reasons: list[str] = []
    for tier in [Tier(isolation)] if isolation != "auto" else list(Tier):
        fault = _missing(tier) or (no_rooms if tier is Tier.FULL else "")
        if not fault:
            walls = Walls.build(tier, readable)
            fault = _unproven(walls, rooms)
        if not fault:
            return walls, "; ".join(reasons)
        reasons.append(f"{tier.value}: {fault}")
    raise OSError("; ".join(reasons))


def _missing(tier: Tier) -> str:
    if tier is Tier.NONE:
        return ""
    if not landlock.abi():
        return "this kernel has no landlock"
    return "" if seccomp.available() else "libseccomp is not installed"


def _unproven(walls: Walls, rooms: Rooms | None) -> str:
    """Why a trial child doesn't hold; empty when it does."""
    if walls.tier is Tier.NONE:
        return ""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            child = conceive(walls, prove, rooms)
            child.go(Limits(), theirs.fileno())
        except OSError as error:
            return str(error)
        theirs.close()
        ours.settimeout(_PROOF_SECONDS)
        held = _heard(ours)
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        child.close()
    return held


def _heard(ours: socket.socket) -> str:
    try:
        answer = ours.recv(4096)
    except OSError:
        return "the trial child gave no answer"
    if not answer:
        return "the sandbox could not be entered"
    held = json.loads(answer)
    return "a child could " + ", ".join(held) if held else ""


def _watch(parent: int) -> int:
    """A descriptor that becomes readable when the grader's process ends; -1 where there is none.

    Not a parent-death signal: that one fires when the *thread* that started us ends.
    """
    try:
        return os.pidfd_open(parent)
    except (OSError, AttributeError):
        return -1


def settled(isolation: str, readable: tuple[Path, ...]) -> tuple[Rooms | None, str]:
    """Leaves root and enters namespaces as far as the isolation wants it and the system grants it; and why not."""
    if isolation == Tier.NONE or sys.platform != "linux":
        return None, "this system has no namespaces"
    leave_root(readable)
    if isolation == Tier.PARTIAL:
        return None, ""
    try:
        return settle(), ""
    except OSError as error:
        return None, str(error)


def main() -> None:
    """Loads, warms, proves the sandbox, says so, and serves."""
    control = socket.socket(fileno=int(sys.argv[1]))
    options = json.loads(sys.argv[2])
    grader = _watch(options["grader"])
    readable = tuple(Path(path) for path in options["readable"])
    try:
        rooms, no_rooms = settled(options["isolation"], readable)
        target: Target = load(options["target"], tuple(options["preload"]))
        warm()
        if sys.platform == "linux":
            prctl(PR_SET_CHILD_SUBREAPER, 1, what="subreaper")
        walls, why = choose(options["isolation"], readable, rooms, no_rooms)
        gc.collect()
        gc.freeze()
        children = Children(walls, target, rooms if walls.tier is Tier.FULL else None)
        children.prepare()
    except (OSError, ImportError, AttributeError, ValueError) as error:
        send(control, {"error": str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"})
        return
    send(control, {"tier": walls.tier.value, "why": why})
    Zygote(control, children).serve(grader)


if __name__ == "__main__":
    main()
    os._exit(0)
