"""The bridge for models that `transformers` doesn't have: attention only, no LayerNorm, or both ways."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt import HookedGPT

WRAPPER = "._original_component"


def native_bridge(model: HookedGPT, tokenizer: Any) -> Any:
    """A `TransformerBridge` around transformer-lens' own small transformer, with the model's weights."""
    from transformer_lens import TransformerBridge, TransformerBridgeConfig

    if model.config.positional == "rotary" or model.config.parallel_attn_mlp:
        raise UnravelError(
            "There is no bridge to a model with rotary positions that isn't a whole GPT-NeoX.",
            fix="Use this model as it is: it has the same hooks.",
        )
    config = TransformerBridgeConfig(**_config(model.config), device=model.cfg.device)
    bridge = TransformerBridge.boot_native(config, tokenizer=tokenizer).eval()
    weights = _weights(model)
    places = {name.replace(WRAPPER, ""): place for name, place in bridge.original_model.state_dict().items()}
    with torch.no_grad():
        for name, weight in weights.items():
            places[name].copy_(weight)
    return bridge


def _config(c: GPTConfig) -> dict[str, Any]:
    same = ("n_layers", "d_model", "d_head", "n_heads", "d_vocab", "d_vocab_out", "n_ctx", "act_fn", "attn_only", "eps")
    return {
        **{name: getattr(c, name) for name in same},
        "d_mlp": c.d_mlp or 4 * c.d_model,
        "normalization_type": c.normalization_type,
        "attention_dir": "causal" if c.causal else "bidirectional",
    }


def _weights(model: HookedGPT) -> dict[str, Tensor]:
    """The model's weights by the names of the bridge's module."""
    ours = model.state_dict()
    theirs = {"tok_embed.weight": model.W_E, "pos.weight": model.W_pos, "head.weight": model.W_U.T}
    theirs["head.bias"] = model.b_U
    renamed = {"ln_final": "ln_out"}
    for layer in range(model.config.n_layers):
        mine, other = f"blocks.{layer}", f"layers.{layer}"
        renamed |= {f"{mine}.{norm}": f"{other}.{norm}" for norm in ("ln1", "ln2")}
        for name in "QKV":
            theirs[f"{other}.attn.{name.lower()}.weight"] = ours[f"{mine}.attn.W_{name}"].transpose(1, 2).flatten(0, 1)
            theirs[f"{other}.attn.{name.lower()}.bias"] = ours[f"{mine}.attn.b_{name}"].flatten()
        theirs[f"{other}.attn.o.weight"] = ours[f"{mine}.attn.W_O"].flatten(0, 1).T
        theirs[f"{other}.attn.o.bias"] = ours[f"{mine}.attn.b_O"]
        for name in () if model.config.attn_only else ("in", "out"):
            theirs[f"{other}.mlp.fc_{name}.weight"] = ours[f"{mine}.mlp.W_{name}"].T
            theirs[f"{other}.mlp.fc_{name}.bias"] = ours[f"{mine}.mlp.b_{name}"]
    for mine, other in renamed.items():
        if f"{mine}.w" in ours:
            theirs[f"{other}.weight"], theirs[f"{other}.bias"] = ours[f"{mine}.w"], ours[f"{mine}.b"]
    return theirs
