"""The grader's handle on the zygote and on each sandboxed child. Trusted side: nothing here waits for ever.

warm = Warm()
warm.start()
child = warm.spawn(Limits(memory_mb=512))
...talk over child.sock...
child.kill()
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from unravel.errors import UnravelError
from unravel.grading.control import Control, Gone
from unravel.grading.report import Tier
from unravel.grading.sandbox.limits import Limits

__all__ = ["Exit", "Limits", "Process", "Warm"]

SERVE = "unravel.grading.child:serve"
_SPAWN_SECONDS = 10.0
_KILL_SECONDS = 5.0
_GRACE_SECONDS = 0.2
_CPU_SLACK = 0.1
_LIMITS = Limits()
_ISOLATIONS = ("auto", *(tier.value for tier in Tier))


@dataclass(frozen=True)
class Exit:
    """How a child ended. `code` or `signal` is set, the other None.

    `oom`: the kernel killed it for want of memory; `cpu`: because its processor time was used up.
    """

    code: int | None
    signal: int | None
    oom: bool = False
    cpu: bool = False


class Process:
    """One sandboxed child. `sock` is the trusted end of the stream that leads to it; `pid` as this process sees it."""

    def __init__(self, sock: socket.socket, number: int, control: Control, windows: list[int], cpu_seconds: int):
        self.sock = sock
        self._number = number  # as the zygote, which may live in a pid namespace of its own, counts
        self._control = control
        self._rollup, self._pidfd = windows if len(windows) == 2 else (-1, -1)
        self.pid = _pid_behind(self._pidfd) or number
        self._cpu_seconds = cpu_seconds
        self._oom_kills = _oom_kills()
        self._exit: Exit | None = None
        self._lock = threading.Lock()

    def memory_mb(self) -> float:
        """Private memory now, in MB, as the kernel counts it; 0 when the child is gone or the system doesn't tell."""
        try:
            text = os.pread(self._rollup, 8192, 0).decode()
        except OSError:
            return 0.0
        lines = [line.split() for line in text.splitlines() if line.startswith(("Private_Clean", "Private_Dirty"))]
        return sum(int(line[1]) for line in lines) / 1024

    def kill(self) -> Exit:
        """Ends the child for sure, with all that it left, and tells how it ended. May be called again."""
        with self._lock:
            if self._exit is None:
                self._exit = self._end()
                self.sock.close()
                for number in {self._rollup, self._pidfd} - {-1}:
                    os.close(number)
                self._rollup = self._pidfd = -1
            return self._exit

    def _end(self) -> Exit:
        killed = not self._ended_alone()
        try:
            answer = self._control.ask({"do": "kill", "pid": self._number}, _KILL_SECONDS)
            deadline = time.monotonic() + _KILL_SECONDS
            while answer["ended"] is None and answer["known"] and time.monotonic() < deadline:
                self._wait(0.005)
                answer = self._control.ask({"do": "status", "pid": self._number}, _KILL_SECONDS)
        except Gone:
            # The zygote's death is its children's: each asked the kernel for that before it ran anything.
            return Exit(None, int(signal.SIGKILL))
        if answer["ended"] is None:
            self._control.close()
            return Exit(None, int(signal.SIGKILL))
        status, cpu = answer["ended"]
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return Exit(code, None)
        by_kernel = -code == signal.SIGKILL and not killed
        spent = cpu >= self._cpu_seconds - _CPU_SLACK
        oom = (by_kernel and not spent) or (killed and _oom_kills() > self._oom_kills)
        return Exit(None, -code, oom, cpu=by_kernel and spent)

    def _ended_alone(self) -> bool:
        """Whether the child has ended, or ends within a moment: one that hung up is given the time to die by itself."""
        if self._wait(0):
            return True
        try:
            self.sock.setblocking(False)
            hung_up = self.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            hung_up = False
        except OSError:
            hung_up = True
        return hung_up and self._wait(_GRACE_SECONDS)

    def _wait(self, seconds: float) -> bool:
        import select

        if self._pidfd < 0:
            time.sleep(min(seconds, 0.02))
            return False
        return bool(select.select([self._pidfd], [], [], seconds)[0])


class Warm:
    """A warm zygote. `isolation`: "auto" takes the best that holds here; "full", "partial" or "none" demands one.

    `preload` names modules to import ahead, `readable` what a child may read besides the libraries.
    """

    def __init__(
        self,
        *,
        preload: tuple[str, ...] = ("torch",),
        isolation: str = "auto",
        readable: tuple[Path, ...] = (),
        target: str = SERVE,
    ):
        if isolation not in _ISOLATIONS:
            raise UnravelError(f"There is no isolation {isolation!r}.", fix=f"Choose one of {', '.join(_ISOLATIONS)}.")
        if not hasattr(os, "fork"):
            raise UnravelError("This system can't fork processes, so it can't grade.", fix="Use Linux, macOS or WSL.")
        self._options = {
            "preload": list(preload),
            "isolation": isolation,
            "readable": [str(path) for path in readable],
            "target": target,
        }
        self._control: Control | None = None
        self._lock = threading.Lock()

    def start(self, wait: bool = True) -> None:
        """Starts the zygote. With `wait=False` it warms up meanwhile, and `ready` waits for it."""
        with self._lock:
            if self._control is None or not self._control.alive():
                self._control = Control.start(self._options)
        if wait:
            self.ready()

    def ready(self) -> None:
        """Waits until the zygote is warm. Raises `UnravelError` with its reason when it can't be."""
        self._ready_control()

    def _ready_control(self) -> Control:
        if self._control is None:
            self.start(wait=False)
        control = self._control
        assert control is not None
        control.ready()
        return control

    @property
    def tier(self) -> Tier:
        """The isolation in force."""
        return Tier(self._ready_control().facts["tier"])

    @property
    def why(self) -> str:
        """Why the isolation is not better than it is; empty when it is the best."""
        return str(self._ready_control().facts["why"])

    def alive(self) -> bool:
        """Whether the zygote runs."""
        return self._control is not None and self._control.alive()

    def spawn(self, limits: Limits = _LIMITS) -> Process:
        """A new child, sandboxed. Restarts the zygote if it died."""
        try:
            return self._spawn(limits)
        except Gone:
            self.close()
        try:
            return self._spawn(limits)
        except Gone as gone:
            self.close()
            raise UnravelError(
                f"The warm process that runs submissions does not answer: {gone}.", fix="Try again."
            ) from None

    def _spawn(self, limits: Limits) -> Process:
        control = self._ready_control()
        ours, theirs = socket.socketpair()
        try:
            request = {"do": "spawn", "limits": dict(limits.__dict__)}
            answer, windows = control.ask_with(request, theirs.fileno(), _SPAWN_SECONDS / 2)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if "error" in answer:
            ours.close()
            raise UnravelError(f"A sandboxed process could not be started: {answer['error']}.")
        return Process(ours, answer["pid"], control, windows, limits.cpu_seconds)

    def close(self) -> None:
        """Ends the zygote and every child. May be called again."""
        with self._lock:
            control, self._control = self._control, None
        if control is not None:
            control.close()

    def __enter__(self) -> Warm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pid_behind(pidfd: int) -> int:
    """The number, in this process's view, of the process that a descriptor stands for; 0 when there is none."""
    try:
        with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Pid:")), 0)
    except OSError:
        return 0


def _oom_kills() -> int:
    """How often the kernel has killed a process for want of memory since it started; 0 where it doesn't tell."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except (OSError, ValueError):
        return 0
