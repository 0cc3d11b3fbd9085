"""Finds, cuts and replaces one exercise in a learner's source, whatever state the rest of it is in."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from unravel.course.code import CodeFile
from unravel.course.markers import BEGIN, END, STUB, make_stub


@dataclass(frozen=True)
class Piece:
    """The lines from `first` to `last` (from 1), decorators included, comments above not."""

    first: int
    last: int


def find_piece(source: str, name: str) -> Piece | None:
    """Where `name` is defined at the top level: its last definition, since that is the one that counts.

    Raises SyntaxError when the source is not Python.

    >>> find_piece("x = 1\\n\\n@deco\\ndef f():\\n    return x\\n    # done\\n", "f")
    Piece(first=3, last=6)
    """
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        if name in _names(node):
            first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
            return Piece(first, _last(lines, node))
    return None


def replace_piece(source: str, name: str, stub: str) -> str:
    """The source with the definition of `name` replaced by `stub`, all else untouched; appended when it has none."""
    piece = find_piece(source, name)
    if piece is None:
        return source if stub in source else f"{source.rstrip()}\n\n\n{stub}".lstrip("\n")
    lines = source.split("\n")
    first = piece.first - 1
    if stub.startswith(STUB[0]) and first and lines[first - 1].strip() == STUB[0]:
        first -= 1
    return "\n".join([*lines[:first], *stub.rstrip("\n").split("\n"), *lines[piece.last :]])


def stub_piece(code: CodeFile, name: str) -> str:
    """What the learner is first given of one exercise, without the comments above it."""
    return _bare(make_stub(_part(code, name)))


def solution_piece(code: CodeFile, name: str) -> str:
    """The solution of one exercise, with the comments above it, without the markers."""
    lines = _part(code, name).split("\n")
    return "\n".join(line for line in lines if line.strip() not in (BEGIN, END)).rstrip() + "\n"


def where_to_write(source: str, name: str) -> int | None:
    """The line (from 1) where the work on `name` goes on: what still raises, else where it is defined.

    A constant that is not written yet is known by the comment above it. Reads no syntax: a file that is
    half-written has such a line as well.
    """
    lines = source.split("\n")
    start = next((i for i, line in enumerate(lines) if _defines(line, name)), None)
    if start is None:
        told = next((i for i, line in enumerate(lines) if re.match(rf"#.*\b{re.escape(name)}\b", line)), len(lines))
        return next((i + 1 for i in range(told, len(lines)) if lines[i].startswith(STUB[1])), None)
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() == STUB[1] and line[0] in " \t":
            return number + 1
        if line.strip() and line[0] not in " \t)#":
            break
    return start + 1


def _part(code: CodeFile, name: str) -> str:
    return next(part.source for part in code.parts if part.exercise == name)


def _bare(text: str) -> str:
    """Without the comments above; `# YOUR CODE HERE` of a constant is no such comment."""
    lines = text.rstrip().split("\n")
    while lines[0].startswith("#") and lines[0] != STUB[0]:
        lines.pop(0)
    return "\n".join(lines) + "\n"


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _last(lines: list[str], node: ast.stmt) -> int:
    """The node's last line, with the indented comments after it: they belong to its body, but to no node."""
    last = node.end_lineno or node.lineno
    for number in range(last, len(lines)):
        line = lines[number]
        if line.strip() and not (line[0] in " \t" and line.lstrip().startswith("#")):
            break
        if line.strip():
            last = number + 1
    return last


def _defines(line: str, name: str) -> bool:
    return bool(re.match(rf"(?:(?:async\s+)?def|class)\s+{re.escape(name)}\b|{re.escape(name)}\s*[:=](?!=)", line))
