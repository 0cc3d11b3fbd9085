"""GPT-2's weights and config as `transformers` and the hub write them, to our names and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.tensors import Shelf

BUFFERS = r"h\.\d+\.attn\.(bias|masked_bias)"
"""Causal masks, which old files hold beside the weights."""

ACTIVATIONS = {"gelu_new": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "gelu": "gelu", "relu": "relu"}


def read_config(theirs: Mapping[str, Any], path: Path | None = None) -> GPTConfig:
    """Our config of theirs. What `HookedGPT` doesn't do is an `UnravelError`."""
    act = ACTIVATIONS.get(theirs.get("activation_function", "gelu_new"))
    strange = not theirs.get("scale_attn_weights", True) or theirs.get("add_cross_attention", False)
    if act is None or strange or theirs.get("scale_attn_by_inverse_layer_idx", False):
        raise UnravelError("This kind of GPT-2 isn't supported.", fix="Choose a plain one.", path=path)
    try:
        width = theirs["n_embd"]
        return GPTConfig(
            n_layers=theirs["n_layer"],
            d_model=width,
            n_heads=theirs["n_head"],
            d_vocab=theirs["vocab_size"],
            n_ctx=theirs.get("n_positions") or theirs["n_ctx"],
            d_mlp=theirs.get("n_inner") or 4 * width,
            act_fn=act,
            eps=theirs.get("layer_norm_epsilon", 1e-5),
        )
    except KeyError as error:
        raise UnravelError(f"This GPT-2 config misses {error}.", fix="Fetch the model again.", path=path) from None
    except UnravelError as error:
        raise UnravelError(error.fault, fix=error.fix, path=path) from None


def read_weights(theirs: Mapping[str, Tensor], c: GPTConfig, path: Path | None = None) -> dict[str, Tensor]:
    """Our weights of theirs."""
    shelf = Shelf(theirs, path, prefix="transformer.")
    embedding = shelf.take("wte.weight", c.d_vocab, c.d_model)
    unembedding = shelf.take("lm_head.weight", c.d_vocab, c.d_model) if "lm_head.weight" in shelf.left else embedding
    ours = {
        "embed.W_E": embedding,
        "pos_embed.W_pos": shelf.take("wpe.weight", c.n_ctx, c.d_model),
        "unembed.W_U": unembedding.T.contiguous(),
        "unembed.b_U": torch.zeros(c.d_vocab),
        **_norm(shelf, "ln_f", "ln_final", c),
    }
    for layer in range(c.n_layers):
        ours.update(_block(shelf, f"h.{layer}", f"blocks.{layer}", c))
    shelf.finish(ignore=BUFFERS)
    return ours


def _block(shelf: Shelf, theirs: str, ours: str, c: GPTConfig) -> dict[str, Tensor]:
    wide, heads, narrow = c.d_model, c.n_heads, c.d_head
    weights = shelf.take(f"{theirs}.attn.c_attn.weight", wide, 3 * wide).chunk(3, dim=1)  # each [d_model, head d_head]
    biases = shelf.take(f"{theirs}.attn.c_attn.bias", 3 * wide).chunk(3)
    found = {**_norm(shelf, f"{theirs}.ln_1", f"{ours}.ln1", c), **_norm(shelf, f"{theirs}.ln_2", f"{ours}.ln2", c)}
    for name, weight, bias in zip("QKV", weights, biases, strict=True):
        found[f"{ours}.attn.W_{name}"] = weight.reshape(wide, heads, narrow).transpose(0, 1).contiguous()
        found[f"{ours}.attn.b_{name}"] = bias.reshape(heads, narrow).contiguous()
    found[f"{ours}.attn.W_O"] = shelf.take(f"{theirs}.attn.c_proj.weight", wide, wide).reshape(heads, narrow, wide)
    found[f"{ours}.attn.b_O"] = shelf.take(f"{theirs}.attn.c_proj.bias", wide)
    found[f"{ours}.mlp.W_in"] = shelf.take(f"{theirs}.mlp.c_fc.weight", wide, c.d_mlp)
    found[f"{ours}.mlp.b_in"] = shelf.take(f"{theirs}.mlp.c_fc.bias", c.d_mlp)
    found[f"{ours}.mlp.W_out"] = shelf.take(f"{theirs}.mlp.c_proj.weight", c.d_mlp, wide)
    found[f"{ours}.mlp.b_out"] = shelf.take(f"{theirs}.mlp.c_proj.bias", wide)
    return found


def _norm(shelf: Shelf, theirs: str, ours: str, c: GPTConfig) -> dict[str, Tensor]:
    return {
        f"{ours}.w": shelf.take(f"{theirs}.weight", c.d_model),
        f"{ours}.b": shelf.take(f"{theirs}.bias", c.d_model),
    }


def write_config(c: GPTConfig) -> dict[str, Any]:
    """The keywords of `transformers.GPT2Config`. The unembedding is a weight of its own there, as it is here."""
    return {
        **{"n_layer": c.n_layers, "n_embd": c.d_model, "n_head": c.n_heads, "vocab_size": c.d_vocab},
        **{"n_positions": c.n_ctx, "n_inner": c.d_mlp, "activation_function": c.act_fn, "layer_norm_epsilon": c.eps},
        **{"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "tie_word_embeddings": False},
        **{"bos_token_id": None, "eos_token_id": None},
    }


def write_weights(ours: Mapping[str, Tensor], c: GPTConfig) -> dict[str, Tensor]:
    """Their weights of ours."""
    theirs = {
        "transformer.wte.weight": ours["embed.W_E"],
        "transformer.wpe.weight": ours["pos_embed.W_pos"],
        "lm_head.weight": ours["unembed.W_U"].T,
    }
    renamed = [("transformer.ln_f", "ln_final")]
    for layer in range(c.n_layers):
        mine, other = f"blocks.{layer}", f"transformer.h.{layer}"
        renamed += [(f"{other}.ln_1", f"{mine}.ln1"), (f"{other}.ln_2", f"{mine}.ln2")]
        weights = [ours[f"{mine}.attn.W_{name}"].transpose(0, 1).flatten(1) for name in "QKV"]
        theirs[f"{other}.attn.c_attn.weight"] = torch.cat(weights, dim=1)
        theirs[f"{other}.attn.c_attn.bias"] = torch.cat([ours[f"{mine}.attn.b_{name}"].flatten() for name in "QKV"])
        theirs[f"{other}.attn.c_proj.weight"] = ours[f"{mine}.attn.W_O"].flatten(0, 1)
        theirs[f"{other}.attn.c_proj.bias"] = ours[f"{mine}.attn.b_O"]
        for fc, name in (("c_fc", "in"), ("c_proj", "out")):
            theirs[f"{other}.mlp.{fc}.weight"] = ours[f"{mine}.mlp.W_{name}"]
            theirs[f"{other}.mlp.{fc}.bias"] = ours[f"{mine}.mlp.b_{name}"]
    for other, mine in renamed:
        theirs[f"{other}.weight"], theirs[f"{other}.bias"] = ours[f"{mine}.w"], ours[f"{mine}.b"]
    return theirs
