"""Heads taken out: what they write replaced by zero or by its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.playground.run import Guess, Run, guesses, metric
from unravel.playground.subject import Subject, measured

Kind = Literal["mean", "zero"]
Heads = tuple[tuple[int, int], ...]
ROWS = 64
"""Rows of the corpus that the mean is taken over."""


@dataclass(frozen=True)
class Ablation:
    """The same tokens before and after, those first that are likeliest in one of the two."""

    before: tuple[Guess, ...]
    after: tuple[Guess, ...]
    answer: tuple[float, float]
    """The logit (or the difference of two) that is asked for, before and after."""


@measured
def ablate(run: Run, heads: Heads, kind: Kind, right: int, wrong: int | None = None, count: int = 8) -> Ablation:
    """Runs the prompt again without these heads ((layer, head), ...), and compares."""
    logits = ablated_logits(run, heads, kind)
    best = torch.cat([each.topk(min(count, len(each))).indices for each in (run.logits, logits)])
    ids = list(dict.fromkeys(best.tolist()))
    answer = (float(metric(run.logits, right, wrong)), float(metric(logits, right, wrong)))
    return Ablation(guesses(run.subject, run.logits, ids), guesses(run.subject, logits, ids), answer)


def ablated_logits(run: Run, heads: Heads, kind: Kind) -> Float[Tensor, " d_vocab_out"]:
    """The logits at the asked position when these heads write their mean, or nothing."""
    means = head_means(run.subject) if run.subject.corpus and kind == "mean" else own_means(run)

    def replace(z: Tensor, hook: Any) -> Tensor:  # [batch, pos, head, d_head]
        for layer, head in heads:
            if layer == hook.layer():
                z[:, :, head] = means[layer][head] if kind == "mean" else 0.0
        return z

    layers = {layer for layer, _ in heads}
    hooks: list[tuple[Any, Any]] = [(f"blocks.{layer}.attn.hook_z", replace) for layer in layers]
    with torch.no_grad():
        logits: Tensor = run.subject.model.run_with_hooks(run.tokens, fwd_hooks=hooks)
    return logits[0, run.prompt.at]


@measured
def head_means(subject: Subject) -> list[Float[Tensor, "head d_head"]]:
    """What each head writes on average (as z), over all tokens of some rows of the model's corpus; by layer."""
    assert subject.corpus is not None
    rows = next(subject.corpus.batches("test", batch=ROWS))
    _, cache = subject.model.run_with_cache(rows, names_filter=lambda name: name.endswith("hook_z"))
    kept = rows != subject.corpus.vocabulary.pad
    return [cache["z", layer][kept].mean(0) for layer in range(subject.model.config.n_layers)]


def own_means(run: Run) -> list[Float[Tensor, "head d_head"]]:
    """The same over the positions of the prompt itself, for a model whose corpus is not here."""
    return [run.layer(layer, "attn.hook_z").mean(0) for layer in range(run.subject.model.config.n_layers)]
