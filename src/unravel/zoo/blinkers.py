"""Blinkers: what no attention sees in the first steps of a training, so that the nearest circuit isn't found first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT

UNSEEN = -1e4
"""A score that leaves no attention, in bfloat16 too, and no row without any: a place always sees itself."""


@dataclass(frozen=True)
class Blinkers:
    """What is hidden, and for how long. Without steps, nothing is."""

    until: int = 0
    """The step from which on all is seen."""
    window: int = 0
    """How many places back are seen; 0: all."""
    copies: bool = True
    """Whether a place sees earlier places with the same word."""

    def hidden(self, tokens: Int[Tensor, "batch pos"]) -> Bool[Tensor, "batch query key"]:
        """True where a query doesn't see a key. No place is hidden from itself."""
        length = tokens.shape[1]
        back = torch.arange(length)[:, None] - torch.arange(length)
        far = back > self.window if self.window else torch.zeros_like(back, dtype=torch.bool)
        if self.copies:
            return far.expand(len(tokens), -1, -1)
        return far | ((tokens[:, :, None] == tokens[:, None, :]) & (back > 0))

    @contextmanager
    def worn(self, model: HookedGPT, tokens: Int[Tensor, "batch pos"], step: int) -> Iterator[None]:
        """In every layer of the model nothing that is hidden is seen, up to the step that ends it."""
        if step >= self.until:
            yield
            return
        hidden = self.hidden(tokens)[:, None]

        def hide(scores: Tensor, hook: Any) -> Tensor:
            return scores.masked_fill(hidden, UNSEEN)

        layers = range(model.config.n_layers)
        with model.hooks(fwd_hooks=[(f"blocks.{layer}.attn.hook_attn_scores", hide) for layer in layers]):
            yield
