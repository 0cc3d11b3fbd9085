"""The course's own solution of a lesson, loaded in the trusted process for its annotations, never for its answers."""

from __future__ import annotations

import inspect
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from unravel.errors import ContentError
from unravel.grading.shapes import Contract


class Reference:
    """Kinds and annotations of the names in a solution."""

    def __init__(self, module: types.ModuleType, path: Path):
        self._module = module
        self._path = path
        self._contracts: dict[tuple[str, str], Contract | None] = {}

    def kind(self, name: str) -> str:
        """ "function", "class" or "constant". Raises `ContentError` when the solution has no such name."""
        if not hasattr(self._module, name):
            raise ContentError(f"A check uses `{name}`, which the solution doesn't define.", path=self._path)
        value = getattr(self._module, name)
        return "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "constant"

    def contract(self, name: str) -> Contract:
        """The annotations of a function."""
        found = self._contracts.get((name, ""))
        if found is None:
            found = self._contracts[(name, "")] = Contract.of(getattr(self._module, name), name)
        return found

    def method(self, cls: str, name: str) -> Contract | None:
        """The annotations of a method that the solution's class defines itself; None where it defines none."""
        key = (cls, name)
        if key not in self._contracts:
            function = vars(getattr(self._module, cls)).get(name)
            plain = inspect.isfunction(function)
            self._contracts[key] = Contract.of(function, f"{cls}.{name}", method=True) if plain and function else None
        return self._contracts[key]

    def constant(self, name: str) -> Contract:
        """The annotation of a constant, as the contract of a function without parameters that returns it."""
        from typing import get_type_hints

        return Contract(name, inspect.Signature(), {"return": get_type_hints(self._module).get(name, Any)})

    def is_module(self, cls: str) -> bool:
        """Whether the solution's class is an `nn.Module`."""
        return issubclass(getattr(self._module, cls), torch.nn.Module)


def load_module(path: Path) -> types.ModuleType:
    """A trusted file of the course as a module; read again when the file has changed."""
    stat = path.stat()
    return _load(path, stat.st_mtime_ns, stat.st_size)


def load_reference(path: Path) -> Reference:
    """The reference of a solution file."""
    stat = path.stat()
    return _reference(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _reference(path: Path, mtime: int, size: int) -> Reference:
    return Reference(_load(path, mtime, size), path)


@lru_cache(maxsize=512)
def _load(path: Path, mtime: int, size: int) -> types.ModuleType:
    module = types.ModuleType(f"_unravel_{path.parent.name}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        # Not by the import system: its cache of bytecode takes two edits within a second for one.
        exec(compile(path.read_bytes(), path, "exec"), vars(module))
    except Exception as fault:
        raise ContentError(
            f"This file of the course fails when loaded: {type(fault).__name__}: {fault}.", path=path
        ) from fault
    return module
