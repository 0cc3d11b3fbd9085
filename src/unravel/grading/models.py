"""Models on their way to a child: shipped ones by name, others as config and weights. Each side holds its own.

A child is lent a model for one call and must give it back as it was: no hook left on it, no weight changed. The next
call finds it clean in any case, so that one check never spoils another.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from unravel.interp import HookedGPT  # noqa: TID251  (both sides of the line need to know models)

HOOKS_LEFT = "hooks"
WEIGHTS_CHANGED = "weights"
SENTENCES = {
    HOOKS_LEFT: "{label} left a hook on the model. Whoever runs the model next runs your hook too, and gets other "
    "numbers without a word. Take hooks off when the run is over, also when it fails: `run_with_hooks` and "
    "`with model.hooks(...)` do so by themselves; after `add_hook`, `model.reset_hooks()` belongs in a `finally`.",
    WEIGHTS_CHANGED: "{label} changed the weights of the model that it was given. Whoever uses the model next gets "
    "another one. Change activations by hooks, or weights of a copy (`copy.deepcopy(model)`).",
}
_SPEC, _VERSIONS = "_unravel_spec", "_unravel_versions"


def shared_model(name: str, checkpoint: int | None = None, *, learner: str = "") -> HookedGPT:
    """The shipped model `name`, or its variant for a `learner`, kept from call to call. Don't change it."""
    model = _shared(name, checkpoint, learner)
    return model if _as_shipped(model) else _renewed(name, checkpoint, learner)


def random_model(generator: torch.Generator, **config: Any) -> HookedGPT:
    """A model whose every parameter is random, biases and norms too, so that none can be forgotten unnoticed."""
    from unravel.interp import GPTConfig, HookedGPT  # noqa: TID251

    model = HookedGPT(GPTConfig(**config), seed=0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            fan_in = weight.shape[-2] if weight.dim() > 1 and ".b_" not in name else 1
            centre = 1.0 if ".ln" in f".{name}" and name.endswith(".w") else 0.0
            small = weight.dim() == 1 or ".b_" in name
            spread = 0.3 if small else 1.0 if name in ("embed.W_E", "pos_embed.W_pos") else fan_in**-0.5
            weight.copy_(centre + spread * noise)
    return model


def is_model(value: Any) -> bool:
    """Whether `value` is a HookedGPT; costs nothing where none was ever loaded."""
    module = sys.modules.get("unravel.interp.model.gpt")
    return module is not None and isinstance(value, module.HookedGPT)


def describe(model: HookedGPT) -> dict[str, Any]:
    """What a child needs to make the same model: plain values and tensors."""
    spec = vars(model).get(_SPEC)
    if spec is not None and _as_shipped(model):
        return dict(spec)
    weights = {name: weight.detach() for name, weight in model.state_dict().items()}
    return {"config": model.config.to_dict(), "weights": weights}


class Lender:
    """The child's side: makes the models that requests name, and looks at what a call did to them."""

    def __init__(self) -> None:
        self._kept: dict[str, Loan] = {}
        self._lent: dict[str, Loan] = {}

    def begin(self) -> None:
        """Forgets what the request before was lent."""
        self._lent = {}

    def lend(self, spec: dict[str, Any]) -> HookedGPT:
        """The model that `describe` told of; within one request the same object each time."""
        named = "name" in spec
        key = json.dumps(spec, sort_keys=True, default=_identity)
        if key not in self._lent:
            loan = self._kept.get(key) if named else None
            self._lent[key] = loan or Loan.of(_load(**spec) if named else _made(spec))
            if named:
                self._kept[key] = self._lent[key]
        return self._lent[key].model

    def faults(self, *, look: bool) -> list[str]:
        """What the call left on the models; those come anew next time. Without `look` all that were lent do."""
        found = []
        for key, loan in self._lent.items():
            fault = loan.fault() if look else ""
            if fault or not look:
                self._kept.pop(key, None)
            else:
                loan.tidy()
            found.append(fault)
        return [fault for fault in found if fault]


@dataclass(frozen=True)
class Loan:
    """A model, and what it was like when it was lent."""

    model: HookedGPT
    weights: dict[str, Tensor]
    hooks: int
    switches: dict[str, Any]

    @staticmethod
    def of(model: HookedGPT) -> Loan:
        """Remembers what `model` is like now."""
        weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
        return Loan(model, weights, _hooks(model), dict(vars(model.cfg)))

    def fault(self) -> str:
        """What is not as it was; empty when all is."""
        if _hooks(self.model) != self.hooks:
            return HOOKS_LEFT
        now = self.model.state_dict()
        same = now.keys() == self.weights.keys() and all(map(_equal, now.values(), self.weights.values()))
        return "" if same else WEIGHTS_CHANGED

    def tidy(self) -> None:
        """Takes off gradients, and sets switches back: traces, but no faults."""
        vars(self.model.cfg).update(self.switches)
        self.model.eval()
        for weight in self.model.parameters():
            weight.grad = None
            weight.requires_grad_(True)


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def _hooks(model: nn.Module) -> int:
    """How many hooks there are: torch's own, and those that hook points keep a list of."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "fwd_hooks", "bwd_hooks")
    return sum(len(getattr(module, kind, ())) for module in model.modules() for kind in kinds)


def _identity(value: Any) -> Any:
    """What stands for a tensor in the key: a request's arguments are decoded twice, and must be one object."""
    assert isinstance(value, Tensor)
    return [list(value.shape), str(value.dtype), hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()]


def _load(name: str, checkpoint: int | None, learner: str) -> HookedGPT:
    from unravel.interp import load_model, model_variant  # noqa: TID251

    model = load_model(name, checkpoint=checkpoint)
    return model_variant(model, learner) if learner else model


def _made(spec: dict[str, Any]) -> HookedGPT:
    from unravel.interp import GPTConfig  # noqa: TID251
    from unravel.interp.model.store import build  # noqa: TID251

    return build(GPTConfig.from_dict(spec["config"]), spec["weights"], None)


@cache
def _shared(name: str, checkpoint: int | None, learner: str) -> HookedGPT:
    model = _load(name, checkpoint, learner)
    vars(model)[_SPEC] = {"name": name, "checkpoint": checkpoint, "learner": learner}
    vars(model)[_VERSIONS] = _versions(model)
    return model


def _renewed(name: str, checkpoint: int | None, learner: str) -> HookedGPT:
    _shared.cache_clear()
    return _shared(name, checkpoint, learner)


def _versions(model: nn.Module) -> list[tuple[int, int]]:
    """Changes when a weight is changed in place or replaced."""
    return [(id(weight), weight._version) for weight in model.parameters()]


def _as_shipped(model: HookedGPT) -> bool:
    return bool(vars(model).get(_VERSIONS) == _versions(model)) and not _hooks_left(model)


def _hooks_left(model: nn.Module) -> bool:
    return any(len(getattr(module, kind, ())) for module in model.modules() for kind in ("fwd_hooks", "bwd_hooks"))
