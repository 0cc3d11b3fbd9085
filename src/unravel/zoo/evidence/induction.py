"""Evidence of induction: what it does, when it was learnt, and that it is two heads of which one feeds the other."""

from __future__ import annotations

import torch
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.store import checkpoints
from unravel.interp.suites import Suite, evaluate
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.claims import Claim, Trained
from unravel.zoo.evidence.heads import Head

SKILL = "random_gap_top1"


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """The claims of a model of two layers."""
    suite = trained.recipe.data.suites["random_gap"]
    result = evaluate(trained.model, suite)
    return [
        Claim("accuracy", "accuracy on repeats after a random gap", result.top1, 0.97, any_seed=(0.85, None)),
        Claim("loss", "loss there, in nats", result.loss, at_most=0.8),
        *_phase_change(trained, suite),
        *_circuit(trained, suite),
    ]


@torch.no_grad()
def measure_one_layer(trained: Trained) -> list[Claim]:
    """The claims of the contrast: as much training, one layer, no induction."""
    suites = trained.recipe.data.suites
    gap, pairs = evaluate(trained.model, suites["random_gap"]), evaluate(trained.model, suites["pairs"])
    most = max(entry[SKILL] for entry in trained.log)
    return [
        Claim("accuracy", "accuracy on repeats after a random gap", gap.top1, at_most=0.3),
        Claim("most_accurate", "the best that this accuracy ever was in training", most, at_most=0.3),
        Claim("loss", "loss there, in nats", gap.loss, at_least=2.5),
        Claim(
            "pairs", "what it did learn: accuracy on the likeliest successor (of 64) in Markov text", pairs.top1, 0.2
        ),
    ]


def _phase_change(trained: Trained, suite: Suite) -> list[Claim]:
    step = trained.first_step(SKILL, 0.5)
    claims = [Claim("phase_step", "the step at which this accuracy passed one half", step, 300, 1500, (300, 2500))]
    if not checkpoints(trained.folder) or step == float("inf"):
        return claims
    # Another seed may turn later than the recipe's checkpoints lie: there these two are told, and nothing is asked.
    before, after = (evaluate(trained.at(int(step) + offset), suite).top1 for offset in (-150, 200))
    return [
        *claims,
        Claim("before", "accuracy of the last checkpoint 150 steps before", before, None, 0.3, (None, None)),
        Claim("after", "accuracy of the last checkpoint within 200 steps after", after, 0.75, any_seed=(None, None)),
    ]


def _circuit(trained: Trained, suite: Suite) -> list[Claim]:
    model, pad = trained.model, trained.recipe.data.vocabulary.pad
    rows, _ = next(trained.recipe.data.labelled("test", 256))
    back = heads.previous_token_scores(model, rows)
    early = heads.best(back)
    matches = induction_scores(model, suite)
    kept = {reader: _accuracy(heads.without(model, suite.prompts, early, reader, pad), suite) for reader in "kqv"}
    name = f"L{early[0]}H{early[1]}"
    return [
        Claim("previous_token", f"attention of {name} to the token before", back[early], 0.7, any_seed=(0.25, None)),
        Claim("induction_score", "attention of the best head of layer 1 to the token to be copied",
              max(matches.values()), 0.6, any_seed=(0.5, None)),
        Claim("k_composition", f"K-composition of {name} with layer 1, against the other heads of layer 0",
              k_composition_ratio(model, early), 1.3, any_seed=(1.2, None)),
        Claim("without_k", f"accuracy when layer 1 can't read {name} in its keys", kept["k"], at_most=0.2),
        Claim("without_q", "the same, in its queries", kept["q"], 0.9, any_seed=(0.5, None)),
        Claim("without_v", "the same, in its values", kept["v"], 0.9, any_seed=(0.5, None)),
    ]  # fmt: skip


def induction_scores(model: HookedGPT, suite: Suite) -> dict[Head, float]:
    """How much each head of layer 1 looks, where the suite asks, at the token that followed the last time."""
    rows = torch.arange(len(suite))
    now = suite.prompts[rows, suite.position]
    seen = (suite.prompts == now[:, None]) & (torch.arange(suite.prompts.shape[1]) < suite.position[:, None])
    follows = seen.int().argmax(-1) + 1
    pattern = heads.attention(model, suite.prompts)[1]
    looks = pattern[rows, :, suite.position, follows].mean(0)
    return {(1, head): float(score) for head, score in enumerate(looks)}


def k_composition_ratio(model: HookedGPT, early: Head) -> float:
    """K-composition of a head of layer 0 with the heads of layer 1, over the most of any other head of layer 0."""
    late = [(1, head) for head in range(model.config.n_heads)]

    def mean(head: Head) -> float:
        return sum(heads.composition(model, head, other) for other in late) / len(late)

    return mean(early) / max(mean((0, head)) for head in range(model.config.n_heads) if head != early[1])


def _accuracy(logits: Tensor, suite: Suite) -> float:
    best = logits[torch.arange(len(suite)), suite.position].argmax(-1)
    return float((best == suite.right).float().mean())
