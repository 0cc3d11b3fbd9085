"""What a solution file owes its readers: full types, docstrings, imports that the sandbox has."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from unravel.course.markers import Region
from unravel.errors import ContentError

LIBRARIES = ("torch", "einops", "jaxtyping", "numpy", "transformer_lens")
OWN = "unravel.interp"

Definition = ast.FunctionDef | ast.ClassDef | ast.AnnAssign


def fault(text: str, fix: str, path: Path, line: int | None) -> ContentError:
    """A `ContentError`, in the order in which it is read."""
    return ContentError(text, fix=fix, path=path, line=line)


def import_names(tree: ast.Module) -> tuple[str, ...]:
    """The dotted modules that the file imports at its top, in order, each once.

    >>> import_names(ast.parse("import torch.nn as nn\\nfrom unravel import interp"))
    ('torch.nn', 'unravel.interp')
    """
    return tuple(dict.fromkeys(name for name, _ in _imports(tree)))


def check_imports(tree: ast.Module, path: Path) -> None:
    """Every import is of the standard library, of `LIBRARIES` or of `unravel.interp`."""
    for name, line in _imports(tree):
        root = name.partition(".")[0]
        if root in sys.stdlib_module_names or root in LIBRARIES or f"{name}.".startswith(f"{OWN}."):
            continue
        fix = f"A learner's file may import the standard library, {', '.join(LIBRARIES)} and {OWN}."
        raise fault(f"`{name or '.'}` is not for learners' files.", fix, path, line)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "unravel" and not node.level:
            yield from ((f"unravel.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield ("" if node.level else node.module or "", node.lineno)


def check_signature(node: Definition, regions: Sequence[Region], path: Path) -> None:
    """A function or class has a docstring above its first region, and all its types."""
    if isinstance(node, ast.AnnAssign):
        return
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None or first.lineno > regions[0].begin:
        fix = f"Above `### BEGIN SOLUTION`, say what comes out of `{node.name}`, with an example."
        raise fault(f"`{node.name}` has no docstring that the learner sees.", fix, path, node.lineno)
    if isinstance(node, ast.FunctionDef):
        return _check_types(node, path)
    for region in regions:
        if len(region.indent) <= node.body[0].col_offset:
            fix = "Put it inside a method: a class body that raises can't be imported."
            raise fault(f"This solution region is in no method of `{node.name}`.", fix, path, region.begin)
    for method in node.body:
        if isinstance(method, ast.FunctionDef):
            _check_types(method, path, skip=1)


def _check_types(function: ast.FunctionDef, path: Path, *, skip: int = 0) -> None:
    given = function.args
    named = [*given.posonlyargs, *given.args][skip:]
    every = [
        *named,
        *given.kwonlyargs,
        *(extra for extra in (given.vararg, given.kwarg) if extra is not None),
    ]
    for argument in every:
        if argument.annotation is None:
            fix = f"Write `{argument.arg}: ...`: the grader enforces the types."
            raise fault(f"`{function.name}` has no type for `{argument.arg}`.", fix, path, function.lineno)
    if function.returns is None:
        fix = "Write `-> ...`: the grader enforces the types."
        raise fault(f"`{function.name}` has no return type.", fix, path, function.lineno)
