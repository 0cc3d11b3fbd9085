"""The exercise card: text that was never saved, the solution beside one's own, the attempts over time."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import Grader
from tests.platform.app.test_app import double, press, words, write

from unravel.workspace import atomic
from unravel.workspace.models import Attempt
from unravel.workspace.store import Store
from unravel.workspace.workspace import Workspace

Open = Callable[..., AppTest]


def mean_square(answer: str) -> str:
    return f"def mean_square(x):\n    return {answer}\n"


def unfold_attempts(test: AppTest) -> AppTest:
    test.session_state["attempts-double"] = True
    return test.run()


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


def test_two_exercises_of_one_file_are_written_at_once(app: Open, workspace: Workspace) -> None:
    """To save one is no change elsewhere to the other."""
    file = workspace.path / "ch00_tiny" / "basics.py"
    test = press(app("basics"), "open-mean_square-button")
    test = write(test, "mean_square", mean_square("1.5"))
    test = press(write(test, "double", double("7 * x  # one\n    # line more")), "save-double")
    assert "changed elsewhere" not in words(test)
    assert "return 1.5" in test.text_area(key="editor-mean_square-0").value
    press(test, "save-mean_square")
    assert "return 7 * x" in file.read_text()
    assert "# line more" in file.read_text()
    assert "return 1.5" in file.read_text()


def test_a_change_around_the_exercise_leaves_its_editor_alone(app: Open, workspace: Workspace) -> None:
    test = app("basics")
    file = workspace.path / "ch00_tiny" / "basics.py"
    file.write_text(file.read_text().replace("import torch", "import math\nimport torch"))
    press(write(test.run(), "double", double("7 * x")), "save-double")
    assert "import math" in file.read_text()
    assert "return 7 * x" in file.read_text()


def test_what_was_just_typed_outlives_a_change_elsewhere(app: Open, workspace: Workspace) -> None:
    test = app("basics")
    file = workspace.path / "ch00_tiny" / "basics.py"
    file.write_text(file.read_text().replace("raise NotImplementedError()", "return 5 * x", 1))
    test = write(test, "double", double("7 * x"))
    assert "changed elsewhere" in words(test)
    assert "return 7 * x" in editor(test)
    assert "return 5 * x" in file.read_text()


def test_the_solution_stands_beside_ones_own(app: Open, grader: Grader) -> None:
    grader.right = "return x + x"
    test = press(write(app("basics"), "double", double("x + x")), "check-double")
    test = press(test, "solution-double-toggle")
    shown = words(test)
    assert "-    return x + x" in shown
    assert "+    return 2 * x" in shown


def test_attempts_are_drawn_over_time(app: Open, grader: Grader) -> None:
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    test = unfold_attempts(test)
    assert 'class="u-timeline"' not in words(test)
    test = unfold_attempts(press(write(test, "double", double("2 * x")), "check-double"))
    assert words(test).count('class="u-column"') == len(grader.asked) >= 2
    assert "Not right yet, 0 of 1 checks" in words(test)
    assert "Passed, 1 of 1 checks" in words(test)


def test_reports_of_old_attempts_are_read_for_who_asks(
    app: Open, grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    attempts = Store.attempts

    def counted(store: Store, exercise: str | None = None) -> list[Attempt]:
        read.append(exercise or "")
        return attempts(store, exercise)

    monkeypatch.setattr(Store, "attempts", counted)
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    assert "1 attempt so far" in [item.label for item in test.expander]
    assert read == []
    assert "just now" in words(unfold_attempts(test))
    assert read == ["double"]
