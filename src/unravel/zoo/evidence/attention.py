"""Measurements of attention that several models share: how much goes where, and what is lost when it can't."""

from __future__ import annotations

from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.heads import Head

Where = Bool[Tensor, "batch query key"]
Logits = Float[Tensor, "batch pos d_vocab_out"]


def looks(model: HookedGPT, tokens: Int[Tensor, "batch pos"], where: Where, layer: int) -> dict[Head, float]:
    """How much of its attention each head of a layer puts on the keys in `where`, over the queries that have some."""
    pattern = heads.attention(model, tokens)[layer]  # [batch, head, query, key]
    asked = where.any(-1)
    found = (pattern * where[:, None]).sum(-1).transpose(0, 1)[:, asked].mean(-1)
    return {(layer, head): float(score) for head, score in enumerate(found)}


def cut(model: HookedGPT, tokens: Int[Tensor, "batch pos"], where: Where, layer: int) -> Logits:
    """Logits when no head of a layer may look from a query at the keys in `where`; what is left is scaled up to 1."""

    def forbid(scores: Tensor, hook: Any) -> Tensor:
        return scores.masked_fill(where[:, None], -1e9)

    return _logits(model, tokens, [(f"blocks.{layer}.attn.hook_attn_scores", forbid)])


def with_mean_pattern(model: HookedGPT, tokens: Int[Tensor, "batch pos"], layer: int) -> Logits:
    """Logits when the heads of a layer look at each place as much as they do in the mean over these rows."""

    def average(pattern: Tensor, hook: Any) -> Tensor:
        return pattern.mean(0, keepdim=True).expand_as(pattern)

    return _logits(model, tokens, [(f"blocks.{layer}.attn.hook_pattern", average)])


def without_head(model: HookedGPT, tokens: Int[Tensor, "batch pos"], head: Head) -> Logits:
    """Logits when a head gathers at each place what it does there in the mean over these rows."""
    return _logits(model, tokens, heads.ablated([head], heads.mean_z(model, tokens)))


def accuracy(logits: Logits, labels: Int[Tensor, "batch pos"]) -> float:
    """How often the likeliest token is the label, where there is one."""
    asked = labels != IGNORE
    return float((logits.argmax(-1) == labels)[asked].float().mean())


def _logits(model: HookedGPT, tokens: Int[Tensor, "batch pos"], hooks: list[heads.Hook]) -> Logits:
    made: Tensor = model.run_with_hooks(tokens, fwd_hooks=hooks)
    return made
