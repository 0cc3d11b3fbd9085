"""What is shown when there is nothing to show: no workspace, no course, a lesson that can't be read."""

from __future__ import annotations

import streamlit as st
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


def broken_lesson(faults: list[ContentError]) -> None:
    """A lesson that can't be read."""
    st.title("This lesson can't be shown", anchor=False)
    for fault in faults:
        show_fault(fault)
    st.markdown("It is a fault in the course's own files. Your work is not affected, and the other lessons are open.")
