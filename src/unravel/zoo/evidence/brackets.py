"""Evidence of the bracket classifier: it is right, on the hard strings too, and holds the depth in its stream."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.interp.corpora.brackets import CLOSE, OPEN
from unravel.interp.suites import evaluate
from unravel.zoo.evidence.claims import Claim, Trained


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Accuracy, and how well the depth can be read off after the first layer."""
    suites = trained.recipe.data.suites
    every, hard = (evaluate(trained.model, suites[name]).accuracy for name in ("unseen_strings", "equal_counts"))
    depth = depth_probe(trained)
    return [
        Claim("accuracy", "accuracy on strings never seen, half of them balanced", every, 0.99, any_seed=(0.97, None)),
        Claim("equal_counts", "accuracy on unbalanced ones with as many ( as )", hard, 0.98, any_seed=(0.93, None)),
        Claim("depth", "R² of a linear probe for the depth, after the first layer", depth, 0.8, any_seed=(0.7, None)),
    ]


def depth_probe(trained: Trained) -> float:
    """R² on held-out positions of the best linear reading of how many brackets are open."""
    tokens, _ = next(trained.recipe.data.labelled("test", 512))
    _, cache = trained.model.run_with_cache(tokens)
    inside = (tokens == OPEN) | (tokens == CLOSE)
    depth = ((tokens == OPEN).int() - (tokens == CLOSE).int()).cumsum(-1)[inside].double()
    return linear_r2(cache["blocks.0.hook_resid_post"][inside].double(), depth)


def linear_r2(x: Float[Tensor, "n d"], y: Float[Tensor, " n"]) -> float:
    """Fitted on the first half of the rows, measured on the second."""
    half: int = len(x) // 2
    padded = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
    found = torch.linalg.lstsq(padded[:half], y[:half, None]).solution[:, 0]
    rest = y[half:] - padded[half:] @ found
    return float(1 - rest.square().sum() / (y[half:] - y[half:].mean()).square().sum())
