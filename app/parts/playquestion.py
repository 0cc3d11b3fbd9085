"""What the playground asks: a run, the answer whose score is looked at, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from unravel.playground.examples import Example
from unravel.playground.prompt import Prompt, known_words
from unravel.playground.run import Run
from unravel.playground.subject import Subject

LISTED = 2_000
"""So many tokens can be chosen from as the answer: of a larger vocabulary, the likeliest."""


@dataclass(frozen=True)
class Question:
    """The run that is looked at, and the example it came from, if it is one."""

    run: Run
    example: Example | None

    @property
    def subject(self) -> Subject:
        return self.run.subject

    @property
    def prompt(self) -> Prompt:
        return self.run.prompt

    @property
    def key(self) -> str:
        """Names the widgets of this prompt: another one begins anew."""
        return f"{self.subject.name}-{hash(self.prompt.ids)}"


def answers(question: Question, *, against: bool = True) -> tuple[int, int | None]:
    """What is asked for, and what speaks against it, as chosen by two boxes."""
    ids = _offered(question)
    example = question.example
    right = example.right if example and example.right is not None else ids[0]
    left, side = st.columns(2)
    name = question.subject.output
    answer: int = left.selectbox(
        "Answer",
        ids,
        index=ids.index(right),
        format_func=name,
        key=f"play-right-{question.key}",
        help="The score is its logit.",
    )
    if not against:
        return answer, None
    others: list[int | None] = [None, *ids]
    wrong = example.wrong if example and example.wrong is not None else next(one for one in ids if one != right)
    other: int | None = side.selectbox(
        "Against",
        others,
        index=others.index(wrong),
        key=f"play-wrong-{question.key}",
        format_func=lambda one: "nothing" if one is None else name(one),
        help="Its logit is taken off the score.",
    )
    return answer, other


def _offered(question: Question) -> list[int]:
    """Outputs to choose from, the likeliest first."""
    logits = question.run.logits
    ids: list[int] = logits.topk(min(len(logits), LISTED)).indices.tolist()
    wanted = (question.example.right, question.example.wrong) if question.example else ()
    return ids + [one for one in wanted if one is not None and one not in ids]


def vocabulary(subject: Subject) -> str:
    """The words that can be typed, as far as one can read through them."""
    words = known_words(subject)
    if len(words) > LISTED:
        return f"{len(words)} pieces of words: any text can be written with them."
    return " ".join(words)
