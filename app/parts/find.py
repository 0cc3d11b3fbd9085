"""The search box, on every page, and the links that lead from what was found to its place."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from parts.goto import head_for
from parts.scripts import run_script

_BOX, _SHOWN, _HERE = "search", "search-shown", "part-shown"
PART = "part"
LONGEST = 200


def search_box(results: StreamlitPage, page: StreamlitPage) -> None:
    """Draws the box. Enter leads to the page of results; the key `/` leads to the box."""
    query = asked() if page == results else ""
    if st.session_state.get(_SHOWN, "") != query:
        # Another page, or another address of this one (a link, the browser's Back): the box follows.
        st.session_state[_BOX] = st.session_state[_SHOWN] = query
    typed = st.text_input(
        "Search the course",
        key=_BOX,
        type="search",
        max_chars=LONGEST,
        placeholder="Search",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    run_script("search")
    if (typed or "").strip() not in ("", query):
        st.switch_page(results, query_params={"q": typed.strip()})


def asked() -> str:
    """What the address of the page of results asks for."""
    return st.query_params.get("q", "")[:LONGEST].strip()


def follow_part(page: StreamlitPage) -> None:
    """Heads for the heading or exercise of the page that the address names: `?part=ANCHOR`.

    Once for each time that somebody comes. It stays in the address: to take it out would leave a step in the history
    from which the browser's Back leads here again.
    """
    here = (page.url_path, st.query_params.get(PART, ""))
    if st.session_state.get(_HERE) != here:
        st.session_state[_HERE] = here
        if here[1]:
            head_for(here[1])


def place_link(pages: Mapping[str, StreamlitPage], lesson: str, anchor: str, title: str, icon: str) -> None:
    """A link to a place in a lesson."""
    label = title.replace("[", "\\[").replace("]", "\\]")
    st.page_link(pages[lesson], label=label, icon=icon, query_params={PART: anchor} if anchor else None)
