"""Hints, the solution, starting over, and the attempts so far."""

from __future__ import annotations

import difflib
from datetime import datetime

import streamlit as st

from parts.desk import Desk
from parts.draft import Draft
from parts.fault import faults_shown
from parts.outline import displayed
from parts.redraw import redraw
from parts.text import WORDS, ago, badge, count, plain
from parts.timeline import timeline_html
from unravel.course.model import Exercise
from unravel.workspace.guide import next_hint, solution
from unravel.workspace.progress import ExerciseProgress

SHOWN = 5


def hint_button(desk: Desk, exercise: Exercise, stand: ExerciseProgress) -> None:
    """One rung more with each click."""
    total, seen = len(exercise.hints), min(stand.hints, len(exercise.hints))
    if not total:
        return
    label = f"Hint {seen + 1} of {total}" if seen < total else "No more hints"
    if st.button(label, key=f"hint-{exercise.id}", icon=":material/lightbulb:", disabled=seen >= total):
        with faults_shown():
            next_hint(desk.workspace, desk.course, exercise.id)
            redraw()


def hints(exercise: Exercise, stand: ExerciseProgress) -> None:
    """The rungs that were asked for."""
    for number, hint in enumerate(exercise.hints[: stand.hints], 1):
        st.info(f"**Hint {number}**\n\n{displayed(hint)}", icon=":material/lightbulb:")


def solution_menu(desk: Desk, exercise: Exercise, stand: ExerciseProgress) -> None:
    """The solution: at once for who has passed, else after giving up on purpose."""
    key = f"solution-{exercise.id}"
    if stand.ever_passed or stand.gave_up:
        label = "Hide solution" if st.session_state.get(key) else "Solution"
        st.button(label, key=f"{key}-toggle", icon=":material/key:", on_click=_toggle, args=(key,))
        return
    with st.popover("Solution", icon=":material/key:"):
        st.markdown("See the solution without having solved it? Your progress will say that you gave up on this one.")
        if st.button("Give up and show it", key=f"{key}-give-up"):
            with faults_shown():
                solution(desk.workspace, desk.course, exercise.id, give_up=True)
                st.session_state[key] = True
                redraw()


def shown_solution(desk: Desk, exercise: Exercise, stand: ExerciseProgress, draft: Draft | None) -> None:
    """The solution, when it is open, and what sets one's own apart from it."""
    if not (st.session_state.get(f"solution-{exercise.id}") and (stand.ever_passed or stand.gave_up)):
        return
    text = solution(desk.workspace, desk.course, exercise.id).rstrip()
    if draft is None:
        st.caption("One way to write it")
        st.code(text, language="python", wrap_lines=True)
        return
    whole, beside = st.tabs(["One way to write it", "Beside yours"])
    whole.code(text, language="python", wrap_lines=True)
    with beside:
        lines = difference(draft.text, text)
        st.caption("Lines that begin with - are yours, with + the course's. Other ways may be as good.")
        st.code(lines or "They are the same.", language="diff" if lines else None)


def difference(mine: str, theirs: str) -> str:
    """The lines in which two texts differ, with all that stands between; empty if they agree."""
    old, new = mine.rstrip().splitlines(), theirs.rstrip().splitlines()
    found = difflib.unified_diff(old, new, n=max(len(old), len(new)), lineterm="")
    return "\n".join(list(found)[3:])


def reset_menu(desk: Desk, exercise: Exercise, draft: Draft) -> None:
    """Gives the exercise back as it was delivered."""
    with st.popover("Start over", icon=":material/restart_alt:"):
        st.markdown("Put the exercise back as it was at the start? A copy of your file is kept in `.unravel/backups`.")
        if st.button("Yes, start over", key=f"reset-{exercise.id}"):
            with faults_shown():
                desk.workspace.reset(desk.course, exercise.id)
                draft.load(draft.reopened())
                for name in ("checked", "fault"):
                    st.session_state.pop(f"{name}-{exercise.id}", None)
                redraw()


def attempts(desk: Desk, exercise: Exercise, stand: ExerciseProgress) -> None:
    """The last few attempts."""
    if not stand.attempts:
        return
    label = f"{count(stand.attempts, 'attempt')} so far"
    shown = st.expander(label, icon=":material/history:", key=f"attempts-{exercise.id}", on_change="rerun")
    if not shown.open:  # each attempt holds its whole report: they are read for who asks
        return
    with shown:
        every = desk.workspace.store.attempts(exercise.id)
        if len(every) > 1:
            st.html(timeline_html(every))
        rows, lines = every[-SHOWN:], []
        for attempt in reversed(rows):
            when = ago(datetime.fromisoformat(attempt.created))
            lines.append(f"<li>{badge(*WORDS.get(attempt.status, (attempt.status, 'calm')))} {plain(when)}</li>")
        more = f"<li>and {stand.attempts - len(rows)} before</li>" if stand.attempts > len(rows) else ""
        st.html(f'<ul class="u-attempts">{"".join(lines)}{more}</ul>')


def _toggle(key: str) -> None:
    st.session_state[key] = not st.session_state.get(key)
