"""Rotary positions: queries and keys turn with their position, so that scores depend on distances."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.interp.model.config import GPTConfig


def rotate(x: Float[Tensor, "batch pos head d_head"], config: GPTConfig) -> Float[Tensor, "batch pos head d_head"]:
    """`x` with the first `rotary_dim` dimensions turned, dimension i paired with i + rotary_dim / 2 (GPT-NeoX)."""
    half = config.rotary_dim // 2
    steps = torch.arange(half, device=x.device, dtype=torch.float32) / half
    positions = torch.arange(x.shape[1], device=x.device, dtype=torch.float32)
    angles = positions[:, None] * config.rotary_base**-steps  # [pos, half]
    cos, sin = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)  # [pos, 1, half]
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)
