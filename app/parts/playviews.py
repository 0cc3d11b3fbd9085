"""The views of the playground, one function each: a figure, what it says in words, and the code that makes it.

Imports torch: to be imported when a model is looked at, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
import torch

from parts.ink import QUIET, inked, is_dark
from parts.playfigures import heads_figure, lens_figure, patching_figure
from parts.playquestion import Question, answers
from parts.playstate import HEADS, VIEW, Play, layer_and_head, toggle
from parts.playtables import change_table, guess_table, note
from unravel.interp import plots
from unravel.playground import code
from unravel.playground.ablation import Heads, Kind, ablate
from unravel.playground.attribution import Attribution, attribute
from unravel.playground.lens import lens, patterns
from unravel.playground.patching import Place, patch
from unravel.playground.prompt import read_prompt
from unravel.playground.run import likely, run
from unravel.playground.subject import Subject

torch.set_num_threads(1)  # more gain nothing with small matrices, and with many learners they wait for each other

CELLS = 40_000
"""Of attention, drawn at once; beyond that, one head at a time."""
TOLD = 3


def draw(view: str, question: Question, state: Play) -> str:
    """Draws a view, and returns its code."""
    return VIEWS[view](question, state)


def _next(question: Question, state: Play) -> str:
    st.html(guess_table(likely(question.run)))
    return code.next_token_code(question.subject, question.prompt)


def _attention(question: Question, state: Play) -> str:
    config, pieces = question.subject.model.config, question.prompt.pieces
    left, right = st.columns(2)
    layer = left.selectbox("Layer", range(config.n_layers), key="play-layer") if config.n_layers > 1 else 0
    heads: list[int | None] = list(range(config.n_heads))
    if config.n_heads * len(pieces) ** 2 <= CELLS:
        heads.insert(0, None)
    head = right.selectbox("Head", heads, format_func=lambda one: "all" if one is None else str(one), key="play-head")
    chosen = range(config.n_heads) if head is None else [head]
    pattern = patterns(question.run, layer)[list(chosen)]
    figure = plots.attention(pattern, pieces, heads=[f"L{layer}H{one}" for one in chosen])
    if head is not None:
        figure.update_layout(height=560)
    _figure(figure, f"attention-{layer}-{head}")
    return code.attention_code(question.subject, question.prompt, layer)


def _lens(question: Question, state: Play) -> str:
    answer, _ = answers(question, against=False)
    seen = lens(question.run, answer)
    _figure(lens_figure(seen.top, seen.answer, seen.rows, question.prompt.pieces), "lens")
    at = [
        f"{float(value):.1%} {name}" for name, value in zip(seen.rows, seen.answer[:, question.prompt.at], strict=True)
    ]
    note(f"Probability of the answer at the asked position: {', '.join(at)}.")
    return code.lens_code(question.subject, question.prompt, answer)


def _attribution(question: Question, state: Play) -> str:
    right, wrong = answers(question)
    parts = attribute(question.run, right, wrong)
    _clickable_heads(parts, question, state)
    note(f"Most: {_strongest(parts, question.subject)}. A click on a head takes it out.")
    _figure(_shares(parts), "shares")
    note(f"All parts together: {parts.total:+.3f}, which is the score that the model gave.")
    return code.attribution_code(question.subject, question.prompt, right, wrong)


def _ablation(question: Question, state: Play) -> str:
    subject = question.subject
    right, wrong = answers(question)
    _clickable_heads(attribute(question.run, right, wrong), question, state)
    names = subject.head_names()
    if HEADS not in st.session_state:
        st.session_state[HEADS] = [name for name in state.heads if name in names]
    left, side = st.columns([3, 1])
    state.heads = left.multiselect("Heads to take out", names, key=HEADS, placeholder="Click a head, or choose here")
    means = "mean over its corpus" if subject.corpus is not None else "mean over this prompt"
    kinds: dict[Kind, str] = {"mean": means, "zero": "zero"}
    kind: Kind = side.selectbox("Replaced by", list(kinds), format_func=lambda one: kinds[one], key="play-replaced")
    heads: Heads = tuple(sorted(layer_and_head(name) for name in state.heads))
    result = ablate(question.run, heads, kind, right, wrong)
    before, after = result.answer
    st.html(f'<p class="u-facts"><span>Score {before:+.2f} before</span><span>{after:+.2f} after</span></p>')
    st.html(change_table(result.before, result.after))
    return code.ablation_code(subject, question.prompt, heads, kind)


def _patching(question: Question, state: Play) -> str:
    right, wrong = answers(question)
    key = f"play-corrupted-{question.key}"
    if key not in st.session_state:
        st.session_state[key] = (question.example and question.example.corrupted) or question.prompt.text
    text = st.text_area("Corrupted prompt", key=key, height=80, max_chars=2000)
    places: dict[Place, str] = {"stream": "The stream at each position", "heads": "Each head's output"}
    place: Place = st.selectbox("Patched", list(places), format_func=lambda one: places[one], key="play-place")
    corrupted = run(question.subject, read_prompt(question.subject, text))
    if corrupted.prompt.ids == question.prompt.ids:
        st.info("Change a word of the corrupted prompt: one that the answer depends on.", icon=":material/edit:")
        return code.patching_code(question.subject, question.prompt, corrupted.prompt, place, right, wrong)
    result = patch(question.run, corrupted, place, right, wrong)
    stream = place == "stream"
    across = question.prompt.pieces if stream else [str(head) for head in range(result.restored.shape[1])]
    label = "position" if stream else "head"
    _figure(patching_figure(result.restored, across, label), f"patching-{place}")
    best = [
        f"{float(row.max()):.0%} at {across[int(row.argmax())]} ({label} {int(row.argmax())})"
        for row in result.restored
    ]
    note(f"Score {result.clean:+.2f} on the clean prompt, {result.corrupted:+.2f} on the corrupted one.")
    note(f"Most comes back, layer by layer: {'; '.join(best)}.")
    return code.patching_code(question.subject, question.prompt, corrupted.prompt, place, right, wrong)


def _clickable_heads(parts: Attribution, question: Question, state: Play) -> None:
    ablated = [layer_and_head(name) for name in state.heads]
    key = f"play-map-{state.clicks}"
    figure = inked(heads_figure(parts.heads, ablated), is_dark())
    st.plotly_chart(
        figure, key=key, theme=None, config=QUIET, on_select=lambda: _clicked(key, state), selection_mode="points"
    )


def _clicked(key: str, state: Play) -> None:
    chosen = st.session_state[key]["selection"]["points"]
    for point in chosen[:1]:
        toggle(state, f"L{round(point['y'])}H{round(point['x'])}")
        state.view = st.session_state[VIEW] = "ablation"


def _strongest(parts: Attribution, subject: Subject) -> str:
    values = dict(zip(subject.head_names(), parts.heads.flatten().tolist(), strict=True))
    best = sorted(values, key=lambda name: -abs(values[name]))[:TOLD]
    return ", ".join(f"{name} {values[name]:+.2f}" for name in best)


def _shares(parts: Attribution) -> Any:
    layers = {f"heads of layer {layer}": float(row.sum()) for layer, row in enumerate(parts.heads)}
    figure = plots.bars({**layers, **dict(parts.others)}, y_label="adds to the score").update_layout(height=320)
    return figure.update_xaxes(showgrid=False, zeroline=False)


def _figure(figure: Any, key: str) -> None:
    st.plotly_chart(inked(figure, is_dark()), key=f"play-{key}", theme=None, config=QUIET)


VIEWS: dict[str, Callable[[Question, Play], str]] = {
    "next": _next,
    "attention": _attention,
    "lens": _lens,
    "attribution": _attribution,
    "ablation": _ablation,
    "patching": _patching,
}
