"""Evidence of the first unique letter: one layer looks at earlier copies, and the next does without repeats."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE
from unravel.zoo.evidence import heads, task
from unravel.zoo.evidence.attention import Where, accuracy, cut, looks
from unravel.zoo.evidence.claims import Claim, Trained


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Where each layer looks, and what is lost when it may not."""
    model = trained.model
    tokens, labels = next(trained.recipe.data.labelled("test", 512))
    copies, repeats = earlier_copies(tokens), at_repeats(tokens, labels)
    to_copies, to_answer = looks(model, tokens, copies, 0), looks(model, tokens, at_answer(tokens, labels), 1)
    early, late = heads.best(to_copies), heads.best(to_answer)
    spared = accuracy(cut(model, tokens, others(copies), 0), labels)
    return [
        *task.measure(trained),
        Claim("duplicates", f"attention of L{early[0]}H{early[1]}, at a letter that came before, to its earlier copies",
              to_copies[early], 0.6, any_seed=(0.5, None)),
        Claim("no_duplicates", "accuracy when layer 0 may not look at earlier copies",
              accuracy(cut(model, tokens, copies, 0), labels), at_most=0.7),
        Claim("no_others", "accuracy when it may not look at as many earlier letters that are no copies", spared),
        Claim("answer", f"attention of L{late[0]}H{late[1]} to the letter that is the answer", to_answer[late], 0.3,
              any_seed=(0.3, None)),
        Claim("no_repeats", "accuracy when layer 1 may not look at letters that are marked as repeats",
              accuracy(cut(model, tokens, repeats, 1), labels), at_most=0.8),
    ]  # fmt: skip


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


def at_answer(tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]) -> Where:
    """For each place that is asked, the earlier place that holds the answer."""
    return (tokens[:, None, :] == labels[:, :, None]) & torch.ones(tokens.shape[1], tokens.shape[1]).tril(-1).bool()


def others(copies: Where) -> Where:
    """As many keys at each query as it has copies: the nearest that are none; <bos> apart."""
    length = copies.shape[1]
    free = torch.ones(length, length, dtype=torch.bool).tril(-1) & ~copies
    free[:, :, 0] = False
    nearness = torch.arange(length)[None, None] * free
    rank = nearness.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return free & (rank < copies.sum(-1, keepdim=True))
