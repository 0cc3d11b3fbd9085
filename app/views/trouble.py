"""What is shown when there is nothing to show: no workspace, no course, a lesson that can't be read."""

from __future__ import annotations

import streamlit as st
from parts.draft import written
from parts.fault import show_fault

from unravel.errors import ContentError, UnravelError


def trouble(fault: UnravelError) -> None:
    """The fault, and what to do about it."""
    st.title("Unravel", anchor=False)
    show_fault(fault)
    if isinstance(fault, ContentError):
        st.markdown("This is a fault in the course's own files, not in your work.")
    else:
        st.markdown("A workspace is the folder that holds your answers. To make one and open the course in it:")
        st.code("unravel init my-course\nunravel serve --workspace my-course", language="bash")
    st.button("Try again", icon=":material/refresh:")
    _still_here()


def _still_here() -> None:
    """What the learner wrote in this session: their files may be gone."""
    texts = written()
    if not texts:
        return
    st.header("What you wrote", anchor=False)
    st.markdown("It is still here. Copy what you need before you close or reload this page.")
    for draft in texts:
        st.subheader(draft.exercise.title, anchor=False)
        st.code(draft.text, language="python", wrap_lines=True)


def broken_lesson(faults: list[ContentError]) -> None:
    """A lesson that can't be read."""
    st.title("This lesson can't be shown", anchor=False)
    for fault in faults:
        show_fault(fault)
    st.markdown("It is a fault in the course's own files. Your work is not affected, and the other lessons are open.")
