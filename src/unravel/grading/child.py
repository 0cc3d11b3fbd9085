"""What runs beside the learner's code, in the sandboxed child. Nothing in here is trusted, nothing in here decides.

The child answers requests, one at a time: load the submission, call a function, read a value. It knows no test, no
expected value and no verdict. A learner who rewrites this module from within gains nothing but wrong answers.
"""

from __future__ import annotations

import contextlib
import io
import random
import socket
import sys
import types
from collections.abc import Iterator
from typing import Any

import torch

from unravel.grading import wire
from unravel.grading.learner_error import describe
from unravel.grading.loading import Unit, load_units
from unravel.grading.models import Lender
from unravel.interp.learner import tell_learner  # noqa: TID251  (whose models `my_model` gives is the grader's word)

MAX_OUTPUT = 7_900


class Bounded(io.TextIOBase):
    """A text stream that keeps the first `MAX_OUTPUT` characters and counts the rest."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._kept = 0
        self._lost = 0

    def write(self, text: str) -> int:
        """Keeps what fits."""
        room = MAX_OUTPUT - self._kept
        if room > 0:
            self._parts.append(text[:room])
            self._kept += len(text[:room])
        self._lost += max(0, len(text) - max(0, room))
        return len(text)

    def take(self) -> str:
        """What was written since the last call."""
        text = "".join(self._parts)
        if self._lost:
            text += f"\n... and {self._lost} characters more"
        self._parts, self._kept, self._lost = [], 0, 0
        return text


class Executor:
    """Answers requests over a namespace. Also used in-process, on the course's own code, by `LocalTransport`."""

    def __init__(self, *, capture: bool = True):
        self.namespace = types.ModuleType("submission")
        self._objects: list[Any] = []
        self._sources: dict[str, list[str]] = {}
        self._lender = Lender()
        self._learner = ""
        self._out = Bounded() if capture else None

    def answer(self, request: dict[str, Any], buffers: list[bytearray]) -> tuple[dict[str, Any], list[bytes]]:
        """The reply to one request: `{"ok": tree, ...}` or `{"error": {...}}`."""
        encoder = wire.Encoder(self._keep)
        self._lender.begin()
        tell_learner(self._learner)
        try:
            with self._captured():
                reply = getattr(self, "_do_" + str(request.get("op")))(request, buffers, encoder)
        except BaseException as fault:  # whatever the learner raises, SystemExit too, is an answer
            encoder.buffers.clear()
            reply = {"error": describe(fault, self._sources)}
        finally:
            tell_learner(None)
        # An object may keep what it was made with, and `inplace` asks for changes; a function gives a model back clean.
        left = self._lender.faults(look=request.get("op") == "run" or bool(request.get("clean")))
        if left and "error" not in reply:
            reply = {**reply, "left": left[0]}
        return {**reply, "stdout": self._out.take() if self._out else ""}, encoder.buffers

    @contextlib.contextmanager
    def _captured(self) -> Iterator[None]:
        if self._out is None:
            yield
            return
        with contextlib.redirect_stdout(self._out), contextlib.redirect_stderr(self._out):
            yield

    def _keep(self, value: Any) -> wire.Ref:
        self._objects.append(value)
        mro = tuple(base.__name__ for base in type(value).__mro__[:20])
        return wire.Ref(len(self._objects) - 1, type(value).__name__, mro)

    def _resolve(self, ref: wire.Ref) -> Any:
        return self._objects[ref.id]

    def _do_load(self, request: dict[str, Any], buffers: list[bytearray], encoder: wire.Encoder) -> dict[str, Any]:
        self._learner = str(request.get("learner", ""))
        tell_learner(self._learner)
        units = [Unit(label, source) for label, source in request["units"]]
        self._sources.update((unit.label, unit.source.splitlines()) for unit in units)
        sys.modules["submission"] = self.namespace
        faults = load_units(units, self.namespace, lambda fault: describe(fault, self._sources))
        return {"ok": {"l": []}, "names": sorted(map(str, vars(self.namespace))), "faults": faults}

    def _do_seed(self, request: dict[str, Any], buffers: list[bytearray], encoder: wire.Encoder) -> dict[str, Any]:
        seed = int(request["seed"])
        torch.manual_seed(seed)
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % 2**32)
        return {"ok": None}

    def _do_call(self, request: dict[str, Any], buffers: list[bytearray], encoder: wire.Encoder) -> dict[str, Any]:
        args, kwargs = self._arguments(request, buffers)
        before = self._arguments(request, [bytearray(data) for data in buffers])
        value = self._target(request)(*args, **kwargs)
        if request.get("inplace"):
            return {"ok": encoder.encode((value, args))}
        return {"ok": encoder.encode(value), "changed": _changed(before, args, kwargs)}

    def _do_get(self, request: dict[str, Any], buffers: list[bytearray], encoder: wire.Encoder) -> dict[str, Any]:
        return {"ok": encoder.encode(self._target(request))}

    def _do_set(self, request: dict[str, Any], buffers: list[bytearray], encoder: wire.Encoder) -> dict[str, Any]:
        (value,), _ = self._arguments(request, buffers)
        *path, last = str(request["attr"]).split(".")
        owner = self._target({**request, "attr": ".".join(path)})
        if isinstance(getattr(owner, last, None), torch.nn.Parameter) and isinstance(value, torch.Tensor):
            value = torch.nn.Parameter(value)
        setattr(owner, last, value)
        return {"ok": None}

    def _do_run(self, request: dict[str, Any], buffers: list[bytearray], encoder: wire.Encoder) -> dict[str, Any]:
        import math

        import einops

        scope: dict[str, Any] = {"torch": torch, "nn": torch.nn, "math": math, "einops": einops}
        exec(compile(request["source"], "<check>", "exec"), scope)
        args, kwargs = self._arguments(request, buffers)
        return {"ok": encoder.encode(scope[request["name"]](self.namespace, *args, **kwargs))}

    def _arguments(self, request: dict[str, Any], buffers: list[bytearray]) -> tuple[list[Any], dict[str, Any]]:
        decoder = wire.Decoder(buffers, self._resolve, self._lender.lend)
        args, kwargs = (
            decoder.decode(request.get("args", {"l": []})),
            decoder.decode(request.get("kwargs", {"d": []})),
        )
        return args, kwargs

    def _target(self, request: dict[str, Any]) -> Any:
        """The thing that a request is about: a name of the submission, or an attribute path of a kept object."""
        value: Any = self._objects[request["ref"]] if "ref" in request else getattr(self.namespace, request["name"])
        for part in filter(None, str(request.get("attr", "")).split(".")):
            value = getattr(value, part)
        return value


def _changed(before: tuple[list[Any], dict[str, Any]], args: list[Any], kwargs: dict[str, Any]) -> list[int | str]:
    """The positions and names of arguments that the call changed."""
    places = [i for i, (old, new) in enumerate(zip(before[0], args, strict=True)) if not _same(old, new)]
    return [*places, *(name for name, old in before[1].items() if not _same(old, kwargs[name]))]


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor):
        return old.shape == new.shape and torch.equal(old.nan_to_num(), new.nan_to_num())
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    return old is new or type(old) is not type(new) or bool(old == new)


def _no_check(*args: Any, **kwargs: Any) -> None:
    """Stands in for `unravel.check`."""


def serve(sock: socket.socket) -> None:
    """Answers requests until the other side hangs up. Called in the child when the sandbox is on."""
    import unravel

    # A lesson's file may hold `from unravel import check` and calls of it; in here they do nothing.
    vars(unravel)["check"] = _no_check
    executor = Executor()
    while True:
        try:
            request, buffers = wire.receive(sock)
        except (EOFError, OSError, wire.ProtocolError):
            return
        reply, out = executor.answer(request, buffers)
        try:
            wire.send(sock, reply, out)
        except wire.Unsendable as fault:
            wire.send(sock, {"error": describe(fault, {}), "stdout": ""}, [])
