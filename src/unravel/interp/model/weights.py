"""All layers' weights at once, and the circuits they make; and how weights begin."""

# ruff: noqa: N802, N815 -- W_E, b_Q, OV and QK are the field's own names
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformer_lens import FactoredMatrix, HookedRootModule

from unravel.interp.model.config import GPTConfig


class Stacked:
    """`model.W_Q` and its like: the weight of every layer, stacked on a new first axis."""

    def __init__(self, path: str):
        self.module, self.weight = path.split(".")

    def __get__(self, model: Any, owner: type | None = None) -> Tensor:
        return torch.stack([getattr(getattr(block, self.module), self.weight) for block in model.blocks])


class Weights(HookedRootModule):
    """The weights by the names transformer-lens gives them. Those of an MLP are missing where there is none."""

    W_Q, W_K, W_V = Stacked("attn.W_Q"), Stacked("attn.W_K"), Stacked("attn.W_V")  # [layer, head, d_model, d_head]
    b_Q, b_K, b_V = Stacked("attn.b_Q"), Stacked("attn.b_K"), Stacked("attn.b_V")  # [layer, head, d_head]
    W_O, b_O = Stacked("attn.W_O"), Stacked("attn.b_O")  # [layer, head, d_head, d_model], [layer, d_model]
    W_in, b_in = Stacked("mlp.W_in"), Stacked("mlp.b_in")  # [layer, d_model, d_mlp], [layer, d_mlp]
    W_out, b_out = Stacked("mlp.W_out"), Stacked("mlp.b_out")  # [layer, d_mlp, d_model], [layer, d_model]

    embed: nn.Module
    unembed: nn.Module
    pos_embed: nn.Module
    blocks: Any
    config: GPTConfig

    @property
    def W_E(self) -> Tensor:
        """The embedding, [d_vocab, d_model]."""
        return _tensor(self.embed.W_E)

    @property
    def W_pos(self) -> Tensor:
        """The positions, [n_ctx, d_model]."""
        return _tensor(self.pos_embed.W_pos)

    @property
    def W_U(self) -> Tensor:
        """The unembedding, [d_model, d_vocab_out]."""
        return _tensor(self.unembed.W_U)

    @property
    def b_U(self) -> Tensor:
        """The unembedding's bias, [d_vocab_out]."""
        return _tensor(self.unembed.b_U)

    @property
    def OV(self) -> FactoredMatrix:
        """What each head writes for what it reads: W_V W_O, [layer, head, d_model, d_model]."""
        return FactoredMatrix(self.W_V, self.W_O)

    @property
    def QK(self) -> FactoredMatrix:
        """What each head looks for: W_Q W_K^T, [layer, head, d_model (query), d_model (key)]."""
        return FactoredMatrix(self.W_Q, self.W_K.transpose(-2, -1))

    def accumulated_bias(self, layer: int, mlp_input: bool = False, include_mlp_biases: bool = True) -> Tensor:
        """The biases that the layers below `layer` have written to the stream; `mlp_input`: its attention's too."""
        total: Tensor = torch.zeros_like(self.blocks[0].attn.b_O)
        for block in self.blocks[:layer]:
            total = total + block.attn.b_O
            if include_mlp_biases and not self.config.attn_only:
                total = total + block.mlp.b_out
        return total + self.blocks[layer].attn.b_O if mlp_input else total

    def init_weights(self, seed: int | None = None) -> None:
        """Draws fresh weights: sums keep their size, and each layer adds little to the stream at first."""
        if self.W_E.is_meta:  # nothing to fill; and to draw there would import torch's compiler, for over a second
            return
        c = self.config
        draw = None if seed is None else torch.Generator().manual_seed(seed)
        small = (2 * c.n_layers) ** -0.5
        vector = 0.02 if c.normalization_type else c.d_model**-0.5
        scales = {
            **{"W_E": vector, "W_pos": vector, "W_U": c.d_model**-0.5},
            **{f"W_{name}": c.d_model**-0.5 for name in ("Q", "K", "V", "in")},
            **{"W_O": (c.n_heads * c.d_head) ** -0.5 * small, "W_out": max(c.d_mlp, 1) ** -0.5 * small},
        }
        with torch.no_grad():
            for name, weight in self.named_parameters():
                last = name.rsplit(".", 1)[-1]
                if last in scales:
                    weight.copy_(torch.randn(weight.shape, generator=draw) * scales[last])
                else:
                    weight.fill_(1.0 if last == "w" else 0.0)


def _tensor(value: object) -> Tensor:
    assert isinstance(value, Tensor)
    return value
