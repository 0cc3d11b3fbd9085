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
KEYS = 3
"""So many keys of a dict are told."""
Sizes = dict[str, tuple[int, ...]]
"""The size of each axis that is known; `*out` stands for any number of axes, hence tuples."""


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
            self._take(bound)
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

    def _take(self, bound: dict[str, Any]) -> None:
        """Lets the `jaxtyped` context know the sizes of the axes of the arguments."""
        for key, item in bound.items():
            if key in self.hints and _is_array(self.hints[key]):
                fits(item, self.hints[key])

    def _sentence(self, hint: Any, bound: dict[str, Any], value: Any) -> str:
        sizes = _known(self.hints, bound)
        if get_origin(hint) is tuple and isinstance(value, tuple):
            kinds = _kinds(hint, len(value))
            wrong = self._misfit(kinds, bound, value) if len(kinds) == len(value) else None
            if wrong is not None:
                for kind, item in zip(kinds[:wrong], value, strict=False):
                    _learn(sizes, kind, item)
                wanted, got = _name(kinds[wrong]) + _sizes(kinds[wrong], sizes), _describe(value[wrong])
                return f"Item {wrong} of what `{self.name}` returns should be {wanted}, but it is {got}."
        if isinstance(value, dict) and get_origin(hint) in (dict, Mapping):
            key = self._strange_key(hint, bound, value, sizes)
            if key is not None:
                wanted, got = _name(get_args(hint)[1]) + _sizes(get_args(hint)[1], sizes), _describe(value[key])
                return f"Entry {key!r} of what `{self.name}` returns should be {wanted}, but it is {got}."
        text = f"`{self.name}` should return {_name(hint)}{_sizes(hint, sizes)}, but it returns {_describe(value)}."
        if value is None:
            text += " Is a `return` missing?"
        elif isinstance(value, torch.Tensor) and _shape(hint, sizes) == tuple(value.shape):
            text += " The shape is right, the kind of number isn't: `.bool()`, `.long()` and `.float()` convert."
        return text

    def _misfit(self, kinds: Sequence[Any], bound: dict[str, Any], value: tuple[Any, ...]) -> int | None:
        """The first item of a tuple that doesn't fit the arguments and the items before it."""
        with jaxtyped("context"):
            self._take(bound)
            return next((i for i, item in enumerate(value) if not fits(item, kinds[i])), None)

    def _strange_key(self, hint: Any, bound: dict[str, Any], value: dict[Any, Any], sizes: Sizes) -> Any:
        """The key of the first entry that doesn't fit; `sizes` learns from the entries before it."""
        key_kind, kind = get_args(hint)
        with jaxtyped("context"):
            self._take(bound)
            for key, item in value.items():
                if not fits(key, key_kind) or not fits(item, kind):
                    return key if fits(key, key_kind) else None
                _learn(sizes, kind, item)
        return None


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
        return all(map(fits, value, _kinds(hint, len(value))))
    if isinstance(value, dict) and get_origin(hint) in (dict, Mapping):
        return all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items())
    return True


def _kinds(hint: Any, count: int) -> list[Any]:
    """The hint of each item of a tuple of `count` items: `tuple[X, ...]` says the same of all."""
    inner = get_args(hint)
    return [inner[0]] * count if inner[1:] == (Ellipsis,) else list(inner)


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


def _known(hints: dict[str, Any], bound: dict[str, Any]) -> Sizes:
    """The sizes of axes that follow from the arguments."""
    sizes: Sizes = {}
    for key, item in bound.items():
        _learn(sizes, hints.get(key), item)
        if isinstance(item, int):
            sizes.setdefault(key, (item,))
    return sizes


def _learn(sizes: Sizes, hint: Any, item: Any) -> None:
    """Adds the sizes that follow from one tensor and its annotation; `*out` takes the axes that the others leave."""
    if not _is_array(hint) or not isinstance(item, torch.Tensor):
        return
    axes, shape = hint.dim_str.split(), tuple(item.shape)
    several = next((i for i, axis in enumerate(axes) if _several(axis)), None)
    if several is not None and len(shape) >= len(axes) - 1:
        end = len(shape) - (len(axes) - 1 - several)
        sizes[axes[several]] = shape[several:end]
        axes, shape = axes[:several] + axes[several + 1 :], shape[:several] + shape[end:]
    if len(axes) == len(shape):
        sizes.update((axis, (size,)) for axis, size in zip(axes, shape, strict=True))


def _several(axis: str) -> bool:
    """Whether a name stands for any number of axes, as `*out` and `...` do."""
    return axis.startswith("*") or axis == "..."


def _size(axis: str, sizes: Sizes) -> tuple[int, ...] | None:
    """The size of an axis: a number, a name, or a name plus or minus a number, as in `pos-1`; or those of `*out`."""
    if axis.startswith("*"):
        return sizes.get(axis)
    found = re.fullmatch(r"(?:(\d+)|([a-zA-Z_]\w*)(?:([+-])(\d+))?)", axis)
    if found is None:
        return None
    number, name, sign, offset = found.groups()
    if number is not None:
        return (int(number),)
    return (sizes[name][0] + int(f"{sign}{offset}" if sign else 0),) if name in sizes else None


def _sizes(hint: Any, sizes: Sizes) -> str:
    """`(batch=3, pos-1=5)`, for the axes of `hint` whose sizes are known; with a `*out`, the whole shape."""
    if not _is_array(hint):
        return ""
    axes = hint.dim_str.split()
    whole = _shape(hint, sizes)
    if whole is not None and any(map(_several, axes)):
        return f" of shape {whole}"
    known = [(axis, _size(axis, sizes)) for axis in axes if not axis.isdigit() and not _several(axis)]
    shown = [f"{axis}={size[0]}" for axis, size in known if size is not None]
    return f" ({', '.join(shown)})" if shown else ""


def _shape(hint: Any, sizes: Sizes) -> tuple[int, ...] | None:
    """The shape that `hint` asks for, where all of its sizes are known."""
    if not _is_array(hint):
        return None
    shape: tuple[int, ...] = ()
    for axis in hint.dim_str.split():
        size = _size(axis, sizes)
        if size is None:
            return None
        shape += size
    return shape


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)} and dtype {str(value.dtype).removeprefix('torch.')}"
    if value is None:
        return "None"
    if isinstance(value, list | tuple) and value:
        return f"a {type(value).__name__} of {len(value)}, the first of them {_describe(value[0])}"
    if isinstance(value, dict) and value:
        keys = [repr(key)[:40] for key in list(value)[:KEYS]]
        return f"a dict of {len(value)}, with the keys {', '.join(keys)}{' ...' if len(value) > KEYS else ''}"
    if isinstance(value, list | tuple | dict | set):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bool | int | float | str):
        text = repr(value)
        return f"the {type(value).__name__} {text[:60]}"
    return f"an object of type {getattr(value, 'type_name', type(value).__name__)}"
