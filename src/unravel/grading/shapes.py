"""Holds a returned value to the annotations of the solution, before a check sees it, and says plainly what is off."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import torch
from beartype import BeartypeConf
from beartype.door import is_bearable
from jaxtyping import AbstractArray, jaxtyped

_CONF = BeartypeConf(is_pep484_tower=True)


@dataclass(frozen=True)
class Contract:
    """The annotations of one function: its signature, and the resolved hint of each parameter and of `return`."""

    name: str
    signature: inspect.Signature
    hints: dict[str, Any]

    @staticmethod
    def of(function: Callable[..., Any], name: str, *, method: bool = False) -> Contract:
        """The contract of a function; of a method, without `self`."""
        signature = inspect.signature(function)
        if method:
            signature = signature.replace(parameters=list(signature.parameters.values())[1:])
        return Contract(name, signature, get_type_hints(function))

    def problem(self, args: Sequence[Any], kwargs: dict[str, Any], value: Any) -> str:
        """What is wrong with `value`, given the arguments that it was computed from; empty when nothing is."""
        hint = self.hints.get("return", Any)
        if hint is Any:
            return ""
        bound = self._bound(args, kwargs)
        with jaxtyped("context"):
            for key, item in bound.items():
                if key in self.hints and _is_array(self.hints[key]):
                    fits(item, self.hints[key])
            good = fits(value, hint)
        return "" if good else self._sentence(hint, bound, value)

    def misuse(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
        """What is wrong with the arguments of a check: a fault of the course, not of the learner."""
        try:
            bound = self._bound(args, kwargs)
        except TypeError as fault:
            return f"{self.name}: {fault}"
        with jaxtyped("context"):
            for key, item in bound.items():
                if key in self.hints and _is_array(self.hints[key]) and not fits(item, self.hints[key]):
                    wanted = _name(self.hints[key])
                    return f"{self.name}: argument {key} is {_describe(item)}, but its annotation is {wanted}"
        return ""

    def _bound(self, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        return dict(self.signature.bind(*args, **kwargs).arguments)

    def _sentence(self, hint: Any, bound: dict[str, Any], value: Any) -> str:
        sizes = _known(self.hints, bound)
        parts = get_args(hint)
        if get_origin(hint) is tuple and isinstance(value, tuple) and len(parts) == len(value):
            wrong = next((i for i, item in enumerate(value) if not _alone(item, parts[i], sizes)), None)
            if wrong is not None:
                wanted, got = _name(parts[wrong]) + _sizes(parts[wrong], sizes), _describe(value[wrong])
                return f"Item {wrong} of what `{self.name}` returns should be {wanted}, but it is {got}."
        text = f"`{self.name}` should return {_name(hint)}{_sizes(hint, sizes)}, but it returns {_describe(value)}."
        if value is None:
            text += " Is a `return` missing?"
        elif isinstance(value, torch.Tensor) and _shape(hint, sizes) == tuple(value.shape):
            text += " The shape is right, the kind of number isn't: `.bool()`, `.long()` and `.float()` convert."
        return text


def fits(value: Any, hint: Any) -> bool:
    """Whether `value` has the type `hint`, within a `jaxtyped` context for the sizes of axes.

    Of a list, beartype looks at one item drawn by chance; the verdict must not hang on it, so all are looked at here.
    """
    if hint is None:
        hint = type(None)
    if not is_bearable(value, hint, conf=_CONF):
        return False
    inner = get_args(hint)
    if isinstance(value, list | set | frozenset) and get_origin(hint) in (list, set, frozenset, Sequence, Iterable):
        return all(fits(item, inner[0]) for item in value)
    if isinstance(value, tuple) and get_origin(hint) is tuple:
        kinds = [inner[0]] * len(value) if inner[1:] == (Ellipsis,) else list(inner)
        return all(map(fits, value, kinds))
    if isinstance(value, dict) and get_origin(hint) in (dict, Mapping):
        return all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items())
    return True


@cache
def _is_array(hint: Any) -> bool:
    return inspect.isclass(hint) and issubclass(hint, AbstractArray)


def _name(hint: Any) -> str:
    if hint is None or hint is type(None):
        return "None"
    if _is_array(hint):
        kind = hint.__name__.split("[")[0]
        return f'{kind}[Tensor, "{hint.dim_str}"]'
    if get_origin(hint) is not None and get_args(hint):
        inner = ", ".join("..." if item is Ellipsis else _name(item) for item in get_args(hint))
        return f"{getattr(get_origin(hint), '__name__', str(get_origin(hint)))}[{inner}]"
    return getattr(hint, "__name__", str(hint))


def _known(hints: dict[str, Any], bound: dict[str, Any]) -> dict[str, int]:
    """The sizes of axes that follow from the arguments."""
    sizes: dict[str, int] = {}
    for key, item in bound.items():
        if key in hints and _is_array(hints[key]) and isinstance(item, torch.Tensor):
            axes = hints[key].dim_str.split()
            if len(axes) == item.dim():
                sizes.update(zip(axes, item.shape, strict=True))
        elif isinstance(item, int):
            sizes.setdefault(key, item)
    return sizes


def _size(axis: str, sizes: dict[str, int]) -> int | None:
    """The size of an axis: a number, a name, or a name plus or minus a number, as in `pos-1`."""
    found = re.fullmatch(r"(?:(\d+)|([a-zA-Z_]\w*)(?:([+-])(\d+))?)", axis)
    if found is None:
        return None
    number, name, sign, offset = found.groups()
    if number is not None:
        return int(number)
    return sizes[name] + int(f"{sign}{offset}" if sign else 0) if name in sizes else None


def _sizes(hint: Any, sizes: dict[str, int]) -> str:
    """`(batch=3, pos-1=5)`, for the axes of `hint` whose sizes are known."""
    if not _is_array(hint):
        return ""
    known = [(axis, _size(axis, sizes)) for axis in hint.dim_str.split() if not axis.isdigit()]
    shown = [f"{axis}={size}" for axis, size in known if size is not None]
    return f" ({', '.join(shown)})" if shown else ""


def _shape(hint: Any, sizes: dict[str, int]) -> tuple[int | None, ...] | None:
    return tuple(_size(axis, sizes) for axis in hint.dim_str.split()) if _is_array(hint) else None


def _alone(value: Any, hint: Any, sizes: dict[str, int]) -> bool:
    """Whether one item of a tuple fits by itself: type, and the sizes that are known."""
    with jaxtyped("context"):
        if not fits(value, hint):
            return False
    wanted = _shape(hint, sizes)
    if wanted is None or None in wanted or not isinstance(value, torch.Tensor):
        return True
    return wanted == tuple(value.shape)


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)} and dtype {str(value.dtype).removeprefix('torch.')}"
    if value is None:
        return "None"
    if isinstance(value, list | tuple | dict | set):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bool | int | float | str):
        text = repr(value)
        return f"the {type(value).__name__} {text[:60]}"
    return f"an object of type {getattr(value, 'type_name', type(value).__name__)}"
