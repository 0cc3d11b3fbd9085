"""Evaluation sets, and how well a model does on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unravel.errors import UnravelError


@dataclass(frozen=True)
class Suite:
    """Prompts, the position whose next-token prediction is judged, the right token and the wrong ones.

    `right` and `wrong` may hold several for each prompt, rows filled up with -1. Where a prompt has no wrong
    ones, every token that isn't right is wrong.
    """

    name: str
    description: str
    prompts: Int[Tensor, "batch pos"]
    position: Int[Tensor, " batch"]
    right: Int[Tensor, " batch"] | Int[Tensor, "batch n_right"]
    wrong: Int[Tensor, "batch n_wrong"]

    def __post_init__(self) -> None:
        rows = len(self.prompts)
        if not rows or any(len(part) != rows for part in (self.position, self.right, self.wrong)):
            raise UnravelError(
                f"The suite {self.name!r} needs a position, a right and a wrong answer for each of its {rows} prompts.",
                fix="Build it with rows of equal number, and at least one.",
            )

    def __len__(self) -> int:
        return len(self.prompts)


@dataclass(frozen=True)
class EvalResult:
    """What `evaluate` measured on `n` prompts."""

    accuracy: float
    """How often the best right answer beats every wrong one."""
    top1: float
    """How often a right answer is the likeliest of all tokens."""
    logit_diff: float
    """The best right answer's logit less the strongest wrong one's, on average."""
    loss: float
    """The mean of -log of the probability of the right answers, together."""
    n: int


@torch.no_grad()
def evaluate(model: Any, suite: Suite, batch: int = 256) -> EvalResult:
    """Runs `model` (anything that makes logits `[batch, pos, d_vocab]` of tokens) on every prompt of `suite`."""
    device = next(model.parameters()).device
    sums = torch.zeros(4, dtype=torch.float64)
    for start in range(0, len(suite), batch):
        rows = slice(start, start + batch)
        prompts = suite.prompts[rows].to(device)
        logits = model(prompts)[torch.arange(len(prompts)), suite.position[rows].to(device)]
        sums += _judge(logits.float(), suite.right[rows].to(device), suite.wrong[rows].to(device)).cpu()
    accuracy, top1, logit_diff, loss = (sums / len(suite)).tolist()
    return EvalResult(accuracy, top1, logit_diff, loss, n=len(suite))


def _judge(logits: Float[Tensor, "batch d_vocab"], right: Tensor, wrong: Tensor) -> Float[Tensor, 4]:
    """The sums of the four measures over a batch."""
    good = _chosen(right.reshape(len(right), -1), logits)
    bad = _chosen(wrong, logits)
    bad = bad.where(bad.any(-1, keepdim=True), ~good)
    best = logits.masked_fill(~good, -torch.inf).amax(-1)
    rival = logits.masked_fill(~bad, -torch.inf).amax(-1)
    top = good.gather(-1, logits.argmax(-1, keepdim=True))
    loss = logits.logsumexp(-1) - logits.masked_fill(~good, -torch.inf).logsumexp(-1)
    measures = (best > rival, top, best - rival, loss)
    return torch.stack([measure.double().sum() for measure in measures])


def _chosen(answers: Int[Tensor, "batch n"], logits: Float[Tensor, "batch d_vocab"]) -> Bool[Tensor, "batch d_vocab"]:
    """Which tokens are among the answers; -1 names none."""
    if answers.numel() and int(answers.max()) >= logits.shape[1]:
        fix = "The suite is another model's: choose one of this model's corpus."
        raise UnravelError(
            f"An answer of this suite is token {int(answers.max())}, of which there is no logit.", fix=fix
        )
    chosen = torch.zeros(len(logits), logits.shape[1] + 1, dtype=torch.bool, device=logits.device)
    return chosen.scatter(1, answers.long() % chosen.shape[1], True)[:, :-1]
