"""Where the course's models and corpora lie: named by `$UNRAVEL_COURSE`, in the wheel, or around a checkout."""

from __future__ import annotations

import os
from pathlib import Path

from unravel.errors import UnravelError

PACKAGE = Path(__file__).resolve().parent.parent
VARIABLE = "UNRAVEL_COURSE"


def content(kind: str) -> Path:
    """The folder `models` or `datasets` of the course. `UnravelError` when there is none."""
    named = os.environ.get(VARIABLE)
    roots = [Path(named).expanduser()] if named else [PACKAGE / "_content", PACKAGE.parent.parent]
    for root in roots:
        if (root / kind).is_dir():
            return root / kind
    raise UnravelError(
        f"The course's {kind} were not found: there is no {' or '.join(str(root / kind) for root in roots)}.",
        fix=f"Reinstall Unravel, or set {VARIABLE} to the root of a course.",
    )
