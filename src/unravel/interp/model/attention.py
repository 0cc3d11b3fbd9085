"""Attention, every step of it in the open."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unravel.interp.model.config import GPTConfig, RunConfig
from unravel.interp.model.hooks import hook_point
from unravel.interp.model.rotary import rotate


class Attention(nn.Module):
    """`n_heads` heads. Queries, keys and values may be made from different inputs, one for each head if need be."""

    def __init__(self, config: GPTConfig, running: RunConfig):
        super().__init__()
        self.config, self.running = config, running
        heads, wide, narrow = config.n_heads, config.d_model, config.d_head
        for name in "QKV":
            setattr(self, f"W_{name}", nn.Parameter(torch.empty(heads, wide, narrow)))
            setattr(self, f"b_{name}", nn.Parameter(torch.zeros(heads, narrow)))
        self.W_O = nn.Parameter(torch.empty(heads, narrow, wide))
        self.b_O = nn.Parameter(torch.zeros(wide))
        self.hook_q = hook_point()  # [batch, pos, head, d_head], as are k, v and z
        self.hook_k = hook_point()
        self.hook_v = hook_point()
        self.hook_z = hook_point()
        self.hook_attn_scores = hook_point()  # [batch, head, query_pos, key_pos]
        self.hook_pattern = hook_point()  # [batch, head, query_pos, key_pos]
        self.hook_result = hook_point()  # [batch, pos, head, d_model], as are the inputs
        self.hook_q_input = hook_point()
        self.hook_k_input = hook_point()
        self.hook_v_input = hook_point()
        if config.positional == "rotary":
            self.hook_rot_q = hook_point()  # [batch, pos, head, d_head]
            self.hook_rot_k = hook_point()

    def forward(self, query_input: Tensor, key_input: Tensor, value_input: Tensor) -> Float[Tensor, "b pos d_model"]:
        q: Tensor = self.hook_q(self.project(query_input, "Q"))
        k: Tensor = self.hook_k(self.project(key_input, "K"))
        v: Tensor = self.hook_v(self.project(value_input, "V"))
        if self.config.positional == "rotary":
            q, k = self.hook_rot_q(rotate(q, self.config)), self.hook_rot_k(rotate(k, self.config))
        pattern: Tensor = self.hook_pattern(self.scores(q, k).softmax(-1))
        z: Tensor = self.hook_z(torch.einsum("bhqk,bkhd->bqhd", pattern, v))
        return self.write(z)

    def project(self, x: Tensor, name: str) -> Float[Tensor, "batch pos head d_head"]:
        """The queries, keys or values (`name` is Q, K or V) of `x`, which may hold one input for each head."""
        W, b = getattr(self, f"W_{name}"), getattr(self, f"b_{name}")
        axes = "bphd,hdk->bphk" if x.ndim == 4 else "bpd,hdk->bphk"
        made: Tensor = torch.einsum(axes, x, W) + b
        return made

    def scores(self, q: Tensor, k: Tensor) -> Float[Tensor, "batch head query_pos key_pos"]:
        """How well each query fits each key; minus infinity where the key is yet to come."""
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / self.config.d_head**0.5
        if self.config.causal:
            length = scores.shape[-1]
            future = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        hooked: Tensor = self.hook_attn_scores(scores)
        return hooked

    def write(self, z: Float[Tensor, "batch pos head d_head"]) -> Float[Tensor, "batch pos d_model"]:
        """What the heads add to the stream, together."""
        if not self.running.use_attn_result:
            return torch.einsum("bphk,hkd->bpd", z, self.W_O) + self.b_O
        result: Tensor = self.hook_result(torch.einsum("bphk,hkd->bphd", z, self.W_O))
        return result.sum(2) + self.b_O
