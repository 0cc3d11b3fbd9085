"""By which way a model of indirect objects knows what it knows: what is lost when a way is closed, or carries a lie."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.heads import Head, Hook
from unravel.zoo.evidence.people import Prompts

Logits = Float[Tensor, "batch pos d_vocab"]


def recovered(model: HookedGPT, each: Prompts, other: Tensor, head: Head, at: int) -> float:
    """Run on `other` prompts with one head's z at one position from the plain ones: how much of the way back."""
    _, clean = model.run_with_cache(each.plain, names_filter=[heads.z_hook(head)])

    def patch(z: Tensor, hook: Any) -> Tensor:
        z = z.clone()
        z[:, at, head[1]] = clean[heads.z_hook(head)][:, at, head[1]]
        return z

    patched = model.run_with_hooks(other, fwd_hooks=[(heads.z_hook(head), patch)])
    return 1 - _way(model, each, other, patched)


def misled(model: HookedGPT, each: Prompts, other: Tensor, head: Head, part: str) -> float:
    """Of the way from the plain prompts to `other`, how much one head goes by one input (q, k, v) of all later heads.

    Those inputs see what the head writes on the `other` prompts; all else is as on the plain ones.
    """
    layer, index = head
    name = heads.z_hook(head)
    wrote = [model.run_with_cache(tokens, names_filter=[name])[1][name][:, :, index] for tokens in (each.plain, other)]
    change = ((wrote[1] - wrote[0]) @ model.W_O[layer, index])[:, :, None]  # [batch, pos, 1, d_model]

    def mislead(streams: Tensor, hook: Any) -> Tensor:
        return torch.add(streams, change)

    later = range(layer + 1, model.config.n_layers)
    hooks: list[Hook] = [(f"blocks.{each_layer}.hook_{part}_input", mislead) for each_layer in later]
    model.set_use_split_qkv_input(True)
    try:
        logits: Logits = model.run_with_hooks(each.plain, fwd_hooks=hooks)
    finally:
        model.set_use_split_qkv_input(False)
    return _way(model, each, other, logits)


def closed(
    model: HookedGPT, each: Prompts, layers: Collection[int], query: int, key: int | Int[Tensor, " batch"]
) -> Logits:
    """Logits when no head of the layers can look from `query` to `key`; the rest of each row grows to sum to one."""

    def close(pattern: Tensor, hook: Any) -> Tensor:
        pattern = pattern.clone()
        pattern[each.rows, :, query, key] = 0
        return pattern / pattern.sum(-1, keepdim=True).clamp_min(1e-9)

    hooks: list[Hook] = [(f"blocks.{layer}.attn.hook_pattern", close) for layer in layers]
    logits: Logits = model.run_with_hooks(each.plain, fwd_hooks=hooks)
    return logits


def accuracy_closed(model: HookedGPT, sets: list[Prompts], way: str) -> float:
    """Accuracy over sets of prompts, when no head of any layer has this way.

    `duplicate`: from the giver to the same name before. `finder`: from the giver to the receiver's name before.
    `movers`: from the end to the receiver's name.
    """
    layers, hits = range(model.config.n_layers), []
    for each in sets:
        ways: dict[str, tuple[int, Tensor]] = {
            "duplicate": (each.giver, each.first_b),
            "finder": (each.giver, each.first_a),
            "movers": (each.end, each.first_a),
        }
        query, key = ways[way]
        hits.append(each.plain_difference(closed(model, each, layers, query, key)) > 0)
    return float(torch.cat(hits).float().mean())


def _way(model: HookedGPT, each: Prompts, other: Tensor, logits: Logits) -> float:
    """How far logits are on the way from those of the plain prompts (0) to those of the `other` ones (1)."""
    start, end = (each.plain_difference(model(tokens)).mean() for tokens in (each.plain, other))
    return float((each.plain_difference(logits).mean() - start) / (end - start))
