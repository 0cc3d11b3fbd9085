"""Trains a model anew from other seeds and keeps what is measured on each, in its `spread.json` and on its card."""

from __future__ import annotations

import shutil
from pathlib import Path

from unravel.zoo import record, spread
from unravel.zoo.evidence import Claim
from unravel.zoo.recipes import Recipe
from unravel.zoo.train import Watch, train


def retrain(recipe: Recipe, seed: int, folder: Path, watch: Watch = lambda step, entry: None) -> list[Claim]:
    """The claims of a model trained from another seed, into `folder`. A run that was stopped there goes on."""
    train(recipe, folder, seed=seed, steps=spread.steps(recipe), watch=watch)
    return record.measure_again(recipe, folder)


def add_seed(recipe: Recipe, home: Path, seed: int, work: Path, watch: Watch = lambda step, entry: None) -> list[Claim]:
    """Trains from a seed and adds its claims to the spread and the card of the model in `home`.

    The new model lies in a folder of `work` that goes when it is measured: only its values are kept.
    """
    folder = work / f"{recipe.name}-spread-{spread.made_from(recipe)}-seed{seed}"
    claims = retrain(recipe, seed, folder, watch)
    known = spread.read(recipe, home) or spread.Spread(spread.made_from(recipe))
    spread.write(home, known.plus(seed, {claim.name: claim.value for claim in claims}))
    record.make_card(recipe, home)
    shutil.rmtree(folder)
    return claims
