"""Evidence of the bracket classifier: it holds the depth in its stream, and looks for a place below zero."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE
from unravel.interp.corpora.brackets import CLOSE, OPEN
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import evaluate
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.attention import Where, accuracy, cut, looks, without_head
from unravel.zoo.evidence.claims import Claim, Trained


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Accuracy, the depth in the stream, the neuron and the attention that find a dip, and each head's part."""
    model, suites = trained.model, trained.recipe.data.suites
    every, hard = (evaluate(model, suites[name]).accuracy for name in ("unseen_strings", "equal_counts"))
    tokens, labels = next(trained.recipe.data.labelled("test", 1024))
    dips = at_dips(tokens)
    to_dips = looks(model, tokens, dips, 1)
    late = heads.best(to_dips)
    fooled = _called_balanced(cut(model, tokens, dips, 1), dips)
    zero = torch.where(depths(tokens) == 0, labels, IGNORE)
    depth, below = probes(model, tokens)
    return [
        Claim("accuracy", "accuracy on strings never seen, half of them balanced", every, 0.99),
        Claim("equal_counts", "accuracy on unbalanced ones with as many ( as )", hard, 0.98, any_seed=(0.97, None)),
        Claim("depth", "R² of a linear probe for the depth, after the first layer", depth, 0.65, any_seed=(0.5, None)),
        Claim("below", "the same for whether the bracket lies below zero", below, 0.6, any_seed=(0.45, None)),
        Claim("dip_neuron", "how often one neuron of layer 0 fires more below zero than elsewhere (AUC)",
              dip_neuron(model, tokens), 0.85, any_seed=(0.8, None)),
        Claim("dip", f"attention of L{late[0]}H{late[1]}, from a ) that comes down to zero, to brackets below zero",
              to_dips[late], 0.6, any_seed=(0.5, None)),
        Claim("fooled", "share of these places that are called balanced when layer 1 may not look there", fooled, 0.2,
              any_seed=(0.15, None)),
        *[Claim(f"without_{layer}_{head}", f"accuracy where the depth is zero, without L{layer}H{head}",
                accuracy(without_head(model, tokens, (layer, head)), zero), at_most=0.85,
                any_seed=(None, 0.95))
          for layer, head in heads.all_heads(model)],
    ]  # fmt: skip


def depths(tokens: Int[Tensor, "batch pos"]) -> Int[Tensor, "batch pos"]:
    """How many brackets are open after each place."""
    return ((tokens == OPEN).int() - (tokens == CLOSE).int()).cumsum(-1)


def is_bracket(tokens: Int[Tensor, "batch pos"]) -> Bool[Tensor, "batch pos"]:
    """Where brackets stand."""
    return (tokens == OPEN) | (tokens == CLOSE)


def is_below(tokens: Int[Tensor, "batch pos"]) -> Bool[Tensor, "batch pos"]:
    """Which brackets lie below zero: the depth is negative before them or after them."""
    after = depths(tokens)
    before = torch.nn.functional.pad(after[:, :-1], (1, 0))
    return is_bracket(tokens) & ((after < 0) | (before < 0))


def at_dips(tokens: Int[Tensor, "batch pos"]) -> Where:
    """From each bracket that comes down to depth zero, the earlier brackets below zero."""
    below = is_below(tokens)
    asked = (depths(tokens) == 0) & is_bracket(tokens) & ~below
    earlier = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril(-1)
    return asked[:, :, None] & below[:, None, :] & earlier


def dip_neuron(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> float:
    """The best neuron's chance to fire more at a random bracket below zero than at another; ties count half."""
    _, cache = model.run_with_cache(tokens, names_filter=["blocks.0.mlp.hook_post"])
    inside = is_bracket(tokens)
    fires, below = cache["blocks.0.mlp.hook_post"][inside], is_below(tokens)[inside]
    draw = torch.Generator().manual_seed(0)
    low, high = (fires[mask][torch.randint(int(mask.sum()), (20_000,), generator=draw)] for mask in (below, ~below))
    won = (low > high).double().mean(0) + (low == high).double().mean(0) / 2  # [neuron]
    return float(won.max())


def probes(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> tuple[float, float]:
    """R² of the best linear reading, after layer 0, of the depth and of whether a bracket lies below zero."""
    _, cache = model.run_with_cache(tokens, names_filter=["blocks.0.hook_resid_post"])
    inside = is_bracket(tokens)
    stream = cache["blocks.0.hook_resid_post"][inside].double()
    return linear_r2(stream, depths(tokens)[inside].double()), linear_r2(stream, is_below(tokens)[inside].double())


def linear_r2(x: Float[Tensor, "n d"], y: Float[Tensor, " n"]) -> float:
    """Fitted on the first half of the rows, measured on the second."""
    half: int = len(x) // 2
    padded = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)
    found = torch.linalg.lstsq(padded[:half], y[:half, None]).solution[:, 0]
    rest = y[half:] - padded[half:] @ found
    return float(1 - rest.square().sum() / (y[half:] - y[half:].mean()).square().sum())


def _called_balanced(logits: Tensor, dips: Where) -> float:
    """Of the strings so far that dip and end at zero, how many have the verdict 1."""
    return float((logits.argmax(-1) == 1)[dips.any(-1)].float().mean())
