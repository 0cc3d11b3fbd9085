"""Runs a check that the learner asked for, and keeps its report for the page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from parts.desk import Desk
from parts.draft import Draft
from parts.fresh import seen
from parts.verdict import checks_html
from unravel.course.model import Exercise
from unravel.errors import UnravelError
from unravel.grading import client
from unravel.grading.report import CheckResult, ExerciseResult, Frame, Report, Status

LATE_SECONDS = 0.5


@dataclass(frozen=True)
class Checked:
    """A report, and the code it is about (None where the learner writes elsewhere)."""

    report: Report
    result: ExerciseResult
    text: str | None

    def outdated(self, draft: Draft) -> bool:
        """Whether the code has changed since."""
        return self.text is not None and self.text.rstrip() != draft.text.rstrip()


def ask(exercise: str) -> None:
    """Notes that a check is wanted."""
    st.session_state[f"wanted-{exercise}"] = True
    st.session_state[f"again-{exercise}"] = True


def run_if_asked(desk: Desk, exercise: Exercise, draft: Draft | None, place: DeltaGenerator) -> bool:
    """Saves and checks, when that was asked for, and shows each verdict in `place` as it comes; whether it did."""
    if not (st.session_state.get(f"wanted-{exercise.id}") or _came_late(exercise, draft)):
        return False
    st.session_state[f"tried-{exercise.id}"] = draft.text.rstrip() if draft is not None else None
    try:
        if draft is not None:
            draft.save()
            seen(draft.excerpt.path)
        with place.container():
            st.session_state[f"checked-{exercise.id}"] = _check(desk, exercise, draft.text if draft else None)
        st.session_state.pop(f"fault-{exercise.id}", None)
    except UnravelError as fault:
        st.session_state[f"fault-{exercise.id}"] = fault
    st.session_state[f"wanted-{exercise.id}"] = False
    st.session_state[f"ended-{exercise.id}"] = time.monotonic()
    return True


def _came_late(exercise: Exercise, draft: Draft | None) -> bool:
    """Whether text came in while old text was checked: then it is checked too, once a click.

    `editors.js` holds a click until the text is sent; this is for the browser that runs no scripts, or is busy.
    """
    tried, ended = st.session_state.get(f"tried-{exercise.id}"), st.session_state.get(f"ended-{exercise.id}")
    if tried is None or draft is None or ended is None or tried == draft.text.rstrip():
        return False
    late = time.monotonic() - ended < LATE_SECONDS
    return late and bool(st.session_state.pop(f"again-{exercise.id}", False))


def checked(exercise: Exercise) -> Checked | None:
    """The last report of this session."""
    return st.session_state.get(f"checked-{exercise.id}")


def fault_of(exercise: Exercise) -> UnravelError | None:
    """Why the last check could not be run, if so."""
    return st.session_state.get(f"fault-{exercise.id}")


def _check(desk: Desk, exercise: Exercise, text: str | None) -> Checked:
    folder = str(desk.workspace.path)
    request = {"cwd": folder, "name": exercise.id, "workspace": folder}
    seen: list[CheckResult] = []
    with st.spinner("Checking …"):
        slot = st.empty()

        def on_event(event: dict[str, Any]) -> None:
            if event["event"] == "check" and event["exercise"] == exercise.id:
                seen.append(_result(event["check"]))
                slot.html(checks_html(seen))

        reports = client.check(request, on_event)
    for report in reports:
        for result in report.exercises:
            if result.id == exercise.id:
                return Checked(report, result, text)
    raise UnravelError("The grader gave no verdict.", fix="Check again.")


def _result(item: dict[str, Any]) -> CheckResult:
    frames = tuple(Frame(**frame) for frame in item["frames"])
    return CheckResult(**{**item, "status": Status(item["status"]), "frames": frames})
