"""evidence.json: what was measured on a trained model, and how it was trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from unravel.errors import UnravelError
from unravel.interp.files import write_all
from unravel.interp.model.store import WEIGHTS, checkpoints
from unravel.zoo import spread
from unravel.zoo.card import CARD, card
from unravel.zoo.evidence import Claim, Trained, claims_of
from unravel.zoo.recipes import Recipe
from unravel.zoo.shelf import EVIDENCE, REMAKE
from unravel.zoo.state import Progress
from unravel.zoo.train import finish, threads

NEAR = 0.02
"""How far a value measured anew may lie from the card's, in parts of one or of itself: machines round differently."""


def measure_again(recipe: Recipe, folder: Path) -> list[Claim]:
    """The claims of the model in a folder, measured now."""
    with threads(recipe.training.threads):
        return claims_of(Trained.read(recipe, folder))


def complete(recipe: Recipe, folder: Path, progress: Progress) -> list[Claim]:
    """Ends a training: measures the model, and writes evidence and card."""
    claims = measure_again(recipe, folder)
    training = {"seed": progress.seed, "steps": progress.steps, "seconds": round(progress.seconds, 1)}
    about = {"training": training, "torch": torch.__version__.split("+")[0], **_facts(folder)}
    write(recipe, folder, {**about, "claims": [asdict(claim) for claim in claims]})
    finish(folder)
    return claims


def write(recipe: Recipe, folder: Path, evidence: dict[str, Any]) -> None:
    """Writes the evidence, and the card that is made from it and the spread."""
    text = json.dumps(evidence, indent=1) + "\n"
    made = card(recipe, evidence, spread.read(recipe, folder))
    write_all(folder, {EVIDENCE: text.encode(), CARD: made.encode()})


def make_card(recipe: Recipe, folder: Path) -> None:
    """Makes the card anew from what lies in the folder."""
    write_all(folder, {CARD: _card(recipe, folder).encode()})


def read(folder: Path) -> dict[str, Any]:
    """The evidence of a trained model, with claims as `Claim`s under "claims"."""
    path = folder / EVIDENCE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["claims"] = [_claim(claim) for claim in values["claims"]]
        assert values["training"]["steps"] >= 0
        assert isinstance(values["weights"], str)
    except (OSError, ValueError, KeyError, TypeError, AssertionError):
        raise UnravelError("The evidence of this model is missing or damaged.", fix=REMAKE, path=path) from None
    return dict(values)


def differences(recipe: Recipe, folder: Path, claims: list[Claim]) -> list[str]:
    """All that is wrong with a card, given the claims as they were measured now."""
    evidence = read(folder)
    wrong = [f"{claim.name} is {claim.value:.3g}, not {claim.bound_text()}" for claim in claims if not claim.holds()]
    if evidence["weights"] != weights_hash(folder):
        wrong.append("the evidence was measured on other weights")
    told = {claim.name: claim.value for claim in evidence["claims"]}
    for claim in claims:
        before = told.get(claim.name)
        if before is None or abs(claim.value - before) > NEAR * max(1.0, abs(before)):
            wrong.append(f"{claim.name} is {claim.value:.3g} now, but the evidence says {before}")
    if not (folder / CARD).exists() or (folder / CARD).read_text(encoding="utf-8") != _card(recipe, folder):
        wrong.append(f"{CARD} is not the one that the evidence makes")
    return wrong


def weights_hash(folder: Path) -> str:
    """The sha256 of the weights."""
    try:
        return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise UnravelError(f"The weights can't be read ({error}).", fix=REMAKE, path=folder) from None


def _card(recipe: Recipe, folder: Path) -> str:
    evidence = read(folder)
    told = {**evidence, "claims": [asdict(claim) for claim in evidence["claims"]]}
    return card(recipe, told, spread.read(recipe, folder))


def _facts(folder: Path) -> dict[str, Any]:
    kept = [*folder.glob("checkpoints/*.safetensors"), folder / WEIGHTS]
    size = sum(path.stat().st_size for path in kept)
    return {"weights": weights_hash(folder), "bytes": size, "checkpoints": checkpoints(folder)}


def _claim(values: dict[str, Any]) -> Claim:
    any_seed = values.pop("any_seed")
    return Claim(**values, any_seed=None if any_seed is None else tuple(any_seed))
