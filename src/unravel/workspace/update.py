"""Brings lessons into a workspace: new ones are added, untouched ones replaced, the learner's own work is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from unravel.course.model import Course, Lesson
from unravel.errors import UnravelError
from unravel.workspace.atomic import write_atomic
from unravel.workspace.delivered import Delivery, read_deliveries, write_deliveries
from unravel.workspace.stubs import Stub, fingerprint, stub_of

if TYPE_CHECKING:
    from unravel.workspace.workspace import Workspace


class Fate(StrEnum):
    """What became of one lesson file."""

    ADDED = "added"
    RESTORED = "restored"
    REPLACED = "replaced"
    SAME = "same"
    KEPT = "kept"


@dataclass(frozen=True)
class Change:
    """One lesson file. `offer` is where the new stub lies when yours was kept and the lesson has changed.

    `new` and `changed` are the exercises of that stub that your file lacks, or that are no longer what they
    were.
    """

    lesson: str
    path: Path
    fate: Fate
    offer: Path | None = None
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class UpdateReport:
    """What an update did, file by file, in the order of the course."""

    changes: tuple[Change, ...]

    def of(self, fate: Fate) -> tuple[Change, ...]:
        """The changes with that fate."""
        return tuple(change for change in self.changes if change.fate is fate)


def update(workspace: Workspace, course: Course) -> UpdateReport:
    """Delivers every lesson of the course. Killed half-way, the next update goes on where this one ended."""
    deliveries = read_deliveries(workspace.delivered_file)
    changes = []
    for lesson in course.lessons():
        name = workspace.name_of(workspace.file(lesson))
        stub = stub_of(lesson, workspace.settings.format)
        change, deliveries[name] = _deliver(workspace, lesson, stub, deliveries.get(name))
        changes.append(change)
    write_deliveries(workspace.delivered_file, deliveries)
    return UpdateReport(tuple(changes))


def _deliver(workspace: Workspace, lesson: Lesson, stub: Stub, before: Delivery | None) -> tuple[Change, Delivery]:
    path = workspace.file(lesson)
    done = Delivery(stub.fingerprint, stub.fingerprint, stub.exercises)
    if not path.exists():
        write_atomic(path, stub.text)
        return Change(lesson.id, path, Fate.ADDED if before is None else Fate.RESTORED), done
    text = _text(path)
    found = fingerprint(text, workspace.settings.format)
    if found == stub.fingerprint:
        return Change(lesson.id, path, Fate.SAME), done
    if before is not None and found == before.sha256:
        write_atomic(path, stub.text)
        return Change(lesson.id, path, Fate.REPLACED), done
    return _keep(workspace, lesson, stub, before, text)


def _keep(
    workspace: Workspace, lesson: Lesson, stub: Stub, before: Delivery | None, text: str
) -> tuple[Change, Delivery]:
    path = workspace.file(lesson)
    mine = before.sha256 if before else ""
    after = Delivery(mine, stub.fingerprint, stub.exercises)
    if before is not None and before.offered == stub.fingerprint:
        return Change(lesson.id, path, Fate.KEPT), after
    offer = workspace.inner / "new" / workspace.name_of(path)
    write_atomic(offer, stub.text)
    known = before.exercises if before else {}
    new = tuple(name for name in stub.exercises if name not in known and not re.search(rf"\b{name}\b", text))
    changed = tuple(name for name, print_ in stub.exercises.items() if known.get(name, print_) != print_)
    return Change(lesson.id, path, Fate.KEPT, offer, new, changed), after


def _text(path: Path) -> str:
    """The learner's file. Never a reason to stop: one that isn't UTF-8 is theirs, and is kept."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        fix = "Give yourself permission to read it, or move it away; `unravel update` then delivers it anew."
        raise UnravelError(f"This file can't be read: {error.strerror}.", fix=fix, path=path) from error
