"""A model's card, made from its recipe and its evidence: no number in it is written by hand."""

from __future__ import annotations

from typing import Any

from unravel.zoo.recipes import Recipe

CARD = "card.md"


def card(recipe: Recipe, evidence: dict[str, Any]) -> str:
    """The card as Markdown."""
    parts = [
        f"# {recipe.name}",
        recipe.phenomenon,
        recipe.about.strip(),
        "## What it is",
        _shape(recipe, evidence),
        "## Evidence",
        _claims(evidence),
        *_roles(recipe),
        *_seeds(evidence),
        "## How it was trained",
        _training(recipe, evidence),
        "Measure it again with `unravel models verify " + recipe.name + "`. "
        "This card is generated from `recipe.toml` and `evidence.json`; the weights are under CC0.",
    ]
    return "\n\n".join(parts) + "\n"


def number(value: float | None) -> str:
    """A number as the card shows it."""
    if value is None:
        return ""
    return f"{value:.0f}" if value == value and abs(value) >= 100 else f"{value:.3f}".rstrip("0").rstrip(".")


def _shape(recipe: Recipe, evidence: dict[str, Any]) -> str:
    config = recipe.config
    inside = "attention only" if config.attn_only else f"MLPs of {config.d_mlp} ({config.act_fn})"
    norm = "LayerNorm" if config.normalization_type else "no normalization"
    sees = "" if config.causal else ", sees both ways"
    steps = evidence["checkpoints"]
    kept = f"{len(steps)} checkpoints (float16), steps {steps[0]} to {steps[-1]}" if steps else "none"
    rows = {
        "layers x heads": f"{config.n_layers} x {config.n_heads}, heads of {config.d_head}{sees}",
        "stream": f"{config.d_model}, {inside}, {norm}",
        "vocabulary, row": f"{config.d_vocab} tokens, {config.n_ctx} positions",
        "corpus": f"`{recipe.corpus['name']}`",
        "checkpoints": kept,
        "weights in all": f"{evidence['bytes'] / 1e6:.2f} MB",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _claims(evidence: dict[str, Any]) -> str:
    lines = [
        f"| {claim['says']} | {number(claim['value'])} | {_bound(claim['at_least'], claim['at_most'])} |"
        for claim in evidence["claims"]
    ]
    return "\n".join(["| measured | value | must be |", "|---|---|---|", *lines])


def _bound(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"≥ {low:g}" if low is not None else f"≤ {high:g}" if high is not None else ""


def _roles(recipe: Recipe) -> list[str]:
    if not recipe.circuit:
        return []
    lines = [f"- {role}: {', '.join(f'L{head.replace(chr(46), chr(72))}' for head in heads)}"
             for role, heads in recipe.circuit.items()]  # fmt: skip
    return ["## The circuit", "\n".join(lines)]


def _seeds(evidence: dict[str, Any]) -> list[str]:
    """How the claims fared when the model was trained from other seeds."""
    seeds: dict[str, dict[str, float]] = evidence["seeds"]
    if not seeds:
        return []
    lines = [
        f"| {claim['says']} | " + " | ".join(number(found.get(claim["name"])) for found in seeds.values()) + " |"
        for claim in evidence["claims"]
    ]
    names = " | ".join(f"seed {seed}" for seed in seeds)
    table = [f"| measured | {names} |", "|---" * (1 + len(seeds)) + "|", *lines]
    return ["## Other seeds", "\n".join(table)]


def _training(recipe: Recipe, evidence: dict[str, Any]) -> str:
    plan, run = recipe.training, evidence["training"]
    rows = f"batches of {plan.batch}" if plan.batch else "all of the training split in each step"
    return (
        f"Seed {run['seed']}, {run['steps']} steps of AdamW, {rows}, learning rate {plan.learning_rate:g}, "
        f"weight decay {plan.weight_decay:g}; {run['seconds']:.0f} seconds on {plan.threads} thread of a shared "
        f"machine, log included, with torch {evidence['torch']}. Again: `unravel models train {recipe.name}`."
    )
