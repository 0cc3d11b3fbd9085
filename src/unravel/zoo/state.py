"""A training run that can be killed at any moment: one file holds all that the next step depends on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.files import write_all
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.tensors import read_tensors

FILE = "training.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")
AGAIN = "Say --fresh to begin anew."


@dataclass
class Progress:
    """How far a run has come. No state of a random generator is in it: each batch is made from its own number."""

    run: str
    """The fingerprint of recipe, seed and steps."""
    seed: int
    steps: int
    step: int = 0
    seconds: float = 0.0
    """Of processor time: how long a run takes on a machine that does nothing else."""
    log: list[dict[str, Any]] = field(default_factory=list)


def save_state(folder: Path, model: HookedGPT, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Writes weights, the optimizer's moments and the progress. One file, so that they always belong together."""
    tensors: dict[str, Tensor] = {}
    for name, weight in model.named_parameters():
        tensors[f"weight/{name}"] = weight.detach().clone()
        for moment, value in optimizer.state.get(weight, {}).items():
            tensors[f"{moment}/{name}"] = value.clone()
    metadata = {"format": "pt", "progress": json.dumps(asdict(progress))}
    write_all(folder, {FILE: bytes(save(tensors, metadata=metadata))})


def load_state(folder: Path, model: HookedGPT, optimizer: torch.optim.Optimizer, run: str) -> Progress | None:
    """Puts model and optimizer back to where the last state was written; None where there is none."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        tensors, metadata = read_tensors(path)
        progress = Progress(**json.loads(metadata["progress"]))
    except (UnravelError, KeyError, TypeError, ValueError):
        raise UnravelError("The state of this training is damaged.", fix=AGAIN, path=path) from None
    if progress.run != run:
        fix = f"Give the same --seed and --steps as before, or another folder. {AGAIN}"
        raise UnravelError("Another training was begun here and has not ended.", fix=fix, path=folder)
    try:
        _restore(model, optimizer, tensors)
    except (KeyError, RuntimeError):
        raise UnravelError("The state of this training lacks weights.", fix=AGAIN, path=path) from None
    return progress


def _restore(model: HookedGPT, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(tensors[f"weight/{name}"])
            if f"step/{name}" in tensors:
                optimizer.state[weight] = {moment: tensors[f"{moment}/{name}"].clone() for moment in MOMENTS}
