"""The models that can be played with, listed without loading one (and without torch)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unravel.errors import UnravelError
from unravel.interp.model.hub import REPOSITORIES, cached
from unravel.interp.places import content

NEEDED = ("config.json", "model.safetensors")
FIRST = ("storybook-4l", "induction-2l")
"""The most interesting ones lead the list; the others follow by the alphabet, then those of the hub."""

OF_THE_HUB = {
    "gpt2": "GPT-2 small, as OpenAI trained it on text of the web: 12 layers of 12 heads.",
    "gpt2-medium": "GPT-2 medium: 24 layers of 16 heads.",
    "pythia-70m": "Pythia 70M, of EleutherAI: 6 layers of 8 heads, with rotary positions.",
}


@dataclass(frozen=True)
class Entry:
    """A model by its name, one line on what is to be seen in it, and the corpus it was trained on (if we made it)."""

    name: str
    phenomenon: str
    corpus: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    """What `load_corpus` needs beside the name."""


def catalogue() -> tuple[Entry, ...]:
    """The shipped models, the most interesting first, then those of the hub that are on this machine."""
    ours = sorted((_entry(folder) for folder in _folders()), key=lambda entry: (_rank(entry.name), entry.name))
    hub = [Entry(name, about) for name, about in OF_THE_HUB.items() if name in REPOSITORIES and cached(name)]
    return (*ours, *hub)


def find_entry(name: str) -> Entry:
    """The model of that name. `UnravelError` when it is not here."""
    entries = catalogue()
    for entry in entries:
        if entry.name == name:
            return entry
    here = ", ".join(entry.name for entry in entries)
    raise UnravelError(f"There is no model {name!r} on this machine.", fix=f"Choose from: {here}.")


def _folders() -> list[Path]:
    """Those of the models that come with the course; a course need not have any."""
    try:
        found = [path.parent for path in content("models").glob(f"*/{NEEDED[0]}")]
    except UnravelError:
        return []
    return [folder for folder in found if (folder / NEEDED[1]).exists()]


def _rank(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _entry(folder: Path) -> Entry:
    recipe = folder / "recipe.toml"
    if not recipe.is_file():
        return Entry(folder.name, _told(folder / "card.md"))
    try:
        values = tomllib.loads(recipe.read_text(encoding="utf-8"))
        corpus = dict(values.get("corpus", {}))
        about = str(values.get("phenomenon", ""))
        return Entry(folder.name, about, str(corpus.pop("name", "")), tuple(sorted(corpus.items())))
    except (OSError, ValueError, TypeError) as error:
        raise UnravelError(f"This recipe can't be read ({error}).", fix="Put it back as it was.", path=recipe) from None


def _told(card: Path) -> str:
    """The first paragraph of a card: what there is to say of a model that was made without a recipe."""
    if not card.is_file():
        return ""
    paragraphs = card.read_text(encoding="utf-8").split("\n\n")
    return next((" ".join(text.split()) for text in paragraphs if text.strip() and not text.startswith("#")), "")
