"""`unravel models`, as a person types it."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from unravel.cli import main
from unravel.interp.model.load import load_model
from unravel.zoo.recipes import Recipe


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["models", *args])


@pytest.fixture
def trained(course: Path, easy: None) -> Path:
    done = run("train", "tiny", "--out", str(course / "tiny"))
    assert done.exit_code == 0, done.output
    return course / "tiny"


def test_before_training(course: Path) -> None:
    assert "not trained yet: unravel models train tiny" in run("list").output
    shown = run("show", "tiny")
    assert shown.exit_code == 2
    assert "Run `unravel models train tiny`" in shown.output


def test_train_says_how_it_goes_and_where_it_is(tiny: Recipe, easy: None, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("train", "tiny", "--seed", "3", "--steps", "20")
    assert done.exit_code == 0, done.output
    assert "step 10 of 20: train loss" in done.output
    assert "load_model('trained/tiny-seed3')" in done.output
    evidence = json.loads((tmp_path / "trained/tiny-seed3/evidence.json").read_text())
    assert evidence["training"]["seed"] == 3
    assert evidence["training"]["steps"] == 20
    assert run("train", "tiny", "--seed", "3", "--steps", "20").exit_code == 2
    assert run("train", "tiny", "--seed", "3", "--steps", "20", "--fresh").exit_code == 0


def test_list_show_verify_evaluate(trained: Path) -> None:
    assert "3 checkpoints; sum of squares of the embedding" in run("list").output
    card = run("show", "tiny").output
    assert card == (trained / "card.md").read_text()
    assert "Seed 0, 40 steps of AdamW, batches of 16" in card
    verified = run("verify", "tiny")
    assert verified.exit_code == 0, verified.output
    assert "✓ tiny" in verified.output
    assert "unseen_rows" in run("evaluate", "tiny").output
    assert not list(trained.glob("training.safetensors"))


def test_a_recipe_is_no_shipped_model_but_lost_weights_are_a_fault(course: Path, easy: None) -> None:
    verified = run("verify")
    assert verified.exit_code == 0
    assert "tiny: a recipe, not trained yet" in verified.output
    assert run("verify", "tiny").exit_code == 2
    run("train", "tiny", "--out", str(course / "tiny"))
    (course / "tiny" / "model.safetensors").unlink()
    assert run("verify").exit_code == 2


def test_claims_that_are_not_there_fail(course: Path) -> None:
    """The real evidence, after 40 steps: it can't do the task yet."""
    assert run("train", "tiny", "--out", str(course / "tiny")).exit_code == 0
    verified = run("verify")
    assert verified.exit_code == 1
    assert "✗ unseen_rows is" in verified.output


def edit(path: Path, change) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_other_weights_than_those_measured_fail(trained: Path) -> None:
    path = trained / "model.safetensors"
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors["embed.W_E"] *= 2
    save_file(tensors, path, metadata)
    verified = run("verify", "tiny")
    assert verified.exit_code == 1
    assert "measured on other weights" in verified.output
    assert "but the evidence says" in verified.output


def test_an_edited_card_or_evidence_fails(trained: Path) -> None:
    card = trained / "card.md"
    text = card.read_text()
    card.write_text(text.replace("Nothing much", "Superhuman"))
    assert "card.md is not the one that the evidence makes" in run("verify", "tiny").output
    card.write_text(text)
    assert run("verify", "tiny").exit_code == 0

    def better(values: dict) -> None:
        values["claims"][0]["value"] += 10

    edit(trained / "evidence.json", better)
    assert "but the evidence says" in run("verify", "tiny").output


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"claims": [{"name": 1}], "training": {}}'])
def test_damaged_evidence_is_a_sentence(trained: Path, damage: str) -> None:
    (trained / "evidence.json").write_text(damage)
    verified = run("verify", "tiny")
    assert verified.exit_code == 2
    assert "evidence of this model is missing or damaged" in verified.output


@pytest.mark.parametrize("name", ["model.safetensors", "log.jsonl"])
def test_damaged_files_are_a_sentence(trained: Path, name: str) -> None:
    (trained / name).write_bytes(b"{")
    verified = run("verify", "tiny")
    assert verified.exit_code == 2
    assert str(trained / name) in verified.output
    assert "Fetch or train the model again." in verified.output


def test_a_wrong_name(course: Path) -> None:
    for command in ("show", "train", "spread", "verify", "evaluate"):
        done = run(command, "tny")
        assert done.exit_code == 2
        assert "Did you mean 'tiny'?" in done.output


@pytest.mark.parametrize("words", [["list"], ["show", "storybook-4l"], ["--help"]])
def test_what_only_reads_answers_at_once_and_without_torch(words: list[str]) -> None:
    """Processor time, not the clock: it does not depend on what else the machine is doing."""
    code = (
        "import sys, atexit; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr));"
        f"from unravel.cli import main; main({['models', *words]!r})"
    )
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        assert done.stderr == "False\n"
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.5


def test_the_list_counts_the_weights_of_the_model() -> None:
    told = re.search(r"^induction-2l .*\n +([\d,]+) weights; .* 21 checkpoints; ", run("list").output, re.MULTILINE)
    assert told
    expected = sum(weight.numel() for weight in load_model("induction-2l").parameters())
    assert int(told[1].replace(",", "")) == expected


@pytest.mark.parametrize("name", ["evidence.json", "model.safetensors", "recipe.toml"])
def test_the_list_says_what_is_damaged(trained: Path, name: str) -> None:
    (trained / name).write_text("{", encoding="utf-8")
    done = run("list")
    assert done.exit_code == 2
    assert str(trained / name) in done.output
    assert done.output.count("\n") <= 2
