"""`unravel watch`: checks the exercise at hand whenever its file is saved, and waits for the learner to say next.

Three threads feed one queue: the keyboard, the file watcher and the check that is running. The loop only reads the
queue, so an endless loop in an exercise keeps nobody waiting: it ends when its check's time is over.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from unravel.course.load import load_course
from unravel.course.model import Course, Exercise, Lesson
from unravel.errors import UnravelError
from unravel.grading.client import check
from unravel.grading.render import render_report
from unravel.grading.report import Report, Status
from unravel.paths import content_root
from unravel.workspace.guide import next_exercise, next_hint, spot, stands
from unravel.workspace.workspace import Workspace

DEBOUNCE_MS = 200
SLOW_SECONDS = 0.5
KEYS = "n next   h hint   l list   c check again   q quit"


@dataclass
class Watcher:
    """The state of one session: the exercise at hand, whether a check runs, and whether a save came meanwhile.

    `lesson` is the one to go through, where one was named; `strangers` are the other files that we spoke of.
    """

    workspace: Workspace
    course: Course
    exercise: Exercise
    say: Callable[[str], None] = click.echo
    inbox: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)
    stop: threading.Event = field(default_factory=threading.Event)
    running: bool = False
    again: bool = False
    passed: bool = False
    lesson: Lesson | None = None
    strangers: set[Path] = field(default_factory=set)
    checks: int = 0

    @property
    def path(self) -> Path:
        """The file in which the exercise at hand is written."""
        return self.workspace.file(self.course.lesson(self.exercise.lesson))

    def loop(self) -> None:
        """Answers events until the learner quits."""
        self.open(self.exercise)
        while not self.stop.is_set():
            kind, value = self.inbox.get()
            getattr(self, f"on_{kind}")(value)

    def open(self, exercise: Exercise) -> None:
        """Makes `exercise` the one at hand, and checks it."""
        self.exercise, self.passed = exercise, False
        where = spot(self.workspace, self.course, exercise)
        points = f"{exercise.points} point{'s' if exercise.points != 1 else ''}"
        self.say(f"\n{click.style(exercise.title, bold=True)}  ({exercise.id}, {points})")
        line = f":{where.line}" if where.line is not None else ""
        self.say(f"Write it in {where.path}{line}; saving that file checks it.\n{click.style(KEYS, dim=True)}")
        self.check()

    def check(self) -> None:
        """Starts a check, or remembers to when one is running."""
        if self.running:
            self.again = True
            return
        self.running = True
        self.checks += 1
        slow = threading.Timer(SLOW_SECONDS, self.inbox.put, [("slow", self.checks)])
        slow.daemon = True
        slow.start()
        threading.Thread(target=self._check, args=(self.exercise.id,), daemon=True).start()

    def _check(self, name: str) -> None:
        try:
            reports = check({"cwd": os.fspath(self.workspace.path), "name": name})
            self.inbox.put(("report", reports[0]))
        except UnravelError as fault:
            self.inbox.put(("fault", str(fault)))
        except Exception as fault:  # else the loop would wait for this check for ever
            self.inbox.put(("fault", f"The check failed ({type(fault).__name__}: {fault}). Please report it."))

    def on_saved(self, path: str) -> None:
        """A file was saved: checks when it is the one at hand, and says so, once, when it is another lesson's."""
        saved = Path(path).resolve()
        if saved == self.path.resolve():
            self.check()
            return
        files = {self.workspace.file(lesson).resolve(): lesson for lesson in self.course.lessons()}
        if saved in files and saved not in self.strangers:
            self.strangers.add(saved)
            self.say(f"You saved {saved.name}; I watch {self.path.name}, for {self.exercise.id}.")
            self.say(f"To switch: q, then `unravel watch {files[saved].id}`.")

    def on_slow(self, number: int) -> None:
        """A check has run for a while: says so when it still does."""
        if self.running and number == self.checks:
            self.say(click.style("checking ...", dim=True))

    def on_report(self, report: Report) -> None:
        """A check ended: shows it, and goes on when a save came meanwhile."""
        self.running = False
        if self.again:
            self.again = False
            self.check()
            return
        self.say("\n" + render_report(report, color=sys.stdout.isatty()))
        self.passed = all(result.status is Status.PASSED for result in report.exercises)
        if self.passed:
            self.say(f"Press {click.style('n', bold=True)} for the next exercise.")

    def on_fault(self, text: str) -> None:
        """A check could not be run."""
        self.running = self.again = False
        self.say(f"\n{text}\n{KEYS}")

    def on_key(self, key: str) -> None:
        """A key was pressed; an unknown one shows which there are."""
        action = {"n": self._next, "h": self._hint, "l": self._list, "c": self.check, "q": self.stop.set}.get(key)
        try:
            action() if action else self.say(KEYS)
        except UnravelError as fault:
            self.say(str(fault))

    def _next(self) -> None:
        if self.lesson is not None and (todo := self._todo(self.lesson)):
            self.say(_unpassed(self.exercise)) if todo[0] is self.exercise else self.open(todo[0])
            return
        if self.lesson is not None:
            self.say(f"Every exercise of {self.lesson.id} is passed.")
        place = next_exercise(self.workspace, self.course)
        if place is None:
            self.say("Every exercise is passed. Well done!")
        elif place.exercise.id == self.exercise.id:
            self.say(_unpassed(self.exercise))
        else:
            self.open(place.exercise)

    def _todo(self, lesson: Lesson) -> list[Exercise]:
        """The lesson's open exercises in order, beginning after the one at hand, which comes last."""
        ids = [item.id for item in lesson.exercises]
        after = ids.index(self.exercise.id) + 1 if self.exercise.id in ids else 0
        progress = self.workspace.store.progress()
        order = [*lesson.exercises[after:], *lesson.exercises[:after]]
        return [item for item in order if item.id not in progress or not progress[item.id].passed]

    def _hint(self) -> None:
        rung = next_hint(self.workspace, self.course, self.exercise.id)
        last = "" if rung.fresh else " (the last one there is)"
        self.say(f"\nHint {rung.number} of {rung.total}{last}: {rung.text}")

    def _list(self) -> None:
        for stand in stands(self.workspace, self.course):
            here = ">" if stand.lesson.id == self.exercise.lesson else " "
            self.say(f"{here} {stand.lesson.id:<24} {stand.done}/{len(stand.lesson.exercises)} passed")


def _unpassed(exercise: Exercise) -> str:
    return f"`{exercise.id}` isn't passed yet. Save the file to check it, or press h for a hint."


def watch(name: str | None) -> int:
    """Runs a session on `name`, an exercise or a lesson, or on the first exercise that isn't passed."""
    workspace = Workspace.find()
    course = load_course(content_root())
    first = _first(workspace, course, name)
    if first is None:
        click.echo("Every exercise is passed. Name one to watch it all the same.")
        return 0
    named = course.find(name) if name is not None else None
    watcher = Watcher(workspace, course, first, lesson=named if isinstance(named, Lesson) else None)
    with _keyboard(watcher):
        threading.Thread(target=_files, args=(watcher,), daemon=True).start()
        try:
            watcher.loop()
        except KeyboardInterrupt:
            watcher.stop.set()
    return 0


def _first(workspace: Workspace, course: Course, name: str | None) -> Exercise | None:
    if name is None:
        place = next_exercise(workspace, course)
        return place.exercise if place else None
    progress = workspace.store.progress()
    exercises = course.exercises_of(name)
    todo = [item for item in exercises if item.id not in progress or not progress[item.id].passed]
    return (todo or list(exercises))[0]


def _files(watcher: Watcher) -> None:
    from watchfiles import watch as changes

    for batch in changes(watcher.workspace.path, debounce=DEBOUNCE_MS, step=50, stop_event=watcher.stop):
        for path in {path for _, path in batch if path.endswith((".py", ".ipynb"))}:
            watcher.inbox.put(("saved", path))


@contextmanager
def _keyboard(watcher: Watcher) -> Iterator[None]:
    """Feeds single keys to the watcher while there is a terminal; without one, lines of standard input."""
    threading.Thread(target=_keys, args=(watcher,), daemon=True).start()
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _keys(watcher: Watcher) -> None:
    while key := os.read(sys.stdin.fileno(), 1):
        if key.strip():
            watcher.inbox.put(("key", key.decode(errors="replace")))
    watcher.inbox.put(("key", "q"))
