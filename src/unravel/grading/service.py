"""Answers requests for checks: finds the file and the exercises, grades, records. With or without the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unravel.course.load import load_course
from unravel.course.model import Course, Exercise, Lesson
from unravel.errors import UnravelError
from unravel.grading.engine import Engine, refused, tier_notes, version
from unravel.grading.loading import Unit
from unravel.grading.report import Report, Tier
from unravel.grading.source import Source
from unravel.workspace.guide import first_open
from unravel.workspace.saved import last_saved
from unravel.workspace.workspace import Workspace

if TYPE_CHECKING:
    from unravel.workspace.store import Store

Emit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """What to check. `name` covers an exercise, lesson or chapter; `file` or `units` replaces the workspace's file."""

    cwd: str
    name: str | None = None
    file: str | None = None
    seed: int | None = None
    units: tuple[tuple[str, str], ...] = ()
    workspace: str | None = None


@dataclass(frozen=True)
class Job:
    """One submission to grade."""

    lesson: Lesson
    exercises: tuple[Exercise, ...]
    path: Path | None


class Service:
    """Holds the course and the engine, and reads the course again when its files change."""

    def __init__(self, root: Path, *, isolation: str = "auto"):
        self._root = root
        self._isolation = isolation
        self._stamp = ""
        self._engine: Engine | None = None

    def close(self) -> None:
        """Ends the warm processes."""
        if self._engine is not None:
            self._engine.close()

    def engine(self) -> Engine:
        """The engine over the course as it is on disk now."""
        stamp = _stamp(self._root)
        if self._engine is None:
            self._engine = Engine(load_course(self._root), isolation=self._isolation)
        elif stamp != self._stamp:
            self._engine.course = load_course(self._root)
        self._stamp = stamp
        return self._engine

    def check(self, request: Request, emit: Emit) -> None:
        """Grades and records; emits each check, each exercise and, per submission, a report. Raises `UnravelError`."""
        engine = self.engine()
        workspace = find_workspace(request)
        for job in resolve(engine.course, workspace, request):
            report = self._grade(engine, job, request, workspace.settings.learner if workspace else "", emit)
            note = _record(workspace, report)
            emit({"event": "report", "report": {**report.to_json(), "notes": [*report.notes, *note]}})

    def _grade(self, engine: Engine, job: Job, request: Request, learner: str, emit: Emit) -> Report:
        try:
            source = source_of(job, request)
        except UnravelError as fault:
            return _unreadable(job, fault, engine.prepare(job.lesson).tier)
        names = [exercise.id for exercise in job.exercises]
        return engine.check(source, names, seed=request.seed, learner=learner, on_event=emit)


def source_of(job: Job, request: Request) -> Source:
    """What to grade: the cells that came with the request, or the file."""
    if request.units:
        text = "\n".join(source for _, source in request.units)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return Source("notebook", tuple(Unit(*unit) for unit in request.units), digest)
    assert job.path is not None
    return Source.read(job.path)


def _unreadable(job: Job, fault: UnravelError, tier: Tier) -> Report:
    from datetime import UTC, datetime

    name = job.path.name if job.path else "notebook"
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    results = refused(job.exercises, fault)
    return Report(0, tier, tier is not Tier.NONE, now, 0.0, name, "", results, tier_notes(tier), version())


def find_workspace(request: Request) -> Workspace | None:
    """The learner's workspace, or None when the request brings its own code."""
    try:
        return Workspace.find(Path(request.cwd))
    except UnravelError:
        if request.workspace:  # what $UNRAVEL_WORKSPACE names, where the command was given
            return Workspace.find(Path(request.workspace))
        if request.file or request.units:
            return None
        raise


def resolve(course: Course, workspace: Workspace | None, request: Request) -> Iterator[Job]:
    """The submissions that a request is about, in the order of the course."""
    exercises = _wanted(course, workspace, request)
    for lesson in course.lessons():
        mine = tuple(exercise for exercise in exercises if exercise.lesson == lesson.id)
        if mine:
            yield Job(lesson, mine, _path(lesson, workspace, request))


def _wanted(course: Course, workspace: Workspace | None, request: Request) -> Sequence[Exercise]:
    if request.name is not None:
        found = course.exercises_of(request.name)
        if request.file and len({exercise.lesson for exercise in found}) > 1:
            raise UnravelError("One file holds one lesson.", fix="Name a lesson or an exercise along with --file.")
        return found
    if request.file:
        return course.lesson(Path(request.file).stem).exercises
    if workspace is None:
        raise UnravelError("It isn't clear what to check.", fix="Name an exercise, a lesson or a chapter.")
    return _at_hand(course, workspace).exercises


def _at_hand(course: Course, workspace: Workspace) -> Lesson:
    """The lesson saved last; before anything was, the one that `unravel next` shows."""
    saved = last_saved(workspace, course)
    if saved is not None:
        return saved
    if not any(workspace.file(lesson).is_file() for lesson in course.lessons()):
        raise UnravelError(
            "The workspace holds no lesson file.",
            fix="`unravel update` brings them back.",
            path=workspace.path,
        )
    here = first_open(course, workspace.store.progress())
    return course.lesson(here.lesson) if here else next(course.lessons())


def _path(lesson: Lesson, workspace: Workspace | None, request: Request) -> Path | None:
    if request.file:
        return Path(request.cwd, request.file)
    return None if request.units or workspace is None else workspace.file(lesson)


def _record(workspace: Workspace | None, report: Report) -> list[str]:
    """Records the attempt; a store that can't be written costs the record, not the report."""
    if workspace is None:
        return []
    try:
        store: Store = workspace.store
        store.record_report(report.to_json())
    except (UnravelError, OSError) as fault:
        return [f"This attempt could not be recorded: {fault}"]
    return []


def _stamp(root: Path) -> str:
    """Changes when a file of the course does."""
    digest = hashlib.sha256()
    for folder in ("chapters", "solutions", "tests/exercises"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".md", ".py", ".toml"):
                stat = path.stat()
                digest.update(f"{path}:{stat.st_mtime_ns}:{stat.st_size}\n".encode())
    return digest.hexdigest()
