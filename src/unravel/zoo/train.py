"""The one training loop. Killed at any moment, it goes on where it was and ends with the same weights."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from unravel.errors import UnravelError
from unravel.interp.files import write_all
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.store import CHECKPOINTS, WEIGHTS, save_checkpoint, save_model
from unravel.interp.tokens import Tokenizer
from unravel.interp.truth import FILE as TRUTH
from unravel.zoo import state
from unravel.zoo.objectives import Rows, batches, loss_of, probe
from unravel.zoo.recipes import Recipe

LOG = "log.jsonl"
Watch = Callable[[int, dict[str, Any] | None], None]


def train(
    recipe: Recipe,
    folder: Path,
    *,
    seed: int | None = None,
    steps: int | None = None,
    fresh: bool = False,
    watch: Watch = lambda step, entry: None,
) -> state.Progress:
    """Trains a model into `folder`: weights, tokenizer, log and checkpoints. `finish` it when it is measured.

    `watch(step, entry)` is called before each step, with an entry of the log wherever one was made. A run that was
    stopped goes on; one that ended is left alone unless `fresh`.
    """
    seed = recipe.training.seed if seed is None else seed
    steps = recipe.training.steps if steps is None else steps
    if fresh:
        clear(folder)
    if (folder / WEIGHTS).exists() and not (folder / state.FILE).exists():
        raise UnravelError("A trained model lies here.", fix="Say --fresh to train it anew.", path=folder)
    with threads(recipe.training.threads):
        model = first_model(recipe, seed)
        optimizer = torch.optim.AdamW(
            model.parameters(), betas=(0.9, recipe.training.beta2), weight_decay=recipe.training.weight_decay
        )
        run = recipe.fingerprint(seed, steps)
        progress = state.load_state(folder, model, optimizer, run) or state.Progress(run, seed, steps)
        _loop(recipe, folder, model, optimizer, progress, watch)
    save_model(model, folder, torch.float16 if recipe.constructed else None)
    if recipe.constructed:
        write_truth(recipe.name, folder)
    write_log(folder, progress)
    return progress


def first_model(recipe: Recipe, seed: int) -> HookedGPT:
    """The model before the first step; one that is written by hand is whole then."""
    if recipe.constructed:
        from unravel.zoo.constructed.build import construct

        return construct(recipe.data)
    return HookedGPT(recipe.config, Tokenizer.of(recipe.data.tokenizer), seed=seed)


def write_truth(name: str, folder: Path) -> None:
    """Writes the circuit of a model that is written by hand beside its weights."""
    from unravel.zoo.constructed.circuit import truth

    write_all(folder, {TRUTH: (json.dumps(truth(name).to_dict(), indent=1) + "\n").encode()})


def finish(folder: Path) -> None:
    """Forgets how to go on: the training has ended and all of its files are written."""
    (folder / state.FILE).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Removes what an earlier training left."""
    for name in (state.FILE, WEIGHTS, LOG):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def write_log(folder: Path, progress: state.Progress) -> None:
    """The log so far, one line of JSON for each entry."""
    lines = [json.dumps(entry) for entry in progress.log]
    write_all(folder, {LOG: ("\n".join(lines) + "\n").encode()})


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The entries of the log of a trained model."""
    path = folder / LOG
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        fix = "Fetch or train the model again."
        raise UnravelError("The log of this model is missing or damaged.", fix=fix, path=path) from None


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Computes with so many threads: sums of floats depend on their number, if only in the last digit."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _loop(
    recipe: Recipe,
    folder: Path,
    model: HookedGPT,
    optimizer: torch.optim.Optimizer,
    progress: state.Progress,
    watch: Watch,
) -> None:
    plan, measure = recipe.training, probe(recipe)
    rows = batches(recipe, progress.seed, progress.step)
    began = time.process_time() - progress.seconds
    for step in range(progress.step, progress.steps + 1):
        if step in plan.checkpoints:
            save_checkpoint(model, folder, step, torch.float16)
        entry = None
        if step % plan.log_every == 0 or step == progress.steps:
            entry = {"step": step, **measure(model)}
            progress.log = [old for old in progress.log if old["step"] < step] + [entry]
            progress.step, progress.seconds = step, time.process_time() - began
            state.save_state(folder, model, optimizer, progress)
        watch(step, entry)
        if step < progress.steps:
            for group in optimizer.param_groups:
                group["lr"] = plan.rate(step, progress.steps)
            batch = next(rows)
            with recipe.blinkers.worn(model, batch[0], step):
                _step(model, optimizer, batch, bfloat16=plan.bfloat16)


def _step(model: HookedGPT, optimizer: torch.optim.Optimizer, rows: Rows, *, bfloat16: bool) -> None:
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        loss = loss_of(model, rows)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
