"""How a check reaches the code under test: in a sandboxed child, or in-process for the course's own code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from unravel.grading import wire
from unravel.grading.child import Executor
from unravel.grading.fault import MAX_TEXT, LearnerFault, from_error, plain
from unravel.grading.loading import RAN, Unit
from unravel.grading.models import describe, is_model
from unravel.grading.report import Status
from unravel.grading.warm import Limits, Process, Warm

LOAD_SECONDS = 10.0
MAX_STDOUT = 8_000
_TOO_LONG = (
    "Your code didn't come back in time and was stopped. Is there a loop that never ends, or one over a large axis?"
)


@dataclass(frozen=True)
class Reply:
    """A value that came back, the size of its buffers, which arguments changed, and what was left on a model.

    Nothing in it is trusted.
    """

    value: Any
    size: int = 0
    changed: tuple[int | str, ...] = ()
    left: str = ""


class Transport(Protocol):
    """Carries requests to the code under test. `deadline` (of `time.monotonic`) bounds each."""

    deadline: float
    stdout: list[str]
    learner: str

    def request(self, header: dict[str, Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Reply:
        """The reply to one request; raises `LearnerFault` when there is none."""


@dataclass(frozen=True)
class LoadFault:
    """A statement of the submission that failed. `names` are those it would bind; `error` is as the child sent it."""

    names: frozenset[str]
    error: dict[str, Any]
    line: int

    @property
    def type(self) -> str:
        """The class of the exception."""
        return plain(str(self.error.get("type", "")), 100)

    @property
    def unit(self) -> str:
        """The file or cell."""
        frames = from_error(self.error).frames
        return frames[-1].file if frames else "your file"

    @property
    def unreadable(self) -> bool:
        """Whether Python couldn't even parse the file or cell."""
        return self.type in ("SyntaxError", "IndentationError", "TabError")

    @property
    def not_started(self) -> bool:
        """Whether it is an untouched stub."""
        return from_error(self.error).status is Status.NOT_STARTED


@dataclass(frozen=True)
class Loaded:
    """What a submission defines, and which of its statements failed. `ran`: it is what a notebook's kernel ran."""

    names: frozenset[str]
    faults: tuple[LoadFault, ...]
    ran: bool = False

    def missing(self, name: str, kind: str) -> LearnerFault:
        """Why the submission has no `name`, a "function", "class" or "constant"."""
        fault = next((fault for fault in self.faults if name in fault.names), None)
        if fault is not None:
            return from_error(fault.error)
        fault = next((fault for fault in self.faults if fault.unreadable), None)
        if fault is not None:
            return from_error(fault.error, "What can't be read can't be checked.")
        if kind == "constant" and (stub := next((item for item in self.faults if item.not_started), None)):
            return from_error(stub.error)
        if self.ran:
            return LearnerFault(Status.ERROR, f"No cell that you ran defines `{name}`. Run its cell, then check again.")
        why = f"Your file has no `{name}`. Don't rename or remove what a stub defines."
        return LearnerFault(Status.ERROR, f"{why} `unravel reset {name}` brings it back.")

    def note(self) -> str:
        """A word on the first statement that failed, for errors that may follow from it."""
        fault = next((fault for fault in self.faults if not fault.not_started), None)
        if fault is None:
            return ""
        return f"(Line {fault.line} of {fault.unit} failed before: {fault.type}.)"


class _Base:
    """What both ways share: encoding, decoding and the reading of a reply."""

    def __init__(self, learner: str = "") -> None:
        self.deadline = time.monotonic() + LOAD_SECONDS
        self.learner = learner
        self.stdout: list[str] = []
        self.loaded: Loaded | None = None

    def _exchange(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        raise NotImplementedError

    def _load(self, units: Sequence[Unit]) -> None:
        header = {"op": "load", "units": [[unit.label, unit.source] for unit in units], "learner": self.learner}
        reply, _ = self._exchange(header, [])
        if "error" in reply:
            raise from_error(reply["error"])
        names, faults = reply.get("names"), reply.get("faults")
        if not isinstance(names, list) or not isinstance(faults, list):
            raise LearnerFault(Status.ERROR, "Your code sent back something that isn't an answer.")
        good = (item for item in faults if isinstance(item, dict) and isinstance(item.get("error"), dict))
        ran = any(unit.label.startswith(f"{RAN} [") for unit in units)
        self.loaded = Loaded(frozenset(map(str, names)), tuple(map(_load_fault, good)), ran)
        if len(units) == 1 and self.loaded.faults and self.loaded.faults[0].unreadable:
            raise from_error(self.loaded.faults[0].error, "Nothing can be checked until Python can read the file.")

    def request(self, header: dict[str, Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Reply:
        """Sends a request, reads the reply."""
        encoder = wire.Encoder(describe=lambda value: describe(value) if is_model(value) else None)
        trees = {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs or {})}
        reply, buffers = self._exchange({**header, **trees}, encoder.buffers)
        self._print(reply.get("stdout", ""))
        if "error" in reply:
            raise from_error(reply["error"], self.loaded.note() if self.loaded else "")
        changed = reply.get("changed", [])
        places = tuple(i for i in changed if type(i) in (int, str)) if isinstance(changed, list) else ()
        try:
            value = wire.Decoder(buffers).decode(reply.get("ok"))
        except wire.ProtocolError as fault:
            raise _no_answer(fault) from None
        left = reply.get("left")
        return Reply(value, sum(map(len, buffers)), places, left if isinstance(left, str) else "")

    def _print(self, text: Any) -> None:
        room = MAX_STDOUT - sum(map(len, self.stdout))
        if isinstance(text, str) and text and room > 0:
            self.stdout.append(plain(text, room) + ("\n... and more" if len(text) > room else ""))


def _load_fault(item: dict[str, Any]) -> LoadFault:
    names, line = item.get("names"), item.get("line")
    found = frozenset(map(str, names)) if isinstance(names, list) else frozenset()
    return LoadFault(found, item["error"], line if type(line) is int and 0 <= line < 10**7 else 0)


def _at_load(fault: LearnerFault) -> LearnerFault:
    where = "It happened while your file was being loaded, outside of any function."
    return LearnerFault(fault.status, f"{fault.message} {where}")


def _no_answer(fault: wire.ProtocolError) -> LearnerFault:
    return LearnerFault(Status.ERROR, f"Your code sent back something that isn't an answer: {fault}.")


class SandboxTransport(_Base):
    """A child of the warm zygote. One that hangs, dies or breaks the protocol is killed; the next check has another."""

    def __init__(self, warm: Warm, units: Sequence[Unit], limits: Limits | None = None, *, learner: str = ""):
        super().__init__(learner)
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
                self._hopeless = fault if fault.frames else _at_load(fault)
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
            wire.send(process.sock, header, buffers, self.deadline)
            return wire.receive(process.sock, self.deadline)
        except TimeoutError:
            self.close()
            raise LearnerFault(Status.TIMEOUT, _TOO_LONG) from None
        except wire.ProtocolError as fault:
            self.close()
            raise _no_answer(fault) from None
        except (EOFError, OSError):
            raise self._died() from None

    def _died(self) -> LearnerFault:
        assert self._process is not None
        end = self._process.kill()
        self._process = None
        if end.oom:
            return LearnerFault(Status.MEMORY, "Your code used more memory than a check may use, and was stopped.")
        if end.cpu:
            return LearnerFault(Status.TIMEOUT, "Your code used up the processor time of the whole file's checks.")
        if end.signal is not None:
            return LearnerFault(Status.CRASHED, f"The process that ran your code died (signal {end.signal}).")
        return LearnerFault(Status.CRASHED, "Your code ended the process that ran it. Return the answer instead.")


class LocalTransport(_Base):
    """Runs the course's own code (a mistake, under diagnosis) or, for `--debug`, the learner's, in this process."""

    def __init__(self, units: Sequence[Unit], *, capture: bool = True, learner: str = ""):
        super().__init__(learner)
        self._executor = Executor(capture=capture)
        self._load(units)

    def ensure(self) -> Loaded:
        """What the code defines."""
        assert self.loaded is not None
        return self.loaded

    def close(self) -> None:
        """Nothing to end."""

    def _exchange(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        reply, out = self._executor.answer(header, [bytearray(data) for data in buffers])
        return reply, [bytearray(data) for data in out]


__all__ = ["MAX_TEXT", "Loaded", "LocalTransport", "Reply", "SandboxTransport", "Transport"]
