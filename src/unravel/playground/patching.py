"""Activation patching: into the run on the corrupted prompt goes one activation of the clean run, place by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.errors import UnravelError
from unravel.playground.run import Run, metric
from unravel.playground.subject import measured

Place = Literal["stream", "heads"]
SMALLEST = 1e-3
"""Where clean and corrupted differ by less, there is nothing to bring back."""


@dataclass(frozen=True, eq=False)
class Patching:
    """`restored` [layer, pos] or [layer, head]: 0 is as bad as the corrupted prompt, 1 as good as the clean one."""

    restored: Float[Tensor, "layer place"]
    clean: float
    corrupted: float


@measured
def patch(clean: Run, corrupted: Run, place: Place, right: int, wrong: int | None = None) -> Patching:
    """Patches the stream as it enters each layer at each position, or the output of each head at all positions.

    What is measured is the logit of `right` (less that of `wrong`) at the asked position.
    """
    check_pair(clean, corrupted)
    good, bad = (float(metric(each.logits, right, wrong)) for each in (clean, corrupted))
    if abs(good - bad) < SMALLEST:
        raise UnravelError(
            f"Both prompts give the same score ({good:.3f}), so there is nothing to bring back.",
            fix="Change a word that the answer depends on, or ask for another answer.",
        )
    one = _patched_stream if place == "stream" else _patched_heads
    layers = range(clean.subject.model.config.n_layers)
    scores = torch.stack([metric(one(clean, corrupted, layer), right, wrong) for layer in layers])
    return Patching((scores - bad) / (good - bad), good, bad)


def check_pair(clean: Run, corrupted: Run) -> None:
    """Complains of two prompts that can't be patched into each other."""
    lengths = len(clean.prompt), len(corrupted.prompt)
    if lengths[0] != lengths[1]:
        raise UnravelError(
            f"The clean prompt has {lengths[0]} tokens, the corrupted one {lengths[1]}.",
            fix="Make them equally long, so that each position of the one has its partner in the other.",
        )
    if clean.prompt.ids == corrupted.prompt.ids:
        raise UnravelError("Both prompts are the same.", fix="Change a word that the answer depends on.")


def _patched_stream(clean: Run, corrupted: Run, layer: int) -> Float[Tensor, "pos d_vocab_out"]:
    """The logits when the stream before `layer` is the clean one at one position: a row for each position."""
    length, each = len(clean.prompt), torch.arange(len(clean.prompt))
    resid = corrupted.layer(layer, "hook_resid_pre").repeat(length, 1, 1)  # [row, pos, d_model]
    resid[each, each] = clean.layer(layer, "hook_resid_pre")
    logits: Tensor = clean.subject.model(resid, start_at_layer=layer)
    return logits[:, clean.prompt.at]


def _patched_heads(clean: Run, corrupted: Run, layer: int) -> Float[Tensor, "head d_vocab_out"]:
    """The logits when one head of `layer` writes what it wrote in the clean run: a row for each head."""
    model = clean.subject.model
    good = clean.layer(layer, "attn.hook_z")  # [pos, head, d_head]
    each = torch.arange(model.config.n_heads)

    def replace(z: Tensor, hook: Any) -> Tensor:  # [row, pos, head, d_head]
        z[each, :, each] = good.movedim(1, 0)
        return z

    resid = corrupted.layer(layer, "hook_resid_pre").repeat(len(each), 1, 1)
    hooks: list[tuple[Any, Any]] = [(f"blocks.{layer}.attn.hook_z", replace)]
    logits: Tensor = model.run_with_hooks(resid, start_at_layer=layer, fwd_hooks=hooks)
    return logits[:, clean.prompt.at]
