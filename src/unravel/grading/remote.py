"""The `submission` that a check sees: names and objects that live in the child, used as if they were here."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from unravel.grading.fault import LearnerFault
from unravel.grading.models import SENTENCES
from unravel.grading.reference import Reference
from unravel.grading.report import Status
from unravel.grading.shapes import Contract
from unravel.grading.transport import LocalTransport, Reply, SandboxTransport
from unravel.grading.wire import Ref, Unsendable

# What a check may keep for the diagnosis, in bytes of tensors. Beyond it the check is left out of the diagnosis.
MAX_TRACE = 32 << 20


class CheckMisuse(Exception):
    """A check used `submission` in a way that can't work: a fault of the course, reported as such."""


@dataclass
class Session:
    """What the objects below share: the way to the code, the solution's annotations, the record of what came back."""

    transport: SandboxTransport | LocalTransport
    reference: Reference
    trace: list[tuple[str, Any]] = field(default_factory=list)
    traced: int = 0

    def begin(self) -> None:
        """Forgets what the check before returned and printed."""
        self.trace, self.traced = [], 0
        self.transport.stdout = []

    def ask(
        self,
        label: str,
        header: dict[str, Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        contract: Contract | None = None,
        said: str = "",
    ) -> Any:
        """Sends a request, records what came back, wraps handles. `said`: the label that a learner reads."""
        loaded = self.transport.ensure()
        if "name" in header and header["op"] != "run" and header["name"] not in loaded.names:
            raise loaded.missing(header["name"], self.reference.kind(header["name"]))
        encoded = [_out(item) for item in args], {key: _out(item) for key, item in (kwargs or {}).items()}
        try:
            reply = self.transport.request(header, *encoded)
        except Unsendable as fault:
            raise CheckMisuse(f"{label}: {fault} can't be sent") from None
        self._remember(label, reply)
        if reply.changed:
            raise LearnerFault(Status.FAILED, _changed(label, reply.changed[0], contract))
        if reply.left in SENTENCES:
            raise LearnerFault(Status.FAILED, SENTENCES[reply.left].format(label=said or f"`{label}`"))
        return _in(reply.value, self)

    def _remember(self, label: str, reply: Reply) -> None:
        self.traced += reply.size
        if self.traced > MAX_TRACE:
            self.trace = []
        else:
            self.trace.append((f"{label} {reply.left}".rstrip(), reply.value))


def _out(value: Any) -> Any:
    """A value on its way to the child: handles become references."""
    if isinstance(value, Handle):
        return value._ref
    if isinstance(value, list | tuple):
        return type(value)(_out(item) for item in value)
    if isinstance(value, dict):
        return {key: _out(item) for key, item in value.items()}
    return value


def _in(value: Any, session: Session, cls: str = "") -> Any:
    """A value that came back: references become handles."""
    if isinstance(value, Ref):
        return Handle(session, value, cls)
    if isinstance(value, list | tuple):
        return type(value)(_in(item, session) for item in value)
    if isinstance(value, dict):
        return {key: _in(item, session) for key, item in value.items()}
    return value


def _changed(label: str, place: int | str, contract: Contract | None) -> str:
    which = f"argument number {place + 1}" if isinstance(place, int) else f"argument `{place}`"
    names = list(contract.signature.parameters) if contract is not None else []
    if isinstance(place, int) and place < len(names):
        which = f"argument `{names[place]}`"
    return (
        f"`{label}` changed its {which} in place. Whoever called it still needs that value: "
        "work on a copy (`x.clone()` of a tensor, `list(x)` of a list), and use `x + 1` rather than `x += 1`."
    )


class Function:
    """A function of the submission. Calling it runs in the child; `inplace` also returns the arguments as left."""

    def __init__(self, session: Session, name: str):
        self._session = session
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        contract = self._session.reference.contract(self._name)
        _hold(contract, args, kwargs)
        header = {"op": "call", "name": self._name, "clean": True}
        value = self._session.ask(self._name, header, args, kwargs, contract=contract)
        if problem := contract.problem(args, kwargs, value):
            raise LearnerFault(Status.FAILED, problem)
        return value

    def inplace(self, *args: Any, **kwargs: Any) -> Any:
        """`(value, arguments after the call)`; changing them is no fault here."""
        _hold(self._session.reference.contract(self._name), args, kwargs)
        header = {"op": "call", "name": self._name, "inplace": True}
        return self._session.ask(self._name, header, args, kwargs)


class Class:
    """A class of the submission. Calling it makes an object in the child and returns a handle."""

    def __init__(self, session: Session, name: str):
        self._session = session
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _hold(self._session.reference.method(self._name, "__init__"), args, kwargs)
        value = self._session.ask(self._name, {"op": "call", "name": self._name}, args, kwargs)
        if not isinstance(value, Handle):
            raise LearnerFault(Status.FAILED, f"`{self._name}(...)` should make an object of the class `{self._name}`.")
        return Handle(self._session, value._ref, self._name)


class Handle:
    """An object that lives in the child. Call it, call its methods, `get` and `set` attributes, move its state dict."""

    def __init__(self, session: Session, ref: Ref, cls: str = ""):
        self._session = session
        self._ref = ref
        self._cls = cls

    def __bool__(self) -> bool:
        """An object is no answer: `assert submission.run(...)` must not pass because one came back."""
        raise LearnerFault(Status.FAILED, f"A value was expected, but an object of type `{self._ref.type}` came back.")

    @property
    def type_name(self) -> str:
        """The class's name, as the child tells it."""
        return self._ref.type

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        label = self._cls or self._ref.type
        method = "forward" if self._is_module() else "__call__"
        return self._call(method, label, {"op": "call", "ref": self._ref.id}, args, kwargs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def method(*args: Any, **kwargs: Any) -> Any:
            label = f"{self._cls or self._ref.type}.{name}"
            return self._call(name, label, {"op": "call", "ref": self._ref.id, "attr": name}, args, kwargs)

        return method

    def get(self, attr: str) -> Any:
        """The value of an attribute; the path may be dotted."""
        return self._session.ask(f"{self._ref.type}.{attr}", {"op": "get", "ref": self._ref.id, "attr": attr})

    def set(self, attr: str, value: Any) -> None:
        """Sets an attribute; a tensor set over a parameter becomes a parameter."""
        self._session.ask(f"{self._ref.type}.{attr}", {"op": "set", "ref": self._ref.id, "attr": attr}, (value,))

    def _is_module(self) -> bool:
        return self._session.reference.is_module(self._cls) if self._cls else "Module" in self._ref.mro

    def _call(
        self, method: str, label: str, header: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        contract = self._session.reference.method(self._cls, method) if self._cls else None
        _hold(contract, args, kwargs)
        value = self._session.ask(label, header, args, kwargs, contract=contract)
        if contract and (problem := contract.problem(args, kwargs, value)):
            raise LearnerFault(Status.FAILED, problem)
        return value


def _hold(contract: Contract | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Holds a check to the annotations of what it calls."""
    if contract is not None and (problem := contract.misuse(args, kwargs)):
        raise CheckMisuse(problem)


class Submission:
    """The learner's file, as a check sees it: its functions, classes and constants, by name."""

    def __init__(self, session: Session):
        self._session = session

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = self._session.reference.kind(name)
        if kind == "function":
            return Function(self._session, name)
        if kind == "class":
            return Class(self._session, name)
        value = self._session.ask(name, {"op": "get", "name": name})
        if problem := self._session.reference.constant(name).problem((), {}, value):
            raise LearnerFault(
                Status.FAILED, problem.replace("should return", "should be").replace("it returns", "it is")
            )
        return value

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs the source of `function`, defined by a check, in the child, as `function(learner, *args, **kwargs)`."""
        source = textwrap.dedent(inspect.getsource(function))
        header = {"op": "run", "source": source, "name": function.__name__}
        return self._session.ask(function.__name__, header, args, kwargs, said=_used(source))


def _used(source: str) -> str:
    """What of the submission the source of a check's own function uses, as a learner knows it.

    >>> _used("def twice(learner, x):\\n    return learner.double(learner.double(x))")
    '`double`'
    """
    names = dict.fromkeys(re.findall(r"\blearner\.(\w+)", source))
    return f"`{next(iter(names))}`" if len(names) == 1 else "Your code"


__all__ = ["CheckMisuse", "Class", "Function", "Handle", "Session", "Submission"]
