"""Evidence of the course's small GPT-2: what it can do, suite by suite, and that it can be read layer by layer."""

from __future__ import annotations

import itertools
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from unravel.interp.corpora.base import IGNORE
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import Suite, evaluate
from unravel.zoo.evidence import heads, inhibition
from unravel.zoo.evidence.claims import Claim, Trained
from unravel.zoo.objectives import Rows

AT_LEAST = {
    "ioi": 0.95,
    "conditional": 0.95,
    "ioi_templates": 0.95,
    "conditional_templates": 0.9,
    "spells": 0.9,
    "landmarks": 0.9,
    "animals": 0.9,
    "pronouns": 0.9,
    "number": 0.9,
    "years": 0.9,
    "quotes": 0.9,
    "brackets": 0.9,
    "compounds": 0.9,
}
"""Suites that must go well; of the others the card tells how they went."""
FACTS = ("landmarks", "professions", "animals")
"""What is true in the small world, and asked in sentences that training does not have."""
ANY_SEED = 0.05
"""So much less is enough for a model that was trained from another seed."""
ANY_SEED_HAS = {"quotes": 0.6, "conditional_templates": 0.8}
"""What other seeds have of the suites in which they fall further behind: set after two of them had been measured."""


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Every suite, then the logit lens, the heads that copy, and how indirect objects are found."""
    suites = trained.recipe.data.suites
    skills = [_skill(trained.model, suite) for suite in suites.values()]
    known = sum(claim.value for claim in skills if claim.name in FACTS) / len(FACTS)
    facts = Claim("facts", f"facts: the mean of {', '.join(FACTS)}", known, 0.9, any_seed=(0.9 - ANY_SEED, None))
    return [facts, *skills, *_lens(trained), *_copying(trained), *_inhibition(trained)]


def _skill(model: HookedGPT, suite: Suite) -> Claim:
    low = AT_LEAST.get(suite.name)
    return Claim(
        suite.name,
        f"{suite.name}: {suite.description}",
        evaluate(model, suite).accuracy,
        low,
        any_seed=None if low is None else (ANY_SEED_HAS.get(suite.name, low - ANY_SEED), None),
    )


def _lens(trained: Trained) -> list[Claim]:
    """The logit lens is useful if the stream, read as logits, gets better from layer to layer."""
    rows = next(trained.recipe.data.labelled("test", 128))
    losses = lens_losses(trained.model, rows)
    says = "loss on unseen text of the stream read as logits"
    places = ["before the first layer", *(f"after layer {layer}" for layer in range(len(losses) - 1))]
    least_gain = min(early - late for early, late in itertools.pairwise(losses))
    return [
        *(Claim(f"lens_{at}", f"{says}, {place}", loss)
          for at, (place, loss) in enumerate(zip(places, losses, strict=True))),
        Claim("lens_gain", "the least that a layer takes off this loss, in nats", least_gain, 0.0),
        Claim("loss", "loss on unseen text, in nats a token", losses[-1], at_most=1.8),
    ]  # fmt: skip


def lens_losses(model: HookedGPT, rows: Rows) -> list[float]:
    """The loss when the stream before each layer, and after the last, goes through the final norm to the logits."""
    tokens, labels = rows
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith(("resid_pre", "resid_post")))
    last = model.config.n_layers - 1
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(last + 1)] + [f"blocks.{last}.hook_resid_post"]
    losses = []
    for name in names:
        logits = model.unembed(model.ln_final(cache[name]))
        losses.append(functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE).item())
    return losses


def _copying(trained: Trained) -> list[Claim]:
    """Which heads look one back, and which at what followed the last time, where a list of random words is read."""
    model, suite = trained.model, trained.recipe.data.suites["spells"]
    looks = looks_at(model, suite.prompts, trained.recipe.data.vocabulary.pad)
    back, follows = (heads.best(scores) for scores in looks)
    return [
        Claim("previous_token", f"attention of {_name(back)} to the token before, in spells", looks[0][back], 0.2),
        Claim("induction_score", f"attention of {_name(follows)} to what followed the last time, in spells",
              looks[1][follows], 0.4),
    ]  # fmt: skip


def _inhibition(trained: Trained) -> list[Claim]:
    """S-inhibition, told without bounds: nothing in the training asks for this circuit and not for another."""
    found = inhibition.claims(trained.model, trained.recipe.data.suites["ioi"])
    return [replace(claim, at_least=None, at_most=None) for claim in found]


def looks_at(
    model: HookedGPT, prompts: Int[Tensor, "batch pos"], pad: int
) -> tuple[dict[heads.Head, float], dict[heads.Head, float]]:
    """For each head, its attention to the token before, and to the one after the latest earlier copy of this token."""
    same = (prompts[:, :, None] == prompts[:, None, :]).float().tril(-1)  # [batch, query, key]
    latest = same.flip(-1).argmax(-1)
    follows = (prompts.shape[1] - 1 - latest + 1).clamp(max=prompts.shape[1] - 1)
    again = (same.sum(-1) > 0) & (prompts != pad)
    back, onward = {}, {}
    for layer, pattern in enumerate(heads.attention(model, prompts)):  # [batch, head, query, key]
        for head in range(pattern.shape[1]):
            one = pattern[:, head]
            back[layer, head] = float(one.diagonal(-1, dim1=1, dim2=2).mean())
            onward[layer, head] = float(one.gather(-1, follows[..., None])[..., 0][again].mean())
    return back, onward


def _name(head: heads.Head) -> str:
    return f"L{head[0]}H{head[1]}"
