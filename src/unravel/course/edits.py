"""Applying a mistake or an alternative to a solution."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from textwrap import dedent

from unravel.course.code import Code, CodeFile, parse, read_code
from unravel.course.markers import indented
from unravel.course.model import Edit, Exercise
from unravel.errors import ContentError

NEXT_REGION = "### NEXT REGION"


def apply_edit(source: str, exercise: Exercise | str, edit: Edit, path: Path | None = None) -> str:
    """The solution file's source with the edit made to the exercise; the markers stay.

    With `edit.old`, that text becomes `edit.new`; it must occur exactly once in the exercise's regions, read
    without their indent. Without, `edit.new` replaces the whole region; for an exercise of several regions it
    has as many pieces, parted by lines `### NEXT REGION`. `path`, that of the checks, is for the error.
    """
    name = exercise if isinstance(exercise, str) else exercise.id
    changed = edited(_read(source), name, edit, path)
    try:
        parse(changed, Path("solution.py"))
    except ContentError as error:
        fix = f"With it, line {error.line} of the solution reads: {_line(changed, error.line)!r}."
        raise _fault(f"This edit of `{name}` is {error.fault[:1].lower()}{error.fault[1:]}", fix, path, edit) from None
    return changed


def edited(file: CodeFile, name: str, edit: Edit, path: Path | None = None) -> str:
    """`apply_edit` on a file that was read before, without the proof that the result is Python."""
    code = file.exercise(name)
    if code is None:
        fix = f"Its exercises: {', '.join(f'`{item.id}`' for item in file.exercises) or 'none'}."
        raise _fault(f"`{name}` is no exercise of the solution.", fix, path, edit)
    texts = _replaced(code, edit, path) if edit.old is not None else _whole(code, edit, path)
    lines = file.source.split("\n")
    for region, text in sorted(zip(code.regions, texts, strict=True), key=lambda pair: -pair[0].begin):
        lines[region.begin : region.end - 1] = indented(text, region.indent).removesuffix("\n").split("\n")
    return "\n".join(lines)


@lru_cache(maxsize=16)
def _read(source: str) -> CodeFile:
    """One solution is edited many times over, once for each of its mistakes."""
    return read_code(Path("solution.py"), source)


def _replaced(code: Code, edit: Edit, path: Path | None) -> list[str]:
    old = edit.old or ""
    count = sum(region.text.count(old) for region in code.regions)
    if count != 1:
        often = "does not occur" if count == 0 else f"occurs {count} times"
        fix = "Make `right` a piece of code that occurs exactly once there, without the region's indent."
        raise _fault(f"{old!r} {often} in the solution of `{code.id}`.", fix, path, edit)
    return [region.text.replace(old, edit.new) for region in code.regions]


def _whole(code: Code, edit: Edit, path: Path | None) -> list[str]:
    pieces = edit.new.split(NEXT_REGION)
    if len(pieces) != len(code.regions):
        fix = f"Give one piece of code for each, with a line `{NEXT_REGION}` between them."
        regions = f"{len(code.regions)} solution region{'s' if len(code.regions) > 1 else ''}"
        raise _fault(f"`{code.id}` has {regions}; this edit has {len(pieces)}.", fix, path, edit)
    return [dedent(piece).strip("\n").rstrip() + "\n" for piece in pieces]


def _line(source: str, line: int | None) -> str:
    lines = source.split("\n")
    return lines[line - 1].strip() if line and line <= len(lines) else ""


def _fault(text: str, fix: str, path: Path | None, edit: Edit) -> ContentError:
    return ContentError(text, fix=fix, path=path, line=edit.line)
