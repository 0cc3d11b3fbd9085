"""`.unravel/delivered.json`: what each lesson file was when we delivered it, so that we know who touched it since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unravel.errors import UnravelError
from unravel.workspace.atomic import read_text, write_atomic

FORMAT = 1


@dataclass(frozen=True)
class Delivery:
    """One file. `sha256` is its fingerprint as we wrote it last (empty: we never did).

    `offered` is the fingerprint of the newest stub that the learner was told of, and `exercises` that of each
    exercise in that stub.
    """

    sha256: str
    offered: str
    exercises: Mapping[str, str]


def read_deliveries(path: Path) -> dict[str, Delivery]:
    """The deliveries by file, relative to the workspace. A missing file says that nothing was delivered."""
    if not path.exists():
        return {}
    fix = "Delete it; `unravel update` then writes it anew and keeps every file that you changed."
    try:
        data = json.loads(read_text(path, "The list of delivered files", fix))
        return {name: _delivery(item) for name, item in data["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnravelError("The list of delivered files is damaged.", fix=fix, path=path) from error


def write_deliveries(path: Path, deliveries: Mapping[str, Delivery]) -> None:
    """Writes the file at `path`."""
    files = {name: {**asdict(item), "exercises": dict(item.exercises)} for name, item in sorted(deliveries.items())}
    write_atomic(path, json.dumps({"format": FORMAT, "files": files}, indent=1) + "\n")


def _delivery(item: dict[str, Any]) -> Delivery:
    exercises = {str(name): str(value) for name, value in item["exercises"].items()}
    return Delivery(str(item["sha256"]), str(item["offered"]), exercises)
