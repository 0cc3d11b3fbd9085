"""Which hooks exist, which fire at present, and what to say of those that don't."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from transformer_lens.hook_points import HookPoint

from unravel.errors import UnravelError

SWITCHES = {
    "hook_result": "use_attn_result",
    "hook_q_input": "use_split_qkv_input",
    "hook_k_input": "use_split_qkv_input",
    "hook_v_input": "use_split_qkv_input",
    "hook_mlp_in": "use_hook_mlp_in",
}
"""Hooks that cost memory fire only when their switch is on."""


def hook_point() -> HookPoint:
    """A place where an activation can be watched and changed; by itself it changes nothing."""
    return HookPoint()  # type: ignore[no-untyped-call]


def fires(model: Any, name: str) -> bool:
    """Whether a forward pass reaches this hook, with the switches as they are."""
    switch = SWITCHES.get(name.rsplit(".", 1)[-1])
    return switch is None or bool(getattr(model.cfg, switch))


def check_names(model: Any, names: Iterable[Any]) -> None:
    """Complains of a name that no hook has, or of a hook whose switch is off: both would do nothing, silently."""
    for name in names:
        if not isinstance(name, str):  # a function that picks names
            continue
        if name not in model.hook_dict:
            near = difflib.get_close_matches(name, list(model.hook_dict), n=1)
            fix = f"Did you mean {near[0]!r}?" if near else "model.hook_dict lists the names."
            raise UnravelError(f"This model has no hook {name!r}.", fix=fix)
        if not fires(model, name):
            switch = SWITCHES[name.rsplit(".", 1)[-1]]
            raise UnravelError(f"The hook {name!r} is switched off.", fix=f"Call model.set_{switch}(True) first.")
