"""Into the residual stream, and out of it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unravel.interp.model.config import GPTConfig


class Embed(nn.Module):
    """A vector for each token."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.W_E = nn.Parameter(torch.empty(config.d_vocab, config.d_model))

    def forward(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        return nn.functional.embedding(tokens, self.W_E)


class PosEmbed(nn.Module):
    """A vector for each position."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.W_pos = nn.Parameter(torch.empty(config.n_ctx, config.d_model))

    def forward(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        batch, length = tokens.shape
        return self.W_pos[:length].expand(batch, -1, -1)


class Unembed(nn.Module):
    """A logit for each token that may come next."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.W_U = nn.Parameter(torch.empty(config.d_model, config.d_vocab_out))
        self.b_U = nn.Parameter(torch.zeros(config.d_vocab_out))

    def forward(self, resid: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_vocab_out"]:
        return resid @ self.W_U + self.b_U
