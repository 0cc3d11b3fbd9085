"""Whose model is it? `my_model` gives each learner a variant of their own: the same function, other indices."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unravel.interp.model.gpt import HookedGPT

VARIABLE = "UNRAVEL_LEARNER"
SETTINGS = Path(".unravel", "workspace.toml")

_told: str | None = None


def tell_learner(learner: str | None) -> None:
    """Lets `current_learner` answer `learner` from now on, in this process; None: let it look again."""
    global _told
    _told = learner


def current_learner() -> str:
    """Whose code runs: as told by the grader, by `$UNRAVEL_LEARNER`, or by the workspace around the current folder.

    Empty where nobody says so; then everybody has the models as they are shipped.
    """
    if _told is not None:
        return _told
    named = os.environ.get(VARIABLE)
    return named if named is not None else _of_workspace(Path.cwd())


def my_model(name: str, *, learner: str | None = None) -> HookedGPT:
    """Your own variant of the shipped model `name`: it computes the same, with its heads and neurons in other places.

    Which places follows from your learner's id (see `unravel status`), or from another's given as `learner`. So what
    you find out about your model, the heads that do this or that, holds for yours alone.
    """
    from unravel.interp.model.load import load_model
    from unravel.interp.model.variant import model_variant

    whose = current_learner() if learner is None else learner
    model = load_model(name)
    return model_variant(model, whose) if whose else model


def _of_workspace(folder: Path) -> str:
    """The learner that the nearest workspace's settings name. A file that can't be read names nobody."""
    for place in (folder, *folder.parents):
        path = place / SETTINGS
        if path.is_file():
            try:
                found = tomllib.loads(path.read_text(encoding="utf-8")).get("learner", "")
            except (OSError, ValueError):
                return ""
            return found if isinstance(found, str) else ""
    return ""
