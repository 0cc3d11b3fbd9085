"""A GPT that can be watched and changed at every step, by the hook names the field uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn
from transformer_lens import ActivationCache

from unravel.errors import UnravelError
from unravel.interp.model.block import Block
from unravel.interp.model.config import GPTConfig, RunConfig
from unravel.interp.model.embed import Embed, PosEmbed, Unembed
from unravel.interp.model.generate import generate
from unravel.interp.model.hooks import check_names, fires, hook_point
from unravel.interp.model.norm import make_norm
from unravel.interp.model.text import Text
from unravel.interp.model.weights import Weights
from unravel.interp.tokens import Tokenizer

ReturnType = Literal["logits", "loss", "both"] | None


class HookedGPT(Weights, Text):
    """GPT-2's architecture (or GPT-NeoX's, or less) on transformer-lens' `HookPoint`.

    `model(tokens)` gives logits `[batch, pos, d_vocab_out]`; `model.run_with_cache(tokens)` the activations too,
    and `model.run_with_hooks(tokens, fwd_hooks=[(name, function)])` lets `function` replace one. Weights are drawn
    anew (`seed` makes them the same again); set them by hand with `model.blocks[0].attn.W_Q.data[0] = ...`.
    """

    def __init__(self, config: GPTConfig, tokenizer: Any = None, seed: int | None = None):
        super().__init__()
        self.config, self.cfg = config, RunConfig(config)
        self.tokenizer = Tokenizer.of(tokenizer)
        if self.tokenizer and len(self.tokenizer) > config.d_vocab:
            raise UnravelError(
                f"This tokenizer has {len(self.tokenizer)} tokens, but the model knows {config.d_vocab}.",
                fix="Give it the tokenizer that it was trained with.",
            )
        self.embed, self.hook_embed = Embed(config), hook_point()
        if config.positional == "standard":
            self.pos_embed, self.hook_pos_embed = PosEmbed(config), hook_point()
        self.blocks = nn.ModuleList(Block(config, self.cfg) for _ in range(config.n_layers))
        self.ln_final = make_norm(config)
        self.unembed = Unembed(config)
        self.setup()  # type: ignore[no-untyped-call]
        self.init_weights(seed)
        self.eval()  # nothing here differs in training, and transformer_lens.patching insists on it

    def forward(
        self,
        input: Tensor | str | list[str],
        return_type: ReturnType = "logits",
        *,
        prepend_bos: bool | None = None,
        loss_per_token: bool = False,
        start_at_layer: int | None = None,
        stop_at_layer: int | None = None,
    ) -> Any:
        """Logits, the mean loss of predicting each next token, or both, of token ids `[batch, pos]` or of text.

        With `start_at_layer`, `input` is the residual stream as it enters that layer; with `stop_at_layer`, the
        residual stream as it would enter that one is returned instead.
        """
        tokens = None
        if start_at_layer is None:
            tokens = self.as_tokens(input, prepend_bos)
            resid = self.enter(tokens)
        else:
            assert isinstance(input, Tensor), "start_at_layer needs the residual stream, not text"
            resid = input
        for block in self.blocks[start_at_layer:stop_at_layer]:
            resid = block(resid)
        if stop_at_layer is not None:
            return resid
        logits = self.unembed(self.ln_final(resid)) if return_type else None
        if return_type in ("logits", None):
            return logits
        loss = self.loss(logits, tokens, per_token=loss_per_token)
        return loss if return_type == "loss" else (logits, loss)

    def enter(self, tokens: Tensor) -> Tensor:
        """The residual stream before the first block, [batch, pos, d_model]."""
        try:
            resid: Tensor = self.hook_embed(self.embed(tokens))
        except IndexError:
            raise UnravelError(
                f"Token {int(tokens.max())} or {int(tokens.min())} is outside of the vocabulary.",
                fix=f"This model knows the tokens 0 to {self.config.d_vocab - 1}.",
            ) from None
        if self.config.positional == "standard":
            resid = resid + self.hook_pos_embed(self.pos_embed(tokens))
        return resid

    def loss(self, logits: Any, tokens: Tensor | None, per_token: bool = False) -> Tensor:
        """The mean cross-entropy of each next token, or `[batch, pos - 1]` of them."""
        if tokens is None or not self.config.causal or self.config.d_vocab_out != self.config.d_vocab:
            raise UnravelError(
                "There is no next-token loss here.",
                fix="It takes tokens, a causal model, and logits over the same vocabulary. Ask for logits instead.",
            )
        losses: Tensor = -logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
        return losses if per_token else losses.mean()

    def run_with_cache(
        self, *args: Any, return_cache_object: bool = True, remove_batch_dim: bool = False, **kwargs: Any
    ) -> tuple[Any, Any]:
        """What the model returns, and an `ActivationCache` of every activation (or of those in `names_filter`)."""
        out, cache = super().run_with_cache(*args, remove_batch_dim=remove_batch_dim, **kwargs)
        if not return_cache_object:
            return out, cache
        return out, ActivationCache(cache, self, has_batch_dim=not remove_batch_dim)

    def hooks(self, fwd_hooks: Any = (), bwd_hooks: Any = (), *args: Any, **kwargs: Any) -> Any:
        """Hooks for the length of a `with`. A name that doesn't exist, or can't fire, is an `UnravelError`."""
        check_names(self, [name for name, _ in [*fwd_hooks, *bwd_hooks]])
        return super().hooks(list(fwd_hooks), list(bwd_hooks), *args, **kwargs)

    def add_hook(self, name: str | Callable[[str], bool], *args: Any, **kwargs: Any) -> None:
        """Adds a hook that stays until `reset_hooks()`."""
        check_names(self, [name])
        super().add_hook(name, *args, **kwargs)

    def get_caching_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """As in transformer-lens, without the hooks that can't fire at present."""
        cache, forward, backward = super().get_caching_hooks(*args, **kwargs)
        firing = [[hook for hook in hooks if fires(self, hook[0])] for hooks in (forward, backward)]
        return cache, *firing

    def set_use_attn_result(self, value: bool) -> None:
        """Whether `hook_result` fires: what each head writes, `[batch, pos, head, d_model]`."""
        self.cfg.use_attn_result = value

    def set_use_split_qkv_input(self, value: bool) -> None:
        """Whether `hook_q_input`, `hook_k_input` and `hook_v_input` fire: one copy of the stream for each head."""
        self.cfg.use_split_qkv_input = value

    def set_use_hook_mlp_in(self, value: bool) -> None:
        """Whether `hook_mlp_in` fires: the stream as the MLP alone sees it."""
        self.cfg.use_hook_mlp_in = value

    def generate(self, input: Tensor | str, max_new_tokens: int = 10, **kwargs: Any) -> Tensor | str:
        """Goes on with a text, or with tokens `[batch, pos]`; see `unravel.interp.model.generate`."""
        return generate(self, input, max_new_tokens, **kwargs)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        """What `.to()`, `.cuda()` and `.half()` come down to: `cfg` keeps up."""
        moved = super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.cfg.device, self.cfg.dtype = str(self.W_E.device), self.W_E.dtype
        return moved
