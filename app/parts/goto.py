"""The way to a place in a lesson: `?exercise=ID`, `/LESSON?part=ANCHOR`, `/LESSON#ANCHOR` and Continue all lead so."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from parts.scripts import run_script
from parts.text import plain
from unravel.course.model import Lesson

_WANTED = "goto"


@dataclass
class Wish:
    """To see `place`, the id of an exercise or the anchor of a heading. The first lesson page that is drawn then is
    the one that is meant: `lesson`, once it is known."""

    place: str
    visit: int
    lesson: str = ""


def head_for(place: str) -> None:
    """The next lesson page opens there."""
    st.session_state[_WANTED] = Wish(place, time.time_ns())


def headed_for(lesson: Lesson) -> str:
    """The place in this lesson that the reader came for; empty when there is none."""
    wish: Wish | None = st.session_state.get(_WANTED)
    if wish is None:
        return ""
    wish.lesson = wish.lesson or lesson.id
    return wish.place if wish.lesson == lesson.id else ""


def land(lesson: Lesson) -> None:
    """Scrolls there, once for each time that somebody came; without a wish, to what the address names after `#`."""
    place = headed_for(lesson)
    visit = st.session_state[_WANTED].visit if place else 0
    mark = f'<i class="u-goto" hidden data-target="{plain(place)}" data-visit="{visit}"></i>'
    with st.container(key="goto"):
        run_script("goto", mark)


def arrived() -> None:
    """Forgets the wish: another page is shown, and to come back by the menu is no wish to go there again."""
    st.session_state.pop(_WANTED, None)
