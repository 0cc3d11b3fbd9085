"""Evidence of induction by many heads at once: no edge alone is needed, a sixth of them is enough."""

from __future__ import annotations

import torch
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import Suite, evaluate
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.claims import Claim, Trained
from unravel.zoo.evidence.heads import Head
from unravel.zoo.evidence.induction import SKILL, induction_scores
from unravel.zoo.evidence.paths import Cutter, Path, all_paths

PROMPTS = 128
LOOKS = 0.3
"""From which share of its attention on the token to be copied a head counts as an induction head."""


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """The claims of a model of two layers with many heads."""
    suite = trained.recipe.data.suites["random_gap"]
    result = evaluate(trained.model, suite)
    step = trained.first_step(SKILL, 0.5)
    return [
        Claim("accuracy", "accuracy on repeats after a random gap", result.top1, 0.97, any_seed=(0.2, None)),
        Claim("loss", "loss there, in nats", result.loss, at_most=0.8, any_seed=(None, 3.0)),
        Claim("phase_step", "the step at which this accuracy passed one half", step, 300, 1500, (300, None)),
        *_circuit(trained, suite),
    ]


def _circuit(trained: Trained, suite: Suite) -> list[Claim]:
    model, rows = trained.model, next(trained.recipe.data.labelled("test", 256))[0]
    back = heads.previous_token_scores(model, rows)
    early, cut = heads.best(back), Edges(model, suite)
    without_q = {head: cut.accuracy(cut.group(head, "q")) for head in back}
    helper = min(without_q, key=lambda head: without_q[head])
    chosen = [*cut.group(early, "k"), *cut.group(helper, "q"), *cut.group(helper, "v")]
    looks = induction_scores(model, suite)
    now = float(heads.attention(model, rows)[0][:, helper[1]].diagonal(dim1=-2, dim2=-1)[:, 1:].mean())
    first, second = (f"L{layer}H{head}" for layer, head in (early, helper))
    return [
        Claim("previous_token", f"attention of {first} to the token before", back[early], 0.7, any_seed=(0.2, None)),
        Claim("looks", f"heads of layer 1 with over {LOOKS} of their attention on the token to be copied",
              sum(look > LOOKS for look in looks.values()), 2, any_seed=(None, None)),
        Claim("without_k", f"accuracy when layer 1 can't read {first} in its keys", cut.accuracy(cut.group(early, "k")),
              at_most=0.2, any_seed=(None, None)),
        Claim("without_q", f"accuracy when layer 1 can't read {second} in its queries", without_q[helper],
              at_most=0.2, any_seed=(None, None)),
        Claim("now", f"attention of {second} to the token itself", now),
        Claim("one_edge", f"the least accuracy when one of the {len(cut.all)} edges between the layers is cut",
              min(cut.accuracy([path]) for path in cut.all), 0.9, any_seed=(None, None)),
        Claim("kept", f"accuracy when {len(chosen)} are left: {first} into the keys, {second} into queries and values",
              cut.accuracy([path for path in cut.all if path not in chosen]), 0.9, any_seed=(None, None)),
    ]  # fmt: skip


class Edges:
    """The edges between the two layers, and how well the model does without some of them."""

    def __init__(self, model: HookedGPT, suite: Suite):
        self.prompts, self.rows = suite.prompts[:PROMPTS], torch.arange(PROMPTS)
        self.at, self.right = suite.position[:PROMPTS], suite.right[:PROMPTS].reshape(-1)
        self.all = [path for path in all_paths(model) if path[1] is not None]
        # The mean over prompts and positions: one over prompts alone would keep what depends on the position.
        means = {layer: z.mean(0).expand_as(z) for layer, z in heads.mean_z(model, suite.prompts).items()}
        self.cutter = Cutter(model, self.prompts, means)

    def group(self, sender: Head, part: str) -> list[Path]:
        """All edges from one head into one input of the later heads."""
        return [path for path in self.all if path[0] == sender and path[2] == part]

    def accuracy(self, paths: list[Path]) -> float:
        """How often the next token is the likeliest when the paths are cut."""
        logits: Tensor = self.cutter.without(*paths)
        return float((logits[self.rows, self.at].argmax(-1) == self.right).float().mean())
