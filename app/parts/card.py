"""The card of one exercise: what to do, where to write it, and what the grader says."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from parts import help
from parts.blocks import course_text
from parts.checking import ask, checked, fault_of, run_if_asked
from parts.desk import Desk
from parts.draft import Draft, draft_of, open_draft
from parts.editor import edit
from parts.fault import faults_shown, mishaps_shown, show_fault
from parts.fresh import seen
from parts.redraw import redraw
from parts.text import badge, count, plain, stand_badge
from parts.verdict import marks
from unravel.course.model import Exercise, Lesson
from unravel.errors import UnravelError
from unravel.grading.render import render_html
from unravel.workspace.progress import ExerciseProgress


@st.fragment
def exercise_card(desk: Desk, lesson: Lesson, exercise: Exercise, current: bool) -> None:
    """Draws the card. A fragment: what happens in it redraws nothing else, unless other parts of the page tell of it.

    The `current` exercise has its editor open. Each editor is a page of its own to the browser, so the others wait
    for a click.
    """
    with st.container(border=True, key=f"card-{exercise.id}"), mishaps_shown():
        stand = desk.stand(exercise)
        _head(exercise, stand)
        course_text(exercise.statement)
        draft = _work(desk, lesson, exercise, current)
        _buttons(desk, exercise, stand, draft, current)
        place = st.empty()
        ran = run_if_asked(desk, exercise, draft, place)
        with place.container():
            _verdict(exercise, draft)
        if ran:
            _catch_up(desk, exercise, stand)
        help.hints(exercise, stand)
        help.shown_solution(desk, exercise, stand, draft)
        help.attempts(desk, exercise, stand)


def _head(exercise: Exercise, stand: ExerciseProgress) -> None:
    st.subheader(exercise.title, anchor=exercise.id)
    dots = "●" * exercise.difficulty + "○" * (5 - exercise.difficulty)
    facts = [
        f"<code>{plain(exercise.id)}</code>",
        f'<span title="Difficulty" aria-label="Difficulty {exercise.difficulty} of 5">{dots}</span>',
        f"{exercise.minutes} min",
        count(exercise.points, "point"),
    ]
    labels = stand_badge(stand) + (badge("Solution seen", "calm") if stand.gave_up and not stand.ever_passed else "")
    st.html(f'<p class="u-facts">{labels}<span>{"</span><span>".join(facts)}</span></p>')


def _work(desk: Desk, lesson: Lesson, exercise: Exercise, current: bool) -> Draft | None:
    """The editor, or the code as it stands, or where else the learner writes."""
    path = desk.workspace.file(lesson)
    if path.suffix != ".py":
        st.caption("Your workspace holds notebooks: write this one in Jupyter, save the notebook, and check here.")
        st.code(str(path), language=None)
        return None
    try:
        draft = open_draft(desk.workspace, lesson, exercise)
    except UnravelError as fault:
        known = draft_of(exercise)
        if known is None:
            raise
        show_fault(fault)
        draft = known  # the file is gone or can't be read: what was written stays, and can be written on
    key = f"open-{exercise.id}"
    if current:
        st.session_state[key] = True
    if not st.session_state.get(key):
        st.code(draft.text, language="python", wrap_lines=True)
        st.button("Edit", key=f"{key}-button", icon=":material/edit:", on_click=_open, args=(key,))
        return draft
    found, lines = checked(exercise), draft.text.count("\n") + 1
    fresh = found is not None and not found.outdated(draft)
    edit(draft, marks(found.result, draft.excerpt.line, lines, path.name) if found and fresh else [])
    return draft


def _buttons(desk: Desk, exercise: Exercise, stand: ExerciseProgress, draft: Draft | None, current: bool) -> None:
    with st.container(horizontal=True, key=f"buttons-{exercise.id}"):
        st.button(
            "Check",
            key=f"check-{exercise.id}",
            type="primary",
            icon=":material/play_arrow:",
            on_click=ask,
            args=(exercise.id,),
            shortcut="Mod+Enter" if current else None,
        )
        if draft is not None:
            save = st.button("Save", key=f"save-{exercise.id}", icon=":material/save:", disabled=not draft.dirty)
            if save:
                with faults_shown():
                    draft.save()
                    seen(draft.excerpt.path)
                    redraw()
        help.hint_button(desk, exercise, stand)
        help.solution_menu(desk, exercise, stand)
        if draft is not None:
            help.reset_menu(desk, exercise, draft)


def _verdict(exercise: Exercise, draft: Draft | None) -> None:
    fault, found = fault_of(exercise), checked(exercise)
    if fault is not None:
        show_fault(fault)
    elif found is not None:
        if draft is not None and found.outdated(draft):
            st.caption("Your code has changed since this check.")
        st.html(f'<div class="u-report" role="status">{render_html(found.report)}</div>')


def _catch_up(desk: Desk, exercise: Exercise, before: ExerciseProgress) -> NoReturn:
    """The verdict is on the page: now the rest follows, which is the whole page only where it counts what is passed."""
    if desk.stand(exercise).passed != before.passed:
        st.rerun()
    redraw()


def _open(key: str) -> None:
    st.session_state[key] = True
