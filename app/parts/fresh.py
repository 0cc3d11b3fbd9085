"""Sees when the learner's file is changed in another editor, and draws the page anew."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

SECONDS = 2.0


@st.fragment(run_every=SECONDS)
def follow(path: Path) -> None:
    """Looks every two seconds; draws nothing. A file that changed since the page was drawn has the page drawn again."""
    now = _stamp(path)
    if st.session_state.setdefault(_key(path), now) != now:
        st.session_state[_key(path)] = now
        st.rerun(scope="app")


def seen(path: Path) -> None:
    """The page shows the file as it is now: its own saving is no news to it."""
    st.session_state[_key(path)] = _stamp(path)


def _key(path: Path) -> str:
    return f"stamp-{path}"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
