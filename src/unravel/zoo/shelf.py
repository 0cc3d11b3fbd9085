"""The models as they lie in their folders: names, cards, and what was measured. Read at once: nothing loads torch."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from pathlib import Path

from safetensors import SafetensorError, safe_open

from unravel.errors import UnravelError
from unravel.interp.places import content
from unravel.zoo.card import CARD, number

FILE = "recipe.toml"
EVIDENCE = "evidence.json"
WEIGHTS = "model.safetensors"
REMAKE = "Fetch or train the model again."
TOLD = 2
"""How many of the claims stand in the list."""


def recipe_names() -> list[str]:
    """The models that there are recipes of."""
    return sorted(path.parent.name for path in content("models").glob(f"*/{FILE}"))


def find_folder(name: str | Path) -> Path:
    """The folder with the recipe called `name`, or `name` itself where that is one. Else an `UnravelError`."""
    folder = Path(name).expanduser()
    if isinstance(name, str) and name in recipe_names():
        folder = content("models") / name
    if (folder / FILE).is_file():
        return folder
    near = difflib.get_close_matches(str(name), recipe_names(), n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UnravelError(f"There is no recipe for {str(name)!r}.", fix=f"{hint}There are: {', '.join(recipe_names())}.")


def phenomenon(folder: Path) -> str:
    """The recipe's line on what is to be seen in the model."""
    path = folder / FILE
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["phenomenon"])
    except (OSError, ValueError, KeyError) as error:
        raise UnravelError(f"This recipe can't be read ({error}).", fix="Put it back as it was.", path=path) from None


def card_of(folder: Path) -> str:
    """The model's card, as Markdown."""
    path = folder / CARD
    if not path.is_file():
        fix = f"Run `unravel models train {folder.name}`."
        raise UnravelError(f"{folder.name} is not trained yet, so it has no card.", fix=fix)
    return path.read_text(encoding="utf-8")


def summary(folder: Path) -> str:
    """One line: how many weights, how large, how many checkpoints, and the first of what was measured."""
    if not (folder / WEIGHTS).exists():
        return f"not trained yet: unravel models train {folder.name}"
    path = folder / EVIDENCE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        told = [f"{claim['says']} {number(claim['value'])}" for claim in found["claims"][:TOLD]]
        parts = [f"{_size(folder / WEIGHTS):,} weights", f"{found['bytes'] / 1e6:.1f} MB"]
        kept = [f"{len(found['checkpoints'])} checkpoints"] if found["checkpoints"] else []
    except (OSError, ValueError, KeyError, TypeError):
        raise UnravelError("The evidence of this model is missing or damaged.", fix=REMAKE, path=path) from None
    return "; ".join([*parts, *kept, *told])


def _size(path: Path) -> int:
    """How many numbers a file of weights holds, from its head alone."""
    try:
        with safe_open(path, "np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UnravelError(f"The weights can't be read ({error}).", fix=REMAKE, path=path) from None
