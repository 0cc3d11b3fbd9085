"""GPT-NeoX' weights and config (the Pythia models) as `transformers` and the hub write them, to our names and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt2 import ACTIVATIONS
from unravel.interp.model.tensors import Shelf

BUFFERS = r"layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)"
"""Masks and frequencies, which old files hold beside the weights."""


def read_config(theirs: Mapping[str, Any], path: Path | None = None) -> GPTConfig:
    """Our config of theirs. What `HookedGPT` doesn't do is an `UnravelError`."""
    rope = theirs.get("rope_parameters") or {}
    act = ACTIVATIONS.get(theirs.get("hidden_act", "gelu"))
    stretched = theirs.get("rope_scaling") or rope.get("rope_type", "default") != "default"
    if act is None or stretched or not theirs.get("attention_bias", True):
        raise UnravelError("This kind of GPT-NeoX isn't supported.", fix="Choose a plain one.", path=path)
    try:
        width, heads = theirs["hidden_size"], theirs["num_attention_heads"]
        share = rope.get("partial_rotary_factor", theirs.get("rotary_pct", 0.25))
        return GPTConfig(
            n_layers=theirs["num_hidden_layers"],
            d_model=width,
            n_heads=heads,
            d_vocab=theirs["vocab_size"],
            n_ctx=theirs["max_position_embeddings"],
            d_mlp=theirs["intermediate_size"],
            act_fn=act,
            eps=theirs.get("layer_norm_eps", 1e-5),
            positional="rotary",
            rotary_dim=int(width // heads * share),
            rotary_base=float(rope.get("rope_theta", theirs.get("rotary_emb_base", 10000))),
            parallel_attn_mlp=theirs.get("use_parallel_residual", True),
        )
    except KeyError as error:
        raise UnravelError(f"This GPT-NeoX config misses {error}.", fix="Fetch the model again.", path=path) from None
    except UnravelError as error:
        raise UnravelError(error.fault, fix=error.fix, path=path) from None


def read_weights(theirs: Mapping[str, Tensor], c: GPTConfig, path: Path | None = None) -> dict[str, Tensor]:
    """Our weights of theirs."""
    shelf = Shelf(theirs, path, prefix="gpt_neox.")
    head = "embed_out.weight" if "embed_out.weight" in shelf.left else "lm_head.weight"
    ours = {
        "embed.W_E": shelf.take("embed_in.weight", c.d_vocab, c.d_model),
        "unembed.W_U": shelf.take(head, c.d_vocab, c.d_model).T.contiguous(),
        "unembed.b_U": torch.zeros(c.d_vocab),
    }
    for layer in range(c.n_layers):
        other, mine = f"layers.{layer}", f"blocks.{layer}"
        packed = shelf.take(f"{other}.attention.query_key_value.weight", 3 * c.n_heads * c.d_head, c.d_model)
        bias = shelf.take(f"{other}.attention.query_key_value.bias", 3 * c.n_heads * c.d_head)
        packed, bias = packed.reshape(c.n_heads, 3, c.d_head, c.d_model), bias.reshape(c.n_heads, 3, c.d_head)
        for number, name in enumerate("QKV"):
            ours[f"{mine}.attn.W_{name}"] = packed[:, number].transpose(1, 2).contiguous()
            ours[f"{mine}.attn.b_{name}"] = bias[:, number].contiguous()
        dense = shelf.take(f"{other}.attention.dense.weight", c.d_model, c.n_heads * c.d_head)
        ours[f"{mine}.attn.W_O"] = dense.T.reshape(c.n_heads, c.d_head, c.d_model).contiguous()
        ours[f"{mine}.attn.b_O"] = shelf.take(f"{other}.attention.dense.bias", c.d_model)
        for name, fc, into, out in (("in", "h_to_4h", c.d_model, c.d_mlp), ("out", "4h_to_h", c.d_mlp, c.d_model)):
            ours[f"{mine}.mlp.W_{name}"] = shelf.take(f"{other}.mlp.dense_{fc}.weight", out, into).T.contiguous()
            ours[f"{mine}.mlp.b_{name}"] = shelf.take(f"{other}.mlp.dense_{fc}.bias", out)
    for other, mine in _norms(c):
        ours[f"{mine}.w"], ours[f"{mine}.b"] = (shelf.take(f"{other}.{part}", c.d_model) for part in ("weight", "bias"))
    shelf.finish(ignore=BUFFERS)
    return ours


def write_config(c: GPTConfig) -> dict[str, Any]:
    """The keywords of `transformers.GPTNeoXConfig`."""
    share, rope = c.rotary_dim / c.d_head, {"rope_type": "default", "rope_theta": c.rotary_base}
    return {
        **{"num_hidden_layers": c.n_layers, "hidden_size": c.d_model, "num_attention_heads": c.n_heads},
        **{"vocab_size": c.d_vocab, "max_position_embeddings": c.n_ctx, "intermediate_size": c.d_mlp},
        **{"hidden_act": c.act_fn, "layer_norm_eps": c.eps, "use_parallel_residual": c.parallel_attn_mlp},
        **{"rope_parameters": {**rope, "partial_rotary_factor": share}, "tie_word_embeddings": False},
        **{"bos_token_id": None, "eos_token_id": None},
    }


def write_weights(ours: Mapping[str, Tensor], c: GPTConfig) -> dict[str, Tensor]:
    """Their weights of ours."""
    theirs = {"gpt_neox.embed_in.weight": ours["embed.W_E"], "lm_head.weight": ours["unembed.W_U"].T}
    for layer in range(c.n_layers):
        other, mine = f"gpt_neox.layers.{layer}", f"blocks.{layer}"
        weights = torch.stack([ours[f"{mine}.attn.W_{name}"].transpose(1, 2) for name in "QKV"], dim=1)
        biases = torch.stack([ours[f"{mine}.attn.b_{name}"] for name in "QKV"], dim=1)
        theirs[f"{other}.attention.query_key_value.weight"] = weights.reshape(-1, c.d_model)
        theirs[f"{other}.attention.query_key_value.bias"] = biases.flatten()
        theirs[f"{other}.attention.dense.weight"] = ours[f"{mine}.attn.W_O"].flatten(0, 1).T
        theirs[f"{other}.attention.dense.bias"] = ours[f"{mine}.attn.b_O"]
        for fc, name in (("h_to_4h", "in"), ("4h_to_h", "out")):
            theirs[f"{other}.mlp.dense_{fc}.weight"] = ours[f"{mine}.mlp.W_{name}"].T
            theirs[f"{other}.mlp.dense_{fc}.bias"] = ours[f"{mine}.mlp.b_{name}"]
    for other, mine in _norms(c):
        theirs[f"gpt_neox.{other}.weight"], theirs[f"gpt_neox.{other}.bias"] = ours[f"{mine}.w"], ours[f"{mine}.b"]
    return theirs


def _norms(c: GPTConfig) -> list[tuple[str, str]]:
    """Each LayerNorm's name, theirs and ours."""
    names = [("final_layer_norm", "ln_final")]
    for layer in range(c.n_layers):
        names.append((f"layers.{layer}.input_layernorm", f"blocks.{layer}.ln1"))
        names.append((f"layers.{layer}.post_attention_layernorm", f"blocks.{layer}.ln2"))
    return names
