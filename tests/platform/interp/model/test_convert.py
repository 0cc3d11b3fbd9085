"""The same weights make the same numbers here, in transformers and in transformer-lens, layer by layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_models import hf_gpt2, hf_neox, make, words
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model import as_bridge, from_hf, to_hf
from unravel.interp.tokens import Tokenizer

OURS = {
    "plain": {},
    "relu": {"act_fn": "relu"},
    "exact gelu": {"act_fn": "gelu"},
    "attention only": {"attn_only": True},
    "no norm": {"normalization_type": None},
    "attention only, no norm": {"attn_only": True, "normalization_type": None},
    "both ways": {"causal": False},
    "wide heads": {"d_head": 10},
    "other logits": {"d_vocab_out": 7},
    "rotary": {"positional": "rotary", "rotary_dim": 4},
    "rotary, parallel": {"positional": "rotary", "rotary_dim": 4, "parallel_attn_mlp": True, "act_fn": "gelu"},
}


def close(one: Tensor, other: Tensor, tolerance: float = 1e-5) -> None:
    assert one.shape == other.shape
    assert (one - other).abs().max() <= tolerance * max(1.0, float(other.abs().max()))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation_function": "relu"},
        {"activation_function": "gelu"},
        {"tie_word_embeddings": False, "n_inner": None},
    ],
)
def test_gpt2_is_the_same_layer_by_layer(changes: dict[str, Any], tokens: Tensor) -> None:
    theirs = hf_gpt2(**changes)
    logits, cache = from_hf(theirs).run_with_cache(tokens)
    with torch.no_grad():
        out = theirs(tokens, output_hidden_states=True, output_attentions=True)
    close(logits, out.logits)
    for layer in range(3):
        close(cache["resid_pre", layer], out.hidden_states[layer])
    normed = theirs.transformer.ln_f(cache["resid_post", 2])  # transformers gives the last one after its LayerNorm
    close(normed, out.hidden_states[3])
    for layer, pattern in enumerate(out.attentions or []):
        if pattern is not None:
            close(cache["pattern", layer], pattern)


def test_gpt2_patterns_are_those_of_eager_attention(tokens: Tensor) -> None:
    theirs = hf_gpt2(attn_implementation="eager")
    _, cache = from_hf(theirs).run_with_cache(tokens)
    with torch.no_grad():
        patterns = theirs(tokens, output_attentions=True).attentions
    for layer in range(3):
        close(cache["pattern", layer], patterns[layer])


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_gpt_neox_is_the_same_layer_by_layer(parallel: bool, share: float, tokens: Tensor) -> None:
    theirs = hf_neox(rotary_pct=share, use_parallel_residual=parallel)
    logits, cache = from_hf(theirs).run_with_cache(tokens)
    with torch.no_grad():
        out = theirs(tokens, output_hidden_states=True)
    close(logits, out.logits)
    for layer in range(3):
        close(cache["resid_pre", layer], out.hidden_states[layer])


@pytest.mark.parametrize("kind", [hf_gpt2, hf_neox])
def test_there_and_back(kind: Any, tokens: Tensor) -> None:
    theirs = kind()
    back = to_hf(from_hf(theirs))
    with torch.no_grad():
        close(back(tokens).logits, theirs(tokens).logits, 1e-6)
    assert type(back) is type(theirs)


@pytest.mark.parametrize("name", ["plain", "relu", "exact gelu", "rotary", "rotary, parallel"])
def test_ours_in_transformers(name: str, tokens: Tensor) -> None:
    model = make(**OURS[name])
    model.unembed.b_U.data.zero_()
    with torch.no_grad():
        close(to_hf(model)(tokens).logits, model(tokens))


@pytest.mark.parametrize("name", ["attention only", "no norm", "both ways", "wide heads", "other logits"])
def test_what_transformers_does_not_have(name: str) -> None:
    model = make(**OURS[name])
    model.unembed.b_U.data.zero_()
    with pytest.raises(UnravelError, match="transformers has no such model"):
        to_hf(model)


def test_a_bias_of_the_unembedding_is_not_lost_silently() -> None:
    with pytest.raises(UnravelError, match="no such model"):
        to_hf(make())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", OURS)
def test_the_bridge_is_the_same_hook_by_hook(name: str, bias: bool, tokens: Tensor) -> None:
    model = make(**OURS[name])
    if not bias:
        model.unembed.b_U.data.zero_()
    if bias and "rotary" in name:  # no bias in transformers, no such rotation in transformer-lens' own models
        with pytest.raises(UnravelError, match="no bridge"):
            as_bridge(model)
        return
    bridge = as_bridge(model)
    logits, ours = model.run_with_cache(tokens)
    with torch.no_grad():
        others, theirs = bridge.run_with_cache(tokens)
    close(logits, others)
    hf = type(bridge.original_model).__name__ != "NativeModel"
    shared = [hook for hook in ours if hook in theirs and (hf or "scores" not in hook)]  # there it holds the pattern
    assert len(shared) >= 8 * 3 + 2, sorted(set(ours) - set(theirs))
    for hook in shared:
        close(ours[hook].clamp(min=-1e4), theirs[hook].clamp(min=-1e4))  # masked: minus infinity, or nearly


def test_the_bridge_speaks_the_same_tokens() -> None:
    model = make()
    model.tokenizer = words()
    bridge = as_bridge(model)
    assert torch.equal(bridge.to_tokens("the cat sat"), model.to_tokens("the cat sat"))
    assert bridge.to_str_tokens("the cat") == model.to_str_tokens("the cat") == ["[BEGIN]", "the", "cat"]
    plain = make(default_prepend_bos=False)
    plain.tokenizer = words()
    assert torch.equal(as_bridge(plain).to_tokens("the cat sat"), plain.to_tokens("the cat sat"))
    bare = make()
    bare.tokenizer = Tokenizer(words().engine, {"eos_token": "[END]", "pad_token": "[PAD]"})
    assert torch.equal(as_bridge(bare).to_tokens("the cat sat"), bare.to_tokens("the cat sat"))


def test_a_model_of_another_kind() -> None:
    linear = torch.nn.Linear(2, 2)
    linear.config = object()  # type: ignore[assignment]
    with pytest.raises(UnravelError, match="Linear can't be made"):
        from_hf(linear)


@pytest.mark.parametrize(
    "changes",
    [{"scale_attn_by_inverse_layer_idx": True}, {"scale_attn_weights": False}, {"activation_function": "silu"}],
)
def test_an_unusual_gpt2_is_refused_rather_than_wrong(changes: dict[str, Any]) -> None:
    with pytest.raises(UnravelError, match="isn't supported"):
        from_hf(hf_gpt2(**changes))


def test_converting_copies(tokens: Tensor) -> None:
    theirs = hf_gpt2()
    model = from_hf(theirs)
    before = model(tokens)
    for parameter in theirs.parameters():
        parameter.data.zero_()
    assert torch.equal(model(tokens), before)
