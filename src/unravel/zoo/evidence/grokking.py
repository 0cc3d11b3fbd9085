"""Evidence of grokking: the table first, the rule long after, and the rule is made of waves."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from unravel.interp.corpora.modular_addition import ModularAddition
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.store import checkpoints
from unravel.interp.suites import evaluate
from unravel.zoo.evidence.claims import Claim, Trained

KNOWN = 0.99
BEGUN = 0.1
"""Test accuracy from which on the rule is on its way."""
TOP = 3


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """When the two kinds of knowledge came, and what the second is made of."""
    corpus = cast(ModularAddition, trained.recipe.data)
    by_heart = trained.first_step("train_accuracy", KNOWN)
    begun, rule = (trained.first_step("test_accuracy", above) for above in (BEGUN, KNOWN))
    then = next((entry["test_accuracy"] for entry in trained.log if entry["step"] >= by_heart), float("nan"))
    power = frequency_power(trained.model, corpus.p)
    keys = power.topk(TOP).indices.tolist()
    explained, without = logit_waves(trained.model, corpus.p, keys)
    accuracy = evaluate(trained.model, corpus.suites["unseen_sums"]).top1
    return [
        Claim("by_heart", "the step at which training accuracy passed 0.99", by_heart, at_most=200),
        Claim("accuracy_then", "test accuracy then", then, at_most=0.5),
        Claim("begun", f"the step at which test accuracy passed {BEGUN}: the end of the plateau", begun, 400,
              any_seed=(100, None)),
        Claim("rule", "the step at which test accuracy passed 0.99", rule, 400, trained.log[-1]["step"]),
        Claim("accuracy", "test accuracy in the end", accuracy, 0.99),
        *_plateau(trained, by_heart, rule),
        Claim("top_frequencies", f"share of the embedding's power in its {TOP} strongest frequencies "
              f"({', '.join(str(key + 1) for key in sorted(keys))})", float(power.topk(TOP).values.sum()), 0.8,
              any_seed=(0.5, None)),
        Claim("explained", "share of the logits' variance that their waves explain", explained, 0.7,
              any_seed=(0.6, None)),
        Claim("without_waves", "loss on all sums without these waves, in nats", without, 3.0),
    ]  # fmt: skip


def frequency_power(model: HookedGPT, p: int, first: int = 0) -> Float[Tensor, " frequency"]:
    """The share of each frequency, from 1 on, in the embedding of the `p` numbers, which begin at token `first`."""
    waves = torch.fft.rfft(model.W_E[first : first + p].double(), dim=0).abs().square().sum(-1)[1:]
    shares: Tensor = waves / waves.sum()
    return shares


def logit_waves(model: HookedGPT, p: int, keys: list[int]) -> tuple[float, float]:
    """How much of the logits' variance is cos(w(a + b - c)) of the key frequencies, and the loss without that.

    Not the accuracy of those waves alone: it is 1 even before grokking, since an average over all a + b of one sum
    leaks the answer.
    """
    numbers = torch.arange(p)
    a, b = (side.flatten() for side in torch.meshgrid(numbers, numbers, indexing="ij"))
    logits = model(torch.stack([a, b, torch.full_like(a, p)], dim=1))[:, -1]
    return explained((a + b) % p, logits, keys)


def explained(
    right: Int[Tensor, " pair"], logits: Float[Tensor, "pair answer"], keys: list[int]
) -> tuple[float, float]:
    """The share of the logits' variance that is cos(w(right - answer)) of these frequencies, and the loss without."""
    logits = logits.double() - logits.double().mean(-1, keepdim=True)
    p = logits.shape[1]
    turn = (right[:, None] - torch.arange(p)[None]) % p  # [pair, answer]
    told = torch.zeros_like(logits)
    for key in keys:
        wave = torch.cos(2 * torch.pi * (key + 1) * turn.double() / p)
        told += wave * ((wave * logits).sum() / wave.square().sum())
    loss = functional.cross_entropy(logits - told, right)
    return float(1 - (logits - told).square().sum() / logits.square().sum()), float(loss)


def _plateau(trained: Trained, by_heart: float, rule: float) -> list[Claim]:
    """What the checkpoint in the middle between the two is like."""
    if not checkpoints(trained.folder) or rule == float("inf"):
        return []
    middle = int((by_heart + rule) / 2)
    accuracy = evaluate(trained.at(middle), trained.recipe.data.suites["unseen_sums"]).top1
    return [
        Claim(
            "plateau",
            "test accuracy half-way between the two, by the checkpoint",
            accuracy,
            at_most=0.3,
            any_seed=(None, 0.7),
        ),
    ]
