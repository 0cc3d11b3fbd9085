"""Progress: the days of work, what was hard and what to do about it, the history, and a way to take it along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

import streamlit as st
from parts.clock import zone
from parts.desk import Desk
from parts.figures import calendar, figures, hours
from parts.goto import head_for
from parts.text import WORDS, ago, badge, count, plain, sentence, stand_badge
from streamlit.navigation.page import StreamlitPage

from unravel.course.model import Lesson
from unravel.export.calendar import week_table
from unravel.export.progress import progress_text
from unravel.workspace.guide import UNTOUCHED, first_open
from unravel.workspace.history import Event
from unravel.workspace.overview import Overview, overview
from unravel.workspace.progress import ExerciseProgress
from unravel.workspace.weak import WeakSpot

RECENT = 10
WEAKEST = 5
KINDS = {"hint": ("Saw a hint", "calm"), "give up": ("Saw the solution", "calm")}
Pages = Mapping[str, StreamlitPage]


def progress_page(desk: Desk, pages: Pages) -> None:
    """Draws the page. `pages` are those of the lessons."""
    st.title("Progress", anchor=False)
    found = overview(desk.workspace, desk.course, zone=zone())
    if not found.events:
        _nothing_yet(desk, pages)
        return
    totals(found)
    st.header("Activity", anchor="activity")
    calendar(found.activity)
    with st.expander("Week by week"):
        st.html(week_table(found.activity))
    _weak_spots(found.weak, pages)
    st.header("Lately", anchor="lately")
    st.html(recent_table(found.events, desk))
    st.header("Every exercise", anchor="exercises")
    for chapter in desk.course.chapters:
        if chapter.lessons:
            with st.expander(chapter.title, expanded=len(desk.course.chapters) == 1):
                for lesson in chapter.lessons:
                    st.page_link(pages[lesson.id], label=f"**{lesson.title}**")
                    st.html(lesson_table(lesson, found.progress))
    _take_along(desk, zone())


def _nothing_yet(desk: Desk, pages: Pages) -> None:
    """For a newcomer: what this page will be for, and the one thing to do."""
    st.markdown("Nothing yet. From your first check on, this page shows how far you are and what was hard.")
    first = first_open(desk.course, desk.progress())
    if first is not None:
        label = f"Start: {first.title}"
        if st.button(label, type="primary", icon=":material/arrow_forward:", key="start"):
            head_for(first.id)
            st.switch_page(pages[first.lesson])


def totals(found: Overview) -> None:
    """The figures at the top."""
    sums, active = found.totals, found.activity
    figures(
        {
            "Exercises done": f"{sums.done} of {sums.exercises}",
            "Points": f"{sums.points} of {sums.max_points}",
            "Exercises left": f"about {hours(sums.minutes_left)}",
            "Time spent": f"about {hours(active.total.minutes)}",
            "Attempts": str(sums.attempts),
            "Hints taken": str(sums.hints),
            "Streak": count(active.streak, "day"),
            "Longest streak": count(active.longest, "day"),
        }
    )
    st.progress(sums.done / sums.exercises if sums.exercises else 0.0)


def _weak_spots(spots: Sequence[WeakSpot], pages: Pages) -> None:
    if not spots:
        return
    st.header("What was hard", anchor="weak-spots")
    for spot in spots[:WEAKEST]:
        _weak_spot(spot, pages)
    if len(spots) > WEAKEST:
        with st.expander(f"{len(spots) - WEAKEST} more"):
            for spot in spots[WEAKEST:]:
                _weak_spot(spot, pages)


def _weak_spot(spot: WeakSpot, pages: Pages) -> None:
    exercise = spot.exercise
    with st.container(border=True, key=f"weak-{exercise.id}", gap="small"):
        where = {"exercise": exercise.id}
        icon = ":material/check_circle:" if spot.passed else ":material/edit:"
        st.page_link(pages[exercise.lesson], label=f"**{exercise.title}**", icon=icon, query_params=where)
        signs = "</span><span>".join(plain(sign) for sign in spot.signs)
        named = f"<p><strong>Named {spot.repeats} times:</strong> {sentence(spot.mistake)}</p>" if spot.mistake else ""
        st.html(f'<p class="u-facts"><span>{signs}</span></p>{named}<p>{plain(spot.advice)}</p>')


def lesson_table(lesson: Lesson, progress: Mapping[str, ExerciseProgress]) -> str:
    """The exercises of a lesson as an HTML table."""
    names = ("Exercise", "Status", "Points", "Attempts", "Hints", "Last tried")
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
        rows.append(cells)
    return _table(names, rows)


def recent_table(events: Sequence[Event], desk: Desk) -> str:
    """The last things that were done, as an HTML table."""
    titles = {exercise.id: exercise.title for exercise in desk.course.exercises()}
    rows = []
    for event in reversed(events[-RECENT:]):
        words = KINDS.get(event.kind) or WORDS.get(event.status, (event.status, "calm"))
        name = titles.get(event.exercise, event.exercise)
        rows.append([plain(name), badge(*words), plain(ago(event.moment))])
    return _table(("Exercise", "What", "When"), rows, "u-narrow")


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    head = "".join(f'<th scope="col">{plain(name)}</th>' for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="u-table {kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _take_along(desk: Desk, where: tzinfo | None) -> None:
    """The exports. Each is made when it is asked for, from the records as they are then."""
    from unravel.export.report import report_html

    st.header("Take it along", anchor="export")
    st.markdown("A one-page report to print or send, or everything as JSON for a program to read.")
    name = f"unravel-progress-{datetime.now(where or UTC):%Y-%m-%d}"

    def page() -> str:
        return report_html(overview(desk.workspace, desk.course, zone=where), where)

    def data() -> str:
        return progress_text(overview(desk.workspace, desk.course, zone=where))

    with st.container(horizontal=True):
        _download("Report to print", page, f"{name}.html", "text/html", "description")
        _download("JSON", data, f"{name}.json", "application/json", "data_object")


def _download(label: str, make: Callable[[], str], name: str, mime: str, icon: str) -> None:
    key = f"download-{mime}"
    st.download_button(label, make, name, mime, key=key, icon=f":material/{icon}:", on_click="ignore")
