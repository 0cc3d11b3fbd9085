"""Watch mode: checks on save, waits for nobody, and never leaves the exercise before the learner says so."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unravel.course.load import load_course
from unravel.errors import UnravelError
from unravel.grading import watch as module
from unravel.grading.client import connect
from unravel.grading.report import ExerciseResult, Report, Status, Tier
from unravel.grading.watch import Watcher
from unravel.workspace.workspace import Workspace

RIGHT = {"double": Status.PASSED}


class Desk:
    """A watcher whose checks end when, and as, the test says."""

    def __init__(self, root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.course = load_course(root)
        self.workspace = Workspace.create(folder, self.course)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.answers: list[Any] = []
        self.go = threading.Semaphore(0)
        monkeypatch.setattr(module, "check", self._check)
        self.watcher = Watcher(self.workspace, self.course, self.course.exercise("double"), say=self.said.append)
        self.thread = threading.Thread(target=self.watcher.loop, daemon=True)
        self.thread.start()

    def _check(self, request: dict[str, Any]) -> list[Report]:
        self.asked.append(request["name"])
        assert self.go.acquire(timeout=10)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        report = self.report(request["name"], answer)
        self.workspace.store.record_report(report.to_json())
        return [report]

    def report(self, name: str, status: Status) -> Report:
        exercise = self.course.exercise(name)
        result = ExerciseResult(name, exercise.title, exercise.chapter, exercise.lesson, status, 0, exercise.points)
        return Report(1, Tier.FULL, True, "2025-01-01T00:00:00.000+00:00", 0.1, "basics.py", "", (result,))

    def end(self, answer: Any) -> None:
        """Lets the check that runs end with this status or exception."""
        self.answers.append(answer)
        self.go.release()

    def key(self, key: str) -> None:
        self.watcher.inbox.put(("key", key))

    def save(self, name: str = "ch00_tiny/basics.py") -> None:
        self.watcher.inbox.put(("saved", os.fspath(self.workspace.path / name)))

    def hears(self, text: str, seconds: float = 5.0) -> None:
        """Waits until something with this text was said."""
        end = time.monotonic() + seconds
        while not any(text in line for line in self.said):
            assert time.monotonic() < end, (text, self.said)
            time.sleep(0.01)
        self.said.clear()

    def asks(self, count: int, seconds: float = 5.0) -> None:
        """Waits until this many checks were begun, and makes sure that no more are."""
        end = time.monotonic() + seconds
        while len(self.asked) < count:
            assert time.monotonic() < end, self.asked
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(self.asked) == count


@pytest.fixture
def desk(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(tiny, tmp_path / "work", monkeypatch)
    yield desk
    for _ in range(5):
        desk.end(Status.FAILED)
    desk.key("q")
    desk.thread.join(5)
    assert not desk.thread.is_alive()


def test_it_names_the_exercise_the_place_and_the_keys_and_checks(desk: Desk):
    desk.asks(1)
    text = "\n".join(desk.said)
    assert "Double a vector" in text
    assert "(double, 1 point)" in text
    assert f"{desk.workspace.path}/ch00_tiny/basics.py:15" in text
    assert "h hint" in text
    assert desk.asked == ["double"]


def test_saving_checks_and_saving_another_file_does_not(desk: Desk):
    desk.asks(1)
    desk.end(Status.FAILED)
    desk.hears("0/1 point")  # the report; the title was said before
    desk.save("ch00_tiny/more.py")
    desk.save("notes.py")
    desk.asks(1)
    desk.save()
    desk.asks(2)


def test_saves_while_a_check_runs_lead_to_one_more(desk: Desk):
    desk.asks(1)
    desk.said.clear()
    for _ in range(5):
        desk.save()
    desk.end(Status.FAILED)
    desk.asks(2)
    assert [line for line in desk.said if "checking" not in line] == [], (
        "what was found of an older version is not shown"
    )
    desk.end(Status.PASSED)
    desk.hears("for the next exercise")
    desk.asks(2)


def test_keys_answer_while_a_check_runs(desk: Desk):
    desk.asks(1)
    desk.key("h")
    desk.hears("Hint 1 of 2: A tensor times a number", 1)
    desk.key("h")
    desk.hears("Hint 2 of 2", 1)
    desk.key("h")
    desk.hears("(the last one there is)", 1)
    desk.key("l")
    desk.hears("> basics", 1)
    desk.key("?")
    desk.hears("q quit", 1)


def test_next_waits_until_the_exercise_is_passed(desk: Desk):
    desk.asks(1)
    desk.end(Status.FAILED)
    desk.hears("0/1 point")  # the report; the title was said before
    desk.key("n")
    desk.hears("`double` isn't passed yet")
    desk.save()
    desk.end(Status.PASSED)
    desk.hears("next exercise")
    assert desk.watcher.exercise.id == "double", "it stays until the learner says next"
    desk.key("n")
    desk.hears("The mean square after doubling")
    assert desk.asked[-1] == "mean_square"


def test_a_check_again_key(desk: Desk):
    desk.asks(1)
    desk.end(Status.FAILED)
    desk.hears("0/1 point")  # the report; the title was said before
    desk.key("c")
    desk.asks(2)


@pytest.mark.parametrize("fault", [UnravelError("A plain fault."), KeyError("a bug")])
def test_a_check_that_fails_is_told_and_the_next_save_checks(desk: Desk, fault: Exception):
    desk.asks(1)
    desk.end(fault)
    desk.hears("A plain fault." if isinstance(fault, UnravelError) else "The check failed (KeyError")
    desk.save()
    desk.asks(2)


def test_when_all_is_passed_it_says_so(desk: Desk):
    desk.asks(1)
    for exercise in desk.course.exercises():
        desk.workspace.store.record_report(desk.report(exercise.id, Status.PASSED).to_json())
    desk.end(Status.PASSED)
    desk.hears("next exercise")
    desk.key("n")
    desk.hears("Every exercise is passed")


def test_another_lesson_that_is_saved_is_told_once_with_the_way_to_it(desk: Desk):
    desk.asks(1)
    desk.end(Status.FAILED)
    desk.hears("0/1 point")  # the report; the title was said before
    desk.save("ch00_tiny/more.py")
    desk.save("ch00_tiny/more.py")
    desk.save("notes.py")
    desk.key("?")
    end = time.monotonic() + 5
    while module.KEYS not in desk.said and time.monotonic() < end:
        time.sleep(0.01)
    assert desk.said == [
        "You saved more.py; I watch basics.py, for double.",
        "To switch: q, then `unravel watch more`.",
        module.KEYS,
    ]


def test_a_slow_check_is_told_and_a_quick_one_is_not(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.asks(1)
    desk.hears("checking ...", module.SLOW_SECONDS + 2)
    desk.end(Status.FAILED)
    desk.hears("0/1 point")  # the report; the title was said before
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.3)
    desk.save()
    desk.end(Status.FAILED)
    desk.hears("0/1 point")  # the report; the title was said before
    time.sleep(0.4)
    assert desk.said == []


def test_next_goes_through_the_open_exercises_of_a_named_lesson_in_order(desk: Desk):
    desk.watcher.lesson = desk.course.lesson("basics")
    desk.workspace.store.record_report(desk.report("ANSWER", Status.PASSED).to_json())
    for name, status in (("double", Status.FAILED), ("mean_square", Status.PASSED), ("Scale", Status.PASSED)):
        desk.hears(f"({name},")
        desk.end(status)
        desk.hears(("✗ " if status is Status.FAILED else "✓ ") + name)
        desk.key("n")
    desk.hears("(double,")
    desk.end(Status.FAILED)
    desk.hears("✗ double")
    desk.key("n")
    desk.hears("`double` isn't passed yet")
    desk.save()
    desk.end(Status.PASSED)
    desk.hears("next exercise")
    desk.key("n")
    desk.hears("Every exercise of basics is passed")
    desk.asks(6)
    assert desk.asked == ["double", "mean_square", "Scale", "double", "double", "count_up"]


# The real thing, in a terminal.


class Terminal:
    """A process in a pseudo terminal."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str]):
        self.pid, self.number = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(command[0], command, env)
        self.text = ""

    def hears(self, text: str, seconds: float) -> float:
        """Waits until this was printed since the last call; returns the seconds that it took."""
        begun = time.monotonic()
        while text not in self.text:
            left = begun + seconds - time.monotonic()
            assert left > 0, f"{text!r} did not come:\n{self.text}"
            if select.select([self.number], [], [], left)[0]:
                self.text += os.read(self.number, 65536).decode(errors="replace")
        self.text = self.text.partition(text)[2]
        return time.monotonic() - begun

    def key(self, key: str) -> None:
        os.write(self.number, key.encode())


@pytest.fixture
def terminal(tmp_path: Path, tiny_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Terminal, Path]]:
    (tmp_path / "run").mkdir()
    variables = {"UNRAVEL_RUNTIME": tmp_path / "run", "UNRAVEL_COURSE": tiny_copy, "UNRAVEL_CACHE": tmp_path / "cache"}
    for name, value in variables.items():
        monkeypatch.setenv(name, os.fspath(value))
    monkeypatch.delenv("UNRAVEL_DAEMON", raising=False)
    Workspace.create(tmp_path / "work", load_course(tiny_copy))
    code = "from unravel.grading.watch import watch; raise SystemExit(watch(None))"
    running = Terminal([sys.executable, "-c", code], tmp_path / "work", {**os.environ, "COLUMNS": "200"})
    yield running, tmp_path / "work/ch00_tiny/basics.py"
    running.key("q")
    os.waitpid(running.pid, 0)
    connection = connect(start=False)
    if connection is not None:
        with connection:
            connection.sendall(b'{"op": "stop"}\n')


def test_a_session_in_a_terminal(terminal: tuple[Terminal, Path], tiny: Path):
    screen, path = terminal
    stub = path.read_text()
    body = "    # YOUR CODE HERE\n    raise NotImplementedError()"
    screen.hears("Write it in", 20)
    screen.hears("not started", 40)
    path.write_text(stub.replace(body, "    return x + 2", 1))
    screen.hears("You added 2 to each number", 15)
    path.write_text(stub.replace(body, "    while True: pass", 1))
    time.sleep(1.0)
    screen.key("h")
    assert screen.hears("Hint 1 of 2", 3) < 1
    screen.key("l")
    assert screen.hears("more", 3) < 1
    screen.hears("loop that never ends", 15)
    whole = tiny / "solutions/ch00_tiny/basics.py"
    shutil.copy(whole, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)
    screen.hears("for the next exercise", 15)
    screen.key("n")
    screen.hears("The mean square after doubling", 5)
    screen.hears("for the next exercise", 15)
