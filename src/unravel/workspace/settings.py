"""`.unravel/workspace.toml`: whose workspace this is, and in which form its lessons are."""

from __future__ import annotations

import json
import re
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from unravel.errors import UnravelError
from unravel.workspace.atomic import read_text, write_atomic

Format = Literal["py", "ipynb"]

_LEARNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_MEND = "Run `unravel init` on this folder (with your --format): it writes the file anew and keeps your work."
_FIRST = ("amber", "brisk", "calm", "deft", "eager", "fair", "gentle", "keen", "lucid", "merry", "nimble", "quiet")
_SECOND = ("badger", "crane", "dolphin", "finch", "heron", "ibex", "lynx", "marten", "otter", "raven", "swift", "wren")


@dataclass(frozen=True)
class Settings:
    """The facts of a workspace. `database` is a PostgreSQL URL, or empty for the file in the workspace."""

    learner: str
    format: Format = "py"
    created: str = ""
    database: str = ""


def read_settings(path: Path) -> Settings:
    """The settings in the file at `path`; `UnravelError`, with the way out, when it is missing or damaged."""
    try:
        data = tomllib.loads(read_text(path, "The workspace's settings file", _MEND))
        return _settings(data)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise UnravelError(f"The workspace's settings are damaged ({error}).", fix=_MEND, path=path) from error


def write_settings(path: Path, settings: Settings) -> None:
    """Writes the file at `path`."""
    values = [("learner", settings.learner), ("format", settings.format), ("created", settings.created)]
    if settings.database:
        values.append(("database", settings.database))
    # A JSON string is a TOML string as well.
    write_atomic(path, "".join(f"{key} = {json.dumps(value)}\n" for key, value in values))


def checked_learner(name: str | None) -> str:
    """The learner's id, as given when it is fit for a file name, or a random readable one.

    >>> checked_learner("ann.b@example.org")
    'ann.b@example.org'
    """
    if name is None:
        return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.randbelow(9000) + 1000}"
    if not _LEARNER.fullmatch(name):
        fix = "Use letters, digits and . _ @ + -, at most 64, beginning with a letter or digit."
        raise UnravelError(f"{name!r} can't be a learner's id.", fix=fix)
    return name


def _settings(data: dict[str, Any]) -> Settings:
    if data["format"] not in get_args(Format):
        raise ValueError(f"format is {data['format']!r}, neither 'py' nor 'ipynb'")
    texts = {key: data.get(key, "") for key in ("learner", "created", "database")}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{key} is not a text")
    if not texts["learner"]:
        raise ValueError("there is no learner")
    return Settings(format=data["format"], **texts)
