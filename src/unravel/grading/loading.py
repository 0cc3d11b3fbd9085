"""Runs a submission statement by statement, so that one broken line doesn't hide the exercises around it."""

from __future__ import annotations
import __future__ as future_features

import ast
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# How the label of a cell that a kernel ran begins.
RAN = "In"


@dataclass(frozen=True)
class Unit:
    """A piece of source that stands by itself: a file, or one cell of a notebook. `label` names it in tracebacks."""

    label: str
    source: str


def load_units(
    units: list[Unit], module: types.ModuleType, describe: Callable[[BaseException], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Runs all units in `module`. Returns a fault for each statement that failed, with the names it would bind."""
    faults: list[dict[str, Any]] = []
    flags = 0
    for unit in units:
        try:
            tree = ast.parse(unit.source, unit.label)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
            faults.append({"names": [], "error": describe(fault), "line": getattr(fault, "lineno", 0) or 0})
            continue
        for statement in tree.body:
            flags |= _future(statement)
            try:
                code = compile(ast.Module([statement], []), unit.label, "exec", flags, True)
                exec(code, vars(module))
            except BaseException as fault:  # whatever a statement raises is its own affair, SystemExit too
                faults.append({"names": _bound(statement), "error": describe(fault), "line": statement.lineno})
    return faults


def _future(statement: ast.stmt) -> int:
    if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
        return 0
    flags = 0
    for alias in statement.names:
        feature = getattr(future_features, alias.name, None)
        flags |= getattr(feature, "compiler_flag", 0)
    return flags


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a statement defines at the top level."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return sorted({node.id for node in names if isinstance(node.ctx, ast.Store)})
