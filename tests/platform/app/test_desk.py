"""What the app does once, and not in every redraw; and that nothing it began keeps it from ending."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import REPOSITORY, Grader
from tests.platform.app.test_app import Open, double, press, words, write

from unravel.workspace.database import Database
from unravel.workspace.progress import PROGRESS_QUERY
from unravel.workspace.workspace import Workspace

SLEEPER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from parts import desk
from unravel.course.load import load_course
desk.run_demos = lambda lesson: time.sleep(600)
for lesson in load_course().lessons():
    desk.demos().start(lesson)
    desk.demos().start(lesson, ahead=True)
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reach the database."""
    statements: list[str] = []
    run: Callable[..., list[tuple[object, ...]]] = Database.run

    def noted(database: Database, statement: str, values: object) -> list[tuple[object, ...]]:
        statements.append(statement)
        return run(database, statement, values)

    monkeypatch.setattr(Database, "run", noted)
    return statements


def test_progress_is_read_again_only_when_something_was_recorded(
    app: Open, grader: Grader, workspace: Workspace, asked: list[str]
) -> None:
    test = app("basics")
    asked.clear()
    test = test.run()
    assert PROGRESS_QUERY not in asked
    workspace.store.record_hint("double", 1)
    assert "A tensor times a number" in words(test.run())
    assert PROGRESS_QUERY in asked
    test = press(write(test, "double", double("2 * x")), "check-double")
    assert "Passed" in words(test)


def test_scripts_are_read_once(app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    text = Path.read_text

    def noted(path: Path, *rest: object, **named: object) -> str:
        read.append(path.name)
        return text(path, *rest, **named)  # type: ignore[arg-type]

    test: AppTest = app("basics")
    bodies = "".join(item.proto.body for item in test.get("html"))
    assert bodies.count("<script>") == len(list((REPOSITORY / "app").glob("*.js")))
    monkeypatch.setattr(Path, "read_text", noted)
    test.run()
    assert [name for name in read if name.endswith(".js")] == []


def test_the_app_ends_while_demos_run(workspace: Workspace) -> None:
    began = time.monotonic()
    line = [sys.executable, "-c", SLEEPER, str(REPOSITORY / "app")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 60
