"""The models that are shipped: what their cards claim is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from unravel.interp.model.load import load_model
from unravel.interp.model.store import checkpoints
from unravel.interp.places import content
from unravel.zoo import record, spread
from unravel.zoo.card import card
from unravel.zoo.recipes import find_recipe
from unravel.zoo.retrain import retrain
from unravel.zoo.shelf import EVIDENCE, recipe_names
from unravel.zoo.train import read_log

TRAINED = [name for name in recipe_names() if (content("models") / name / EVIDENCE).exists()]
PROCESS = {"induction-2l", "modadd-1l"}
SEEDS = (11, 12, 13)


@pytest.mark.parametrize("name", TRAINED)
def test_its_claims_are_there(name: str) -> None:
    recipe, folder = find_recipe(name)
    assert record.differences(recipe, folder, record.measure_again(recipe, folder)) == []


@pytest.mark.parametrize("name", TRAINED)
def test_it_is_whole(name: str) -> None:
    recipe, folder = find_recipe(name)
    model = load_model(name)
    assert model.config == recipe.config
    assert model.W_E.dtype == torch.float32
    assert len(model.tokenizer) == len(recipe.data.vocabulary)  # type: ignore[arg-type]
    assert read_log(folder)[-1]["step"] == recipe.training.steps
    assert checkpoints(folder) == list(recipe.training.checkpoints)
    assert not list(folder.glob("training.*"))


@pytest.mark.parametrize("name", sorted(PROCESS & set(TRAINED)))
def test_a_process_is_kept_in_15_to_30_checkpoints(name: str) -> None:
    _, folder = find_recipe(name)
    assert 15 <= len(checkpoints(folder)) <= 30


def test_all_weights_together_are_small() -> None:
    sizes = [path.stat().st_size for path in content("models").rglob("*.safetensors")]
    assert sum(sizes) < 40e6


@pytest.mark.parametrize("name", TRAINED)
def test_every_number_on_the_card_is_from_the_evidence(name: str) -> None:
    recipe, folder = find_recipe(name)
    evidence = record.read(folder)
    evidence["claims"] = [vars(claim) for claim in evidence["claims"]]
    evidence["claims"][0] = {**evidence["claims"][0], "value": 123456.0}
    assert "123456" in card(recipe, evidence)


@pytest.mark.parametrize("name", TRAINED)
def test_its_claims_were_there_from_other_seeds(name: str) -> None:
    recipe, folder = find_recipe(name)
    assert spread.missing(recipe, folder) is None
    found = spread.read(recipe, folder) or spread.Spread("")
    for claim in record.read(folder)["claims"]:
        again = [dataclasses.replace(claim, value=value) for value in found.values(claim.name)]
        assert all(each.holds(shipped=False) for each in again), again


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", TRAINED)
def test_trained_anew_from_another_seed_it_is_there_again(name: str, seed: int, tmp_path: Path) -> None:
    recipe, folder = find_recipe(name)
    if recipe.spread.exempt or recipe.spread.few:  # too long for a test; what came out is in spread.json
        pytest.skip(recipe.spread.exempt or recipe.spread.few)
    claims = retrain(recipe, seed, tmp_path)
    wrong = [f"{each.name} {each.value:.3g}, not {each.bound_text(shipped=False)}" for each in claims
             if not each.holds(shipped=False)]  # fmt: skip
    assert not wrong
    told = spread.read(recipe, folder)
    assert told is None or told.seeds.get(seed, {}).keys() in (set(), {each.name for each in claims})
