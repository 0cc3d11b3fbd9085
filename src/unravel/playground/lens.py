"""Attention patterns, and the logit lens: what the stream would say if it were read out early."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.playground.run import Run
from unravel.playground.subject import measured


@dataclass(frozen=True, eq=False)
class Lens:
    """For each row (the stream as it enters a layer, and last as it leaves the model) and each position."""

    rows: tuple[str, ...]
    top: tuple[tuple[str, ...], ...]
    """The likeliest token."""
    prob: Float[Tensor, "row pos"]
    """Its probability."""
    answer: Float[Tensor, "row pos"]
    """The probability of the token that was asked for."""


def patterns(run: Run, layer: int) -> Float[Tensor, "head query_pos key_pos"]:
    """Where each head of a layer looks."""
    return run.layer(layer, "attn.hook_pattern")


@measured
def lens(run: Run, answer: int) -> Lens:
    """The stream before each layer, and after the last, through the model's own last norm and unembedding."""
    model, last = run.subject.model, run.subject.model.config.n_layers - 1
    streams = [(f"before layer {layer}", run.layer(layer, "hook_resid_pre")) for layer in range(last + 1)]
    streams.append(("at the end", run.layer(last, "hook_resid_post")))
    tops, best, asked = [], [], []
    for _, resid in streams:
        probs = model.unembed(model.ln_final(resid)).softmax(-1)  # [pos, d_vocab_out]
        highest = probs.max(-1)
        tops.append(tuple(run.subject.output(number) for number in highest.indices.tolist()))
        best.append(highest.values)
        asked.append(probs[:, answer])
    return Lens(tuple(name for name, _ in streams), tuple(tops), torch.stack(best), torch.stack(asked))
