"""The exercise card: text that was never saved, the solution beside one's own, the attempts over time."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import Grader
from tests.platform.app.test_app import double, press, words, write

from unravel.workspace import atomic
from unravel.workspace.workspace import Workspace

Open = Callable[..., AppTest]


def editor(test: AppTest) -> str:
    return str(test.text_area(key="editor-double-0").value)


def test_text_of_a_closed_tab_is_found_again(app: Open, workspace: Workspace) -> None:
    write(app("basics"), "double", double("7 * x"))
    test = app("basics")
    assert "return 7 * x" in editor(test)
    assert "never saved" in words(test)
    assert "return 7 * x" not in (workspace.path / "ch00_tiny" / "basics.py").read_text()
    test = press(test, "Keep what is here-double")
    assert "never saved" not in words(test)
    press(test, "save-double")
    assert "return 7 * x" in (workspace.path / "ch00_tiny" / "basics.py").read_text()
    assert "never saved" not in words(app("basics"))


def test_found_text_can_be_dropped(app: Open) -> None:
    write(app("basics"), "double", double("7 * x"))
    test = press(app("basics"), "Load the file's version-double")
    assert "return 7 * x" not in str(test.text_area(key="editor-double-1").value)
    assert "return 7 * x" not in editor(app("basics"))


def test_a_full_disk_loses_nothing(app: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app("basics")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_fill", full)
        test = press(write(test, "double", double("7 * x")), "save-double")
        assert "disk is full" in words(test)
        assert "return 7 * x" in editor(test)
    test = press(test, "save-double")
    assert "return 7 * x" in (workspace.path / "ch00_tiny" / "basics.py").read_text()


def test_two_tabs_on_one_file(app: Open, workspace: Workspace) -> None:
    first, second = app("basics"), app("basics")
    second = write(second, "double", double("9 * x"))
    press(write(first, "double", double("7 * x")), "save-double")
    second = press(second, "save-double")
    assert "changed elsewhere" in words(second)
    assert "return 9 * x" in editor(second)
    assert "return 7 * x" in (workspace.path / "ch00_tiny" / "basics.py").read_text()


def test_the_solution_stands_beside_ones_own(app: Open, grader: Grader) -> None:
    grader.right = "return x + x"
    test = press(write(app("basics"), "double", double("x + x")), "check-double")
    test = press(test, "solution-double-toggle")
    shown = words(test)
    assert "-    return x + x" in shown
    assert "+    return 2 * x" in shown


def test_attempts_are_drawn_over_time(app: Open, grader: Grader) -> None:
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    assert 'class="u-timeline"' not in words(test)
    test = press(write(test, "double", double("2 * x")), "check-double")
    assert words(test).count('class="u-column"') == len(grader.asked) >= 2
    assert "Not right yet, 0 of 1 checks" in words(test)
    assert "Passed, 1 of 1 checks" in words(test)
