"""What every page needs: the course, the workspace, the learner's progress. Nothing here draws."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from unravel.course.load import load_sound
from unravel.course.model import Course, Exercise, Lesson
from unravel.errors import ContentError, UnravelError
from unravel.export.demos import DemoOutput, demo_codes, digest, run_demos
from unravel.grading import client
from unravel.paths import content_root
from unravel.workspace.guide import UNTOUCHED
from unravel.workspace.progress import ExerciseProgress
from unravel.workspace.workspace import RECORDS, VARIABLE, Workspace

# The first page and the warm server come first: they need the processor more than demos that nobody waits for.
AHEAD_SECONDS = 20.0
CALM_SECONDS = 4.0
DRAWN_SECONDS = 1.5


@dataclass(frozen=True)
class Desk:
    """The course as far as it can be read, what is wrong with it, and the learner's workspace."""

    course: Course
    faults: tuple[ContentError, ...]
    workspace: Workspace
    stamp: int = 0  # changes when a file of the course does

    def stand(self, exercise: Exercise) -> ExerciseProgress:
        """How the learner stands with one exercise, as recorded now."""
        return self.progress().get(exercise.id, UNTOUCHED)

    def progress(self) -> Mapping[str, ExerciseProgress]:
        """How the learner stands, by exercise, as recorded now. Asked again only after something was recorded."""
        whose, stamp = (self.workspace.inner, self.workspace.settings.learner), _recorded(self.workspace)
        known = _KNOWN.get(whose)
        if not stamp or known is None or known[0] != stamp:
            known = _KNOWN[whose] = (stamp, self.workspace.store.progress())
        return known[1]


Recorded = tuple[tuple[int, int, int], ...]
_KNOWN: dict[tuple[Path, str], tuple[Recorded, Mapping[str, ExerciseProgress]]] = {}


def _recorded(workspace: Workspace) -> Recorded:
    """Changes when something is recorded; empty where that can't be told, as in a database on a server."""
    stats = []
    for name in () if workspace.settings.database else (RECORDS, f"{RECORDS}-wal"):
        with suppress(OSError):
            stats.append((workspace.inner / name).stat())
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def open_desk() -> Desk:
    """The desk as the files are now. `UnravelError` when there is no workspace or no course."""
    root = content_root()
    workspace = Workspace.find(workspace_folder())
    stamp = _stamp(root)
    course, faults = _course(root, stamp)
    if not any(course.lessons()) and faults:
        raise faults[0]
    return Desk(course, faults, workspace, stamp)


def workspace_folder() -> Path | None:
    """The folder that the command line named, or None for the current one and `$UNRAVEL_WORKSPACE`."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--workspace", type=Path)
    named: Path | None = parser.parse_known_args(sys.argv[1:])[0].workspace
    if named is None and os.environ.get(VARIABLE):
        named = Path(os.environ[VARIABLE])
    return named


@st.cache_resource(show_spinner=False, max_entries=2)
def _course(root: Path, stamp: int) -> tuple[Course, tuple[ContentError, ...]]:
    course, faults = load_sound(root)
    return course, tuple(faults)


def _stamp(root: Path) -> int:
    """Changes when a file of the course does."""
    return hash(tuple(_stats(root)))


def _stats(root: Path) -> Iterator[tuple[str, int, int]]:
    for files in ("chapters/*/*.*", "solutions/*/*.*", "tests/exercises/*/*.*", "glossary/*.toml"):
        for path in sorted(root.glob(files)):
            try:
                stat = path.stat()
            except OSError:
                continue
            yield str(path), stat.st_mtime_ns, stat.st_size


class Demos:
    """Runs demos in the background, each lesson's once at a time, and those that somebody waits for first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked, self._ahead = threading.Semaphore(2), threading.Semaphore(1)
        self._running: dict[str, Future[list[DemoOutput]]] = {}

    def start(self, lesson: Lesson, *, ahead: bool = False) -> Future[list[DemoOutput]]:
        """The outputs of a lesson's demos, soon. `ahead`: nobody waits for them yet."""
        name = digest(demo_codes(lesson))
        with self._lock:
            known = self._running.get(name)
            if known is None or (not ahead and not known.running() and known.cancel()):
                known = self._running[name] = Future()
                known.add_done_callback(lambda done: self._forget(name, done))
                # No pool of threads: Python would not end before all that waits in it has been run.
                work = (known, self._ahead if ahead else self._asked, lesson)
                threading.Thread(target=_work, args=work, daemon=True).start()
        return known

    def _forget(self, name: str, done: Future[list[DemoOutput]]) -> None:
        """Keeps what went well; what failed may be tried again."""
        failed = done.cancelled() or done.exception() is not None or any(output.error for output in done.result())
        if failed and self._running.get(name) is done:
            self._running.pop(name, None)


def _work(future: Future[list[DemoOutput]], turn: threading.Semaphore, lesson: Lesson) -> None:
    with turn:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(run_demos(lesson))
        except BaseException as error:  # it belongs to who waits for the outputs
            future.set_exception(error)


@st.cache_resource(show_spinner=False)
def demos() -> Demos:
    """The one runner of demos."""
    return Demos()


@st.cache_resource(show_spinner=False)
def warm_up(_desk: Desk) -> None:
    """Starts, once, what a learner would else wait for: the warm server of checks, then the demos of all lessons."""
    if os.environ.get("UNRAVEL_DAEMON", "1") != "0":
        threading.Thread(target=_warm_up, args=(_desk.course,), daemon=True).start()


@st.cache_resource(show_spinner=False)
def ready_for(lesson: str) -> None:
    """Lets the warm server load, once, what the checks of a lesson that is open need: models take seconds."""
    if os.environ.get("UNRAVEL_DAEMON", "1") != "0":
        threading.Thread(target=client.prepare, args=(lesson,), daemon=True).start()


def _warm_up(course: Course) -> None:
    time.sleep(DRAWN_SECONDS)  # the browser draws its first page, and the server of checks would take a core from it
    try:
        connection = client.connect(start=True)
    except (UnravelError, OSError):
        connection = None
    if connection is not None:
        connection.close()
    time.sleep(CALM_SECONDS)
    _warm_playground()
    _settle()
    time.sleep(AHEAD_SECONDS)
    for lesson in course.lessons():
        wait([demos().start(lesson, ahead=True)])


def _settle() -> None:
    """What has been imported stays: a garbage collection need not look at it again, which took 0.2 s each time."""
    gc.collect()
    gc.freeze()


def _warm_playground() -> None:
    """What the playground imports takes seconds; its first model is read too."""
    with suppress(UnravelError):
        from unravel.playground.catalogue import catalogue
        from unravel.playground.subject import load_subject

        for entry in catalogue()[:1]:
            load_subject(entry.name)
