"""The first page: the map of the course, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from parts.desk import Desk
from parts.fault import faults_shown, show_fault
from parts.text import count, plain
from streamlit.navigation.page import StreamlitPage

from unravel.course.model import Chapter
from unravel.workspace.guide import LessonStand, next_exercise, stands


def home(desk: Desk, pages: Mapping[str, StreamlitPage]) -> None:
    """Draws the page. `pages` are those of the lessons."""
    st.title("Unravel", anchor=False)
    st.markdown("Mechanistic interpretability, by doing it: read, write a function, learn at once whether it is right.")
    for fault in desk.faults:
        show_fault(fault)
    _go_on(desk, pages)
    standing = {stand.lesson.id: stand for stand in stands(desk.workspace, desk.course)}
    for chapter in desk.course.chapters:
        if chapter.lessons:
            _chapter(chapter, standing, pages)


def _go_on(desk: Desk, pages: Mapping[str, StreamlitPage]) -> None:
    with faults_shown():
        here = next_exercise(desk.workspace, desk.course)
        if here is None:
            st.success("You have passed every exercise of the course.", icon=":material/check_circle:")
            return
        title = here.exercise.title
        begun = bool(desk.workspace.store.progress())
        words = "Continue" if begun else "Start"
        if st.button(f"{words}: {title}", type="primary", icon=":material/arrow_forward:", key="continue"):
            st.switch_page(pages[here.exercise.lesson])


def _chapter(chapter: Chapter, standing: Mapping[str, LessonStand], pages: Mapping[str, StreamlitPage]) -> None:
    mine = [standing[lesson.id] for lesson in chapter.lessons]
    with st.container(border=True, key=f"chapter-{chapter.id}"):
        st.subheader(chapter.title, anchor=chapter.id)
        st.markdown(chapter.summary)
        done, total = sum(stand.done for stand in mine), sum(len(stand.lesson.exercises) for stand in mine)
        points, most = sum(stand.points for stand in mine), sum(stand.lesson.points for stand in mine)
        facts = [f"{done} of {count(total, 'exercise')} done", f"{points} of {count(most, 'point')}"]
        facts.append(f"about {chapter.hours:g} h")
        st.html(f'<p class="u-facts"><span>{"</span><span>".join(plain(fact) for fact in facts)}</span></p>')
        for stand in mine:
            _lesson(stand, pages)
        with st.expander("What you will be able to do"):
            st.markdown("\n".join(f"- {goal}" for goal in chapter.goals))


def _lesson(stand: LessonStand, pages: Mapping[str, StreamlitPage]) -> None:
    lesson, total = stand.lesson, len(stand.lesson.exercises)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        icon = ":material/check_circle:" if stand.done == total else ":material/article:"
        st.page_link(pages[lesson.id], label=lesson.title, icon=icon)
    with right:
        text = f"{stand.done} of {total}, {stand.points} of {count(lesson.points, 'point')}"
        st.progress(stand.done / total if total else 0.0, text=text)
        if stand.broken:
            st.caption(f"{count(len(stand.broken), 'exercise')} passed before and must be mended.")
