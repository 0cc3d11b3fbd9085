"""Evidence of the algorithmic models: right on rows that were never seen."""

from __future__ import annotations

from unravel.interp.suites import evaluate
from unravel.zoo.evidence.claims import Claim, Trained


def measure(trained: Trained) -> list[Claim]:
    """Accuracy on each suite of the corpus."""
    claims = []
    for name, suite in trained.recipe.data.suites.items():
        result = evaluate(trained.model, suite)
        says = f"accuracy on {name.replace('_', ' ')} ({suite.description.rstrip('.').lower()})"
        claims.append(Claim(name, says, result.top1, 0.98, any_seed=(0.9, None)))
    return claims
