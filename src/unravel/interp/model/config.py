"""What a model is made of (`GPTConfig`, fixed for life) and how it runs at the moment (`RunConfig`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unravel.errors import UnravelError

ACTIVATIONS = ("gelu", "gelu_new", "relu")
NORMALIZATIONS = ("LN", None)
POSITIONS = ("standard", "rotary")


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a `HookedGPT`. A size left at 0 is chosen as GPT-2 chooses it.

    `GPTConfig(n_layers=2, d_model=64, n_heads=2, d_vocab=100, n_ctx=32, attn_only=True)` has heads of 32.
    """

    n_layers: int
    d_model: int
    n_heads: int
    d_vocab: int
    n_ctx: int
    d_head: int = 0
    """0: `d_model // n_heads`."""
    d_mlp: int = 0
    """0: four times `d_model`; stays 0 when `attn_only`."""
    d_vocab_out: int = 0
    """How many logits there are; 0: `d_vocab`."""
    act_fn: str = "gelu_new"
    attn_only: bool = False
    normalization_type: str | None = "LN"
    eps: float = 1e-5
    positional: str = "standard"
    """`standard`: learned positions, added to the embedding. `rotary`: queries and keys turn with the position."""
    rotary_dim: int = 0
    """How many of a head's dimensions turn; 0: all of them."""
    rotary_base: float = 10000.0
    parallel_attn_mlp: bool = False
    """Attention and MLP both read the stream as it enters the block (GPT-NeoX)."""
    causal: bool = True
    default_prepend_bos: bool = True
    """Whether text is given a beginning-of-sequence token, if the tokenizer has one."""

    def __post_init__(self) -> None:
        self._check_types()
        derived = {
            "d_head": self.d_head or self.d_model // max(self.n_heads, 1),
            "d_mlp": 0 if self.attn_only else self.d_mlp or 4 * self.d_model,
            "d_vocab_out": self.d_vocab_out or self.d_vocab,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        if self.positional == "rotary":
            object.__setattr__(self, "rotary_dim", self.rotary_dim or self.d_head)
        self._check_values()

    def _check_types(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            kind = {"int": int, "bool": bool, "float": (int, float), "str": str}.get(str(field.type), (str, type(None)))
            mixed_up = isinstance(value, bool) and field.type != "bool"
            if not isinstance(value, kind) or mixed_up:  # type: ignore[arg-type]
                raise _wrong(field.name, value, f"It must be of type {field.type}.")

    def _check_values(self) -> None:
        sizes = ["n_layers", "d_model", "n_heads", "d_vocab", "n_ctx", "d_head", "d_vocab_out"]
        for name in sizes if self.attn_only else [*sizes, "d_mlp"]:
            if getattr(self, name) < 1:
                raise _wrong(name, getattr(self, name), "It must be 1 or more.")
        choices = {"act_fn": ACTIVATIONS, "normalization_type": NORMALIZATIONS, "positional": POSITIONS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise _wrong(name, getattr(self, name), f"It must be one of {', '.join(map(repr, allowed))}.")
        if not self.eps > 0:
            raise _wrong("eps", self.eps, "It must be above zero.")
        if self.rotary_dim % 2 or not 0 <= self.rotary_dim <= self.d_head:
            raise _wrong("rotary_dim", self.rotary_dim, f"It must be even, and at most d_head ({self.d_head}).")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are written to config.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], path: Path | None = None) -> GPTConfig:
        """The config that `to_dict` gave. Missing, unknown and senseless values are an `UnravelError`."""
        known = {field.name for field in dataclasses.fields(cls)}
        strange = sorted(set(values) - known)
        required = {field.name for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING}
        missing = sorted(required - set(values))
        if strange or missing:
            said = f"does not know {', '.join(strange)}" if strange else f"misses {', '.join(missing)}"
            raise UnravelError(
                f"This is no config of an Unravel model: it {said}." if missing else f"GPTConfig {said}.",
                fix="Train the model again, or update Unravel if a newer version wrote it.",
                path=path,
            )
        try:
            return cls(**values)
        except UnravelError as error:
            raise UnravelError(error.fault, fix=error.fix, path=path) from None


class RunConfig:
    """`model.cfg`: all of `GPTConfig`, the names transformer-lens looks for, and what may change while it runs.

    The three `use_` switches make more hooks fire, at a price in memory: `hook_result` (what each head writes),
    `hook_q_input`, `hook_k_input` and `hook_v_input` (a copy of the stream for each head), and `hook_mlp_in`.
    """

    n_key_value_heads = None
    final_rms = False
    tokenizer_prepends_bos = False

    def __init__(self, config: GPTConfig):
        self.config = config
        self.use_attn_result = False
        self.use_split_qkv_input = False
        self.use_hook_mlp_in = False
        self.device = "cpu"
        self.dtype = torch.float32

    @property
    def positional_embedding_type(self) -> str:
        """As transformer-lens calls it."""
        return self.config.positional

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "config":  # copying asks for these before there is a config
            raise AttributeError(name)
        return getattr(self.config, name)

    def __repr__(self) -> str:
        return f"RunConfig({vars(self)})"


def _wrong(name: str, value: object, fix: str) -> UnravelError:
    return UnravelError(f"A model can't have {name} = {value!r}.", fix=fix)
