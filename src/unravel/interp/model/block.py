"""One layer: attention writes to the residual stream, then the MLP does."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from unravel.interp.model.attention import Attention
from unravel.interp.model.config import GPTConfig, RunConfig
from unravel.interp.model.hooks import hook_point
from unravel.interp.model.mlp import MLP
from unravel.interp.model.norm import make_norm


class Block(nn.Module):
    """Every hook lies on the stream itself: what a hook returns is what all later layers see."""

    def __init__(self, config: GPTConfig, running: RunConfig):
        super().__init__()
        self.config, self.running = config, running
        self.hook_resid_pre = hook_point()  # [batch, pos, d_model], as are all but the inputs by head
        self.hook_q_input = hook_point()  # [batch, pos, head, d_model]
        self.hook_k_input = hook_point()
        self.hook_v_input = hook_point()
        self.ln1 = make_norm(config)
        self.attn = Attention(config, running)
        self.hook_attn_out = hook_point()
        if not config.attn_only:
            if not config.parallel_attn_mlp:
                self.hook_resid_mid = hook_point()
            self.hook_mlp_in = hook_point()
            self.ln2 = make_norm(config)
            self.mlp = MLP(config)
            self.hook_mlp_out = hook_point()
        self.hook_resid_post = hook_point()

    def forward(self, resid: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        resid = self.hook_resid_pre(resid)
        after = resid + self.attend(resid)
        if self.config.parallel_attn_mlp and not self.config.attn_only:
            after = after + self.think(resid)
        elif not self.config.attn_only:
            after = self.hook_resid_mid(after)
            after = after + self.think(after)
        out: Tensor = self.hook_resid_post(after)
        return out

    def attend(self, resid: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        """What the heads write. With `use_split_qkv_input` each head's query, key and value has an input of its own."""
        if self.running.use_split_qkv_input:
            copies = resid.unsqueeze(2).expand(-1, -1, self.config.n_heads, -1)  # [batch, pos, head, d_model]
            q_in, k_in, v_in = (self.ln1(self.fork(copies.clone(), part)) for part in "qkv")
        else:
            q_in = k_in = v_in = self.ln1(resid)
        out: Tensor = self.hook_attn_out(self.attn(q_in, k_in, v_in))
        return out

    def fork(self, copies: Float[Tensor, "batch pos head d_model"], part: str) -> Tensor:
        """The stream as the heads' queries, keys or values alone see it.

        transformer-lens knows the hook by two names: in the block (as `cache["q_input", 0]` asks for it), and in
        its attention (as path patching and attribution do). Here both are there, one after the other.
        """
        name = f"hook_{part}_input"
        hooked: Tensor = getattr(self.attn, name)(getattr(self, name)(copies))
        return hooked

    def think(self, resid: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        """What the MLP writes. With `use_hook_mlp_in` its input alone can be changed."""
        if self.running.use_hook_mlp_in:
            resid = self.hook_mlp_in(resid.clone())
        out: Tensor = self.hook_mlp_out(self.mlp(self.ln2(resid)))
        return out
