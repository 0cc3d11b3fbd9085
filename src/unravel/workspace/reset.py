"""Gives a lesson or one exercise back as it was delivered, after saving what the learner had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from unravel.course.model import Chapter, Course, Exercise, Lesson
from unravel.errors import UnravelError
from unravel.workspace.atomic import write_atomic
from unravel.workspace.delivered import Delivery, read_deliveries, write_deliveries
from unravel.workspace.notebooks import cell_to_write, replace_in_notebook
from unravel.workspace.pieces import find_piece, replace_piece, stub_piece
from unravel.workspace.stubs import code_of, stub_of

if TYPE_CHECKING:
    from unravel.workspace.workspace import Workspace


@dataclass(frozen=True)
class ResetReport:
    """What was reset: the file, and the copy of what was in it (None when there was no file).

    `appended`: the file had no such exercise (it was renamed, say), so the stub now stands at its end. `note` says
    what else went wrong.
    """

    name: str
    path: Path
    backup: Path | None
    appended: bool = False
    note: str = ""


def reset(workspace: Workspace, course: Course, name: str) -> ResetReport:
    """Resets the lesson or exercise called `name`."""
    found = course.find(name)
    if isinstance(found, Chapter):
        fix = f"Reset one of its lessons: {', '.join(lesson.id for lesson in found.lessons)}."
        raise UnravelError(f"{name!r} is a chapter; a reset takes a lesson or an exercise.", fix=fix)
    lesson = found if isinstance(found, Lesson) else course.lesson(found.lesson)
    if isinstance(found, Lesson) or not workspace.file(lesson).exists():
        return _recorded(workspace, _reset_lesson(workspace, lesson), lesson.exercises)
    return _recorded(workspace, _reset_exercise(workspace, lesson, found.id), (found,))


def _recorded(workspace: Workspace, done: ResetReport, exercises: tuple[Exercise, ...]) -> ResetReport:
    """Opens the exercises again in the records. Where that can't be written, the files are reset all the same."""
    try:
        workspace.store.record_reset(exercises)
    except UnravelError as fault:
        return replace(done, note=f"It could not be recorded, so check it once: {fault}")
    return done


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
    notebook = path.suffix == ".ipynb"
    put, find = (replace_in_notebook, cell_to_write) if notebook else (replace_piece, find_piece)
    try:
        text = old.decode()
        plain = text.replace("\r\n", "\n")
        new, there = put(plain, exercise, stub), find(plain, exercise)
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        fix = f"Correct that, or reset the whole lesson: `unravel reset {lesson.id}` (your file is saved first)."
        raise UnravelError(f"The file can't be read ({error}).", fix=fix, path=path, line=line) from error
    backup = _save(workspace, path, old)
    write_atomic(path, new.replace("\n", "\r\n") if "\r\n" in text else new)
    return ResetReport(exercise, path, backup, appended=there is None and new != plain)


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
