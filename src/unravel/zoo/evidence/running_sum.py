"""Evidence of the running sum: a head that gathers all steps alike, and writes them along one line."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import task
from unravel.zoo.evidence.attention import accuracy, with_mean_pattern, without_head
from unravel.zoo.evidence.brackets import linear_r2
from unravel.zoo.evidence.claims import Claim, Trained

STEPS = range(-2, 3)


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """What the one head reads, where it looks, and what is lost without it."""
    model = trained.model
    tokens, labels = next(trained.recipe.data.labelled("test", 512))
    blind = accuracy(with_mean_pattern(model, tokens, 0), labels)
    without = accuracy(without_head(model, tokens, (0, 0)), labels)
    return [
        *task.measure(trained),
        Claim("line", "share of the variance of what the head reads in the five steps that is a straight line",
              line_share(model, step_tokens(trained)), 0.95, any_seed=(0.9, None)),
        Claim("blind", "accuracy when the head looks at each place as much as it does in the mean over all rows",
              blind, 0.6),
        Claim("even", "how evenly it looks at the steps so far: 1 less half the sum of differences from even",
              evenness(model, tokens), 0.9),
        Claim("probe", "R² of a linear probe for the sum (not the mean) in what the head gathers",
              sum_probe(trained), 0.9, any_seed=(0.85, None)),
        Claim("without_head", "accuracy without the head", without, at_most=0.3),
    ]  # fmt: skip


def step_tokens(trained: Trained) -> Int[Tensor, " step"]:
    """The tokens of the steps, from the least to the greatest."""
    words = [f"{step:+d}" if step else "0" for step in STEPS]
    return torch.tensor(trained.recipe.data.vocabulary.encode(words))


def line_share(model: HookedGPT, steps: Int[Tensor, " step"]) -> float:
    """How much of the variance of the values of these tokens (at the middle place) is one vector times the step."""
    place = model.config.n_ctx // 2
    rows = torch.full((len(steps), place + 1), int(steps[0]))
    rows[:, place] = steps
    _, cache = model.run_with_cache(rows, names_filter=["blocks.0.attn.hook_v"])
    read = (cache["blocks.0.attn.hook_v"][:, place, 0] @ model.W_O[0, 0]).double()  # [step, d_model]
    read = read - read.mean(0)
    size = torch.arange(len(steps)).double() - (len(steps) - 1) / 2
    line = size[:, None] * (size @ read) / size.square().sum()
    return float(line.square().sum() / read.square().sum())


def evenness(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> float:
    """1 if a head shares its attention to the steps so far evenly, 0 if it looks at one of very many; <bos> apart."""
    _, cache = model.run_with_cache(tokens, names_filter=["blocks.0.attn.hook_pattern"])
    pattern = cache["blocks.0.attn.hook_pattern"][:, 0, 1:, 1:]
    share = pattern / pattern.sum(-1, keepdim=True)
    count = torch.arange(1, share.shape[-1] + 1)
    even: Float[Tensor, "query key"] = torch.ones(len(count), len(count)).tril() / count[:, None]
    return float(1 - (share - even).abs().sum(-1).mean() / 2)


def sum_probe(trained: Trained) -> float:
    """R² on held-out rows of the best linear reading of the sum so far, at all places together."""
    tokens, _ = next(trained.recipe.data.labelled("test", 512))
    zero = trained.recipe.data.vocabulary.index["0"]
    _, cache = trained.model.run_with_cache(tokens, names_filter=["blocks.0.attn.hook_z"])
    sums = (tokens[:, 1:] - zero).cumsum(-1).flatten()
    return linear_r2(cache["blocks.0.attn.hook_z"][:, 1:, 0].flatten(0, 1).double(), sums.double())
