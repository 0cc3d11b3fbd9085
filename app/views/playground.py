"""The playground: a model, a prompt, and what goes on inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from parts.fault import faults_shown, show_fault
from parts.playstate import KIND, MODEL, PROMPT, VIEW, Play, choose_model, follow_address, play, write_address
from parts.playtables import tokens_html
from parts.text import plain
from streamlit.navigation.page import StreamlitPage

from unravel.playground.catalogue import Entry, catalogue
from unravel.playground.views import VIEWS, View, find_view

INTRO = "Choose a model, type a prompt, and look inside. Nothing here is graded."


def playground(pages: Mapping[str, StreamlitPage]) -> None:
    """Draws the page. `pages` are those of the lessons."""
    st.title("Playground", anchor=False)
    st.markdown(INTRO)
    _bench(pages)


@st.fragment
def _bench(pages: Mapping[str, StreamlitPage]) -> None:
    with faults_shown():
        entries = catalogue()
        if not entries:
            st.info("No model has been trained here yet. `unravel models list` says how to make one.")
            return
        state = play()
        fault = follow_address(state, entries)
        if fault is not None:
            show_fault(fault)
        _choose(entries, state)
        with faults_shown():
            _look(state, pages)
        write_address(state)


def _choose(entries: Sequence[Entry], state: Play) -> None:
    """The model, and an example of what it can do."""
    names = [entry.name for entry in entries]
    st.session_state.setdefault(MODEL, state.model)
    left, right = st.columns(2)
    left.selectbox("Model", names, key=MODEL, on_change=lambda: choose_model(state, st.session_state[MODEL]))
    st.caption(plain(next(entry.phenomenon for entry in entries if entry.name == state.model)))
    with st.spinner(f"Loading {state.model} …"):
        from unravel.playground.examples import kinds
        from unravel.playground.subject import load_subject

        about: dict[str, str] = kinds(load_subject(state.model))
    if state.kind not in about:
        state.kind = next(iter(about), "")
    if about:
        st.session_state.setdefault(KIND, state.kind)
        label = {kind: f"{kind.replace('_', ' ')}: {told}" for kind, told in about.items()}
        right.selectbox(
            "Example", list(about), key=KIND, format_func=label.__getitem__, on_change=_take_example, args=(state,)
        )


def _take_example(state: Play, step: int = 0) -> None:
    """Puts an example of the chosen kind into the prompt; with a `step`, another one."""
    from unravel.playground.examples import example
    from unravel.playground.subject import load_subject

    state.kind = st.session_state.get(KIND, state.kind)
    state.number = state.number + step if step else 0
    state.prompt = example(load_subject(state.model), state.kind, state.number).text
    st.session_state[PROMPT] = state.prompt


def _look(state: Play, pages: Mapping[str, StreamlitPage]) -> None:
    """The prompt, its tokens, and the chosen view of it."""
    from parts.playquestion import Question, vocabulary
    from parts.playviews import draw

    from unravel.playground.examples import example
    from unravel.playground.prompt import read_prompt
    from unravel.playground.run import run
    from unravel.playground.subject import load_subject

    subject = load_subject(state.model)
    shown = example(subject, state.kind, state.number) if state.kind else None
    if state.prompt is None:
        state.prompt = shown.text if shown is not None else ""
    st.session_state.setdefault(PROMPT, state.prompt)
    state.prompt = st.text_area("Prompt", key=PROMPT, height=80, max_chars=2000)
    with st.container(horizontal=True):
        if state.kind:
            st.button(
                "Another example", icon=":material/casino:", key="play-another", on_click=_take_example, args=(state, 1)
            )
        with st.popover("Words it knows", icon=":material/dictionary:"):
            st.code(vocabulary(subject), language=None, wrap_lines=True, height=300)
    prompt = read_prompt(subject, state.prompt)
    st.html(tokens_html(prompt))
    question = Question(run(subject, prompt), shown if shown and shown.text == state.prompt else None)
    view = _view(state)
    st.markdown(view.reading)
    with faults_shown():
        code = draw(view.id, question, state)
        with st.expander("The code that makes it", icon=":material/code:"):
            st.code(code.rstrip(), language="python", wrap_lines=True)
    _lesson(view, pages)


def _view(state: Play) -> View:
    """The view that is chosen."""
    state.view = st.session_state.get(VIEW) or state.view
    st.session_state[VIEW] = state.view  # said anew each time: a control that is drawn again else forgets it
    titles = {view.id: view.title for view in VIEWS}
    name = titles.__getitem__
    state.view = (
        st.segmented_control(
            "View", list(titles), format_func=name, key=VIEW, label_visibility="collapsed", required=True
        )
        or state.view
    )
    return find_view(state.view)


def _lesson(view: View, pages: Mapping[str, StreamlitPage]) -> None:
    """A link to the lesson that explains it, if the course has one."""
    lesson = next((name for name in view.lessons if name in pages), None)
    if lesson is not None:
        st.page_link(pages[lesson], label=f"Explained in: {pages[lesson].title}", icon=":material/menu_book:")
