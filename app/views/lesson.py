"""A lesson: its blocks in order, with a card for each exercise."""

from __future__ import annotations

import streamlit as st
from parts.blocks import callout, predict, prose, revealed
from parts.card import exercise_card
from parts.demo import Slots, fill_demos, place_demo
from parts.desk import Desk, ready_for
from parts.fresh import follow, seen
from parts.goto import headed_for, land
from parts.outline import contents
from parts.scripts import run_script
from parts.text import count, plain
from streamlit.navigation.page import StreamlitPage

from unravel.course.model import Block, Callout, Demo, Lesson, Place, Predict, Prose


def lesson_page(desk: Desk, lesson: Lesson, following: StreamlitPage | None) -> None:
    """Draws the page; `following` is the lesson after it."""
    progress = desk.progress()
    passed = {name for name, stand in progress.items() if stand.passed}
    _contents(lesson, passed)
    ready_for(lesson.id)
    seen(desk.workspace.file(lesson))
    land(lesson)
    with st.container(key="editors"):
        run_script("editors")
    st.title(lesson.title, anchor=False)
    minutes = sum(exercise.minutes for exercise in lesson.exercises)
    facts = [count(len(lesson.exercises), "exercise"), count(lesson.points, "point"), f"{minutes} min of exercises"]
    st.html(f'<p class="u-facts"><span>{"</span><span>".join(plain(fact) for fact in facts)}</span></p>')
    todo = [exercise for exercise in lesson.exercises if exercise.id not in passed]
    if todo and len(todo) < len(lesson.exercises):
        st.markdown(f":material/arrow_downward: Go on with [{todo[0].title}](#{todo[0].id})")
    slots: Slots = []
    # The editor is open where the work is, and where the reader came for.
    current = {item.id for item in todo[:1]} | {item.id for item in todo if item.id == headed_for(lesson)}
    for before, block in zip([None, *lesson.blocks], lesson.blocks, strict=False):
        waits = isinstance(before, Predict) and not revealed(lesson, before)
        _block(desk, lesson, block, slots, current, waits)
    if following is not None:
        st.divider()
        st.page_link(following, label=f"Next lesson: {following.title}", icon=":material/arrow_forward:")
    follow(desk.workspace.file(lesson))
    # Last, so that all the rest can be read and used while the demos run for the first time.
    fill_demos(lesson, slots)


def _block(desk: Desk, lesson: Lesson, block: Block, slots: Slots, current: set[str], waits: bool) -> None:
    match block:
        case Prose():
            prose(block)
        case Callout():
            callout(block)
        case Predict():
            predict(lesson, block)
        case Demo():
            place_demo(lesson, block, slots, waits=waits)
        case Place():
            exercise = next(item for item in lesson.exercises if item.id == block.exercise)
            exercise_card(desk, lesson, exercise, exercise.id in current)


def _contents(lesson: Lesson, passed: set[str]) -> None:
    lines = []
    for title, anchor, is_exercise in contents(lesson):
        icon = ":material/check_circle: " if anchor in passed else ":material/edit: " if is_exercise else ""
        lines.append(f"{'  ' if is_exercise else ''}- {icon}[{title}](#{anchor})")
    with st.sidebar, st.container(key="contents"):
        st.markdown("**On this page**")
        st.markdown("\n".join(lines))
        run_script("follow")
