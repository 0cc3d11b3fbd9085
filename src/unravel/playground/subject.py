"""A model that is being looked at, with what one must know to ask it something."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch

from unravel.interp import load_corpus, load_model
from unravel.interp.corpora import Corpus
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.tokens import Tokenizer
from unravel.playground.catalogue import find_entry

VERDICTS = {"brackets": ("unbalanced", "balanced")}
"""What the outputs are called where they are no tokens."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A model by name. `eq=False`: two are the same only if they are one object, so that results can be kept."""

    name: str
    model: HookedGPT
    corpus: Corpus | None = None
    """What it was trained on, if that is a corpus of ours."""
    bos: bool = True
    """Whether its rows begin with the token for the beginning."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Hooks belong to the model, not to a thread: one measurement at a time."""

    @property
    def subject(self) -> Subject:
        """Itself: so that whatever is measured leads to its subject by one name."""
        return self

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer; `UnravelError` where there is none."""
        return self.model.words

    def output(self, number: int) -> str:
        """What the logit of this number stands for: a token, or a verdict."""
        names = VERDICTS.get(self.corpus.name, ()) if self.corpus else ()
        if not self.model.config.causal:
            return names[number] if number < len(names) else f"class {number}"
        return self.tokenizer.piece(number)

    def head_names(self) -> list[str]:
        """All heads, as in "L0H1"."""
        config = self.model.config
        return [f"L{layer}H{head}" for layer in range(config.n_layers) for head in range(config.n_heads)]


@lru_cache(maxsize=4)
def load_subject(name: str) -> Subject:
    """The model of that name from the catalogue, ready to be measured."""
    entry = find_entry(name)
    model = load_model(name)
    if not entry.corpus:
        return Subject(name, model, bos=model.config.default_prepend_bos and model.words.bos is not None)
    corpus = load_corpus(entry.corpus, **dict(entry.options))
    first = next(corpus.batches("test", batch=1))[0, 0]
    return Subject(name, model, corpus, bos=int(first) == corpus.vocabulary.bos)


class OfSubject(Protocol):
    """Anything that leads to the model it was measured on."""

    @property
    def subject(self) -> Subject:
        """The model."""


S = TypeVar("S", bound=OfSubject)
P = ParamSpec("P")
T = TypeVar("T")


def measured(function: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A measurement: no gradients, one at a time on each model, and the last 64 results are kept."""
    kept = lru_cache(maxsize=64)(torch.no_grad()(function))

    @wraps(function)
    def measure(first: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with first.subject.lock:
            return kept(first, *args, **kwargs)  # type: ignore[arg-type]

    return measure
