"""Evidence of the first unique letter: one layer passes over copies of its own letter, the next uses what is marked."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads, task
from unravel.zoo.evidence.attention import Where, accuracy, cut
from unravel.zoo.evidence.claims import Claim, Trained


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Where each layer looks, and what is lost when it may not."""
    model = trained.model
    tokens, labels = next(trained.recipe.data.labelled("test", 512))
    copies, repeats = earlier_copies(tokens), at_repeats(tokens, labels)
    ratios = copy_ratios(model, tokens)
    early = min(ratios, key=lambda head: ratios[head])

    def without(where: Where, layer: int) -> float:
        return accuracy(cut(model, tokens, where, layer), labels)

    return [
        *task.measure(trained),
        Claim("passes_over", f"attention of L{early[0]}H{early[1]} to an earlier copy of the letter it stands at, over "
              "that to another letter", ratios[early], at_most=0.2, any_seed=(None, 0.3)),
        Claim("all_pass_over", "the same, in the mean over the heads of layer 0", sum(ratios.values()) / len(ratios),
              at_most=0.3, any_seed=(None, 0.5)),
        Claim("no_copies", "accuracy when layer 0 may not look at copies at all", without(copies, 0), 0.95,
              any_seed=(0.9, None)),
        Claim("no_others", "accuracy when it may not look at as many other letters, the nearest",
              without(others(copies), 0), at_most=0.85),
        Claim("no_repeats", "accuracy when layer 1 may not look at earlier letters that were repeats",
              without(repeats, 1), at_most=0.9),
    ]  # fmt: skip


def copy_ratios(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> dict[heads.Head, float]:
    """For each head of layer 0, its attention to one earlier copy of the letter it stands at, over one of another."""
    copies, pattern = earlier_copies(tokens), heads.attention(model, tokens)[0]
    other = ~copies & torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril(-1)
    other[:, :, 0] = False
    share = [(pattern[:, head][copies].mean() / pattern[:, head][other].mean()) for head in range(pattern.shape[1])]
    return {(0, head): float(ratio) for head, ratio in enumerate(share)}


def earlier_copies(tokens: Int[Tensor, "batch pos"]) -> Where:
    """For each place, the earlier ones that hold the same letter."""
    same = tokens[:, :, None] == tokens[:, None, :]
    return same & torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril(-1)


def is_repeat(tokens: Int[Tensor, "batch pos"]) -> Bool[Tensor, "batch pos"]:
    """Which letters came before."""
    return earlier_copies(tokens).any(-1)


def at_repeats(tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]) -> Where:
    """For each place that is asked, the earlier places whose letter was a repeat."""
    earlier = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril(-1)
    return (labels != IGNORE)[:, :, None] & is_repeat(tokens)[:, None, :] & earlier


def others(copies: Where) -> Where:
    """As many keys at each query as it has copies: the nearest that are none; <bos> apart."""
    length = copies.shape[1]
    free = torch.ones(length, length, dtype=torch.bool).tril(-1) & ~copies
    free[:, :, 0] = False
    nearness = torch.arange(length)[None, None] * free
    rank = nearness.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return free & (rank < copies.sum(-1, keepdim=True))
