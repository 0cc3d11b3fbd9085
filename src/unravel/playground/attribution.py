"""Direct logit attribution: what each part of the model adds to the answer's logit, at the asked position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.playground.run import Run, metric
from unravel.playground.subject import measured


@dataclass(frozen=True, eq=False)
class Attribution:
    """The parts sum to `total`, the logit (or the difference of two) that the model gave."""

    heads: Float[Tensor, "layer head"]
    others: tuple[tuple[str, float], ...]
    """Token, position, the MLP of each layer, and all biases together."""
    total: float


@measured
def attribute(run: Run, right: int, wrong: int | None = None) -> Attribution:
    """Takes the logit of `right` (less that of `wrong`) apart.

    LayerNorm divides by a number that depends on all parts together; it is held at what it was. The rest is linear.
    """
    model, at = run.subject.model, run.prompt.at
    layers = range(model.config.n_layers)
    reading = Reading.of(run, right, wrong)
    z = torch.stack([run.layer(layer, "attn.hook_z")[at] for layer in layers])  # [layer, head, d_head]
    heads = reading(torch.einsum("lhk,lhkd->lhd", z, model.W_O))
    others = {"token": run.activations["hook_embed"][0, at]}
    if "hook_pos_embed" in run.activations:
        others["position"] = run.activations["hook_pos_embed"][0, at]
    if not model.config.attn_only:
        others |= {f"MLP {layer}": run.layer(layer, "hook_mlp_out")[at] for layer in layers}
    told = {name: float(reading(part)) for name, part in others.items()}
    told["biases"] = float(reading(model.b_O.sum(0))) + reading.bias
    return Attribution(heads, tuple(told.items()), float(metric(run.logits, right, wrong)))


@dataclass(frozen=True, eq=False)
class Reading:
    """The linear map from the stream to the answer's logit."""

    direction: Float[Tensor, " d_model"]
    centred: bool
    bias: float

    @classmethod
    def of(cls, run: Run, right: int, wrong: int | None) -> Reading:
        """The map as it is at the asked position of this run."""
        model = run.subject.model
        bias = float(metric(model.b_U, right, wrong))
        direction = metric(model.W_U, right, wrong)
        if model.config.normalization_type is None:
            return cls(direction, False, bias)
        weight, shift = _tensor(model.ln_final.w), _tensor(model.ln_final.b)
        end = run.layer(model.config.n_layers - 1, "hook_resid_post")[run.prompt.at]
        scale = (end.var(correction=0) + model.config.eps).sqrt()
        return cls(weight * direction / scale, True, bias + float(shift @ direction))

    def __call__(self, parts: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch"]:
        if self.centred:
            parts = parts - parts.mean(-1, keepdim=True)
        return parts @ self.direction


def _tensor(value: object) -> Tensor:
    assert isinstance(value, Tensor)
    return value
