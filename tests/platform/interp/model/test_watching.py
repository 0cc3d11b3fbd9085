"""Watching and changing activations: the cache, its decompositions, and hooks that mean what the literature says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tiny_models import make
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model import GPTConfig, HookedGPT

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "attention only": {"attn_only": True},
    "no norm": {"normalization_type": None},
    "both ways": {"causal": False},
    "wide heads": {"d_head": 10},
}


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest) -> HookedGPT:
    return make(**KINDS[request.param])


def test_the_stream_is_the_sum_of_what_is_written_to_it(model: HookedGPT, tokens: Tensor) -> None:
    _, cache = model.run_with_cache(tokens)
    parts, labels = cache.decompose_resid(return_labels=True)
    assert len(labels) == 2 + 3 * (1 if model.config.attn_only else 2)
    torch.testing.assert_close(parts.sum(0), cache["resid_post", -1])
    lens, labels = cache.accumulated_resid(return_labels=True, incl_mid=not model.config.attn_only)
    torch.testing.assert_close(lens[0], cache["resid_pre", 0])
    torch.testing.assert_close(lens[-1], cache["resid_post", -1])


def test_every_head_neuron_and_bias_makes_the_stream(model: HookedGPT, tokens: Tensor) -> None:
    _, cache = model.run_with_cache(tokens)
    parts, labels = cache.get_full_resid_decomposition(return_labels=True)
    assert {"L2H3", "embed", "pos_embed", "bias"} < set(labels)
    torch.testing.assert_close(parts.sum(0), cache["resid_post", -1])
    heads = cache.stack_head_results(layer=3)
    for layer in range(3):
        written = heads[4 * layer : 4 * layer + 4].sum(0) + model.b_O[layer]
        torch.testing.assert_close(written, cache["attn_out", layer])


def test_results_by_head_are_watched_or_computed(model: HookedGPT, tokens: Tensor) -> None:
    logits, without = model.run_with_cache(tokens)
    computed = without.stack_head_results(layer=3)
    model.set_use_attn_result(True)
    again, cache = model.run_with_cache(tokens)
    torch.testing.assert_close(again, logits)
    assert cache["result", 0].shape == (4, 10, 4, 24)
    torch.testing.assert_close(torch.stack([cache["result", 1][:, :, head] for head in range(4)]), computed[4:8])


def test_logit_attribution_adds_up_to_the_logits(tokens: Tensor) -> None:
    model = make()
    with torch.no_grad():  # attribution is exact when the last LayerNorm has nothing of its own
        model.ln_final.w.fill_(1.0)
        model.ln_final.b.zero_()
        model.unembed.b_U.zero_()
    logits, cache = model.run_with_cache(tokens)
    parts = cache.get_full_resid_decomposition(pos_slice=-1)
    right, wrong = tokens[:, -1], (tokens[:, -1] + 1) % 30
    share = cache.logit_attrs(parts, right, wrong, pos_slice=-1)
    rows = torch.arange(4)
    torch.testing.assert_close(share.sum(0), logits[rows, -1, right] - logits[rows, -1, wrong])
    parts = cache.get_full_resid_decomposition()
    scaled = cache.apply_ln_to_stack(parts, layer=-1)
    torch.testing.assert_close(scaled.sum(0), model.ln_final(cache["resid_post", -1]))


def test_splitting_the_inputs_changes_nothing_by_itself(model: HookedGPT, tokens: Tensor) -> None:
    before = model(tokens)
    model.set_use_split_qkv_input(True)
    model.set_use_hook_mlp_in(True)
    after, cache = model.run_with_cache(tokens)
    torch.testing.assert_close(after, before)
    assert cache["q_input", 0].shape == cache["v_input", 2].shape == (4, 10, 4, 24)
    assert ("blocks.1.hook_mlp_in" in cache) is not model.config.attn_only


@pytest.mark.parametrize("part", ["q", "k", "v"])
def test_one_input_of_one_head(part: str, tokens: Tensor) -> None:
    model = make()
    model.set_use_split_qkv_input(True)

    def double(x: Tensor, hook: Any) -> Tensor:
        x[:, :, 2] *= torch.linspace(-1, 1, 24)
        return x

    _, before = model.run_with_cache(tokens)
    with model.hooks(fwd_hooks=[(f"blocks.1.hook_{part}_input", double)]):
        _, after = model.run_with_cache(tokens)
    changed = {p: (before[p, 1] - after[p, 1]).abs().amax((0, 1, 3)) > 1e-4 for p in "qkv"}
    for other in "qkv":
        assert changed[other].tolist() == [False, False, other == part, False]


@pytest.mark.parametrize("in_place", [True, False])
def test_resid_mid_is_the_stream_itself(in_place: bool, tokens: Tensor) -> None:
    """What a hook returns there is seen by the MLP and by everything after: not by the MLP alone."""
    model = make()

    def edit(x: Tensor, hook: Any) -> Tensor:
        if in_place:
            x += 1.0
            return x
        return x + 1.0

    _, before = model.run_with_cache(tokens)
    with model.hooks(fwd_hooks=[("blocks.1.hook_resid_mid", edit)]):
        _, after = model.run_with_cache(tokens)
    stream = after["resid_post", 1] - after["mlp_out", 1]
    torch.testing.assert_close(stream, before["resid_mid", 1] + 1.0)


def test_mlp_in_is_seen_by_the_mlp_alone(tokens: Tensor) -> None:
    model = make()
    model.set_use_hook_mlp_in(True)
    _, before = model.run_with_cache(tokens)
    with model.hooks(fwd_hooks=[("blocks.1.hook_mlp_in", lambda x, hook: x.mul_(torch.linspace(-1, 1, 24)))]):
        _, after = model.run_with_cache(tokens)
    torch.testing.assert_close(after["resid_post", 1] - after["mlp_out", 1], before["resid_mid", 1])
    assert (after["mlp_out", 1] - before["mlp_out", 1]).abs().max() > 0.01


@pytest.mark.parametrize(
    "name", ["attn.hook_attn_scores", "attn.hook_pattern", "attn.hook_z", "mlp.hook_pre", "mlp.hook_post"]
)
def test_a_changed_activation_changes_what_follows(name: str, tokens: Tensor) -> None:
    model = make()
    plain = model(tokens)
    changed = model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.2.{name}", lambda x, hook: x * 0.5)])
    assert (changed - plain).abs().max() > 0.01
    assert torch.equal(model(tokens), plain), "hooks are gone afterwards"


def test_a_token_never_sees_what_is_to_come(tokens: Tensor) -> None:
    changed = tokens.clone()
    changed[:, 7:] = (changed[:, 7:] + 1) % 30
    for causal in (True, False):
        one, other = (make(causal=causal)(rows) for rows in (tokens, changed))
        assert torch.equal(one[:, :7], other[:, :7]) is causal


def test_gradients_arrive_at_hooks(tokens: Tensor) -> None:
    model = make()
    _, cache = model.run_with_cache(tokens, return_type="loss", incl_bwd=True)
    for name in ("blocks.0.hook_resid_pre_grad", "blocks.1.attn.hook_z_grad", "blocks.2.mlp.hook_post_grad"):
        assert cache[name].abs().max() > 0


def test_starting_and_stopping_in_the_middle(model: HookedGPT, tokens: Tensor) -> None:
    logits, cache = model.run_with_cache(tokens)
    middle = model(tokens, stop_at_layer=2)
    torch.testing.assert_close(middle, cache["resid_pre", 2])
    torch.testing.assert_close(model(middle, start_at_layer=2), logits)
    assert torch.equal(model(tokens, stop_at_layer=0), cache["resid_pre", 0])


def test_the_loss_is_the_cross_entropy_of_each_next_token(tokens: Tensor) -> None:
    model = make()
    logits, loss = model(tokens, return_type="both")
    by_hand = [-logits[row, place].log_softmax(-1)[tokens[row, place + 1]] for row in range(4) for place in range(9)]
    torch.testing.assert_close(loss, torch.stack(by_hand).mean())
    each = model(tokens, return_type="loss", loss_per_token=True)
    torch.testing.assert_close(each.flatten(), torch.stack(by_hand))
    assert model(tokens, return_type=None) is None


@pytest.mark.parametrize("changes", [{"causal": False}, {"d_vocab_out": 5}])
def test_no_next_token_loss(changes: dict[str, Any], tokens: Tensor) -> None:
    with pytest.raises(UnravelError, match="no next-token loss"):
        make(**changes)(tokens, return_type="loss")


def test_weights_and_circuits_by_name(tokens: Tensor) -> None:
    model = make()
    assert model.W_Q.shape == model.W_K.shape == model.W_V.shape == (3, 4, 24, 6)
    assert (model.W_O.shape, model.b_O.shape, model.b_Q.shape) == ((3, 4, 6, 24), (3, 24), (3, 4, 6))
    assert (model.W_in.shape, model.W_out.shape) == ((3, 24, 40), (3, 40, 24))
    assert (model.W_E.shape, model.W_pos.shape, model.W_U.shape) == ((30, 24), (12, 24), (24, 30))
    torch.testing.assert_close(model.OV[1, 2].AB, model.W_V[1, 2] @ model.W_O[1, 2])
    torch.testing.assert_close(model.QK[1, 2].AB, model.W_Q[1, 2] @ model.W_K[1, 2].T)
    assert not hasattr(make(attn_only=True), "W_in")
    assert torch.equal(model.tokens_to_residual_directions(tokens[0, :2]), model.W_U[:, tokens[0, :2]].T)


def test_weights_can_be_set_by_hand() -> None:
    """A previous-token head in four lines: W_K moves the key of a position to the query of the next one."""
    config = GPTConfig(
        n_layers=1, d_model=16, n_heads=1, d_vocab=4, n_ctx=8, d_head=8, attn_only=True, normalization_type=None
    )
    model = HookedGPT(config)
    for parameter in model.parameters():
        parameter.data.zero_()
    model.pos_embed.W_pos.data[:, :8] = torch.eye(8)
    model.blocks[0].attn.W_Q.data[0, :8] = 100 * torch.eye(8)
    model.blocks[0].attn.W_K.data[0, :8] = torch.eye(8).roll(1, dims=1)
    _, cache = model.run_with_cache(torch.zeros(1, 8, dtype=torch.long))
    pattern = cache["pattern", 0][0, 0]
    torch.testing.assert_close(pattern.diagonal(-1), torch.ones(7))


def test_the_cache_without_batch(tokens: Tensor) -> None:
    _, cache = make().run_with_cache(tokens[:1], remove_batch_dim=True)
    assert cache["pattern", 0].shape == (4, 10, 10)
    plain = make().run_with_cache(tokens, return_cache_object=False, names_filter="hook_embed")[1]
    assert list(plain) == ["hook_embed"]


def test_a_copy_is_on_its_own(tokens: Tensor) -> None:
    model = make()
    other = copy.deepcopy(model)
    other.set_use_attn_result(True)
    assert not model.cfg.use_attn_result
    assert other.blocks[0].attn.running is other.cfg
    assert "blocks.0.attn.hook_result" in other.run_with_cache(tokens)[1]


def test_cfg_keeps_up_with_the_model() -> None:
    model = make().half()
    assert (model.cfg.dtype, model.cfg.device) == (torch.float16, "cpu")
    assert (model.cfg.n_heads, model.cfg.positional_embedding_type) == (4, "standard")
    with pytest.raises(AttributeError):
        _ = model.cfg.nonsense


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("blocks.0.attn.hook_patern", "Did you mean 'blocks.0.attn.hook_pattern'"),
        ("nothing like it", "model.hook_dict lists the names"),
        ("blocks.0.attn.hook_result", r"Call model.set_use_attn_result\(True\) first"),
        ("blocks.0.hook_k_input", r"Call model.set_use_split_qkv_input\(True\) first"),
        ("blocks.0.hook_mlp_in", r"Call model.set_use_hook_mlp_in\(True\) first"),
    ],
)
def test_a_hook_that_could_never_fire_is_an_error(name: str, said: str, tokens: Tensor) -> None:
    model = make()
    with pytest.raises(UnravelError, match=said):
        model.run_with_hooks(tokens, fwd_hooks=[(name, lambda x, hook: x)])
    with pytest.raises(UnravelError, match=said):
        model.add_hook(name, lambda x, hook: x)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (torch.zeros(2, 13, dtype=torch.long), "13 tokens are more than this model's context of 12"),
        (torch.full((1, 3), 30), "outside of the vocabulary.*0 to 29"),
        (torch.full((1, 3), -1), "outside of the vocabulary"),
        (torch.zeros(1, 3), "not torch.float32 of shape"),
        (torch.zeros(1, 2, 3, dtype=torch.long), "not torch.int64 of shape"),
        ("the cat", "no tokenizer"),
    ],
)
def test_input_that_no_model_can_read(wrong: Any, said: str) -> None:
    with pytest.raises(UnravelError, match=said):
        make()(wrong)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"act_fn": "swish"}, "act_fn = 'swish'"),
        ({"normalization_type": "RMS"}, "normalization_type = 'RMS'"),
        ({"n_layers": 0}, "n_layers = 0"),
        ({"n_ctx": -3}, "n_ctx = -3"),
        ({"d_model": 24.0}, "type int"),
        ({"attn_only": 1}, "type bool"),
        ({"eps": 0.0}, "eps = 0.0"),
        ({"positional": "rotary", "rotary_dim": 3}, "must be even"),
        ({"positional": "none"}, "one of 'standard', 'rotary'"),
        ({"n_heads": True}, "type int"),
    ],
)
def test_a_config_of_no_model(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnravelError, match=said):
        make(**changes)


def test_sizes_are_chosen_as_gpt2_does() -> None:
    config = GPTConfig(n_layers=1, d_model=24, n_heads=4, d_vocab=30, n_ctx=12)
    assert (config.d_head, config.d_mlp, config.d_vocab_out) == (6, 96, 30)
    assert GPTConfig(n_layers=1, d_model=24, n_heads=4, d_vocab=30, n_ctx=12, attn_only=True).d_mlp == 0


def test_the_seed_draws_the_weights() -> None:
    config = GPTConfig(n_layers=2, d_model=32, n_heads=2, d_vocab=40, n_ctx=8)
    one, same, other = HookedGPT(config, seed=3), HookedGPT(config, seed=3), HookedGPT(config, seed=4)
    assert torch.equal(one.W_Q, same.W_Q)
    assert not torch.equal(one.W_Q, other.W_Q)
    assert all(bool(parameter.isfinite().all()) for parameter in one.parameters())
    loss = one(torch.randint(0, 40, (50, 8)), "loss").item()
    assert 3.5 < loss < 5.0, "a fresh model knows nothing: about log(40) = 3.7"
