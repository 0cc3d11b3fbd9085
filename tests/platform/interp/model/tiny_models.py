"""Tiny random models: ours, and those of the libraries that ours must equal."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer as Engine
from tokenizers import models, pre_tokenizers

from unravel.interp.model import GPTConfig, HookedGPT
from unravel.interp.tokens import Tokenizer

TEXT = "the cat sat on a mat and then it ran away from us all ."
WORDS = ["[BEGIN]", "[END]", "[PAD]", "[UNK]", *TEXT.split()]


def stir(model: torch.nn.Module, seed: int = 0, scale: float = 0.3) -> Any:
    """All weights drawn large enough that no part of the model is idle, biases and LayerNorms too."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            base = 1.0 if weight.ndim == 1 and ("ln" in name or "norm" in name) and name[-1] in "tw" else 0.0
            weight.copy_(base + scale * torch.randn(weight.shape, generator=draw))
    return model.eval()


def make(seed: int = 0, **changes: Any) -> HookedGPT:
    """A random model of three layers, or as `changes` say."""
    sizes = {"n_layers": 3, "d_model": 24, "n_heads": 4, "d_vocab": 30, "n_ctx": 12, "d_mlp": 40}
    model = HookedGPT(GPTConfig(**{**sizes, **changes}))
    return stir(model, seed, scale=0.3 if model.config.normalization_type else 0.12)  # unbounded without LayerNorm


def words() -> Tokenizer:
    """A word-level tokenizer of 19 words."""
    engine = Engine(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    engine.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    engine.add_special_tokens(WORDS[:4])
    roles = {"bos_token": "[BEGIN]", "eos_token": "[END]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    return Tokenizer(engine, roles)


def hf_gpt2(seed: int = 0, **changes: Any) -> Any:
    """A random GPT2LMHeadModel."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_layer": 3, "n_embd": 24, "n_head": 4, "vocab_size": 30, "n_positions": 12, "n_inner": 40}
    return stir(GPT2LMHeadModel(GPT2Config(**{**sizes, "bos_token_id": 0, "eos_token_id": 0, **changes})), seed)


def hf_neox(seed: int = 0, **changes: Any) -> Any:
    """A random GPTNeoXForCausalLM."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    sizes = {"num_hidden_layers": 3, "hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 40}
    more = {"vocab_size": 30, "max_position_embeddings": 12, "bos_token_id": 0, "eos_token_id": 0}
    return stir(GPTNeoXForCausalLM(GPTNeoXConfig(**{**sizes, **more, "rotary_pct": 0.5, **changes})), seed)
