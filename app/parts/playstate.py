"""What the playground remembers: the model, the prompt and the heads, also while one is on another page."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

from unravel.errors import UnravelError
from unravel.playground.catalogue import Entry
from unravel.playground.views import VIEWS, find_view

MODEL, PROMPT, KIND, VIEW, HEADS = "play-model", "play-prompt", "play-kind", "play-view", "play-heads"
LINKED = ("model", "prompt", "view")
"""What an address may ask for: `playground?model=induction-2l&prompt=ba+da+ba`."""


STALE = 10.0
"""Seconds."""


@dataclass
class Play:
    """The state of one session's playground. An empty `prompt` means: the first example."""

    model: str = ""
    prompt: str | None = None
    view: str = VIEWS[0].id
    kind: str = ""
    """The kind of example that was chosen last, and the how manieth of it."""
    number: int = 0
    heads: list[str] = field(default_factory=list)
    clicks: int = 0
    """Gives the clickable figure a new name after each click, so that the next one counts too."""
    address: dict[str, str] = field(default_factory=dict)
    """The address as this page last wrote it."""
    past: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    """Addresses that it has replaced, and when. A click that comes at once still carries the old one."""


def play() -> Play:
    """This session's state."""
    state: Play = st.session_state.setdefault("playground", Play())
    return state


def follow_address(state: Play, entries: Iterable[Entry]) -> UnravelError | None:
    """Takes over what the address asks for, when it isn't the one this page wrote; says what it asks in vain."""
    asked = {name: st.query_params[name] for name in LINKED if name in st.query_params}
    names = [entry.name for entry in entries]
    fault = None
    if asked and asked != state.address and not _just_replaced(state, asked):
        state.past.append((time.monotonic(), asked))
        wanted = asked.get("model", state.model or names[0])
        if wanted not in names:
            fix = f"Shown instead: {names[0]}. There are: {', '.join(names)}."
            fault = UnravelError(f"There is no model {wanted!r} on this machine.", fix=fix)
            wanted = names[0]
        choose_model(state, wanted, asked.get("prompt"))
        state.view = find_view(asked.get("view")).id
        for key in (MODEL, PROMPT, VIEW, KIND, HEADS):
            st.session_state.pop(key, None)
    if state.model not in names:
        choose_model(state, names[0])
    return fault


def _just_replaced(state: Play, asked: dict[str, str]) -> bool:
    return any(asked == old and time.monotonic() - when < STALE for when, old in state.past)


def write_address(state: Play) -> None:
    """Makes the page's address one that leads back here."""
    address = {"model": state.model, "prompt": state.prompt or "", "view": state.view}
    if state.address != address:
        state.past = [*state.past[-9:], (time.monotonic(), state.address)]
        state.address = address
    if {name: st.query_params.get(name) for name in LINKED} != state.address:
        st.query_params.from_dict(state.address)


def choose_model(state: Play, name: str, prompt: str | None = None) -> None:
    """Another model: its own first example (unless there is a prompt), and all heads back in."""
    state.model, state.prompt = name, prompt
    state.kind, state.number, state.heads = "", 0, []
    for key in (PROMPT, KIND, HEADS):
        st.session_state.pop(key, None)


def toggle(state: Play, head: str) -> None:
    """Takes a head out, or puts it back in."""
    state.heads = sorted({*state.heads} ^ {head}, key=layer_and_head)
    state.clicks += 1
    st.session_state.pop(HEADS, None)


def layer_and_head(name: str) -> tuple[int, int]:
    """The numbers in a head's name.

    >>> layer_and_head("L1H10")
    (1, 10)
    """
    layer, head = name.removeprefix("L").split("H")
    return int(layer), int(head)
