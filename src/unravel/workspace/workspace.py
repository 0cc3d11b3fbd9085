"""A learner's folder: their lesson files, and in `.unravel/` what we know of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from unravel.errors import UnravelError
from unravel.workspace.atomic import unwritable
from unravel.workspace.settings import Format, Settings, checked_learner, read_settings, write_settings
from unravel.workspace.store import Store

if TYPE_CHECKING:
    from unravel.course.model import Course, Lesson
    from unravel.workspace.reset import ResetReport
    from unravel.workspace.update import UpdateReport

INNER = ".unravel"
SETTINGS = "workspace.toml"
RECORDS = "progress.db"
VARIABLE = "UNRAVEL_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The folder at `path`. Safe to make anew for each use: it reads files only when asked."""

    path: Path
    settings: Settings

    @staticmethod
    def find(start: Path | None = None) -> Workspace:
        """The workspace that holds the folder `start`.

        Without `start`: the one that holds the current folder, else the one that $UNRAVEL_WORKSPACE names.
        """
        named = os.environ.get(VARIABLE) if start is None else None
        here = (start or Path.cwd()).absolute()
        found = _above(here) or (_above(Path(named).absolute()) if named else None)
        if found is not None:
            return Workspace(found, read_settings(found / INNER / SETTINGS))
        where = f"{here} is in no workspace" + (f", nor is ${VARIABLE} ({named})." if named else ".")
        fix = "Go to your workspace, or make one: `unravel init my-course`."
        raise UnravelError(where, fix=fix)

    @staticmethod
    def create(folder: Path, course: Course, learner: str | None = None, format: Format = "py") -> Workspace:
        """Makes a workspace in `folder` and delivers the course. Files that are already there are kept.

        Killed half-way, it can be run again: the settings, which make it a workspace, are written last.
        """
        folder = folder.absolute()
        if (folder / INNER / SETTINGS).is_file() and _readable(folder):
            fix = "`unravel update` brings it up to date; `unravel next` shows where to go on."
            raise UnravelError(f"{folder} already is a workspace.", fix=fix)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        made = Workspace(folder, Settings(checked_learner(learner or _before(folder)), format, created))
        try:
            made.inner.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(made.inner, error) from error
        made.update(course)
        made.store.prepare()
        write_settings(made.inner / SETTINGS, made.settings)
        return made

    @property
    def inner(self) -> Path:
        """The folder of what is ours."""
        return self.path / INNER

    @property
    def delivered_file(self) -> Path:
        """The list of what was delivered."""
        return self.inner / "delivered.json"

    @cached_property
    def store(self) -> Store:
        """The learner's records."""
        return Store(self.settings.database or self.inner / RECORDS, self.settings.learner)

    def file(self, lesson: Lesson) -> Path:
        """Where the learner's file of a lesson is, whether it exists or not."""
        return self.path / lesson.chapter / f"{lesson.id}.{self.settings.format}"

    def name_of(self, path: Path) -> str:
        """A file's name relative to the workspace, with `/` on every system."""
        return path.relative_to(self.path).as_posix()

    def update(self, course: Course) -> UpdateReport:
        """Brings in what is new in the course, and leaves alone what the learner touched."""
        from unravel.workspace.update import update

        return update(self, course)

    def reset(self, course: Course, name: str) -> ResetReport:
        """Gives the lesson or exercise called `name` back as it was delivered; what was there is saved first."""
        from unravel.workspace.reset import reset

        return reset(self, course, name)


def _above(folder: Path) -> Path | None:
    """The nearest folder, from `folder` up, that has our folder in it.

    One whose settings are missing counts too: to walk past it would grade another workspace in silence.
    """
    return next((item for item in (folder, *folder.parents) if (item / INNER).is_dir()), None)


def _before(folder: Path) -> str | None:
    """Whose records lie in a workspace that lost its settings: under another id they would be out of sight."""
    records = folder / INNER / RECORDS
    return next(iter(Store(records, "").learners()), None) if records.is_file() else None


def _readable(folder: Path) -> bool:
    try:
        read_settings(folder / INNER / SETTINGS)
    except UnravelError:
        return False
    return True
