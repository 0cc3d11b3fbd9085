"""The playground's tables and tokens as HTML. Tokens come from what somebody typed: they are shown as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from parts.text import plain

if TYPE_CHECKING:
    from unravel.playground.prompt import Prompt
    from unravel.playground.run import Guess


def note(text: str) -> None:
    """A remark below a figure. It may hold tokens, so it is no Markdown."""
    st.html(f'<p class="u-facts">{plain(text)}</p>')


def guess_table(guesses: tuple[Guess, ...]) -> str:
    """The likeliest tokens as an HTML table."""
    rows = [row(token(one), bar(one.prob), f"{one.logit:.2f}") for one in guesses]
    return table(("Token", "Probability", "Logit"), rows)


def change_table(before: tuple[Guess, ...], after: tuple[Guess, ...]) -> str:
    """The same tokens before and after, as an HTML table."""
    rows = [
        row(token(old), bar(old.prob), bar(new.prob), f"{new.logit - old.logit:+.2f}")
        for old, new in zip(before, after, strict=True)
    ]
    return table(("Token", "Before", "After", "Logit changes by"), rows)


def table(head: tuple[str, ...], rows: list[str]) -> str:
    """Rows under a head."""
    cells = "".join(f'<th scope="col">{plain(name)}</th>' for name in head)
    return f'<table class="u-table u-guesses"><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def row(*cells: str) -> str:
    """One row, of HTML."""
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def token(guess: Guess) -> str:
    """A token as code, its spaces kept."""
    return f'<code class="u-token">{plain(guess.piece) or "∅"}</code>'


def bar(prob: float) -> str:
    """A probability as a number and as a bar."""
    return f'<span class="u-share" style="--share: {prob:.4f}">{prob:.1%}</span>'


def tokens_html(prompt: Prompt) -> str:
    """The tokens of a prompt, each in a frame; the one whose prediction is asked stands out."""
    chips = []
    for at, (piece, number) in enumerate(zip(prompt.pieces, prompt.ids, strict=True)):
        asked = " u-asked" if at == prompt.at else ""
        said = f"position {at}, token {number}"
        chips.append(f'<li class="u-token{asked}" title="{said}">{plain(piece) or "∅"}</li>')
    return f'<ol class="u-tokens" aria-label="{len(chips)} tokens">{"".join(chips)}</ol>'
