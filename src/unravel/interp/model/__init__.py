"""Small GPTs that can be watched and changed at every step. Names load when asked for: most need transformer-lens."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unravel.interp.model.config import GPTConfig
    from unravel.interp.model.convert import as_bridge, from_hf, to_hf
    from unravel.interp.model.gpt import HookedGPT
    from unravel.interp.model.load import load_model, model_checkpoints, model_names
    from unravel.interp.model.store import checkpoints, read_model, save_checkpoint, save_model
    from unravel.interp.model.variant import VariantMap, model_variant, variant_map

PLACES = {
    "GPTConfig": "config",
    "as_bridge": "convert",
    "from_hf": "convert",
    "to_hf": "convert",
    "HookedGPT": "gpt",
    "load_model": "load",
    "model_checkpoints": "load",
    "model_names": "load",
    "checkpoints": "store",
    "read_model": "store",
    "save_checkpoint": "store",
    "save_model": "store",
    "VariantMap": "variant",
    "model_variant": "variant",
    "variant_map": "variant",
}

__all__ = [
    "GPTConfig",
    "HookedGPT",
    "VariantMap",
    "as_bridge",
    "checkpoints",
    "from_hf",
    "load_model",
    "model_checkpoints",
    "model_names",
    "model_variant",
    "read_model",
    "save_checkpoint",
    "save_model",
    "to_hf",
    "variant_map",
]


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
