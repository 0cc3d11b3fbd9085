"""The first page: where to go on, the days of work, and the map of the course."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from parts.clock import zone
from parts.desk import Desk
from parts.fault import faults_shown, show_fault
from parts.figures import calendar, figures, hours
from parts.goto import head_for
from parts.text import badge, count, plain
from streamlit.navigation.page import StreamlitPage

from unravel.course.model import Chapter, Course, Exercise
from unravel.workspace.activity import Activity, activity
from unravel.workspace.course_map import Progress, State, Stop, course_map
from unravel.workspace.guide import first_open, next_exercise
from unravel.workspace.overview import Totals, totals

Pages = Mapping[str, StreamlitPage]

_ICONS = {State.DONE: "check_circle", State.BEGUN: "timelapse", State.OPEN: "article", State.WAITING: "hourglass_empty"}
_BADGES = {
    State.DONE: ("Done", "good"),
    State.BEGUN: ("In progress", "note"),
    State.OPEN: ("Open", "calm"),
    State.WAITING: ("Waiting", "calm"),
}


def home(desk: Desk, pages: Pages) -> None:
    """Draws the page. `pages` are those of the lessons."""
    st.title("Unravel", anchor=False)
    st.markdown("Mechanistic interpretability, by doing it: read, write a function, learn at once whether it is right.")
    for fault in desk.faults:
        show_fault(fault)
    store = desk.workspace.store
    progress, events = desk.progress(), store.history()
    begun = bool(events)
    with faults_shown():
        _go_on(desk, pages, begun=begun)
    if begun:
        _so_far(totals(desk.course, progress), activity(events, zone=zone()))
    st.header("The course", anchor="course")
    stops = course_map(desk.course, progress)
    for chapter in desk.course.chapters:
        if chapter.lessons:
            _chapter(desk.course, chapter, stops, progress, pages)


def _go_on(desk: Desk, pages: Pages, *, begun: bool) -> None:
    here = next_exercise(desk.workspace, desk.course)
    if here is None:
        st.success("You have passed every exercise of the course.", icon=":material/check_circle:")
        return
    exercise = here.exercise
    words = "Continue" if begun else "Start"
    with st.container(border=True, key="go-on"):
        if st.button(f"{words}: {exercise.title}", type="primary", icon=":material/arrow_forward:", key="continue"):
            head_for(exercise.id)
            st.switch_page(pages[exercise.lesson])
        if not begun:
            st.markdown("Read what stands above it, write a few lines, and press **Check**. That is all.")
        facts = [f"{exercise.minutes} min", count(exercise.points, "point"), f"difficulty {exercise.difficulty} of 5"]
        st.html(_facts(facts))
        label = f"From the top of its lesson: {desk.course.lesson(exercise.lesson).title}"
        st.page_link(pages[exercise.lesson], label=label, icon=":material/menu_book:")


def _so_far(sums: Totals, active: Activity) -> None:
    figures(
        {
            "Exercises done": f"{sums.done} of {sums.exercises}",
            "Points": f"{sums.points} of {sums.max_points}",
            "Exercises left": f"about {hours(sums.minutes_left)}",
            "Streak": count(active.streak, "day"),
        }
    )
    calendar(active)


def _chapter(course: Course, chapter: Chapter, stops: Mapping[str, Stop], progress: Progress, pages: Pages) -> None:
    mine = [stops[lesson.id] for lesson in chapter.lessons]
    with st.container(border=True, key=f"chapter-{chapter.id}"):
        st.subheader(chapter.title, anchor=chapter.id)
        st.markdown(chapter.summary)
        done, total = sum(stop.stand.done for stop in mine), sum(len(stop.stand.lesson.exercises) for stop in mine)
        points, most = sum(stop.stand.points for stop in mine), sum(stop.stand.lesson.points for stop in mine)
        left = sum(stop.minutes for stop in mine)
        facts = [f"{done} of {count(total, 'exercise')} done", f"{points} of {count(most, 'point')}"]
        facts.append(f"{hours(left)} of exercises left" if left else "nothing left to do")
        st.html(_facts([*facts, f"about {chapter.hours:g} h in all"]))
        for stop in mine:
            _lesson(stop, pages)
        _waiting(course, mine, progress, pages)
        with st.expander("What you will be able to do"):
            st.markdown("\n".join(f"- {goal}" for goal in chapter.goals))


def _lesson(stop: Stop, pages: Pages) -> None:
    lesson, stand = stop.stand.lesson, stop.stand
    total = len(lesson.exercises)
    left, right = st.columns([5, 4], vertical_alignment="center", gap="small")
    with left:
        st.page_link(pages[lesson.id], label=lesson.title, icon=f":material/{_ICONS[stop.state]}:")
    with right:
        said = f"{stand.done} of {total}, {stand.points} of {count(lesson.points, 'point')}"
        full = 100 * stand.done / total if total else 0
        bar = f'<span class="u-bar" aria-hidden="true"><span style="width: {full:.0f}%"></span></span>'
        st.html(f'<div class="u-stop">{badge(*_BADGES[stop.state])}<span>{plain(said)}</span>{bar}</div>')
    if stand.broken:
        st.caption(f"{count(len(stand.broken), 'exercise')} passed before and must be mended.")


def _waiting(course: Course, stops: list[Stop], progress: Progress, pages: Pages) -> None:
    """What to do first, once for the whole chapter, where some of its lessons wait."""
    wanted = {item.id: item for stop in stops if stop.state is State.WAITING for item in stop.waits_for}
    for item in wanted.values():
        exercise = item if isinstance(item, Exercise) else _open_in(course, item, progress)
        label = f"First: {item.title}"
        st.page_link(
            pages[exercise.lesson],
            label=label,
            icon=":material/subdirectory_arrow_right:",
            query_params={"exercise": exercise.id},
        )


def _open_in(course: Course, chapter: Chapter, progress: Progress) -> Exercise:
    """Where a chapter that is not done is gone on with."""
    part = Course(course.root, (chapter,))
    found = first_open(part, progress)
    assert found is not None  # it is waited for, so something of it is open
    return found


def _facts(facts: list[str]) -> str:
    return f'<p class="u-facts"><span>{"</span><span>".join(plain(fact) for fact in facts)}</span></p>'
