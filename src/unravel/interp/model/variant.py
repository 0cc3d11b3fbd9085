"""Another model with the same function: heads and neurons in another order, one for each learner."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass

import torch

from unravel.interp.model.gpt import HookedGPT

HEADED = ("W_Q", "W_K", "W_V", "b_Q", "b_K", "b_V", "W_O")


@dataclass(frozen=True)
class VariantMap:
    """Where the parts of a variant come from: `heads[layer][new]` and `neurons[layer][new]` are original indices."""

    heads: tuple[tuple[int, ...], ...]
    neurons: tuple[tuple[int, ...], ...]

    def original_head(self, layer: int, head: int) -> tuple[int, int]:
        """The original head that the variant's head is."""
        return layer, self.heads[layer][head]

    def variant_head(self, layer: int, head: int) -> tuple[int, int]:
        """The variant's head that the original head became."""
        return layer, self.heads[layer].index(head)

    def original_neuron(self, layer: int, neuron: int) -> tuple[int, int]:
        """The original neuron that the variant's neuron is."""
        return layer, self.neurons[layer][neuron]

    def variant_neuron(self, layer: int, neuron: int) -> tuple[int, int]:
        """The variant's neuron that the original neuron became."""
        return layer, self.neurons[layer].index(neuron)


def variant_map(model: HookedGPT, learner_id: str) -> VariantMap:
    """The orders that `learner_id` stands for: always the same ones, in every version of everything."""
    c = model.config
    heads = tuple(_order(learner_id, "heads", layer, c.n_heads) for layer in range(c.n_layers))
    neurons = tuple(_order(learner_id, "neurons", layer, c.d_mlp) for layer in range(c.n_layers))
    return VariantMap(heads, neurons)


def model_variant(model: HookedGPT, learner_id: str) -> HookedGPT:
    """A copy of `model` that computes the same, with heads and neurons permuted within their layers."""
    order = variant_map(model, learner_id)
    other = copy.deepcopy(model)
    other.reset_hooks(including_permanent=True)
    with torch.no_grad():
        for layer, block in enumerate(other.blocks):
            for name in HEADED:
                weight = getattr(block.attn, name)
                weight.copy_(weight[list(order.heads[layer])])
            if not model.config.attn_only:
                chosen = list(order.neurons[layer])
                block.mlp.W_in.copy_(block.mlp.W_in[:, chosen])
                block.mlp.b_in.copy_(block.mlp.b_in[chosen])
                block.mlp.W_out.copy_(block.mlp.W_out[chosen])
    return other


def _order(learner_id: str, kind: str, layer: int, count: int) -> tuple[int, ...]:
    """0 to count - 1 in the order of their hashes."""

    def place(number: int) -> bytes:
        return hashlib.sha256(f"unravel-variant:{learner_id}:{kind}:{layer}:{number}".encode()).digest()

    return tuple(sorted(range(count), key=place))
