"""Models of the hub: from its cache without a look at the network; else from the hub, or a clear word at once."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from pathlib import Path

from unravel.errors import UnravelError

REPOSITORIES = {
    "gpt2": ("openai-community/gpt2", "gpt2"),
    "gpt2-medium": ("openai-community/gpt2-medium", "gpt2-medium"),
    "gpt2-large": ("openai-community/gpt2-large", "gpt2-large"),
    "gpt2-xl": ("openai-community/gpt2-xl", "gpt2-xl"),
    "pythia-70m": ("EleutherAI/pythia-70m",),
}
"""Where each model is fetched from, and the other names it may have in the cache."""

NEEDED = ("config.json", "model.safetensors")
WANTED = [*NEEDED, "tokenizer.json", "tokenizer_config.json"]
PATIENCE = 2.0
"""Seconds in which the hub must answer; a look-up left to itself tries for half a minute."""


def hub_folder(name: str) -> Path:
    """The folder of a model of the hub, from the cache or fetched now."""
    found = cached(name)
    if found is not None:
        return found
    if _offline():
        raise _absent(name, "HF_HUB_OFFLINE is set")
    if not reachable():
        raise _absent(name, "the hub can't be reached")
    return _fetch(name)


def cached(name: str) -> Path | None:
    """The model's folder in the hub's cache, if all that is needed is there."""
    for repository in REPOSITORIES[name]:
        base = cache_root() / f"models--{repository.replace('/', '--')}"
        main = base / "refs" / "main"
        revision = main.read_text(encoding="utf-8").strip() if main.is_file() else ""
        snapshots = sorted(base.glob("snapshots/*"), key=lambda place: place.name != revision)
        for place in snapshots:  # the one that `main` names goes first
            if all((place / file).exists() for file in NEEDED):
                return place
    return None


def cache_root() -> Path:
    """Where `huggingface_hub` keeps its files."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    general = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HOME") or general).expanduser() / "hub"


def reachable() -> bool:
    """Whether the hub answers within `PATIENCE` seconds, be it with an error."""
    answered = threading.Event()

    def ask() -> None:
        from huggingface_hub import constants

        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()
        except Exception:  # no route, no name, no proxy, no certificate: no hub
            return

    asking = threading.Thread(target=ask, daemon=True)  # a name look-up can't be given a limit of its own
    asking.start()
    asking.join(PATIENCE + 0.5)
    return answered.is_set()


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(REPOSITORIES[name][0], allow_patterns=WANTED))
    except Exception as error:  # the library has many kinds, and a learner can do the same about each
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise _absent(name, f"fetching it failed ({said[0]})") from error


def _offline() -> bool:
    values = (os.environ.get(variable, "") for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in ("1", "ON", "YES", "TRUE") for value in values)


def _absent(name: str, why: str) -> UnravelError:
    return UnravelError(
        f"The model {name!r} is not on this machine, and {why}.",
        fix=f"Either call load_model({name!r}) once with a connection to the internet, which keeps a copy in "
        f"{cache_root()}; or bring a folder with {', '.join(WANTED[:3])} from elsewhere and call "
        f"load_model with its path. The course's own models need neither.",
    )
