"""Reading weights and configs that may be damaged: safetensors only, since a pickle can run code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from unravel.errors import UnravelError

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, and its metadata."""
    if path.suffix in PICKLES or (not path.exists() and _pickles(path.parent)):
        raise UnravelError(
            "These weights are a pickle, which can run any code when it is opened, so it isn't.",
            fix="Convert it to model.safetensors where it was made (`model.save_pretrained` does).",
            path=path if path.exists() else _pickles(path.parent)[0],
        )
    if (path.parent / f"{path.name}.index.json").exists() and not path.exists():
        raise UnravelError("These weights are split over several files.", fix="Save them as one file.", path=path)
    if not path.is_file():
        raise UnravelError("The weights are missing.", fix="Fetch or train the model again.", path=path)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise UnravelError(
            f"The weights can't be read: the file is truncated or no safetensors file ({error}).",
            fix="Fetch or train the model again.",
            path=path,
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnravelError("This file is missing.", fix="Is this the folder of a model?", path=path) from None
    except (OSError, ValueError) as error:
        fix = "Fetch or train the model again."
        raise UnravelError(f"This file can't be read ({error}).", fix=fix, path=path) from error
    if not isinstance(found, dict):
        raise UnravelError("This file holds no table of settings.", fix="Fetch the model again.", path=path)
    return found


def _pickles(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in PICKLES) if folder.is_dir() else []


class Shelf:
    """Tensors to be taken one by one, so that none is forgotten and each has the shape that is asked for."""

    def __init__(self, tensors: Mapping[str, Tensor], path: Path | None, prefix: str = ""):
        self.path = path
        self.left = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}

    def take(self, name: str, *shape: int) -> Tensor:
        """The tensor of this name, in float32."""
        if name not in self.left:
            raise self.fault(f"the weight {name!r} is missing")
        tensor = self.left.pop(name)
        if tuple(tensor.shape) != shape:
            raise self.fault(f"{name!r} has shape {tuple(tensor.shape)}, not {shape}")
        return tensor.detach().float()

    def finish(self, ignore: str) -> None:
        """Complains if a weight is left whose name doesn't match the pattern `ignore`."""
        strange = sorted(name for name in self.left if not re.fullmatch(ignore, name))
        if strange:
            raise self.fault(f"the weight {strange[0]!r} is unknown")

    def fault(self, what: str) -> UnravelError:
        """The error that names the file."""
        return UnravelError(f"These weights don't fit: {what}.", fix="Fetch the model again.", path=self.path)
