"""One pass of the model over a prompt, with everything that the views look at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.playground.prompt import Prompt
from unravel.playground.subject import Subject, measured

WATCHED = (
    "hook_embed",
    "hook_pos_embed",
    "hook_resid_pre",
    "hook_resid_post",
    "hook_pattern",
    "hook_z",
    "hook_mlp_out",
)


@dataclass(frozen=True, eq=False)
class Run:
    """What went on: `activations` by hook name, each of one row, and the logits at the position that is asked."""

    subject: Subject
    prompt: Prompt
    logits: Float[Tensor, " d_vocab_out"]
    activations: dict[str, Tensor]

    def layer(self, layer: int, hook: str) -> Tensor:
        """An activation of one layer without the batch: `run.layer(0, "attn.hook_z")` is [pos, head, d_head]."""
        return self.activations[f"blocks.{layer}.{hook}"][0]

    @property
    def tokens(self) -> Tensor:
        """The prompt as the model takes it, [1, pos]."""
        return torch.tensor([self.prompt.ids])


@dataclass(frozen=True)
class Guess:
    """A token that may come next."""

    id: int
    piece: str
    prob: float
    logit: float


@measured
def run(subject: Subject, prompt: Prompt) -> Run:
    """Runs the model once. Runs of the same prompt are the same object."""
    tokens = torch.tensor([prompt.ids])
    logits, activations = subject.model.run_with_cache(
        tokens, names_filter=lambda name: name.rsplit(".", 1)[-1] in WATCHED, return_cache_object=False
    )
    return Run(subject, prompt, logits[0, prompt.at], activations)


def likely(run: Run, count: int = 10) -> tuple[Guess, ...]:
    """The likeliest next tokens, the best first."""
    return guesses(run.subject, run.logits, run.logits.topk(min(count, len(run.logits))).indices.tolist())


def guesses(subject: Subject, logits: Float[Tensor, " d_vocab_out"], ids: list[int]) -> tuple[Guess, ...]:
    """What these logits say of some tokens."""
    probs = logits.softmax(-1)
    return tuple(Guess(number, subject.output(number), float(probs[number]), float(logits[number])) for number in ids)


def metric(logits: Float[Tensor, "*batch d_vocab_out"], right: int, wrong: int | None) -> Float[Tensor, "*batch"]:
    """The logit of the answer, less that of the wrong one if there is one."""
    answer = logits[..., right]
    return answer if wrong is None else answer - logits[..., wrong]
