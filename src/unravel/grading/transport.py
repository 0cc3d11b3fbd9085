"""How a check reaches the code under test: in a sandboxed child, or in-process for the course's own code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from unravel.grading import wire
from unravel.grading.child import Executor
from unravel.grading.fault import MAX_TEXT, LearnerFault, from_error
from unravel.grading.loading import Unit
from unravel.grading.report import Status
from unravel.grading.warm import Limits, Process, Warm

LOAD_SECONDS = 10.0
MAX_STDOUT = 8_000


@dataclass(frozen=True)
class Reply:
    """A value that came back, with what was printed meanwhile and which arguments changed. Nothing in it is trusted."""

    value: Any
    stdout: str = ""
    changed: tuple[int, ...] = ()


class Transport(Protocol):
    """Carries requests to the code under test. `deadline` (of `time.monotonic`) bounds each."""

    deadline: float
    stdout: list[str]

    def request(self, header: dict[str, Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Reply:
        """The reply to one request; raises `LearnerFault` when there is none."""


@dataclass(frozen=True)
class Loaded:
    """What a submission defines, and which of its statements failed."""

    names: frozenset[str]
    faults: tuple[dict[str, Any], ...]

    def missing(self, name: str) -> LearnerFault:
        """Why the submission has no `name`."""
        for fault in self.faults:
            if name in fault.get("names", ()):
                return from_error(fault.get("error"))
        if self.faults and not self.faults[0].get("names"):
            return from_error(self.faults[0].get("error"), "Nothing can be checked until the file can be read.")
        why = f"Your file has no `{name}`. Don't rename or remove what a stub defines."
        return LearnerFault(Status.ERROR, f"{why} `unravel reset {name}` brings the stub back.")

    def note(self) -> str:
        """A word on the first statement that failed, for errors that may follow from it."""
        if not self.faults or self.faults[0].get("error", {}).get("kind") == "not started":
            return ""
        first = self.faults[0].get("error", {})
        return f"(Line {self.faults[0].get('line')} of your file failed before: {first.get('type')}.)"


class _Base:
    """What both ways share: encoding, decoding and the reading of a reply."""

    def __init__(self) -> None:
        self.deadline = time.monotonic() + LOAD_SECONDS
        self.stdout: list[str] = []
        self.loaded: Loaded | None = None

    def _exchange(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        raise NotImplementedError

    def _load(self, units: Sequence[Unit]) -> None:
        header = {"op": "load", "units": [[unit.label, unit.source] for unit in units]}
        reply, _ = self._exchange(header, [])
        if "error" in reply:
            raise from_error(reply["error"])
        names, faults = reply.get("names"), reply.get("faults")
        if not isinstance(names, list) or not isinstance(faults, list):
            raise LearnerFault(Status.ERROR, "Your code sent back something that isn't an answer.")
        good = tuple(f for f in faults if isinstance(f, dict) and isinstance(f.get("error"), dict))
        self.loaded = Loaded(frozenset(str(n) for n in names), tuple({**f, "names": _names(f)} for f in good))

    def request(self, header: dict[str, Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Reply:
        """Sends a request, reads the reply."""
        encoder = wire.Encoder()
        trees = {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs or {})}
        reply, buffers = self._exchange({**header, **trees}, encoder.buffers)
        printed = str(reply.get("stdout", ""))[:MAX_STDOUT]
        if printed:
            self.stdout.append(printed)
        if "error" in reply:
            raise from_error(reply["error"], self.loaded.note() if self.loaded else "")
        changed = reply.get("changed", [])
        positions = tuple(i for i in changed if type(i) is int) if isinstance(changed, list) else ()
        return Reply(wire.Decoder(buffers).decode(reply.get("ok")), printed, positions)


def _names(fault: dict[str, Any]) -> list[str]:
    found = fault.get("names")
    return [str(name) for name in found] if isinstance(found, list) else []


class SandboxTransport(_Base):
    """A child of the warm zygote. A child that hangs, dies or breaks the protocol is killed; the next check gets a new one."""

    def __init__(self, warm: Warm, units: Sequence[Unit], limits: Limits | None = None):
        super().__init__()
        self._warm = warm
        self._units = units
        self._limits = limits or Limits()
        self._process: Process | None = None
        self._hopeless: LearnerFault | None = None

    def ensure(self) -> Loaded:
        """A living child that has loaded the submission. A submission that can't be loaded isn't tried again."""
        if self._hopeless is not None:
            raise self._hopeless
        if self._process is None:
            self._process = self._warm.spawn(self._limits)
            self.deadline = time.monotonic() + LOAD_SECONDS
            try:
                self._load(self._units)
            except LearnerFault as fault:
                advice = "It happened while your file was being loaded, outside of any function."
                self._hopeless = LearnerFault(fault.status, f"{fault.message} {advice}", fault.frames)
                self.close()
                raise self._hopeless from None
        assert self.loaded is not None
        return self.loaded

    def memory_mb(self) -> float:
        """Private memory of the child now, in MB; 0 when there is none."""
        return self._process.memory_mb() if self._process else 0.0

    def close(self) -> None:
        """Kills the child."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _exchange(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        process = self._process
        if process is None:
            raise LearnerFault(Status.CRASHED, "The process that ran your code is gone.")
        try:
            process.sock.settimeout(max(0.001, self.deadline - time.monotonic()))
            wire.send(process.sock, header, buffers)
            return wire.receive(process.sock, self.deadline)
        except TimeoutError:
            self.close()
            text = "Your code didn't come back in time and was stopped. Is there a loop that never ends, or one over a large axis?"
            raise LearnerFault(Status.TIMEOUT, text) from None
        except wire.ProtocolError as fault:
            self.close()
            raise LearnerFault(Status.ERROR, f"Your code sent back something that isn't an answer: {fault}.") from None
        except (EOFError, OSError):
            raise self._died() from None

    def _died(self) -> LearnerFault:
        assert self._process is not None
        end = self._process.kill()
        self._process = None
        if end.oom:
            return LearnerFault(Status.MEMORY, "Your code used more memory than a check may use, and was stopped.")
        if end.signal is not None:
            return LearnerFault(Status.CRASHED, f"The process that ran your code died (signal {end.signal}).")
        return LearnerFault(Status.CRASHED, "Your code ended the process that ran it. Return the answer instead.")


class LocalTransport(_Base):
    """Runs the course's own code (a mistake, under diagnosis) or, for `--debug`, the learner's, in this process."""

    def __init__(self, units: Sequence[Unit], *, capture: bool = True):
        super().__init__()
        self._executor = Executor(capture=capture)
        self._load(units)

    def ensure(self) -> Loaded:
        """What the code defines."""
        assert self.loaded is not None
        return self.loaded

    def _exchange(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        reply, out = self._executor.answer(header, [bytearray(data) for data in buffers])
        return reply, [bytearray(data) for data in out]


__all__ = ["MAX_TEXT", "Loaded", "LocalTransport", "Reply", "SandboxTransport", "Transport"]
