"""A model as a folder: config.json, model.safetensors, the tokenizer's files, and checkpoints along its training."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.files import write_all
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.tensors import read_json, read_tensors
from unravel.interp.tokens import FILE, Tokenizer

CONFIG, WEIGHTS, CHECKPOINTS = "config.json", "model.safetensors", "checkpoints"
FORMAT, VERSION = "unravel-gpt", 1
STEP = re.compile(r"step-(\d+)\.safetensors")


def save_model(model: HookedGPT, folder: Path | str, dtype: torch.dtype | None = None) -> None:
    """Writes a model that `read_model` reads back; `dtype=torch.float16` halves its size, at some precision.

    Files of the folder that aren't the model's stay. A crash leaves the old model or the new one.
    """
    tokenizer = model.tokenizer.files() if model.tokenizer else {}
    about = {"format": FORMAT, "version": VERSION, "tokenizer": bool(tokenizer), **model.config.to_dict()}
    texts = {**tokenizer, CONFIG: json.dumps(about, indent=2) + "\n"}
    contents = {name: text.encode() for name, text in texts.items()}
    write_all(Path(folder), {WEIGHTS: _packed(model, dtype), **contents})


def save_checkpoint(model: HookedGPT, folder: Path | str, step: int, dtype: torch.dtype | None = None) -> None:
    """Writes the weights of one step of training into the model's folder."""
    write_all(Path(folder) / CHECKPOINTS, {f"step-{step:06d}.safetensors": _packed(model, dtype)})


def checkpoints(folder: Path | str) -> list[int]:
    """The steps of training that were kept, in order."""
    found = (STEP.fullmatch(path.name) for path in (Path(folder) / CHECKPOINTS).glob("step-*.safetensors"))
    return sorted(int(match[1]) for match in found if match)


def read_model(folder: Path | str, checkpoint: int | None = None) -> HookedGPT:
    """The model in a folder that `save_model` wrote, as it was at a `checkpoint` if one is given."""
    folder = Path(folder)
    config, has_tokenizer = read_config(folder)
    if has_tokenizer and not (folder / FILE).exists():
        raise UnravelError("This model's tokenizer is missing.", fix=f"Put {FILE} back.", path=folder)
    path = folder / WEIGHTS if checkpoint is None else _checkpoint(folder, checkpoint)
    tensors, metadata = read_tensors(path)
    if metadata.get("config", _line(config)) != _line(config):
        raise UnravelError(
            f"These weights belong to another model than the {CONFIG} of this folder describes.",
            fix="Put back the file that came with them.",
            path=path,
        )
    return build(config, tensors, path, Tokenizer.read(folder) if has_tokenizer else None)


def read_config(folder: Path) -> tuple[GPTConfig, bool]:
    """The config in a folder that `save_model` wrote, and whether a tokenizer belongs to the model."""
    path = folder / CONFIG
    about = read_json(path)
    if about.get("format") != FORMAT:
        raise UnravelError("This is no config of an Unravel model.", fix="Choose another folder.", path=path)
    if about.get("version") != VERSION:
        raise UnravelError(
            f"This model was written in version {about.get('version')!r} of the format; here it is {VERSION}.",
            fix="Update Unravel.",
            path=path,
        )
    rest = {name: value for name, value in about.items() if name not in ("format", "version", "tokenizer")}
    return GPTConfig.from_dict(rest, path), bool(about.get("tokenizer"))


def build(config: GPTConfig, tensors: dict[str, Tensor], path: Path | None, tokenizer: Any = None) -> HookedGPT:
    """A model of these weights in float32, if each that it needs is there, in its shape, and nothing else is."""
    with torch.device("meta"):  # no memory, no drawing of weights that are replaced at once
        model = HookedGPT(config, tokenizer)
    own = model.state_dict()
    for fault, names in {
        "misses the": sorted(set(own) - set(tensors)),
        "has an unknown": sorted(set(tensors) - set(own)),
    }.items():
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise _damaged(path, f"it {fault} weight {names[0]!r}{more}")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise _damaged(path, f"{name!r} has shape {tuple(tensor.shape)}, not {tuple(own[name].shape)}")
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise _damaged(path, f"{name!r} holds values that are no finite numbers")
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return model


def _packed(model: HookedGPT, dtype: torch.dtype | None) -> bytes:
    state = {name: weight.detach().cpu().to(dtype or weight.dtype) for name, weight in model.state_dict().items()}
    tensors = {name: weight.contiguous().clone() for name, weight in state.items()}
    return bytes(save(tensors, metadata={"config": _line(model.config)}))  # one entry: their order is left to chance


def _line(config: GPTConfig) -> str:
    return json.dumps(config.to_dict(), sort_keys=True)


def _checkpoint(folder: Path, step: Any) -> Path:
    path = folder / CHECKPOINTS / f"step-{step:06d}.safetensors"
    if not path.exists():
        kept = checkpoints(folder)
        near = sorted(sorted(kept, key=lambda other: abs(other - step))[:5])
        fix = f"It has {len(kept)}; near it: {', '.join(map(str, near))}." if kept else "It has none."
        raise UnravelError(f"This model has no checkpoint of step {step}.", fix=fix, path=folder)
    return path


def _damaged(path: Path | None, what: str) -> UnravelError:
    return UnravelError(f"These weights are damaged: {what}.", fix="Fetch or train the model again.", path=path)
