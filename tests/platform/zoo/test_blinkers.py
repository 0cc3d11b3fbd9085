"""Blinkers: what is hidden in the first steps, and only then."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.blinkers import Blinkers
from unravel.zoo.recipes import Recipe, find_recipe
from unravel.zoo.train import first_model, train

TOKENS = torch.tensor([[1, 5, 5, 2, 5], [4, 4, 2, 4, 2]])


def patterns(model: HookedGPT, tokens: torch.Tensor) -> torch.Tensor:
    _, cache = model.run_with_cache(tokens)
    return torch.stack([cache[f"blocks.{layer}.attn.hook_pattern"] for layer in range(model.config.n_layers)])


@pytest.fixture
def model(tiny: Recipe) -> HookedGPT:
    return first_model(tiny, 0)


@torch.no_grad()
def test_a_window_hides_what_is_further_back(model: HookedGPT) -> None:
    with Blinkers(until=3, window=2).worn(model, TOKENS, 2):
        seen = patterns(model, TOKENS)
    back = torch.arange(5)[:, None] - torch.arange(5)
    assert (seen[..., (back > 2) | (back < 0)] == 0).all()
    assert (seen[..., (back >= 0) & (back <= 2)] > 0).all()


@torch.no_grad()
def test_copies_are_hidden_but_no_place_from_itself(model: HookedGPT) -> None:
    with Blinkers(until=3, copies=False).worn(model, TOKENS, 0):
        seen = patterns(model, TOKENS)
    for row, words in enumerate(TOKENS.tolist()):
        for query in range(5):
            for key in range(query + 1):
                hidden = query != key and words[query] == words[key]
                assert ((seen[:, row, :, query, key] == 0) == hidden).all(), (row, query, key)
    assert torch.allclose(seen.sum(-1), torch.ones(()))


@torch.no_grad()
@pytest.mark.parametrize("step", [3, 4, 100])
def test_from_the_step_on_all_is_seen(model: HookedGPT, step: int) -> None:
    whole = patterns(model, TOKENS)
    blinkers = Blinkers(until=3, window=1, copies=False)
    with blinkers.worn(model, TOKENS, step):
        assert torch.equal(patterns(model, TOKENS), whole)
    with blinkers.worn(model, TOKENS, step - 3):
        pass
    assert torch.equal(patterns(model, TOKENS), whole)  # no hook is left


def test_they_change_what_is_learnt_and_go_with_a_run_that_was_stopped(course: Path, easy: None) -> None:
    path = course / "tiny" / "recipe.toml"
    plain = find_recipe("tiny")[0]
    path.write_text(path.read_text() + "\n[blinkers]\nuntil = 25\nwindow = 2\n", encoding="utf-8")
    blinkered = find_recipe("tiny")[0]
    assert blinkered.blinkers == Blinkers(until=25, window=2)
    assert blinkered.fingerprint(0, 40) != plain.fingerprint(0, 40)

    class Stop(Exception):
        pass

    def stop(step: int, entry: object) -> None:
        if step == 15:
            raise Stop

    folders = [course.parent / name for name in ("plain", "whole", "stopped")]
    train(plain, folders[0])
    train(blinkered, folders[1])
    with pytest.raises(Stop):
        train(blinkered, folders[2], watch=stop)
    train(blinkered, folders[2])
    bare, whole, stopped = ((folder / "model.safetensors").read_bytes() for folder in folders)
    assert whole == stopped
    assert whole != bare


def test_a_recipe_without_them_is_named_as_before(tiny: Recipe) -> None:
    assert tiny.blinkers == Blinkers()
    worn = dataclasses.replace(tiny, blinkers=Blinkers(until=1))
    assert tiny.plan == []
    assert worn.plan == [{"until": 1, "window": 0, "copies": True}]
