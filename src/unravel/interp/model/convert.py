"""Between `HookedGPT`, `transformers` and transformer-lens' `TransformerBridge`: the same function each time."""

from __future__ import annotations

from typing import Any

import torch

from unravel.errors import UnravelError
from unravel.interp.model import gpt2, neox
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.native import native_bridge
from unravel.interp.model.store import build

FORMATS = {"gpt2": gpt2, "gpt_neox": neox}


def from_hf(hf_model: Any, tokenizer: Any = None) -> HookedGPT:
    """A `GPT2LMHeadModel` or `GPTNeoXForCausalLM` as a `HookedGPT`. Nothing is folded or centred."""
    kind = FORMATS.get(getattr(hf_model.config, "model_type", ""))
    if kind is None:
        raise UnravelError(
            f"A {type(hf_model).__name__} can't be made into a HookedGPT.",
            fix="GPT2LMHeadModel and GPTNeoXForCausalLM can; for others use TransformerBridge.",
        )
    config = kind.read_config(hf_model.config.to_dict())
    state = {name: tensor.clone() for name, tensor in hf_model.state_dict().items()}
    return build(config, kind.read_weights(state, config), None, tokenizer)


def to_hf(model: HookedGPT) -> Any:
    """The model as `transformers` has it. One that they don't have is an `UnravelError`."""
    c = model.config
    if not _standard(c) or bool(model.b_U.any()):
        raise UnravelError(
            "transformers has no such model.",
            fix="It takes LayerNorm, an MLP, causal attention, n_heads * d_head = d_model and no bias b_U.",
        )
    import transformers

    kind, made = (gpt2, "GPT2") if c.positional == "standard" else (neox, "GPTNeoX")
    config = getattr(transformers, f"{made}Config")(**kind.write_config(c))
    head = "LMHeadModel" if made == "GPT2" else "ForCausalLM"
    hf_model = getattr(transformers, made + head)(config).to(model.cfg.device)
    with torch.no_grad():
        for name, weight in kind.write_weights(model.state_dict(), c).items():
            hf_model.get_parameter(name).copy_(weight)
    return hf_model.eval()


def as_bridge(model: HookedGPT) -> Any:
    """The model as transformer-lens' own `TransformerBridge`, with the same weights and the same tokenizer.

    Models that `transformers` doesn't have become bridges of a simpler kind (`boot_native`), without results by head.
    """
    tokenizer = _fast(model)
    if not _standard(model.config) or bool(model.b_U.any()):
        bridge = native_bridge(model, tokenizer)
    else:
        from transformer_lens.model_bridge.sources import build_bridge_from_module

        hf_model = to_hf(model)
        about = {"architecture": type(hf_model).__name__, "hf_config": hf_model.config, "model_name": "local"}
        bridge = build_bridge_from_module(hf_model, **about, tokenizer=tokenizer, device=model.cfg.device).eval()
    begins = model.tokenizer is not None and model.tokenizer.bos is not None
    bridge.cfg.default_prepend_bos = begins and model.config.default_prepend_bos
    return bridge


def _standard(c: GPTConfig) -> bool:
    """Whether GPT-2 or GPT-NeoX is of this kind."""
    whole = c.n_heads * c.d_head == c.d_model and c.d_vocab_out == c.d_vocab
    known = c.positional == "rotary" or not c.parallel_attn_mlp
    return whole and known and c.causal and not c.attn_only and c.normalization_type == "LN"


def _fast(model: HookedGPT) -> Any:
    """The tokenizer as transformer-lens wants it: one that has no name, or adds no first token, it asks the hub for."""
    if model.tokenizer is None:
        return None
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=model.tokenizer.engine,
        **model.tokenizer.special,
        add_bos_token=model.tokenizer.bos is not None,
        name_or_path="local",
    )
