"""The commands of `unravel models` that compute: train, spread, verify, evaluate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from unravel.errors import UnravelError
from unravel.interp.model.store import WEIGHTS, read_model
from unravel.interp.suites import evaluate as judge
from unravel.zoo import record, spread
from unravel.zoo.card import CARD, number
from unravel.zoo.evidence import Claim
from unravel.zoo.recipes import find_recipe
from unravel.zoo.retrain import add_seed
from unravel.zoo.shelf import EVIDENCE, recipe_names
from unravel.zoo.train import Watch, train

Folder = click.Path(file_okay=False, path_type=Path)


def _seeds(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    try:
        seeds = tuple(int(seed) for seed in (value or "").split(",") if seed)
    except ValueError:
        raise click.BadParameter("seeds are whole numbers with commas between, as in 11,12,13") from None
    if any(seed < 0 for seed in seeds):
        raise click.BadParameter("a seed is not below 0")
    return seeds


@click.command(name="train")
@click.argument("name")
@click.option(
    "--seed", type=click.IntRange(min=0), help="First weights and order of the data; the recipe's by default."
)
@click.option("--steps", type=click.IntRange(min=1), help="The recipe's by default.")
@click.option("--out", type=Folder, help="Where to. By default trained/NAME-seedS here.")
@click.option("--fresh", is_flag=True, help="Begin anew, whatever lies there.")
def train_(name: str, seed: int | None, steps: int | None, out: Path | None, fresh: bool) -> None:
    """Train a model. If it is stopped, the same command goes on with it."""
    recipe, _ = find_recipe(name)
    if recipe.constructed:
        if seed is not None or steps is not None:
            raise UnravelError(f"{name} is written by code, not trained.", fix="Leave --seed and --steps out.")
        click.echo(f"{recipe.name} is not trained: unravel.zoo.constructed writes its weights.")
    seed = recipe.training.seed if seed is None else seed
    steps = recipe.training.steps if steps is None else steps
    folder = out or Path("trained") / (recipe.name if recipe.constructed else f"{recipe.name}-seed{seed}")
    with _bar(recipe.name, steps) as watch:
        progress = train(recipe, folder, seed=seed, steps=steps, fresh=fresh or recipe.constructed, watch=watch)
    claims = record.complete(recipe, folder, progress)
    _table(claims, shipped=False)
    click.echo(f"The model lies in {folder}: load_model({str(folder)!r}).")


@click.command(name="spread")
@click.argument("name")
@click.option("--seeds", callback=_seeds, help="As in 11,12,13; the recipe's by default.")
@click.option("--out", type=Folder, default="trained", show_default=True, help="Where the models lie until measured.")
@click.pass_context
def spread_(ctx: click.Context, name: str, seeds: tuple[int, ...], out: Path) -> None:
    """For authors: train a model anew from other seeds and put what is measured on its card.

    If it is stopped, the same command goes on; seeds that are on the card are left out.
    """
    recipe, home = find_recipe(name)
    if recipe.spread.exempt:
        raise UnravelError(f"{recipe.name} is not trained anew: {recipe.spread.exempt}", path=home)
    record.read(home)
    bad = False
    known = spread.read(recipe, home)
    for seed in seeds or recipe.spread.seeds:
        if known and seed in known.seeds:
            click.echo(f"Seed {seed} is on the card already.")
            continue
        with _bar(f"{recipe.name}, seed {seed}", spread.steps(recipe)) as watch:
            claims = add_seed(recipe, home, seed, out, watch)
        _table(claims, shipped=False)
        bad |= not all(claim.holds(shipped=False) for claim in claims)
    click.echo(f"They are on the card: unravel models show {recipe.name}")
    ctx.exit(1 if bad else 0)


@click.command()
@click.argument("names", nargs=-1)
@click.pass_context
def verify(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Measure again what the cards claim; by default of all models. Recipes without a model are only named."""
    bad = 0
    for name in names or recipe_names():
        recipe, folder = find_recipe(name)
        if not names and not any((folder / file).exists() for file in (EVIDENCE, WEIGHTS, CARD)):
            click.echo(f"– {recipe.name}: a recipe, not trained yet")
            continue
        began = time.monotonic()
        claims = record.measure_again(recipe, folder)
        wrong = record.differences(recipe, folder, claims)
        sign = click.style("✗", fg="red") if wrong else click.style("✓", fg="green")
        click.echo(f"{sign} {click.style(recipe.name, bold=True)} ({time.monotonic() - began:.1f} s)")
        _table(claims)
        for line in wrong:
            click.echo(click.style(f"  ✗ {line}", fg="red"))
        if lacking := spread.missing(recipe, folder):
            click.echo(click.style(f"  ! {lacking}", fg="yellow"))
        bad += bool(wrong)
    ctx.exit(1 if bad else 0)


@click.command()
@click.argument("name")
def evaluate(name: str) -> None:
    """Judge a model on each evaluation set of its corpus."""
    recipe, folder = find_recipe(name)
    model = read_model(folder)
    click.echo(f"{'suite':24}{'n':>6}{'accuracy':>10}{'top-1':>8}{'logit diff':>12}{'loss':>8}")
    for suite in recipe.data.suites.values():
        found = judge(model, suite)
        click.echo(
            f"{suite.name:24}{found.n:6}{found.accuracy:10.3f}{found.top1:8.3f}{found.logit_diff:12.2f}{found.loss:8.3f}"
        )


def _table(claims: list[Claim], *, shipped: bool = True) -> None:
    for claim in claims:
        sign = "✓" if claim.holds(shipped=shipped) else "✗"
        click.echo(f"  {sign} {number(claim.value):>8}  {claim.bound_text(shipped=shipped):14}{claim.says}")


@contextmanager
def _bar(name: str, steps: int) -> Iterator[Watch]:
    """A bar with the time that is left; where there is no terminal, a line for each entry of the log."""
    with click.progressbar(length=steps, label=name, show_pos=True, item_show_func=_short) as bar:

        def watch(step: int, entry: dict[str, Any] | None) -> None:
            bar.update(step - bar.pos, entry or bar.current_item)
            if entry and not bar._is_atty:
                click.echo(f"step {step} of {steps}: {_short(entry)}")

        yield watch


def _short(entry: Any) -> str | None:
    return f"train loss {entry['train_loss']:.3f}, test loss {entry['test_loss']:.3f}" if entry else None
