"""`load_model`: a model by the name of a shipped one, by its folder, or from the hub."""

from __future__ import annotations

import difflib
from pathlib import Path

import torch

from unravel.errors import UnravelError
from unravel.interp.model.convert import FORMATS
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.hub import REPOSITORIES, hub_folder
from unravel.interp.model.store import CONFIG, FORMAT, WEIGHTS, build, checkpoints, read_model
from unravel.interp.model.tensors import read_json, read_tensors
from unravel.interp.places import content
from unravel.interp.tokens import FILE, Tokenizer


def load_model(name: str | Path, device: str | torch.device | None = None, checkpoint: int | None = None) -> HookedGPT:
    """The model called `name`, ready to run, on the CPU unless a `device` is given.

    `name` is a model of the course ("induction-2l", see `unravel models list`), the path of a folder (ours, or one
    that `save_pretrained` of a GPT-2 or GPT-NeoX wrote), or "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl" or
    "pythia-70m": from the hub's cache, or from the hub. `checkpoint` is a step of training, where those were kept.
    """
    folder = find_model(name)
    model = read_model(folder, checkpoint) if _is_ours(folder) else _read_foreign(folder, checkpoint)
    return model if device is None else _moved(model, device)


def model_checkpoints(name: str | Path) -> list[int]:
    """The steps of training that `load_model(name, checkpoint=...)` offers."""
    return checkpoints(find_model(name))


def model_names() -> list[str]:
    """The models that come with the course."""
    try:
        return sorted(path.parent.name for path in content("models").glob(f"*/{CONFIG}"))
    except UnravelError:
        return []


def find_model(name: str | Path) -> Path:
    """The folder of the model called `name`. A shipped model goes before a folder here of the same name."""
    plain = isinstance(name, str) and not set(name) & set("/\\~.")
    if plain and name in model_names():
        return content("models") / name
    if plain and name in REPOSITORIES:
        return hub_folder(str(name))
    folder = Path(name).expanduser()
    if (folder / CONFIG).exists():
        return folder
    if folder.is_dir():
        raise UnravelError(f"This folder holds no model: it has no {CONFIG}.", fix="Choose another.", path=folder)
    known = [*model_names(), *REPOSITORIES]
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UnravelError(
        f"There is no model {str(name)!r}.", fix=f"{hint}There are: {', '.join(known)}; or give a folder."
    )


def _moved(model: HookedGPT, device: str | torch.device) -> HookedGPT:
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch says it in many ways, some of them a page long
        fix = "Leave device out: every model of the course runs on the CPU."
        raise UnravelError(f"This machine has no device {str(device)!r}, or it has no room.", fix=fix) from error


def _is_ours(folder: Path) -> bool:
    about = read_json(folder / CONFIG)
    if about.get("format") == FORMAT:
        return True
    if about.get("model_type") in FORMATS:
        return False
    kind = about.get("model_type") or about.get("format") or "unknown"
    raise UnravelError(
        f"This is the config of a model of another kind ({kind}).",
        fix="load_model reads GPT-2, GPT-NeoX and the course's own. For others use TransformerBridge.",
        path=folder / CONFIG,
    )


def _read_foreign(folder: Path, checkpoint: int | None) -> HookedGPT:
    """A model that `transformers` wrote, read without it."""
    if checkpoint is not None:
        raise UnravelError("This model has no checkpoints.", fix="Leave checkpoint out.", path=folder)
    about = read_json(folder / CONFIG)
    kind = FORMATS[about["model_type"]]
    config = kind.read_config(about, folder / CONFIG)
    tensors, _ = read_tensors(folder / WEIGHTS)
    fallback = {role: about[f"{role}_id"] for role in ("bos_token", "eos_token") if about.get(f"{role}_id") is not None}
    tokenizer = Tokenizer.read(folder, fallback) if (folder / FILE).exists() else None
    return build(config, kind.read_weights(tensors, config, folder / WEIGHTS), folder / WEIGHTS, tokenizer)
