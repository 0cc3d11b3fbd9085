"""The app's own scripts: each is read once, and put on the page where it is asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

_APP = Path(__file__).parents[1]


def run_script(name: str, before: str = "") -> None:
    """Runs `app/NAME.js` in the browser. `before` is HTML of ours that it reads."""
    st.html(f"{before}{_script(name)}", unsafe_allow_javascript=True)


@cache
def _script(name: str) -> str:
    return f"<script>{(_APP / f'{name}.js').read_text(encoding='utf-8')}</script>"
