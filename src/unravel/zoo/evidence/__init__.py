"""What must be true of each model, measured anew from its weights whenever it is asked."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from unravel.errors import UnravelError
from unravel.zoo.evidence.claims import Claim, Measure, Trained

KINDS = {
    "induction": "induction:measure",
    "wide_induction": "wide_induction:measure",
    "no_induction": "induction:measure_one_layer",
    "ioi": "ioi:measure",
    "constructed": "constructed:measure",
    "grokking": "grokking:measure",
    "brackets": "brackets:measure",
    "storybook": "storybook:measure",
    "running_sum": "running_sum:measure",
    "sorting": "sorting:measure",
    "caesar": "caesar:measure",
    "palindromes": "palindromes:measure",
    "first_unique": "first_unique:measure",
    "task": "task:measure",
}

__all__ = ["KINDS", "Claim", "Trained", "claims_of"]


def claims_of(trained: Trained) -> list[Claim]:
    """All claims of a trained model, measured now."""
    kind = trained.recipe.evidence
    if kind not in KINDS:
        raise UnravelError(f"There is no evidence called {kind!r}.", fix=f"Choose from: {', '.join(KINDS)}.")
    module, name = KINDS[kind].split(":")
    measure = cast(Measure, getattr(import_module(f"{__name__}.{module}"), name))
    return measure(trained)
