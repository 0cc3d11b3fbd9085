"""Draws the card again at once."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException


def redraw() -> NoReturn:
    """Draws again what is being drawn: the card alone or, where Streamlit has widened that meanwhile, the page.

    A click on a card asks for the card only; but when something else asks for the whole page in the same moment,
    Streamlit answers both with the page, and then refuses to redraw a part of it.
    """
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()
