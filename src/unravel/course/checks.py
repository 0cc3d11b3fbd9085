"""A file of checks, read without running it: its tests, the mistakes they must reject, the alternatives."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unravel.course.code import parse
from unravel.course.edits import apply_edit
from unravel.course.faults import Faults, near
from unravel.course.model import DEFAULT_SECONDS, Check, Edit
from unravel.course.text import read_text
from unravel.errors import ContentError

__all__ = ["DEFAULT_SECONDS", "ChecksFile", "apply_edit", "read_checks", "sentence"]

# The parameters of what authors call, in order, with the type of each and its default (... for none).
_CHECKS = {"exercise": (str, ...), "hidden": (bool, False), "seconds": (int | float, DEFAULT_SECONDS)}
_MISTAKE = {"exercise": (str, ...), "why": (str, ...), "right": (str | None, None), "wrong": (str, "")}
_ALTERNATIVE = {"exercise": (str, ...), "how": (str, ...), "code": (str, ...)}


@dataclass(frozen=True)
class ChecksFile:
    """What a file of checks holds, each in the order of the file."""

    path: Path
    checks: tuple[Check, ...]
    mistakes: tuple[Edit, ...]
    alternatives: tuple[Edit, ...]


def read_checks(path: Path, faults: Faults | None = None) -> ChecksFile:
    """The checks, mistakes and alternatives in the tests file at `path`."""
    faults = faults or Faults()
    tree = parse(read_text(path), path)
    tests: list[Check] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            with faults.part():
                tests.append(_check(node, path))
    mistakes = _edits(tree, "MISTAKES", "Mistake", path, faults)
    alternatives = _edits(tree, "ALTERNATIVES", "Alternative", path, faults)
    _no_twins(tests, path, faults)
    return ChecksFile(path, tuple(tests), mistakes, alternatives)


def sentence(name: str) -> str:
    """A test's name as a sentence.

    >>> sentence("test_rows_sum_to_one")
    'Rows sum to one'
    """
    words = name.removeprefix("test").strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def _check(node: ast.FunctionDef, path: Path) -> Check:
    marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call) and _name(mark) == "checks"]
    if len(marks) != 1 or len(node.decorator_list) != 1:
        fix = 'A check has one decorator: `@checks("id")`, with the exercise that it is about.'
        raise _fault(f"`{node.name}` is not marked as a check.", fix, path, node)
    exercise, hidden, seconds = _bind(marks[0], "checks", _CHECKS, path)
    doc = _flowing((ast.get_docstring(node) or "").strip())
    if not doc:
        fix = "Say in one sentence what a right answer does: the learner reads it."
        raise _fault(f"The check `{node.name}` has no docstring.", fix, path, node)
    if "submission" not in [argument.arg for argument in node.args.args]:
        raise _fault(f"`{node.name}` doesn't take `submission`.", "Add the argument.", path, node)
    if seconds <= 0:
        raise _fault(f"`seconds` is {seconds}.", "Give a time above 0.", path, marks[0])
    return Check(node.name, sentence(node.name), doc, exercise, hidden, float(seconds), node.lineno)


def _flowing(text: str) -> str:
    """A docstring without the line breaks inside its paragraphs: whoever shows it wraps it anew."""
    return re.sub(r"(?<=\S)\n(?=[^\s\-*>])", " ", text)


def _no_twins(tests: list[Check], path: Path, faults: Faults) -> None:
    seen: dict[str, int] = {}
    for check in tests:
        if check.name in seen:
            fix = f"Rename one: Python keeps only the last, and line {seen[check.name]} has the other."
            faults.add(ContentError(f"Two checks are called `{check.name}`.", fix=fix, path=path, line=check.line))
        seen[check.name] = check.line


def _edits(tree: ast.Module, name: str, maker: str, path: Path, faults: Faults) -> tuple[Edit, ...]:
    edits = []
    for value in _assigned(tree, name):
        if not isinstance(value, ast.List | ast.Tuple):
            fix = f"Write `{name} = [{maker}(...), ...]`: the course is read without running it."
            faults.add(_fault(f"`{name}` is not a list.", fix, path, value))
            continue
        for item in value.elts:
            with faults.part():
                edits.append(_edit(item, name, maker, path))
    return tuple(edits)


def _assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    found = []
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if any(isinstance(target, ast.Name) and target.id == name for target in targets) and value is not None:
            found.append(value)
    return found


def _edit(item: ast.expr, name: str, maker: str, path: Path) -> Edit:
    if not isinstance(item, ast.Call) or _name(item) != maker:
        raise _fault(f"`{name}` holds something else than `{maker}(...)`.", f"Write `{maker}(...)`.", path, item)
    if maker == "Alternative":
        exercise, why, new = _bind(item, maker, _ALTERNATIVE, path)
        old = None
    else:
        exercise, why, old, new = _bind(item, maker, _MISTAKE, path)
    if not why.strip():
        raise _fault("Nothing says what this one is.", "Write it: people read it.", path, item)
    if old == "" or (old is None and not new.strip()) or old == new:
        fix = "`wrong` (or `code`) is the new code; `right`, if given, is the code that it replaces."
        raise _fault(f"This `{maker}` changes nothing.", fix, path, item)
    return Edit(exercise, why, old, new, item.lineno)


def _bind(call: ast.Call, name: str, parameters: dict[str, tuple[Any, Any]], path: Path) -> list[Any]:
    """The literal arguments of a call, in the order of the parameters."""
    given: dict[str, Any] = {}
    named = [(keyword.arg or "**", keyword.value) for keyword in call.keywords]
    extra = [""] * (len(call.args) - len(parameters))
    for parameter, value in [*zip([*parameters, *extra], call.args, strict=False), *named]:
        if parameter not in parameters or parameter in given:
            fix = near(parameter, parameters)
            raise _fault(f"`{name}` takes no argument `{parameter}` here.", fix, path, value)
        given[parameter] = _literal(value, f"`{parameter}` of `{name}`", parameters[parameter][0], path)
    for parameter, (_, default) in parameters.items():
        if given.setdefault(parameter, default) is ...:
            raise _fault(f"`{name}` has no `{parameter}`.", f"Add `{parameter}=...`.", path, call)
    return [given[parameter] for parameter in parameters]


def _literal(value: ast.expr, what: str, kind: Any, path: Path) -> Any:
    try:
        literal = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError):
        fix = "Write the value itself: the course is read without running it."
        raise _fault(f"{what} is not a literal.", fix, path, value) from None
    if not isinstance(literal, kind) or (isinstance(literal, bool) and kind is not bool):
        wanted = getattr(kind, "__name__", str(kind))
        raise _fault(f"{what} is {literal!r}.", f"It must be of type {wanted}.", path, value)
    return literal


def _name(call: ast.Call) -> str:
    """`f` for `f(...)` and for `module.f(...)`."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _fault(text: str, fix: str, path: Path, node: ast.AST) -> ContentError:
    return ContentError(text, fix=fix, path=path, line=getattr(node, "lineno", None))
