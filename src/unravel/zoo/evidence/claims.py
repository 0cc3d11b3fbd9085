"""A claim about a model: a number that was measured, and the bounds it must keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.store import checkpoints, read_model
from unravel.interp.places import content
from unravel.zoo.recipes import Recipe
from unravel.zoo.train import read_log


@dataclass(frozen=True)
class Claim:
    """A measured value. It holds if it lies within its bounds; without bounds it is only reported.

    `any_seed` are the bounds for a model that was trained anew from another seed, where those differ.
    """

    name: str
    says: str
    """What was measured, for the card."""
    value: float
    at_least: float | None = None
    at_most: float | None = None
    any_seed: tuple[float | None, float | None] | None = None

    def holds(self, *, shipped: bool = True) -> bool:
        """Whether the value lies within the bounds. A value that is no number never does."""
        low, high = self.bounds(shipped=shipped)
        above = low is None or self.value >= low
        below = high is None or self.value <= high
        return self.value == self.value and above and below

    def bounds(self, *, shipped: bool = True) -> tuple[float | None, float | None]:
        """The least and the greatest value that is good."""
        return (self.at_least, self.at_most) if shipped or self.any_seed is None else self.any_seed

    def bound_text(self, *, shipped: bool = True) -> str:
        """As in `≥ 0.97`."""
        low, high = self.bounds(shipped=shipped)
        if low is not None and high is not None:
            return f"{low:g} to {high:g}"
        return f"≥ {low:g}" if low is not None else f"≤ {high:g}" if high is not None else ""


@dataclass(frozen=True)
class Trained:
    """A trained model in its folder, with what belongs to it."""

    recipe: Recipe
    folder: Path
    model: HookedGPT
    log: list[dict[str, Any]]

    @classmethod
    def read(cls, recipe: Recipe, folder: Path) -> Trained:
        """What lies in the folder of a trained model."""
        return cls(recipe, folder, read_model(folder), read_log(folder))

    @property
    def is_shipped(self) -> bool:
        """Whether it is the one that came with the course: only there is it known which head does what."""
        return self.folder.resolve() == (content("models") / self.recipe.name).resolve()

    def at(self, step: int) -> HookedGPT:
        """The model as it was at the last checkpoint up to `step`."""
        return read_model(self.folder, max(kept for kept in checkpoints(self.folder) if kept <= step))

    def first_step(self, key: str, above: float) -> float:
        """The first step of the log where `key` is above a value; infinity if there is none."""
        return next((float(entry["step"]) for entry in self.log if entry[key] > above), float("inf"))


Measure = Callable[[Trained], list[Claim]]
