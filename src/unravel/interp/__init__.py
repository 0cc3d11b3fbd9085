"""The small library that lessons import. It knows nothing of the rest of Unravel.

Names load when asked for: `from unravel.interp import plots` costs no torch, `load_model` takes transformer-lens.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unravel.interp.corpora import load_corpus
    from unravel.interp.learner import current_learner, my_model
    from unravel.interp.model.config import GPTConfig
    from unravel.interp.model.convert import as_bridge, from_hf, to_hf
    from unravel.interp.model.gpt import HookedGPT
    from unravel.interp.model.load import load_model, model_checkpoints, model_names
    from unravel.interp.model.store import read_model, save_model
    from unravel.interp.model.variant import model_variant, variant_map
    from unravel.interp.suites import EvalResult, Suite, evaluate
    from unravel.interp.truth import Truth, load_truth

PLACES = {
    **{"load_corpus": "corpora", "EvalResult": "suites", "Suite": "suites", "evaluate": "suites"},
    **{"GPTConfig": "model", "HookedGPT": "model", "as_bridge": "model", "from_hf": "model", "to_hf": "model"},
    **{"load_model": "model", "model_checkpoints": "model", "model_names": "model", "model_variant": "model"},
    **{"read_model": "model", "save_model": "model", "variant_map": "model"},
    **{"Truth": "truth", "load_truth": "truth", "current_learner": "learner", "my_model": "learner"},
}

__all__ = [
    "EvalResult",
    "GPTConfig",
    "HookedGPT",
    "Suite",
    "Truth",
    "as_bridge",
    "current_learner",
    "evaluate",
    "from_hf",
    "load_corpus",
    "load_model",
    "load_truth",
    "model_checkpoints",
    "model_names",
    "model_variant",
    "my_model",
    "read_model",
    "save_model",
    "to_hf",
    "variant_map",
]


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
