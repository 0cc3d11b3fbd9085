"""Text that a learner wrote in the app and had not saved yet: kept, so that a closed tab loses nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from unravel.workspace.atomic import write_atomic
from unravel.workspace.excerpt import Excerpt
from unravel.workspace.workspace import Workspace

MAX_TEXT = 1 << 20
"""More is no exercise: it is not kept."""


@dataclass(frozen=True)
class KeptDraft:
    """Unsaved text. `stale`: the exercise in the file is no longer the one that it was written over."""

    text: str
    stale: bool


def keep_draft(workspace: Workspace, excerpt: Excerpt, text: str) -> None:
    """Keeps `text` as what was last written over `excerpt`. Raises `UnravelError` where it can't be written."""
    if len(text) > MAX_TEXT:
        return
    write_atomic(_path(workspace, excerpt), json.dumps({"over": _sha256(excerpt.text), "text": text}))


def drop_draft(workspace: Workspace, excerpt: Excerpt) -> None:
    """Forgets it: it is saved, or the learner doesn't want it."""
    with contextlib.suppress(OSError):
        _path(workspace, excerpt).unlink(missing_ok=True)


def kept_draft(workspace: Workspace, excerpt: Excerpt) -> KeptDraft | None:
    """What was written and never saved, if it says anything else than the file. A damaged copy counts as none."""
    try:
        kept = json.loads(_path(workspace, excerpt).read_text(encoding="utf-8"))
        over, text = kept["over"], kept["text"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(text, str) or text.rstrip() == excerpt.text.rstrip():
        return None
    return KeptDraft(text, over != _sha256(excerpt.text))


def _path(workspace: Workspace, excerpt: Excerpt) -> Path:
    return workspace.inner / "drafts" / f"{excerpt.exercise}.json"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
