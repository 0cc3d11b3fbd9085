"""LayerNorm, with its two hooks."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unravel.interp.model.config import GPTConfig
from unravel.interp.model.hooks import hook_point


class LayerNorm(nn.Module):
    """Centres each vector, divides by its standard deviation, scales by `w` and shifts by `b`."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.eps = config.eps
        self.w = nn.Parameter(torch.ones(config.d_model))
        self.b = nn.Parameter(torch.zeros(config.d_model))
        self.hook_scale = hook_point()  # [batch, pos, 1]
        self.hook_normalized = hook_point()  # [batch, pos, d_model], before w and b

    def forward(self, x: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        x = x - x.mean(-1, keepdim=True)
        scale: Tensor = self.hook_scale((x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt())
        normalized: Tensor = self.hook_normalized(x / scale)
        return normalized * self.w + self.b


def make_norm(config: GPTConfig) -> nn.Module:
    """The model's normalization; without one, a module that changes nothing."""
    return LayerNorm(config) if config.normalization_type == "LN" else nn.Identity()
