"""Home and progress: what a newcomer sees, what somebody with a history sees, and links that lead to an exercise."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import Grader
from tests.platform.app.test_app import Open, double, press, words, write

from unravel.workspace.workspace import Workspace

HOSTILE = "</dl><script>alert(1)</script><img src=x onerror=alert(1)>"
Record = Callable[..., Any]


@pytest.fixture
def record(workspace: Workspace) -> Record:
    """Records one attempt, as the grader does."""

    def record(exercise: str, status: str, diagnosis: str = "") -> None:
        result = {"id": exercise, "status": status, "points": int(status == "passed"), "max_points": 1}
        head = {"seed": 1, "tier": "full", "official": True, "sha256": "0" * 64}
        workspace.store.record_report({**head, "exercises": [{**result, "duration": 0.1, "diagnosis": diagnosis}]})

    return record


def html(test: AppTest) -> str:
    assert not test.exception, [item.value for item in test.exception]
    return "".join(item.proto.body for item in test.get("html"))


def target(test: AppTest) -> str:
    """Where the page scrolls to; empty: nowhere."""
    found = re.search(r'class="u-goto" hidden data-target="([^"]*)"', html(test))
    return found[1] if found else ""


def progress_view() -> AppTest:
    def script() -> None:
        from functools import partial

        import streamlit as st
        from parts.desk import open_desk
        from views.progress import progress_page

        desk = open_desk()
        pages = {item.id: st.Page(print, title=item.title, url_path=item.id) for item in desk.course.lessons()}
        view = st.Page(partial(progress_page, desk, pages), title="Progress", url_path="p", default=True)
        st.navigation([view, *pages.values()]).run()

    return AppTest.from_function(script, default_timeout=60).run()


def test_a_newcomer_has_one_clear_step_and_no_empty_chart(app: Open) -> None:
    test = app()
    assert [button.label for button in test.button] == ["Start: Double a vector"]
    assert 'class="u-calendar"' not in html(test)
    assert 'class="u-figures"' not in html(test)
    assert ">Open<" in html(test)


def test_somebody_with_a_history_sees_the_days_and_the_states(app: Open, record: Record) -> None:
    record("double", "failed")
    record("double", "passed")
    said = html(app())
    assert "<dt>Exercises done</dt><dd>1 of 5</dd>" in said
    assert "<dt>Streak</dt><dd>1 day</dd>" in said
    assert 'role="img" aria-label="Activity of the last 16 weeks: 1 active day, 1 exercise passed."' in said
    assert ">In progress<" in said


def test_a_lesson_that_waits_says_what_comes_first(app: Open, course_folder: Path) -> None:
    page = course_folder / "chapters" / "ch00_tiny" / "more.md"
    page.write_text(page.read_text().replace(":points:", ":needs: double\n:points:", 1))
    test = app()
    assert ">Waiting<" in html(test)
    assert "First: Double a vector" in [item.proto.label for item in test.main.get("page_link")]


def test_continue_leads_to_the_exercise_itself(app: Open, record: Record) -> None:
    record("double", "passed")
    test = press(app(), "continue")
    assert [title.value for title in test.title] == ["The basics"]
    assert target(test) == "mean_square"


def test_a_link_names_an_exercise(app: Open) -> None:
    test = app()
    test.query_params["exercise"] = "Scale"
    test = test.run()
    assert [title.value for title in test.title] == ["The basics"]
    assert target(test) == "Scale"
    assert "exercise" not in test.query_params
    assert test.text_area(key="editor-Scale-0")  # it is open, though it is not the next one


def test_a_link_to_no_exercise_says_so(app: Open) -> None:
    test = app()
    test.query_params["exercise"] = "duoble<b>"
    said = html(test.run())
    assert "There is no chapter, lesson or exercise called" in said
    assert "Did you mean double?" in said
    assert "<b>" not in said.replace("&lt;b&gt;", "")


def test_who_came_by_the_menu_is_not_sent_anywhere(app: Open) -> None:
    assert target(app("basics")) == ""


def test_progress_of_a_newcomer_is_one_step(app: Open) -> None:
    test = progress_view()
    assert "Nothing yet" in words(test)
    assert [button.label for button in test.button] == ["Start: Double a vector"]
    assert not test.header
    assert not test.get("download_button")


def test_progress_shows_status_and_attempts(app: Open, grader: Grader) -> None:
    test = press(write(app("basics"), "double", double("3 * x")), "check-double")
    test.session_state["ended-double"] = 0.0
    press(write(test, "double", double("2 * x")), "check-double")
    said = html(progress_view())
    assert [event.status for event in grader.workspace.store.history()] == ["failed", "passed"]
    assert "<dt>Exercises done</dt><dd>1 of 5</dd>" in said
    assert said.count(">Not right yet<") == 1
    assert said.count('u-good">Passed<') == 2


def test_progress_says_what_was_hard_and_what_to_do(app: Open, record: Record, workspace: Workspace) -> None:
    for _ in range(3):
        record("mean_square", "failed", "you took the `sum`, not the mean")
    workspace.store.record_give_up("Scale")
    test = progress_view()
    said = html(test)
    assert "Named 3 times:" in said
    assert "you took the <code>sum</code>, not the mean" in said
    assert "3 failed attempts" in said
    assert "solution seen" in said
    links = {item.proto.label: item.proto.query_string for item in test.main.get("page_link")}
    assert links["**The mean square after doubling**"] == "exercise=mean_square"
    assert links["**A module that scales**"] == "exercise=Scale"
    assert [item.proto.label for item in test.get("download_button")] == ["Report to print", "JSON"]


def test_hostile_names_and_records_are_shown_as_text(app: Open, record: Record, workspace: Workspace) -> None:
    settings = workspace.inner / "workspace.toml"
    for _ in range(3):
        record("mean_square", "failed", HOSTILE)
    # What left the course since is shown by its recorded name.
    record(HOSTILE, "failed")
    said = html(progress_view())
    settings.write_text(settings.read_text().replace('"ann"', f"'{HOSTILE}'"))
    said += html(app())
    assert "<img" not in said
    assert "<script>alert" not in said
    assert said.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3
