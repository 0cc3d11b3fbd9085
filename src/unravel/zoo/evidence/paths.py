"""Cutting one edge: what one head writes is taken from one input of one other head, and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.heads import Head, Hook

Path = tuple[Head, Head | None, str]
"""Sender, receiver, and which of its inputs: q, k or v. No receiver: straight to the logits."""


def all_paths(model: HookedGPT) -> Iterator[Path]:
    """Every edge that there could be between heads, and from heads to the logits."""
    for sender in heads.all_heads(model):
        for receiver in heads.all_heads(model):
            if receiver[0] > sender[0]:
                yield from ((sender, receiver, part) for part in "qkv")
        yield sender, None, "logits"


class Cutter:
    """Runs a model on tokens with paths cut: the mean stands there for what the sender writes.

    `under` are hooks that all of it happens under, e.g. an ablation. What lies before the first receiver is
    computed once.
    """

    def __init__(self, model: HookedGPT, tokens: Int[Tensor, "batch pos"], means: dict[int, Tensor],
                 under: list[Hook] | None = None):  # fmt: skip
        self.model, self.under, self.changes = model, under or [], {}
        kept = ("hook_z", "hook_resid_pre", "hook_resid_post")
        with model.hooks(self.under):
            self.logits, self.cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith(kept))
        for layer, head in heads.all_heads(model):
            lacks = means[layer][: tokens.shape[1], head] - self.cache[heads.z_hook((layer, head))][:, :, head]
            self.changes[layer, head] = lacks @ model.W_O[layer, head]  # [batch, pos, d_model]

    def without(self, *paths: Path) -> Float[Tensor, "batch pos d_vocab"]:
        """Logits with these paths cut."""
        start = min((receiver[0] for _, receiver, _ in paths if receiver), default=self.model.config.n_layers - 1)
        stream = self.cache[f"blocks.{start}.hook_resid_pre"]
        self.model.set_use_split_qkv_input(True)
        try:
            hooks = [*self.under, *map(self._hook, paths)]
            logits: Tensor = self.model.run_with_hooks(stream, start_at_layer=start, fwd_hooks=hooks)
        finally:
            self.model.set_use_split_qkv_input(False)
        return logits

    def _hook(self, path: Path) -> Hook:
        sender, receiver, part = path
        change = self.changes[sender]
        if receiver is None:
            last = self.model.config.n_layers - 1
            return f"blocks.{last}.hook_resid_post", lambda stream, hook: stream + change
        layer, head = receiver

        def remove(streams: Tensor, hook: Any) -> Tensor:
            streams = streams.clone()
            streams[:, :, head] += change
            return streams

        return f"blocks.{layer}.hook_{part}_input", remove
