"""Other seeds: trained anew, measured, and kept beside the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from unravel.cli import main
from unravel.errors import UnravelError
from unravel.zoo import retrain, spread
from unravel.zoo.recipes import Recipe, find_recipe


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["models", *args])


@pytest.fixture
def home(course: Path, easy: None) -> Path:
    """The folder of the trained model `tiny`."""
    done = run("train", "tiny", "--out", str(course / "tiny"))
    assert done.exit_code == 0, done.output
    return course / "tiny"


def change(home: Path, old: str, new: str) -> Recipe:
    path = home / "recipe.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return find_recipe("tiny")[0]


def test_three_seeds_go_on_the_card_and_nothing_else_stays(home: Path, tmp_path: Path) -> None:
    weights, work = (home / "model.safetensors").read_bytes(), tmp_path / "work"
    done = run("spread", "tiny", "--out", str(work))
    assert done.exit_code == 0, done.output
    seeds = json.loads((home / "spread.json").read_text())["seeds"]
    assert list(seeds) == ["11", "12", "13"]
    values = sorted(found["size"] for found in seeds.values())
    assert len(set(values)) == 3
    shown = run("show", "tiny").output
    assert "3 models trained anew, from 11, 12, 13;" in shown
    assert f"| {values[0]:.3f}".rstrip("0") in shown
    assert f" to {values[-1]:.3f}".rstrip("0") in shown
    assert list(work.iterdir()) == []
    assert (home / "model.safetensors").read_bytes() == weights
    assert "spread.json" not in run("verify", "tiny").output
    assert "Seed 12 is on the card already." in run("spread", "tiny", "--seeds", "12", "--out", str(work)).output


def test_a_seed_gives_what_training_from_it_gives(home: Path, tmp_path: Path) -> None:
    run("spread", "tiny", "--seeds", "3", "--out", str(tmp_path / "work"))
    run("train", "tiny", "--seed", "3", "--out", str(tmp_path / "again"))
    claim = json.loads((tmp_path / "again/evidence.json").read_text())["claims"][0]
    assert json.loads((home / "spread.json").read_text())["seeds"]["3"] == {"size": claim["value"]}


def test_a_stopped_spread_goes_on_where_it_was(home: Path, tiny: Recipe, tmp_path: Path) -> None:
    seen: list[int] = []

    def stop(step: int, entry: object) -> None:
        if step == 25:
            raise KeyboardInterrupt

    retrain.add_seed(tiny, home, 11, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        retrain.add_seed(tiny, home, 12, tmp_path, stop)
    retrain.add_seed(tiny, home, 12, tmp_path, lambda step, entry: seen.append(step))
    assert seen[0] == 20
    found = spread.read(tiny, home)
    assert found is not None
    assert list(found.seeds) == [11, 12]
    assert spread.missing(tiny, home) == "spread.json holds 2 of 3 seeds: run `unravel models spread tiny`"


def test_another_recipe_makes_it_stale(home: Path, tiny: Recipe, tmp_path: Path) -> None:
    verified = run("verify", "tiny")
    assert "! there is no spread.json: run `unravel models spread tiny`" in verified.output
    assert verified.exit_code == 0
    run("spread", "tiny", "--out", str(tmp_path))
    other = change(home, "learning_rate = 1e-2", "learning_rate = 2e-2")
    assert spread.read(other, home) is None
    verified = run("verify", "tiny")
    assert "! spread.json is of another recipe" in verified.output
    assert "card.md is not the one that the evidence makes" in verified.output


def test_words_the_shipped_seed_and_defaults_do_not_make_it_stale(home: Path, tiny: Recipe) -> None:
    other = change(home, "A model for tests.", "A tiny model.")
    assert spread.made_from(other) == spread.made_from(tiny)
    other = change(home, "warmup = 5", "warmup = 5\nseed = 7\nthreads = 1")
    assert spread.made_from(other) == spread.made_from(tiny)
    other = change(home, "threads = 1", "threads = 2")
    assert spread.made_from(other) != spread.made_from(tiny)


def test_a_recipe_may_ask_for_shorter_runs(home: Path, tmp_path: Path) -> None:
    recipe = change(home, "[training]", "[spread]\nseeds = [1, 2, 3]\nsteps = 20\n\n[training]")
    assert recipe.spread.seeds == (1, 2, 3)
    done = run("spread", "tiny", "--out", str(tmp_path))
    assert "step 20 of 20" in done.output
    assert "from 1, 2, 3, for 20 steps;" in run("show", "tiny").output


def test_a_recipe_may_ask_for_fewer_seeds_if_it_says_why(home: Path, tmp_path: Path) -> None:
    recipe = change(home, "[training]", "[spread]\nseeds = [4]\n\n[training]")
    assert run("spread", "tiny", "--out", str(tmp_path)).exit_code == 0
    lacking = spread.missing(recipe, home)
    assert lacking is not None
    assert "1 of 3 seeds" in lacking
    recipe = change(home, "seeds = [4]", 'seeds = [4, 5]\nfew = "each takes an hour."')
    lacking = spread.missing(recipe, home)
    assert lacking is not None
    assert "1 of 2 seeds" in lacking
    run("spread", "tiny", "--out", str(tmp_path), "--seeds", "5")
    assert spread.missing(recipe, home) is None
    shown = run("show", "tiny").output
    assert "2 models trained anew, from 4, 5;" in shown
    assert "in each. Each takes an hour.\n" in shown


def test_a_recipe_may_say_why_there_is_none(home: Path) -> None:
    recipe = change(home, "[training]", '[spread]\nexempt = "It is written by hand."\n\n[training]')
    assert spread.missing(recipe, home) is None
    done = run("spread", "tiny")
    assert done.exit_code == 2
    assert "It is written by hand." in done.output


def test_a_claim_that_fails_is_on_the_card_and_fails_the_command(course: Path, tmp_path: Path) -> None:
    """The real evidence, after 40 steps."""
    run("train", "tiny", "--out", str(course / "tiny"))
    done = run("spread", "tiny", "--seeds", "1", "--out", str(tmp_path))
    assert done.exit_code == 1
    assert "✗" in done.output
    assert "(≥ 0.9) |" in run("show", "tiny").output


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"made_from": "x", "seeds": {"a": {}}}', '{"made_from": 1, "seeds": [3]}']
)
def test_a_damaged_spread_is_a_sentence(home: Path, tiny: Recipe, damage: str) -> None:
    (home / "spread.json").write_text(damage)
    with pytest.raises(UnravelError, match="spread of this model is damaged"):
        spread.read(tiny, home)
    assert run("verify", "tiny").exit_code == 2


@pytest.mark.parametrize("seeds", ["eleven", "1;2", "-1"])
def test_wrong_seeds_are_a_sentence(home: Path, seeds: str) -> None:
    assert run("spread", "tiny", f"--seeds={seeds}").exit_code == 2


def test_no_spread_of_a_model_that_is_not_trained(course: Path) -> None:
    assert run("spread", "tiny").exit_code == 2
