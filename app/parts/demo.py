"""Demos: code that the page runs, with its live output. The page is readable before they are done."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from parts.desk import demos
from parts.ink import QUIET, inked, is_dark
from unravel.course.model import Demo, Lesson
from unravel.export.demos import DemoOutput, demo_codes, digest


@dataclass(frozen=True)
class Slot:
    """The place of a demo's output. One that `waits` gives a prediction away that the reader has not made yet."""

    place: DeltaGenerator
    waits: bool


Slots = list[Slot]
BRIEF, EVERY = 0.3, 0.5  # seconds
SHORT = 10  # lines of code that stand open; longer ones wait to be opened


def place_demo(lesson: Lesson, block: Demo, slots: Slots, *, waits: bool) -> None:
    """Draws a demo's code, and keeps a slot for its output."""
    with st.container(key=f"demo-{lesson.id}-{block.line}"):
        with st.expander("Code", icon=":material/code:", expanded=block.code.count("\n") <= SHORT):
            st.code(block.code.rstrip(), language="python", wrap_lines=True)
        slots.append(Slot(st.empty(), waits))


def fill_demos(lesson: Lesson, slots: Slots) -> None:
    """Fills the slots, if the demos have run; else the page is drawn again when they have."""
    if not slots:
        return
    future = _asked_for(lesson)
    if not _done(future):
        _say_so(lesson, slots)
        return
    st.session_state.pop(_key(lesson), None)
    for number, (slot, output) in enumerate(zip(slots, future.result(), strict=True)):
        if slot.waits:
            slot.place.caption("What comes out is shown with the answer to the question above.")
            continue
        with slot.place.container():
            _show(output, f"figure-{lesson.id}-{number}")


def _asked_for(lesson: Lesson) -> Future[list[DemoOutput]]:
    """The run of the demos that this page waits for. One that failed is shown once, before it is tried again."""
    if _key(lesson) not in st.session_state:
        st.session_state[_key(lesson)] = demos().start(lesson)
    future: Future[list[DemoOutput]] = st.session_state[_key(lesson)]
    return future


def _done(future: Future[list[DemoOutput]]) -> bool:
    """Whether it is done, or is in a moment: what ran before only has to be read."""
    with suppress(TimeoutError):
        future.exception(BRIEF)
    return future.done()


def _say_so(lesson: Lesson, slots: Slots) -> None:
    for slot in slots[1:]:
        slot.place.caption("The demo is running.")
    with slots[0].place.container():
        st.caption(":material/hourglass_top: The demos of this page are running, once. You can go on meanwhile.")
        _look_again(lesson)


@st.fragment(run_every=EVERY)
def _look_again(lesson: Lesson) -> None:
    """Has the page drawn again when the demos are done. A page that waited for them would answer no click."""
    future = st.session_state.get(_key(lesson))
    if future is None or future.done():
        st.rerun(scope="app")


def _key(lesson: Lesson) -> str:
    return f"demos-{digest(demo_codes(lesson))}"


def _show(output: DemoOutput, key: str) -> None:
    if output.stdout:
        st.code(output.stdout.rstrip("\n"), language=None)
    if output.value:
        st.code(output.value, language=None, wrap_lines=True)
    for number, figure in enumerate(output.figures):
        st.plotly_chart(_figure(figure, is_dark()), key=f"{key}-{number}", theme=None, config=QUIET)
    if output.error:
        st.warning("This demo could not be run.", icon=":material/warning:")
        st.code(output.error, language=None, wrap_lines=True)


@lru_cache(maxsize=256)
def _figure(text: str, dark: bool) -> Any:
    """The figure in the page's own ink and letters."""
    from plotly.io import from_json

    return inked(from_json(text, skip_invalid=True), dark)
