"""Evidence of Caesar's cipher: the key is fetched by attention, and letters are turned back as waves."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE
from unravel.interp.corpora.task import FIRST
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads, task
from unravel.zoo.evidence.attention import Where, accuracy, cut, looks
from unravel.zoo.evidence.claims import Claim, Trained
from unravel.zoo.evidence.grokking import explained, frequency_power

LETTERS = 26
KEY = 1
"""The position of the key, after <bos>."""
TOP = 4


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """How the key comes to the letters, and of what the turn is made."""
    model = trained.model
    tokens, labels = next(trained.recipe.data.labelled("test", 512))
    where = at_key(tokens, labels)
    to_key = looks(model, tokens, where, 0)
    head = heads.best(to_key)
    power = frequency_power(model, LETTERS, FIRST)
    waves = power.topk(TOP).indices.tolist()
    told, without = explained(*table(model, trained.recipe.data.vocabulary.bos), waves)
    named = ", ".join(str(wave + 1) for wave in sorted(waves))
    return [
        *task.measure(trained),
        Claim("key", f"attention of L{head[0]}H{head[1]} from a letter to the key", to_key[head], 0.6,
              any_seed=(0.5, None)),
        Claim("no_key", "accuracy when letters may not look at the key",
              accuracy(cut(model, tokens, where, 0), labels), at_most=0.15),
        Claim("other_key", "share of letters deciphered by another row's key when the heads gather what they did there",
              other_key(model, tokens, labels), 0.9, any_seed=(0.8, None)),
        Claim("top_frequencies", f"share of the embedding's power in the {TOP} strongest of 13 frequencies ({named})",
              float(power.topk(TOP).values.sum()), 0.7, any_seed=(0.6, None)),
        Claim("explained", "share of the logits' variance that is waves of these frequencies in key + answer - letter",
              told, 0.6, any_seed=(0.5, None)),
        Claim("without_waves", "loss on all pairs of key and letter without these waves, in nats", without, 2.0),
    ]  # fmt: skip


def at_key(tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]) -> Where:
    """For each letter that is asked, the place of the key."""
    asked = labels != IGNORE
    key = torch.arange(tokens.shape[1]) == KEY
    return asked[:, :, None] & key


def table(model: HookedGPT, bos: int) -> tuple[Int[Tensor, " pair"], Float[Tensor, "pair answer"]]:
    """What is right for every pair of key and letter, and the logits of the letters there."""
    numbers = torch.arange(LETTERS)
    key, letter = (side.flatten() for side in torch.meshgrid(numbers, numbers, indexing="ij"))
    rows = torch.stack([torch.full_like(key, bos), key + FIRST, letter + FIRST], dim=1)
    return (letter - key) % LETTERS, model(rows)[:, -1, FIRST : FIRST + LETTERS]


def other_key(model: HookedGPT, tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]) -> float:
    """Each row with what the heads gathered in the row before it: how often its letters are deciphered by that key."""

    def swap(z: Tensor, hook: Any) -> Tensor:
        return z.roll(1, dims=0)

    logits = model.run_with_hooks(tokens, fwd_hooks=[(heads.z_hook((0, 0)), swap)])
    key = tokens[:, KEY].roll(1)[:, None]
    other = torch.where(labels == IGNORE, IGNORE, (tokens - key) % LETTERS + FIRST)
    return accuracy(logits, other)
