"""What can go wrong under a learner's feet: the page says what happened, and what was written is not lost."""

from __future__ import annotations

import errno
import shutil
from concurrent.futures import Future
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import Grader
from tests.platform.app.test_app import Open, double, press, words, write

from unravel.errors import UnravelError
from unravel.export.demos import DemoOutput
from unravel.workspace import atomic
from unravel.workspace.workspace import Workspace


def editor(test: AppTest) -> str:
    return str(test.text_area(key="editor-double-0").value)


def test_a_full_disk_stops_the_check_and_keeps_the_text(
    app: Open, grader: Grader, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = app("basics")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_fill", full)
        test = press(write(test, "double", double("2 * x")), "check-double")
        assert "disk is full" in words(test)
        assert "return 2 * x" in editor(test)
        assert grader.asked == []
    test = press(test, "check-double")
    assert "disk is full" not in words(test)
    assert "Passed" in words(test)


def test_a_deleted_workspace_leaves_what_was_written_on_the_page(
    app: Open, grader: Grader, workspace: Workspace
) -> None:
    test = write(app("basics"), "double", double("7 * x"))
    shutil.rmtree(workspace.path)
    said = words(test.run())
    assert "is in no workspace" in said
    assert "What you wrote" in said
    assert "return 7 * x" in said
    assert "Count up" not in said


def test_a_workspace_that_comes_back_finds_the_text_in_its_editor(app: Open, workspace: Workspace) -> None:
    test = write(app("basics"), "double", double("7 * x"))
    shutil.move(workspace.path, workspace.path.with_name("away"))
    assert "What you wrote" in words(test.run())
    shutil.move(workspace.path.with_name("away"), workspace.path)
    test.query_params["lesson"] = "basics"
    test = test.run()
    assert "What you wrote" not in words(test)
    assert "return 7 * x" in editor(test)


def test_a_file_that_is_gone_leaves_the_editor_as_it_was(app: Open, grader: Grader, workspace: Workspace) -> None:
    test = write(app("basics"), "double", double("7 * x"))
    (workspace.path / "ch00_tiny" / "basics.py").unlink()
    test = press(test, "check-double")
    assert "unravel update" in words(test)
    assert "return 7 * x" in editor(test)
    assert grader.asked == []
    assert "return 8 * x" in editor(write(test, "double", double("8 * x")))


def test_a_lesson_that_breaks_while_it_is_read(
    app: Open, grader: Grader, workspace: Workspace, course_folder: Path
) -> None:
    test = write(app("basics"), "double", double("7 * x"))
    page = course_folder / "chapters" / "ch00_tiny" / "basics.md"
    sound = page.read_text()
    page.write_text(sound.replace(":points: 1\n", ":points: many\n", 1))
    said = words(test.run())
    assert "This lesson can't be shown" in said
    assert "basics.md, line" in said
    page.write_text(sound)
    assert "return 7 * x" in editor(test.run())


def test_a_course_that_the_grader_refuses_is_told(app: Open, grader: Grader) -> None:
    grader.fault = UnravelError("more.md, line 7: points must be a number.", fix="Mend the file.")
    test = press(write(app("basics"), "double", double("7 * x")), "check-double")
    assert "points must be a number" in words(test)
    assert "return 7 * x" in editor(test)


def test_a_card_that_breaks_leaves_the_rest_of_the_page(app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app("basics")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("parts.card._verdict", broken)
    said = words(test.run())
    assert "This page broke (ZeroDivisionError)" in said
    assert "secret detail" not in said
    assert "A module that scales" in said


def test_a_page_does_not_wait_for_its_demos(app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app("basics")
    running: Future[list[DemoOutput]] = Future()
    monkeypatch.setattr("parts.desk.Demos.start", lambda *_, **__: running)
    said = words(test.run())
    assert "demos of this page are running" in said
    assert "tensor(3.5000)" not in said
    assert test.button(key="check-double")
    running.set_result([DemoOutput("", value="tensor(3.5000)", error="NameError: x")])
    said = words(test.run())
    assert "demos of this page are running" not in said
    assert "tensor(3.5000)" in said
    assert "NameError: x" in said
