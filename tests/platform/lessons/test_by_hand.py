"""The finding of the lesson `by_hand`: what its text claims of the unknown model, and that nobody guesses it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from unravel.grading import Draw, shared_model
from unravel.grading.reference import load_module

TESTS = Path(__file__).parents[2] / "exercises" / "ch02_induction_heads" / "test_by_hand.py"
EDGES = [(sender, receiver, part) for sender in range(6) for receiver in range(6) for part in "qkv"]


@pytest.fixture(scope="module")
def cutting() -> Any:
    checks = load_module(TESTS)
    return checks.Cutting(shared_model("induction-12h"), checks.prompts(Draw(1), 32))


def test_random_sets_of_eighteen_edges_are_far_from_enough(cutting: Any) -> None:
    chance = random.Random(0)
    assert max(cutting.left(chance.sample(EDGES, 18))[0] for _ in range(20)) < 0.3


def test_without_any_edge_nothing_is_known(cutting: Any) -> None:
    accuracy, loss = cutting.left([])
    assert accuracy < 0.1
    assert loss > 4


def test_all_edges_are_the_model_itself(cutting: Any) -> None:
    assert cutting.left(EDGES)[0] > 0.95
