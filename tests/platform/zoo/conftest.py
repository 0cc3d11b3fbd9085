"""A course of one tiny model that trains in a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel.zoo import record
from unravel.zoo.evidence import Claim, Trained
from unravel.zoo.recipes import Recipe, find_recipe

RECIPE = """
phenomenon = "Nothing much."
evidence = "task"
about = "A model for tests."

[corpus]
name = "palindromes"
length = 4

[model]
n_layers = 1
d_model = 8
n_heads = 2
d_mlp = 16

[training]
steps = 40
batch = 16
learning_rate = 1e-2
warmup = 5
decay_from = 0.5
log_every = 10
checkpoints = [0, 15, 40]
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models of a course that holds the recipe `tiny`."""
    folder = tmp_path / "course" / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path / "course"))
    return folder.parent


@pytest.fixture
def tiny(course: Path) -> Recipe:
    return find_recipe("tiny")[0]


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the evidence: a claim that any weights keep, with a value that depends on them."""

    def claims(trained: Trained) -> list[Claim]:
        return [Claim("size", "sum of squares of the embedding", float(trained.model.W_E.detach().square().sum()), 0.0)]

    monkeypatch.setattr(record, "claims_of", claims)
