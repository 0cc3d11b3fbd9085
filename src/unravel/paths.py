"""Where the course's content is: named by `$UNRAVEL_COURSE`, in the wheel, or around an editable checkout."""

from __future__ import annotations

import os
from pathlib import Path

from unravel.errors import UnravelError

PACKAGE = Path(__file__).resolve().parent
VARIABLE = "UNRAVEL_COURSE"


def content_root() -> Path:
    """The folder of `chapters/`, `solutions/` and `tests/exercises/`. `UnravelError` when there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return _named(Path(named).expanduser())
    for place in (PACKAGE / "_content", PACKAGE.parent.parent):
        if (place / "chapters").is_dir():
            return place
    raise UnravelError(
        f"The course's content was not found near {PACKAGE}.",
        fix=f"Reinstall Unravel, or set {VARIABLE} to a folder that holds `chapters/`.",
    )


def _named(place: Path) -> Path:
    if (place / "chapters").is_dir():
        return place.resolve()
    raise UnravelError(
        f"{VARIABLE} names a folder without `chapters/`.",
        fix=f"Set {VARIABLE} to the root of a course, or unset it to use the course that came with Unravel.",
        path=place,
    )
