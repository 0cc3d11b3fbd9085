"""A solution file, read without running it: its exercises, its imports, and its parts in order."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from unravel.course.markers import Region, read_regions
from unravel.course.model import Kind
from unravel.course.rules import check_imports, check_signature, fault, import_names
from unravel.course.text import read_text
from unravel.errors import ContentError


@dataclass(frozen=True)
class Code:
    """One exercise in a solution file. `line` is that of its `def`, `class` or assignment.

    `regions` is what the learner writes; `uses` are the file's other exercises that the solution names.
    """

    id: str
    kind: Kind
    line: int
    regions: tuple[Region, ...]
    uses: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A run of whole lines: one exercise with the comments above it, or (`exercise` None) given code.

    `source` keeps the solution; `line` is the part's first line in the file.
    """

    source: str
    line: int
    exercise: str | None


@dataclass(frozen=True)
class CodeFile:
    """A solution file: the parts cover every line of code, in order; `imports` are dotted module names."""

    path: Path
    source: str
    exercises: tuple[Code, ...]
    imports: tuple[str, ...]
    parts: tuple[Part, ...]

    def exercise(self, name: str) -> Code | None:
        """The exercise called `name`, if the file has it."""
        return next((code for code in self.exercises if code.id == name), None)


@dataclass
class _Found:
    """An exercise while it is read; `first` to `last` are its lines, comments above it included."""

    node: ast.FunctionDef | ast.ClassDef | ast.AnnAssign
    id: str
    kind: Kind
    regions: list[Region]
    first: int
    last: int


def read_code(path: Path, source: str | None = None) -> CodeFile:
    """The exercises and parts of the solution file at `path` (or of `source`, when it is already at hand)."""
    source = read_text(path) if source is None else source
    tree = parse(source, path)
    found = _exercises(tree, read_regions(source, path), source.split("\n"), path)
    check_imports(tree, path)
    for item in found:
        check_signature(item.node, item.regions, path)
    ids = [item.id for item in found]
    exercises = tuple(
        Code(item.id, item.kind, item.node.lineno, tuple(item.regions), _uses(item, ids, source)) for item in found
    )
    return CodeFile(path, source, exercises, import_names(tree), _parts(source.split("\n"), found))


def parse(source: str, path: Path) -> ast.Module:
    """The syntax tree of `source`; a `ContentError` with the line when it isn't Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ContentError(f"Not valid Python: {reason}.", fix="Correct the syntax.", path=path, line=line) from None


def _exercises(tree: ast.Module, regions: tuple[Region, ...], lines: list[str], path: Path) -> list[_Found]:
    found: dict[str, _Found] = {}
    for region in regions:
        item = _inner(tree, region, path) if region.indent else _constant(tree, region, path)
        known = found.get(item.id)
        if known is None:
            found[item.id] = item
        elif known.node is item.node:
            known.regions.append(region)
            known.last = max(known.last, region.end)
        else:
            raise fault(f"`{item.id}` is defined twice.", "Rename one of the two.", path, item.node.lineno)
    for item in found.values():
        while item.first > 1 and lines[item.first - 2].startswith("#"):
            item.first -= 1
        if item.kind == "constant" and not re.search(
            rf"\b{item.id}\b", "\n".join(lines[item.first - 1 : item.regions[0].begin])
        ):
            fix = f"The stub drops the name, so say it there: `# {item.id}: what it is`."
            raise fault(f"No comment above the region names `{item.id}`.", fix, path, item.regions[0].begin)
    return list(found.values())


def _inner(tree: ast.Module, region: Region, path: Path) -> _Found:
    """The function or class around an indented region. Comments at its end are in no node, hence the rule."""
    before = [node for node in tree.body if node.lineno <= region.begin]
    node = before[-1] if before else None
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        fix = "Put it in a top-level function or class, or around one top-level constant."
        raise fault("This solution region is in no function or class.", fix, path, region.begin)
    if any(region.begin < other.lineno < region.end for other in tree.body):
        raise fault("This solution region runs into the next definition.", "End it before.", path, region.begin)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    kind: Kind = "class" if isinstance(node, ast.ClassDef) else "function"
    return _Found(node, node.name, kind, [region], first, max(node.end_lineno or 0, region.end))


def _constant(tree: ast.Module, region: Region, path: Path) -> _Found:
    inside = [node for node in tree.body if region.begin < node.lineno < region.end]
    fix = "Between markers at the left margin stands one `NAME: type = value`; functions keep theirs inside."
    if len(inside) != 1 or not isinstance(inside[0], ast.AnnAssign) or inside[0].value is None:
        raise fault("A top-level solution region must define one constant.", fix, path, region.begin)
    node = inside[0]
    if not isinstance(node.target, ast.Name):
        raise fault("A top-level solution region must define one constant.", fix, path, node.lineno)
    return _Found(node, node.target.id, "constant", [region], region.begin, region.end)


def _uses(item: _Found, ids: list[str], source: str) -> tuple[str, ...]:
    others = [name for name in ids if name != item.id]
    text = "\n".join(source.split("\n")[item.first - 1 : item.last])
    if not any(re.search(rf"\b{name}\b", text) for name in others):
        return ()
    named = {node.id for node in ast.walk(item.node) if isinstance(node, ast.Name)}
    return tuple(name for name in others if name in named)


def _parts(lines: list[str], found: list[_Found]) -> tuple[Part, ...]:
    parts: list[Part | None] = []
    last = 0
    for item in found:
        parts.append(_part(lines, last + 1, item.first - 1, None))
        parts.append(_part(lines, item.first, item.last, item.id))
        last = item.last
    parts.append(_part(lines, last + 1, len(lines), None))
    return tuple(part for part in parts if part is not None)


def _part(lines: list[str], first: int, last: int, exercise: str | None) -> Part | None:
    """The lines from `first` to `last` without blank ones at either end; None when nothing is left."""
    while first <= last and not lines[first - 1].strip():
        first += 1
    while first <= last and not lines[last - 1].strip():
        last -= 1
    return Part("\n".join(lines[first - 1 : last]) + "\n", first, exercise) if first <= last else None
