"""What each page shows, and that no fault of an expected kind becomes a traceback."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import Grader

from unravel.errors import UnravelError
from unravel.workspace.workspace import Workspace

Open = Callable[..., AppTest]


def words(test: AppTest) -> str:
    """All that the page says."""
    assert not test.exception, [item.value for item in test.exception]
    kinds = (test.title, test.header, test.subheader, test.markdown, test.caption, test.info, test.code)
    said = [str(item.value) for kind in kinds for item in kind]
    return "\n".join(said + [item.proto.body for item in test.get("html")])


def press(test: AppTest, key: str) -> AppTest:
    return test.button(key=key).click().run()


def write(test: AppTest, exercise: str, code: str) -> AppTest:
    return test.text_area(key=f"editor-{exercise}-0").set_value(code).run()


def double(answer: str) -> str:
    return f"def double(x):\n    return {answer}\n"


def test_home_lists_chapters_and_lessons(app: Open) -> None:
    test = app()
    assert "A tiny chapter" in words(test)
    assert "0 of 5 exercises done" in words(test)
    labels = [item.proto.label for item in test.main.get("page_link")]
    assert labels == ["From the top of its lesson: The basics", "The basics", "A little more"]
    assert [button.label for button in test.button] == ["Start: Double a vector"]


def test_the_button_leads_to_the_next_exercise(app: Open) -> None:
    test = press(app(), "continue")
    assert [title.value for title in test.title] == ["The basics"]


def test_a_lesson_shows_prose_maths_demos_and_exercises(app: Open) -> None:
    said = words(app("basics"))
    assert "A vector $x$ has $n$ numbers" in said
    assert "x.square().mean()" in said
    assert "tensor(3.5000)" in said
    assert "Small on purpose" in said
    for title in ("Double a vector", "The mean square after doubling", "Six times seven", "A module that scales"):
        assert title in said


def test_a_prediction_is_asked_before_the_answer_is_shown(app: Open) -> None:
    test = app("basics")
    assert "**four** times" not in words(test)
    box = next(item for item in test.text_area if item.label == "Your prediction")
    box.set_value("twice <b>")
    next(item for item in test.button if item.label == "Show the answer").click().run()
    assert "**four** times" in words(test)
    assert "twice <b>" in [item.value for item in test.code]


def test_a_result_waits_for_the_prediction(app: Open, course_folder: Path) -> None:
    page = course_folder / "chapters/ch00_tiny/basics.md"
    demo = "```{code-cell} python\n6 * 777\n```\n"
    text = page.read_text()
    asked, ended, rest = text.partition("squared as well.\n:::\n::::\n")
    page.write_text(asked + ended + demo + rest)
    test = app("basics")
    assert "6 * 777" in words(test)
    assert "4662" not in words(test)
    assert "tensor(3.5000)" in words(test)
    next(item for item in test.button if item.label == "Show the answer").click().run()
    test.run()
    assert "4662" in words(test)


def test_a_failing_check_saves_and_says_why(app: Open, grader: Grader, workspace: Workspace) -> None:
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    assert "return 3 * x" in (workspace.path / "ch00_tiny" / "basics.py").read_text()
    assert grader.asked == [
        {"cwd": str(workspace.path), "name": "double", "workspace": str(workspace.path)},
    ]
    assert "should be [2.0], not [3.0]" in words(test)
    assert "Not right yet" in words(test)
    test.session_state["ended-double"] = time.monotonic() - 60
    test = write(test, "double", double("4 * x"))
    assert "Your code has changed since this check." in words(test)


def test_text_that_came_in_during_a_check_is_checked_too(app: Open, grader: Grader) -> None:
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    test.session_state["ended-double"] = time.monotonic()
    test = write(test, "double", double("2 * x"))
    assert len(grader.asked) == 2
    assert "Passed" in words(test)
    test.session_state["ended-double"] = time.monotonic()
    write(test, "double", double("4 * x"))
    assert len(grader.asked) == 2


def test_a_passing_check_is_recorded(app: Open, grader: Grader, workspace: Workspace) -> None:
    test = press(write(app("basics"), "double", double("2 * x")), "check-double")
    assert "1 attempt so far" in [item.label for item in test.expander]
    assert workspace.store.progress()["double"].passed
    assert "return 2 * x" in test.text_area(key="editor-double-0").value
    fresh = app("basics")
    assert "return 2 * x" in words(fresh)
    assert fresh.button(key="open-double-button").label == "Edit"
    assert fresh.text_area(key="editor-mean_square-0")
    assert [button.label for button in app().button] == ["Continue: The mean square after doubling"]


def test_the_rest_of_the_file_is_left_alone(app: Open, grader: Grader, workspace: Workspace) -> None:
    file = workspace.path / "ch00_tiny" / "basics.py"
    before = file.read_text()
    press(write(app("basics"), "double", double("2 * x")), "save-double")
    start, end = before.index("def double"), before.index("\n\n\ndef mean_square")
    assert file.read_text() == before[:start] + double("2 * x").rstrip() + before[end:]


def test_hints_come_one_by_one_and_are_recorded(app: Open, workspace: Workspace) -> None:
    test = app("basics")
    assert "A tensor times a number" not in words(test)
    test = press(test, "hint-double")
    assert "A tensor times a number" in words(test)
    assert "`2 * x`" not in words(test)
    test = press(test, "hint-double")
    assert "`2 * x`" in words(test)
    assert test.button(key="hint-double").disabled
    assert workspace.store.progress()["double"].hints == 2


def test_the_solution_is_for_those_who_give_up(app: Open, workspace: Workspace) -> None:
    test = app("basics")
    assert "return 2 * x" not in words(test)
    test = press(test, "solution-double-give-up")
    assert "return 2 * x" in words(test)
    assert workspace.store.progress()["double"].gave_up


def test_starting_over_gives_the_stub_back(app: Open, grader: Grader, workspace: Workspace) -> None:
    test = press(write(app("basics"), "double", double("3 * x")), "save-double")
    test = press(test, "reset-double")
    assert "raise NotImplementedError()" in test.text_area(key="editor-double-1").value
    assert "return 3 * x" not in (workspace.path / "ch00_tiny" / "basics.py").read_text()
    assert any("return 3 * x" in path.read_text() for path in (workspace.inner / "backups").rglob("basics.py"))


def test_a_file_changed_elsewhere_is_not_overwritten(app: Open, grader: Grader, workspace: Workspace) -> None:
    test = write(app("basics"), "double", double("3 * x"))
    file = workspace.path / "ch00_tiny" / "basics.py"
    theirs = file.read_text().replace("import torch", "import math\nimport torch")
    file.write_text(theirs)
    test = press(test, "check-double")
    assert "changed elsewhere" in words(test)
    assert file.read_text() == theirs
    assert grader.asked == []
    assert "3 * x" in test.text_area(key="editor-double-0").value
    test = press(test, "Keep what is here-double")
    press(test, "save-double")
    assert file.read_text().startswith(theirs[: theirs.index("def double")])
    assert "return 3 * x" in file.read_text()


def test_an_untouched_editor_follows_the_file(app: Open, workspace: Workspace) -> None:
    test = app("basics")
    file = workspace.path / "ch00_tiny" / "basics.py"
    file.write_text(file.read_text().replace("raise NotImplementedError()", "return 5 * x", 1))
    test = test.run()
    assert "return 5 * x" in test.text_area(key="editor-double-1").value


def test_what_was_written_survives_a_failed_save(app: Open, workspace: Workspace) -> None:
    test = write(app("basics"), "double", double("3 * x"))
    shutil.move(workspace.path / "ch00_tiny", workspace.path / "away")
    test = press(test, "save-double")
    assert "unravel update" in words(test)
    shutil.move(workspace.path / "away", workspace.path / "ch00_tiny")
    test = test.run()
    assert "3 * x" in test.text_area(key="editor-double-0").value


def test_a_fault_of_the_grader_is_a_box(app: Open, grader: Grader) -> None:
    grader.fault = UnravelError("The warm server hung up.", fix="Check again.")
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    assert "The warm server hung up." in words(test)
    grader.fault = None
    test = press(test, "check-double")
    assert "The warm server hung up." not in words(test)
    assert "should be [2.0]" in words(test)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</pre><img src=x onerror=alert(1)>"])
def test_hostile_text_is_shown_as_text(app: Open, grader: Grader, text: str) -> None:
    grader.message = text
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    bodies = "".join(item.proto.body for item in test.get("html"))
    assert text not in bodies
    assert text.replace("<", "&lt;").replace(">", "&gt;") in bodies
    assert not any(item.allow_html for item in test.markdown)


def test_no_workspace_says_how_to_make_one(app: Open, workspace: Workspace) -> None:
    shutil.rmtree(workspace.path)
    said = words(app())
    assert "is in no workspace" in said
    assert "unravel init" in said


def test_damaged_settings_are_told(app: Open, workspace: Workspace) -> None:
    (workspace.inner / "workspace.toml").write_text("learner = [")
    assert "settings are damaged" in words(app())


def test_a_broken_lesson_is_told_with_its_line_and_the_others_open(app: Open, course_folder: Path) -> None:
    page = course_folder / "chapters" / "ch00_tiny" / "basics.md"
    page.write_text(page.read_text().replace(":points: 1\n", ":points: many\n", 1))
    said = words(app())
    assert "basics.md, line" in said
    assert "many" in said
    said = words(app("more"))
    assert "Count up" in said


def test_a_notebook_workspace_sends_the_learner_to_jupyter(app: Open, grader: Grader, workspace: Workspace) -> None:
    settings = workspace.inner / "workspace.toml"
    settings.write_text(settings.read_text().replace('"py"', '"ipynb"'))
    test = app("basics")
    assert "in Jupyter" in words(test)
    assert "double" in words(press(test, "check-double"))
    assert len(grader.asked) == 1


def test_a_mishap_is_told_and_not_thrown(app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    test = app()

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("unravel.workspace.store.Store.attempts", broken)
    monkeypatch.setattr("unravel.workspace.store.Store.history", broken)
    test = test.run()
    assert "This page broke (ZeroDivisionError)" in words(test)
    assert "secret detail" not in words(test)
