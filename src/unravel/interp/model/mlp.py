"""The MLP of a block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unravel.interp.model.config import GPTConfig
from unravel.interp.model.hooks import hook_point

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": nn.functional.gelu,
    "gelu_new": partial(nn.functional.gelu, approximate="tanh"),
    "relu": nn.functional.relu,
}


class MLP(nn.Module):
    """Each neuron reads one direction of the stream and writes another."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.W_in = nn.Parameter(torch.empty(config.d_model, config.d_mlp))
        self.b_in = nn.Parameter(torch.zeros(config.d_mlp))
        self.W_out = nn.Parameter(torch.empty(config.d_mlp, config.d_model))
        self.b_out = nn.Parameter(torch.zeros(config.d_model))
        self.activation = ACTIVATION[config.act_fn]
        self.hook_pre = hook_point()  # [batch, pos, d_mlp]
        self.hook_post = hook_point()  # [batch, pos, d_mlp]

    def forward(self, x: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        pre: Tensor = self.hook_pre(x @ self.W_in + self.b_in)
        post: Tensor = self.hook_post(self.activation(pre))
        return post @ self.W_out + self.b_out
