"""Every patching function of transformer-lens runs on our model, and gives what the bridge gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_models import make
from torch import Tensor
from transformer_lens import patching
from transformer_lens.tools.analysis.attribution_patching import EdgeAttributionConfig, attribution_patch

from unravel.interp.model import as_bridge

ALL = [name for name in dir(patching) if name.startswith("get_act_patch_") and "direct" not in name]


def setting(model: Any, tokens: Tensor) -> tuple[Tensor, Any, Any]:
    """Corrupted tokens, the clean cache and a metric."""
    corrupted = tokens.clone()
    corrupted[:, 2] = (corrupted[:, 2] + 5) % 30
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)

    def metric(logits: Tensor) -> Tensor:
        return (logits[:, -1, 1] - logits[:, -1, 2]).mean()

    return corrupted, cache, metric


def test_none_is_left_out() -> None:
    assert len(ALL) >= 18


@pytest.mark.parametrize("name", ALL)
def test_patching_equals_the_bridge(name: str, tokens: Tensor) -> None:
    model = make(n_layers=2, n_heads=2)
    model.unembed.b_U.data.zero_()
    function, results = getattr(patching, name), []
    for one in (model, as_bridge(model)):
        corrupted, cache, metric = setting(one, tokens[:2, :4])
        with torch.no_grad():
            results.append(function(one, corrupted, cache, metric))
    if isinstance(results[0], dict):
        results = [torch.cat([value.flatten() for value in result.values()]) for result in results]
    ours, theirs = (result if isinstance(result, Tensor) else result.values for result in results)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert ours.std() > 1e-4


@pytest.mark.parametrize("changes", [{"attn_only": True}, {"normalization_type": None}, {"d_head": 10}])
@pytest.mark.parametrize("name", ["get_act_patch_resid_pre", "get_act_patch_attn_out"])
def test_patching_everything_at_once_restores_the_clean_run(name: str, changes: dict[str, Any], tokens: Tensor) -> None:
    model = make(**changes)
    corrupted, cache, metric = setting(model, tokens)
    with torch.no_grad():
        effect = getattr(patching, name)(model, corrupted, cache, metric)
        clean, broken = metric(model(tokens)), metric(model(corrupted))
    assert effect.shape[0] == 3
    if name == "get_act_patch_resid_pre":
        torch.testing.assert_close(effect[0, 2], clean)  # the one token that differs, before anything was read
        torch.testing.assert_close(effect[0, 0], broken)


@pytest.mark.parametrize("component", ["q", "k", "v"])
def test_direct_paths_equal_the_bridge(component: Any, tokens: Tensor) -> None:
    model = make()
    model.unembed.b_U.data.zero_()
    results = []
    for one in (model, as_bridge(model)):
        corrupted, clean, metric = setting(one, tokens)
        with torch.no_grad():
            _, broken = one.run_with_cache(corrupted)
            results.append(
                patching.get_act_patch_direct_path(one, corrupted, clean, broken, metric, 0, 1, component=component)
            )
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
    assert results[0][1:].std() > 1e-5
    assert not model.cfg.use_split_qkv_input, "the switch is put back"


@pytest.mark.parametrize("granularity", ["node", "edge"])
def test_attribution_equals_the_bridge(granularity: Any, tokens: Tensor) -> None:
    model = make(n_layers=2, n_heads=2)
    model.unembed.b_U.data.zero_()
    found = []
    for one in (model, as_bridge(model)):
        corrupted, _, metric = setting(one, tokens[:1, :4])
        config = EdgeAttributionConfig(granularity=granularity)
        found.append(attribution_patch(one, tokens[:1, :4], corrupted, metric, config))
    kinds = ("node_scores",) if granularity == "node" else ("node_scores", "edge_scores")
    for kind in kinds:
        ours, theirs = (getattr(one, kind) for one in found)
        assert set(ours) == set(theirs)
        assert max(map(abs, ours.values())) > 0.01
        assert all(abs(ours[part] - theirs[part]) < 1e-4 for part in ours)
