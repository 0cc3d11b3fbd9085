"""The search box, on every page, and the links that lead from what was found to its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from parts.goto import head_for

_SCRIPT = Path(__file__).parents[1] / "search.js"
_BOX, _ASKED, _SHOWN = "search", "search-asked", "search-shown"
PART = "part"


def search_box(results: StreamlitPage, page: StreamlitPage) -> None:
    """Draws the box. Enter leads to the page of results; the key `/` leads to the box."""
    query = st.query_params.get("q", "") if page == results else ""
    if page == results and st.session_state.get(_SHOWN) != query and not st.session_state.get(_ASKED):
        st.session_state[_BOX] = query  # the address has changed, as by the browser's Back
        st.session_state[_SHOWN] = query
    st.text_input(
        "Search the course",
        key=_BOX,
        type="search",
        max_chars=200,
        placeholder="Search",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=_ask,
    )
    st.html(f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)
    if st.session_state.pop(_ASKED, False) and st.session_state[_BOX].strip():
        st.session_state[_SHOWN] = st.session_state[_BOX].strip()
        st.switch_page(results, query_params={"q": st.session_state[_SHOWN]})


def _ask() -> None:
    st.session_state[_ASKED] = True


def follow_part() -> None:
    """Heads for the heading or exercise of the page that the address names: `?part=ANCHOR`."""
    if anchor := st.query_params.get(PART):
        head_for(anchor)
        del st.query_params[PART]


def place_link(pages: Mapping[str, StreamlitPage], lesson: str, anchor: str, title: str, icon: str) -> None:
    """A link to a place in a lesson."""
    label = title.replace("[", "\\[").replace("]", "\\]")
    st.page_link(pages[lesson], label=label, icon=icon, query_params={PART: anchor} if anchor else None)
