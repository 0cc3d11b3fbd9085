"""Demos: code that the page runs, with its live output. The page is readable before they are done."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from parts.desk import demos
from parts.ink import QUIET, inked, is_dark
from unravel.course.model import Demo, Lesson
from unravel.export.demos import DemoOutput


@dataclass(frozen=True)
class Slot:
    """The place of a demo's output. One that `waits` gives a prediction away that the reader has not made yet."""

    place: DeltaGenerator
    waits: bool


Slots = list[Slot]
SHORT = 10  # lines of code that stand open; longer ones wait to be opened


def place_demo(lesson: Lesson, block: Demo, slots: Slots, *, waits: bool) -> None:
    """Draws a demo's code, and keeps a slot for its output."""
    with st.container(key=f"demo-{lesson.id}-{block.line}"):
        with st.expander("Code", icon=":material/code:", expanded=block.code.count("\n") <= SHORT):
            st.code(block.code.rstrip(), language="python")
        slots.append(Slot(st.empty(), waits))


def fill_demos(lesson: Lesson, slots: Slots) -> None:
    """Fills the slots, when the demos have run. Stays interruptible while it waits."""
    if not slots:
        return
    future = demos().start(lesson)
    if not future.done():
        _wait(future, slots)
    for number, (slot, output) in enumerate(zip(slots, future.result(), strict=True)):
        if slot.waits:
            slot.place.caption("What comes out is shown with the answer to the question above.")
            continue
        with slot.place.container():
            _show(output, f"figure-{lesson.id}-{number}")


def _wait(future: Future[list[DemoOutput]], slots: Slots) -> None:
    for slot in slots[1:]:
        slot.place.caption("The demo is running.")
    with slots[0].place, st.spinner("Running the demos of this page, once …"):
        pause = st.empty()
        while not future.done():
            time.sleep(0.1)
            pause.empty()  # a call into Streamlit, where a click elsewhere on the page can get through


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
