"""A model's card, made from its recipe and its evidence: no number in it is written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # both load torch, and the card's name and numbers are read without
    from unravel.zoo.recipes import Recipe
    from unravel.zoo.spread import Spread

CARD = "card.md"
OTHERS = "other seeds"


def card(recipe: Recipe, evidence: dict[str, Any], spread: Spread | None = None) -> str:
    """The card as Markdown; with `spread`, beside each value how it fared from other seeds."""
    parts = [
        f"# {recipe.name}",
        recipe.phenomenon,
        recipe.about.strip(),
        "## What it is",
        _shape(recipe, evidence),
        "## Evidence",
        _claims(evidence, spread),
        _seeds(recipe, spread),
        *_roles(recipe),
        "## How it was made" if recipe.constructed else "## How it was trained",
        _training(recipe, evidence),
        "Measure it again with `unravel models verify " + recipe.name + "`. "
        "This card is generated from `recipe.toml`, `evidence.json` and `spread.json`; the weights are under CC0.",
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


def _claims(evidence: dict[str, Any], spread: Spread | None) -> str:
    head = ["measured", "value", "must be"]
    rows = [
        [claim["says"], number(claim["value"]), _bound(claim["at_least"], claim["at_most"])]
        for claim in evidence["claims"]
    ]
    if spread:
        head.append(OTHERS)
        rows = [[*row, _range(claim, spread)] for row, claim in zip(rows, evidence["claims"], strict=True)]
    lines = ["| " + " | ".join(row) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def _range(claim: dict[str, Any], spread: Spread) -> str:
    """As in `0.91 to 0.97 (≥ 0.9)`; with the number of seeds where not all have the claim."""
    values = spread.values(claim["name"])
    if not values:
        return "–"
    told = " to ".join(dict.fromkeys([number(min(values)), number(max(values))]))
    if len(values) < len(spread.seeds):
        told += f", {len(values)} of {len(spread.seeds)}"
    bound = _bound(*claim["any_seed"]) if claim["any_seed"] else ""
    return told + (f" ({bound})" if bound else "")


def _bound(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"≥ {low:g}" if low is not None else f"≤ {high:g}" if high is not None else ""


def _roles(recipe: Recipe) -> list[str]:
    if recipe.constructed:
        from unravel.zoo.constructed.drawing import drawn

        return ["## The circuit", drawn(recipe.name)]
    if not recipe.circuit:
        return []
    lines = [f"- {role}: {', '.join(f'L{head.replace(chr(46), chr(72))}' for head in heads)}"
             for role, heads in recipe.circuit.items()]  # fmt: skip
    return ["## The circuit", "\n".join(lines)]


def _seeds(recipe: Recipe, spread: Spread | None) -> str:
    """What the last column of the table is, or why it is not there."""
    if recipe.spread.exempt:
        return f"Not trained anew from other seeds: {recipe.spread.exempt}"
    if not spread:
        return "Not yet trained anew from other seeds."
    seeds = [str(seed) for seed in spread.seeds]
    models = "1 model" if len(seeds) == 1 else f"{len(seeds)} models"
    few = f" {recipe.spread.few[:1].upper()}{recipe.spread.few[1:]}" if recipe.spread.few else ""
    shorter = f", for {recipe.spread.steps} steps" if recipe.spread.steps else ""
    return (
        f"{OTHERS.capitalize()}: the least and the most of the same measurement on {models} trained anew, "
        f"from {', '.join(seeds)}{shorter}; in brackets what it must be there, where that differs. "
        f"Which head or frequency plays which part is another matter in each.{few}"
    )


def _training(recipe: Recipe, evidence: dict[str, Any]) -> str:
    if recipe.constructed:
        return (
            "Written by `unravel.zoo.constructed`, in float16: no step of training, no seed, always the same weights. "
            f"Again: `unravel models train {recipe.name}`."
        )
    plan, run = recipe.training, evidence["training"]
    rows = f"batches of {plan.batch}" if plan.batch else "all of the training split in each step"
    return (
        f"Seed {run['seed']}, {run['steps']} steps of AdamW, {rows}, learning rate {plan.learning_rate:g}, "
        f"weight decay {plan.weight_decay:g}; {run['seconds']:.0f} seconds of processor time on {plan.threads} "
        f"thread, log included, with torch {evidence['torch']}. Again: `unravel models train {recipe.name}`."
    )
