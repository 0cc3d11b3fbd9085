"""`unravel dev sync`: the stubs in `chapters/`, made anew from the solutions."""

from __future__ import annotations

from pathlib import Path

from unravel.course.layout import CHAPTERS, SOLUTIONS
from unravel.course.markers import make_stub
from unravel.course.text import read_text
from unravel.errors import ContentError


def sync(root: Path) -> list[Path]:
    """Writes each stub that is missing or out of date, and returns the paths of those."""
    changed = []
    for path, stub in _stubs(root):
        if not path.is_file() or read_text(path) != stub:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(stub, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


def _stubs(root: Path) -> list[tuple[Path, str]]:
    """Where each stub goes, and what it says. All are made before one is written: a fault changes nothing."""
    solutions = root / SOLUTIONS
    if not solutions.is_dir():
        raise ContentError("There is no folder of solutions.", fix="Give the root of a course.", path=solutions)
    return [
        (root / CHAPTERS / path.relative_to(solutions), make_stub(read_text(path), path))
        for path in sorted(solutions.glob("ch*/*.py"))
    ]
