"""One lesson from its three files: the page, the solution and the checks must tell of the same exercises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from unravel.course.checks import ChecksFile, read_checks
from unravel.course.code import Code, CodeFile, read_code
from unravel.course.edits import edited
from unravel.course.faults import Faults, near
from unravel.course.layout import Files
from unravel.course.model import Check, Demo, Edit, Exercise, Lesson
from unravel.course.page import Page, PageExercise, read_page
from unravel.course.rules import fault

T = TypeVar("T")


def read_lesson(chapter: str, files: Files, faults: Faults) -> Lesson | None:
    """The lesson in these files; None when a file is too broken to go on."""
    page, page_is_sound = _sound(faults, lambda: read_page(files.page, faults))
    code, _ = _sound(faults, lambda: read_code(files.solution))
    checks, checks_are_sound = _sound(faults, lambda: read_checks(files.tests, faults))
    if page is None or code is None or checks is None or not page_is_sound:
        return None
    pairs = _pairs(page, code, faults)
    if pairs is None:
        return None
    if checks_are_sound:
        _check_checks(checks, code, faults)
    _check_demos(page, code, faults)
    for told, _ in pairs:
        _check_needs(told, code, page, faults)
    return Lesson(
        id=files.page.stem,
        chapter=chapter,
        title=page.title,
        page=files.page,
        stub=files.stub,
        solution=files.solution,
        tests=files.tests,
        blocks=page.blocks,
        exercises=tuple(_exercise(told, coded, checks, chapter, files.page.stem) for told, coded in pairs),
        imports=code.imports,
    )


def _sound(faults: Faults, read: Callable[[], T]) -> tuple[T | None, bool]:
    """What `read` gives, and whether it did so without a fault."""
    before = len(faults.found)
    value = None
    with faults.part():
        value = read()
    return value, len(faults.found) == before


def _pairs(page: Page, code: CodeFile, faults: Faults) -> list[tuple[PageExercise, Code]] | None:
    """Page and code, matched one to one and in one order; None, with the faults told, when they don't."""
    before = len(faults.found)
    told = [exercise.id for exercise in page.exercises]
    coded = [exercise.id for exercise in code.exercises]
    for number, exercise in enumerate(page.exercises):
        if exercise.id in told[:number]:
            fix = "An id is unique in the course: rename one of them, in the code as well."
            faults.add(fault(f"Two exercises are called `{exercise.id}`.", fix, page.path, exercise.line))
        elif exercise.id not in coded:
            others = [name for name in coded if name not in told]
            fix = f"{near(exercise.id, others)} Define it in {code.path.name}, with a solution region.".strip()
            faults.add(fault(f"`{exercise.id}` has no code.", fix, page.path, exercise.line))
    for item in code.exercises:
        if item.id not in told:
            fix = f"Add `::::{{exercise}} {item.id}` to {page.path.name}, or take its markers away."
            faults.add(fault(f"`{item.id}` has no place in the page.", fix, code.path, item.line))
    if not told and not coded:
        faults.add(fault("This lesson has no exercise.", "Add one.", page.path, 1))
    if len(faults.found) == before and told != coded:
        _other_order(page, code, faults)
    return list(zip(page.exercises, code.exercises, strict=True)) if len(faults.found) == before else None


def _other_order(page: Page, code: CodeFile, faults: Faults) -> None:
    for told, coded in zip(page.exercises, code.exercises, strict=True):
        if told.id != coded.id:
            fix = f"Move one of them: in line {coded.line} of {code.path.name} stands `{coded.id}`."
            return faults.add(fault(f"`{told.id}` comes in another order than in the code.", fix, page.path, told.line))


def _check_checks(checks: ChecksFile, code: CodeFile, faults: Faults) -> None:
    ids = [item.id for item in code.exercises]
    items: list[Check | Edit] = [*checks.checks, *checks.mistakes, *checks.alternatives]
    for item in items:
        if item.exercise not in ids:
            what = "check" if isinstance(item, Check) else "edit"
            text = f"This {what} is about `{item.exercise}`, which is no exercise of the lesson."
            faults.add(fault(text, near(item.exercise, ids), checks.path, item.line))
        elif isinstance(item, Edit):
            with faults.part():
                edited(code, item.exercise, item, checks.path)
    for name in ids:
        if not any(check.exercise == name for check in checks.checks):
            fix = f'Write a test marked `@checks("{name}")`.'
            faults.add(fault(f"The exercise `{name}` has no check.", fix, checks.path, 1))


def _check_demos(page: Page, code: CodeFile, faults: Faults) -> None:
    """A demo runs before the learner has written anything, so it can't call an exercise."""
    calls = re.compile(rf"^[^#\n]*(?<![\w.])({'|'.join(item.id for item in code.exercises)})\s*\(", re.MULTILINE)
    for demo in [block for block in page.blocks if isinstance(block, Demo)]:
        call = calls.search(demo.code)
        if call is not None:
            line = demo.line + 1 + demo.code.count("\n", 0, call.end())
            fix = "Show it with code of its own: the learner has not written that function yet."
            faults.add(fault(f"This demo calls the exercise `{call[1]}`.", fix, page.path, line))


def _check_needs(told: PageExercise, code: CodeFile, page: Page, faults: Faults) -> None:
    coded = code.exercise(told.id)
    for name in coded.uses if coded else ():
        if name not in told.needs:
            fix = f"Add it to `:needs:`, so that `{told.id}` waits until `{name}` is right."
            faults.add(fault(f"The solution of `{told.id}` uses `{name}`.", fix, page.path, told.needs_line))


def _exercise(told: PageExercise, coded: Code, checks: ChecksFile, chapter: str, lesson: str) -> Exercise:
    return Exercise(
        id=told.id,
        title=told.title,
        chapter=chapter,
        lesson=lesson,
        kind=coded.kind,
        difficulty=told.difficulty,
        minutes=told.minutes,
        points=told.points,
        statement=told.statement,
        hints=told.hints,
        needs=told.needs,
        line=told.line,
        code_line=coded.line,
        checks=tuple(check for check in checks.checks if check.exercise == told.id),
        mistakes=tuple(edit for edit in checks.mistakes if edit.exercise == told.id),
        alternatives=tuple(edit for edit in checks.alternatives if edit.exercise == told.id),
    )


def path_in(root: Path, path: Path) -> str:
    """The path as people write it, from the root of the course."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
