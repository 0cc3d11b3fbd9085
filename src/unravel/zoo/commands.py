"""`unravel models`: the shipped models, what they show, and how to make them again. What computes loads when called."""

from __future__ import annotations

import click

from unravel.lazy import Commands
from unravel.zoo import shelf

ELSEWHERE = {
    "train": ("unravel.zoo.making:train_", "Train a model."),
    "spread": ("unravel.zoo.making:spread_", "For authors: train a model anew from other seeds."),
    "verify": ("unravel.zoo.making:verify", "Measure again what the cards claim."),
    "evaluate": ("unravel.zoo.making:evaluate", "Judge a model on each evaluation set of its corpus."),
}


@click.group(cls=Commands, elsewhere=ELSEWHERE)
def models() -> None:
    """The course's small models: list, show, train, spread, verify, evaluate."""


@models.command(name="list")
def list_() -> None:
    """All models: size, phenomenon, and the first of what was measured."""
    for name in shelf.recipe_names():
        folder = shelf.find_folder(name)
        click.echo(click.style(name, bold=True) + f"  {shelf.phenomenon(folder)}")
        click.echo("    " + shelf.summary(folder))


@models.command()
@click.argument("name")
def show(name: str) -> None:
    """Show a model's card."""
    click.echo(shelf.card_of(shelf.find_folder(name)), nl=False)
