"""Evaluation sets."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Suite:
    """Prompts, the position whose next-token prediction is judged, the right token and the wrong ones."""

    name: str
    description: str
    prompts: Int[Tensor, "batch pos"]
    position: Int[Tensor, " batch"]
    right: Int[Tensor, " batch"]
    wrong: Int[Tensor, "batch n_wrong"]
