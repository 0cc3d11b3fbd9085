"""The editor of one exercise: with highlighting, or a plain text box for those who prefer one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v1 import declare_component
from streamlit.components.v1.custom_component import CustomComponent

from parts.draft import Draft
from parts.fault import faults_shown, show_fault
from parts.redraw import redraw
from unravel.errors import UnravelError

PLAIN = "plain-editor"


def edit(draft: Draft, marks: list[dict[str, Any]]) -> None:
    """Draws the editor and takes over what is in it."""
    key = draft.editor
    if key not in st.session_state:
        draft.mounted = draft.text
    text = _plain(draft, key) if st.session_state.get(PLAIN) else _ace(draft, key, marks)
    if text is not None:
        with faults_shown():
            draft.take(text)
    if _differs(draft):
        _choose("The file was changed elsewhere while you were writing here.", draft)
    elif draft.dirty and draft.restored:
        _choose("This was written here before and never saved.", draft)


def _differs(draft: Draft) -> bool:
    """Whether there are two texts to choose from."""
    try:
        return draft.dirty and draft.conflict
    except UnravelError:
        return False  # there is no file to compare with, of which the card tells


def _plain(draft: Draft, key: str) -> str | None:
    lines = draft.mounted.count("\n") + 3
    return st.text_area("Your code", draft.mounted, key=key, height=24 * max(lines, 8), label_visibility="collapsed")


def _ace(draft: Draft, key: str, marks: list[dict[str, Any]]) -> str | None:
    text: str | None = _component()(
        defaultValue=draft.mounted,
        mode="python",
        theme="tomorrow_night" if st.context.theme.type == "dark" else "tomorrow",
        minLines=max(draft.mounted.count("\n") + 1, 6),
        fontSize=13,
        tabSize=4,
        wrapEnabled=True,
        showGutter=True,
        showPrintMargin=False,
        keyboardHandler="vscode",
        annotations=marks,
        markers=[],
        autoUpdate=True,
        setOptions={"enableLiveAutocompletion": False, "firstLineNumber": draft.excerpt.line},
        key=key,
        default=draft.mounted,
    )
    return text


@cache
def _component() -> CustomComponent:
    """The editor of streamlit-ace, called directly: `st_ace` has no way to pass `setOptions`.

    Without them, suggestions pop up while one types, and Enter after `x` writes `xrange`. And the lines would be
    numbered from 1, not as in the file, which is how reports count them.
    """
    import streamlit_ace

    build = Path(streamlit_ace.__file__).parent / "frontend" / "build"
    return declare_component("unravel_editor", path=str(build))


def _choose(fault: str, draft: Draft) -> None:
    """Two texts, one editor: the learner says which."""
    show_fault(UnravelError(fault, fix="Choose which one to keep. Your text here is safe until you do."))
    with st.container(horizontal=True):
        for label, take in (("Load the file's version", draft.load), ("Keep what is here", draft.keep)):
            if st.button(label, key=f"{label}-{draft.exercise.id}"):
                take(draft.reopened())
                redraw()
