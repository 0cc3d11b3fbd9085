"""Measurements of heads that several models share: attention scores, ablations, composition."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT

Head = tuple[int, int]
Hook = tuple[str | Callable[..., Any], Callable[..., Any]]


def all_heads(model: HookedGPT) -> list[Head]:
    """Every head as (layer, head)."""
    return [(layer, head) for layer in range(model.config.n_layers) for head in range(model.config.n_heads)]


def head_named(name: str) -> Head:
    """`"1.0"` is head 0 of layer 1."""
    layer, head = name.split(".")
    return int(layer), int(head)


def z_hook(head: Head) -> str:
    """The hook of what a head has gathered."""
    return f"blocks.{head[0]}.attn.hook_z"


def mean_z(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> dict[int, Float[Tensor, "pos head d_head"]]:
    """What each head gathers at each position in the mean, by layer."""
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_z"))
    return {layer: cache[z_hook((layer, 0))].mean(0) for layer in range(model.config.n_layers)}


def ablated(heads: Collection[Head], means: dict[int, Tensor]) -> list[Hook]:
    """Hooks that set heads to what they gather in the mean."""

    def replace(z: Tensor, hook: Any) -> Tensor:
        z = z.clone()
        for layer, head in heads:
            if hook.name == z_hook((layer, head)):
                z[:, :, head] = means[layer][: z.shape[1], head]
        return z

    return [(name, replace) for name in {z_hook(head) for head in heads}]


def attention(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> list[Float[Tensor, "batch head query key"]]:
    """The attention patterns of each layer."""
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    return [cache[f"blocks.{layer}.attn.hook_pattern"] for layer in range(model.config.n_layers)]


def composition(model: HookedGPT, early: Head, late: Head) -> float:
    """How much of what `early` writes `late` can read through its keys: ‖OV QK^T‖ / ‖OV‖ ‖QK‖."""
    writes = model.W_V[early] @ model.W_O[early]  # [d_model, d_model]
    looks = model.W_Q[late] @ model.W_K[late].T  # [d_model (query), d_model (key)]
    return float((writes @ looks.T).norm() / (writes.norm() * looks.norm()))


def without(
    model: HookedGPT, tokens: Int[Tensor, "batch pos"], head: Head, reader: str, pad: int = -1
) -> Float[Tensor, "batch pos d_vocab"]:
    """Logits when the mean stands for one head's output, in one input (q, k or v) of the next layer's heads alone."""
    layer, index = head
    _, cache = model.run_with_cache(tokens, names_filter=[z_hook(head)])
    wrote = cache[z_hook(head)][:, :, index] @ model.W_O[layer, index]  # [batch, pos, d_model]
    change = (wrote[tokens != pad].mean(0) - wrote)[:, :, None]

    def remove(stream: Tensor, hook: Any) -> Tensor:
        return torch.add(stream, change)

    model.set_use_split_qkv_input(True)
    try:
        hooks: list[Hook] = [(f"blocks.{layer + 1}.hook_{reader}_input", remove)]
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=hooks)
    finally:
        model.set_use_split_qkv_input(False)
    return logits


def best(scores: dict[Head, float]) -> Head:
    """The head that has most of something."""
    return max(scores, key=lambda head: scores[head])


@torch.no_grad()
def previous_token_scores(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> dict[Head, float]:
    """How much each head of the first layer looks one back, over the first two thirds: later keys are never used."""
    pattern = attention(model, tokens)[0].mean(0)  # [head, query, key]
    length = 2 * tokens.shape[1] // 3
    back = pattern.diagonal(-1, dim1=1, dim2=2)[:, 1 : length - 1]
    return {(0, head): float(score) for head, score in enumerate(back.mean(1))}
