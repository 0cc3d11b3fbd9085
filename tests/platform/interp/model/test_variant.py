"""A learner's variant computes the same with its parts in other places, and always in the same ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_models import make
from torch import Tensor

from unravel.interp.model import model_variant, variant_map


@pytest.mark.parametrize("changes", [{}, {"attn_only": True}, {"positional": "rotary", "parallel_attn_mlp": True}])
@pytest.mark.parametrize("learner", ["ada", "grace", "", "Łódź 7"])
def test_the_function_is_the_same(learner: str, changes: dict[str, Any], tokens: Tensor) -> None:
    model = make(**changes)
    before = model(tokens)
    assert (model_variant(model, learner)(tokens) - before).abs().max() < 1e-5
    assert torch.equal(model(tokens), before), "the model itself is left alone"


def test_every_head_and_neuron_is_where_the_map_says(tokens: Tensor) -> None:
    model = make()
    order = variant_map(model, "ada")
    _, before = model.run_with_cache(tokens)
    _, after = model_variant(model, "ada").run_with_cache(tokens)
    for layer in range(3):
        for new in range(4):
            old = order.original_head(layer, new)[1]
            torch.testing.assert_close(after["pattern", layer][:, new], before["pattern", layer][:, old])
            torch.testing.assert_close(after["z", layer][:, :, new], before["z", layer][:, :, old])
            assert order.variant_head(layer, old) == (layer, new)
        for new in range(40):
            old = order.original_neuron(layer, new)[1]
            torch.testing.assert_close(after["post", layer][..., new], before["post", layer][..., old])
            assert order.variant_neuron(layer, old) == (layer, new)


def test_learners_differ_and_each_stays_the_same() -> None:
    model = make(n_heads=12, d_model=24)
    maps = {name: variant_map(model, name) for name in ("ada", "grace", "alan")}
    assert len({order.heads for order in maps.values()}) == 3
    assert len({order.neurons for order in maps.values()}) == 3
    assert len(set(maps["ada"].heads)) == 3, "layers have orders of their own"
    assert maps["ada"] == variant_map(model, "ada")
    for order in maps.values():
        assert all(sorted(heads) == list(range(12)) for heads in order.heads)
        assert all(sorted(neurons) == list(range(40)) for neurons in order.neurons)


def test_the_order_is_frozen_for_good() -> None:
    """Findings are kept by index: a new version of anything must not move a head."""
    order = variant_map(make(), "ada")
    assert order.heads == ((1, 2, 0, 3), (3, 2, 0, 1), (0, 3, 1, 2))
    assert order.neurons[0][:6] == (29, 17, 14, 6, 15, 23)


def test_hooks_stay_with_the_original(tokens: Tensor) -> None:
    model = make()
    model.add_hook("blocks.0.attn.hook_z", lambda z, hook: z * 0)
    changed = model(tokens)
    other = model_variant(model, "ada")
    assert (other(tokens) - changed).abs().max() > 0.01
    model.reset_hooks()
    torch.testing.assert_close(other(tokens), model(tokens))
