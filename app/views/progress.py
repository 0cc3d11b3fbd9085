"""Progress: every exercise with its status, the recent attempts, the totals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import streamlit as st
from parts.desk import Desk
from parts.text import WORDS, ago, badge, plain, stand_badge
from streamlit.navigation.page import StreamlitPage

from unravel.course.model import Lesson
from unravel.workspace.guide import UNTOUCHED
from unravel.workspace.progress import ExerciseProgress

RECENT = 10


def progress_page(desk: Desk, pages: Mapping[str, StreamlitPage]) -> None:
    """Draws the page. `pages` are those of the lessons."""
    st.title("Progress", anchor=False)
    progress = desk.workspace.store.progress()
    totals(desk, progress)
    for lesson in desk.course.lessons():
        st.page_link(pages[lesson.id], label=f"**{lesson.title}**")
        st.html(lesson_table(lesson, progress))
    st.header("Recent attempts", anchor=False)
    st.html(recent_table(desk))


def lesson_table(lesson: Lesson, progress: Mapping[str, ExerciseProgress]) -> str:
    """The exercises of a lesson as an HTML table."""
    head = "".join(f"<th>{name}</th>" for name in ("Exercise", "Status", "Points", "Attempts", "Hints", "Last tried"))
    rows = []
    for exercise in lesson.exercises:
        stand = progress.get(exercise.id, UNTOUCHED)
        gave_up = " (solution seen)" if stand.gave_up and not stand.ever_passed else ""
        cells = [
            f"{plain(exercise.title)}<br><code>{plain(exercise.id)}</code>",
            stand_badge(stand) + gave_up,
            f"{stand.points} of {exercise.points}",
            str(stand.attempts),
            f"{stand.hints} of {len(exercise.hints)}",
            plain(ago(stand.last_at)),
        ]
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f'<table class="u-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def totals(desk: Desk, progress: Mapping[str, ExerciseProgress]) -> None:
    """The figures at the top."""
    exercises = list(desk.course.exercises())
    mine = [progress.get(exercise.id, UNTOUCHED) for exercise in exercises]
    done, points = sum(stand.passed for stand in mine), sum(stand.points for stand in mine)
    columns = st.columns(4)
    columns[0].metric("Exercises done", f"{done} of {len(exercises)}")
    columns[1].metric("Points", f"{points} of {sum(exercise.points for exercise in exercises)}")
    columns[2].metric("Attempts", sum(stand.attempts for stand in mine))
    columns[3].metric("Hints taken", sum(stand.hints for stand in mine))
    st.progress(done / len(exercises) if exercises else 0.0)


def recent_table(desk: Desk) -> str:
    """The last attempts as an HTML table, or what to do to have one."""
    attempts = desk.workspace.store.attempts()[-RECENT:]
    if not attempts:
        return "<p>None yet. Open a lesson, write the first exercise, and check it.</p>"
    head = "".join(f"<th>{name}</th>" for name in ("When", "Exercise", "Status", "Points"))
    rows = []
    for attempt in reversed(attempts):
        cells = [
            plain(ago(datetime.fromisoformat(attempt.created))),
            f"<code>{plain(attempt.exercise)}</code>",
            badge(*WORDS.get(attempt.status, (attempt.status, "calm"))),
            f"{attempt.points} of {attempt.max_points}",
        ]
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f'<table class="u-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
