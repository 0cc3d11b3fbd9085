"""spread.json: the same measurements on models trained anew from other seeds, so that no claim rests on one run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unravel.errors import UnravelError
from unravel.interp.files import write_all
from unravel.zoo.recipes import Recipe, Training

FILE = "spread.json"
LEAST = 3
"""A spread over fewer seeds says little; a recipe that asks for fewer must say why."""


@dataclass(frozen=True)
class Spread:
    """What was measured on models from other seeds."""

    made_from: str
    """The recipe that they were trained by, as `made_from` names it."""
    seeds: dict[int, dict[str, float]] = field(default_factory=dict)
    """For each seed the value of each claim. Which head does what differs from seed to seed, so a few are missing."""

    def values(self, claim: str) -> list[float]:
        """The values of a claim, one for each seed that has it."""
        return [found[claim] for found in self.seeds.values() if claim in found]

    def plus(self, seed: int, values: dict[str, float]) -> Spread:
        """The same with one seed more (or measured again)."""
        return dataclasses.replace(self, seeds=dict(sorted({**self.seeds, seed: values}.items())))


def steps(recipe: Recipe) -> int:
    """How long the models from other seeds are trained."""
    return recipe.spread.steps or recipe.training.steps


def made_from(recipe: Recipe) -> str:
    """A short hash of all in a recipe that decides what other seeds give.

    What stands at its default is left out: a new option of the training loop makes no old spread stale.
    """
    defaults = {each.name: each.default for each in dataclasses.fields(Training)}
    told = dataclasses.asdict(recipe.training)
    plan = {name: value for name, value in told.items() if name != "seed" and value != defaults[name]}
    parts = [recipe.evidence, recipe.corpus, recipe.model, plan, steps(recipe), *recipe.plan]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def read(recipe: Recipe, folder: Path) -> Spread | None:
    """The spread in a model's folder; None where there is none, or one of another recipe."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        seeds = {
            int(seed): {name: float(value) for name, value in found.items()} for seed, found in values["seeds"].items()
        }
        found = Spread(values["made_from"], seeds)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        fix = f"Delete it and run `unravel models spread {recipe.name}`."
        raise UnravelError("The spread of this model is damaged.", fix=fix, path=path) from None
    return found if found.made_from == made_from(recipe) else None


def write(folder: Path, spread: Spread) -> None:
    """Puts the spread into a model's folder."""
    write_all(folder, {FILE: (json.dumps(dataclasses.asdict(spread), indent=1) + "\n").encode()})


def missing(recipe: Recipe, folder: Path) -> str | None:
    """What a model's spread lacks, as a line with the next step; None if all is there or the recipe excuses it."""
    if recipe.spread.exempt:
        return None
    found, least = read(recipe, folder), len(recipe.spread.seeds) if recipe.spread.few else LEAST
    if found and len(found.seeds) >= least:
        return None
    if found:
        fault = f"{FILE} holds {len(found.seeds)} of {least} seeds"
    else:
        fault = f"{FILE} is of another recipe" if (folder / FILE).exists() else f"there is no {FILE}"
    return f"{fault}: run `unravel models spread {recipe.name}`"
