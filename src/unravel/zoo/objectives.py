"""What a model is trained for, and how well it does it: one loss over the positions that have a label."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from unravel.errors import UnravelError
from unravel.interp.corpora.base import IGNORE
from unravel.interp.corpora.modular_addition import ModularAddition
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import evaluate
from unravel.zoo.recipes import Recipe

Rows = tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]
PROBES = 256


def loss_of(model: HookedGPT, rows: Rows) -> Float[Tensor, ""]:
    """The mean cross-entropy over all positions with a label."""
    tokens, labels = rows
    logits = model(tokens)
    return functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORE)


def batches(recipe: Recipe, seed: int, start: int) -> Iterator[Rows]:
    """What each step from `start` on is trained on. Each batch depends on the seed and its number alone."""
    size = recipe.training.batch
    if not size:
        return itertools.repeat(_full(recipe, "train"))
    return recipe.data.labelled("train", size, seed, start)


def probe(recipe: Recipe) -> Callable[[HookedGPT], dict[str, float]]:
    """What the log holds of a model: loss and accuracy on training and test rows, and on each suite."""
    rows = {split: _some(recipe, split) for split in ("train", "test")}

    def measure(model: HookedGPT) -> dict[str, float]:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=recipe.training.bfloat16):
            found: dict[str, float] = {}
            for split, (tokens, labels) in rows.items():
                found[f"{split}_loss"] = loss_of(model, (tokens, labels)).item()
                hits = (model(tokens).argmax(-1) == labels)[labels != IGNORE]
                found[f"{split}_accuracy"] = hits.float().mean().item()
            for name, suite in recipe.data.suites.items():
                result = evaluate(model, suite)
                found |= {f"{name}_accuracy": result.accuracy, f"{name}_top1": result.top1, f"{name}_loss": result.loss}
        return {name: round(value, 5) for name, value in found.items()}

    return measure


def _some(recipe: Recipe, split: str) -> Rows:
    """All rows where training takes all of them, otherwise the first few that training does not meet."""
    if not recipe.training.batch:
        return _full(recipe, split)
    tokens, labels = next(recipe.data.labelled(split, PROBES, seed=-1))
    return tokens, labels


def _full(recipe: Recipe, split: str) -> Rows:
    if not isinstance(recipe.data, ModularAddition):
        raise UnravelError(
            f"The corpus {recipe.data.name} never ends, so a step can't take all of it.", fix="Give a batch."
        )
    return recipe.data.full(split)
