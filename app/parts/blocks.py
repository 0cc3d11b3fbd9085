"""The blocks of a lesson page that need no exercise: prose, callouts, predictions."""

from __future__ import annotations

import streamlit as st

from parts.outline import Heading, displayed, parts
from unravel.course.model import Callout, Lesson, Predict, Prose

_ICONS = {
    "note": ":material/info:",
    "tip": ":material/lightbulb:",
    "important": ":material/priority_high:",
    "warning": ":material/warning:",
    "seealso": ":material/menu_book:",
}
_NAMES = {"note": "Note", "tip": "Tip", "important": "Important", "warning": "Watch out", "seealso": "See also"}


def course_text(markdown: str) -> None:
    """A piece of the course's own Markdown."""
    st.markdown(displayed(markdown))


def prose(block: Prose) -> None:
    """Running text, with maths; its headings can be linked to."""
    for part in parts(block.markdown):
        if not isinstance(part, Heading):
            course_text(part)
        elif part.level == 2:
            st.header(part.title, anchor=part.anchor)
        else:
            st.subheader(part.title, anchor=part.anchor)


def callout(block: Callout) -> None:
    """A box beside the text."""
    draw = st.warning if block.kind == "warning" else st.info
    title = block.title or _NAMES[block.kind]
    draw(f"**{title}**\n\n{displayed(block.markdown)}", icon=_ICONS[block.kind])


@st.fragment
def predict(lesson: Lesson, block: Predict) -> None:
    """A question that wants a prediction before it shows the answer."""
    key = _key(lesson, block)
    with st.container(border=True, key=f"box-{key}"):
        course_text(f":material/psychology: **Predict**\n\n{block.question}")
        if not st.session_state.get(f"{key}-shown"):
            st.text_area("Your prediction", key=f"{key}-text", height=68, placeholder="Write it down before you look.")
            st.button("Show the answer", key=f"{key}-show", on_click=_reveal, args=(key,))
            return
        if st.session_state.pop(f"{key}-fresh", False):
            st.rerun(scope="app")  # the results that waited for the prediction are shown now
        said = st.session_state.get(f"{key}-said", "")
        if said:
            st.caption("You wrote")
            st.code(said, language=None, wrap_lines=True)
        course_text(block.answer)


def revealed(lesson: Lesson, block: Predict) -> bool:
    """Whether the answer has been asked for."""
    return bool(st.session_state.get(f"{_key(lesson, block)}-shown"))


def _key(lesson: Lesson, block: Predict) -> str:
    return f"predict-{lesson.id}-{block.line}"


def _reveal(key: str) -> None:
    st.session_state[f"{key}-fresh"] = True
    st.session_state[f"{key}-said"] = st.session_state.get(f"{key}-text", "").strip()
    st.session_state[f"{key}-shown"] = True
