"""Gives a lesson or one exercise back as it was delivered, after saving what the learner had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from unravel.course.model import Chapter, Course, Lesson
from unravel.errors import UnravelError
from unravel.workspace.atomic import write_atomic
from unravel.workspace.delivered import Delivery, read_deliveries, write_deliveries
from unravel.workspace.notebooks import replace_in_notebook
from unravel.workspace.pieces import replace_piece, stub_piece
from unravel.workspace.stubs import code_of, stub_of

if TYPE_CHECKING:
    from unravel.workspace.workspace import Workspace


@dataclass(frozen=True)
class ResetReport:
    """What was reset: the file, and the copy of what was in it (None when there was no file)."""

    name: str
    path: Path
    backup: Path | None


def reset(workspace: Workspace, course: Course, name: str) -> ResetReport:
    """Resets the lesson or exercise called `name`."""
    found = course.find(name)
    if isinstance(found, Chapter):
        fix = f"Reset one of its lessons: {', '.join(lesson.id for lesson in found.lessons)}."
        raise UnravelError(f"{name!r} is a chapter; a reset takes a lesson or an exercise.", fix=fix)
    if isinstance(found, Lesson):
        return _reset_lesson(workspace, found)
    lesson = course.lesson(found.lesson)
    if not workspace.file(lesson).exists():
        return _reset_lesson(workspace, lesson)
    return _reset_exercise(workspace, lesson, found.id)


def _reset_lesson(workspace: Workspace, lesson: Lesson) -> ResetReport:
    stub, path = stub_of(lesson, workspace.settings.format), workspace.file(lesson)
    deliveries = read_deliveries(workspace.delivered_file)
    backup = _save(workspace, path, _read(path)) if path.exists() else None
    write_atomic(path, stub.text)
    deliveries[workspace.name_of(path)] = Delivery(stub.fingerprint, stub.fingerprint, stub.exercises)
    write_deliveries(workspace.delivered_file, deliveries)
    return ResetReport(lesson.id, path, backup)


def _reset_exercise(workspace: Workspace, lesson: Lesson, exercise: str) -> ResetReport:
    path, stub = workspace.file(lesson), stub_piece(code_of(lesson), exercise)
    old = _read(path)
    replace = replace_in_notebook if path.suffix == ".ipynb" else replace_piece
    try:
        text = old.decode()
        new = replace(text.replace("\r\n", "\n"), exercise, stub)
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        fix = f"Correct that, or reset the whole lesson: `unravel reset {lesson.id}` (your file is saved first)."
        raise UnravelError(f"The file can't be read ({error}).", fix=fix, path=path, line=line) from error
    backup = _save(workspace, path, old)
    write_atomic(path, new.replace("\n", "\r\n") if "\r\n" in text else new)
    return ResetReport(exercise, path, backup)


def _save(workspace: Workspace, path: Path, content: bytes) -> Path:
    """A copy in a folder named after this moment."""
    moment = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    backup = workspace.inner / "backups" / moment / workspace.name_of(path)
    write_atomic(backup, content)
    return backup


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fix = "Give yourself permission to read it, or move it away."
        raise UnravelError(f"This file can't be read: {error.strerror}.", fix=fix, path=path) from error
