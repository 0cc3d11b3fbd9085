"""Small GPTs that can be watched and changed at every step. Names load when asked for: most need transformer-lens."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unravel.interp.model.config import GPTConfig
    from unravel.interp.model.gpt import HookedGPT
    from unravel.interp.model.store import checkpoints, read_model, save_checkpoint, save_model

PLACES = {
    "GPTConfig": "config",
    "HookedGPT": "gpt",
    "checkpoints": "store",
    "read_model": "store",
    "save_checkpoint": "store",
    "save_model": "store",
}

__all__ = ["GPTConfig", "HookedGPT", "checkpoints", "read_model", "save_checkpoint", "save_model"]


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
