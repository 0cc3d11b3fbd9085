"""Lessons remembered from the last run, so that starting a command doesn't parse the whole course again.

A lesson is found by the hash of its files, of its name and of the code that reads it: what is remembered can't be
out of date. It is only ever a copy: a memory that is lost, damaged or can't be written costs a second, no more.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from unravel.course.layout import Files
from unravel.course.model import Callout, Check, Demo, Edit, Exercise, Lesson, Place, Predict, Prose

VARIABLE = "UNRAVEL_CACHE"
_BLOCKS = {kind.__name__: kind for kind in (Prose, Demo, Predict, Callout, Place)}
_EXERCISE = [field.name for field in fields(Exercise)]


class Memory:
    """The lessons of the course at `root`, as they were when they last were read without a fault."""

    def __init__(self, root: Path):
        self._file = _folder() / f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}.json"
        self._old: dict[str, Any] = {}
        self._new: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            data = json.loads(self._file.read_bytes())
            self._old = data if isinstance(data, dict) else {}

    def recall(self, chapter: str, files: Files) -> Lesson | None:
        """The lesson in these files, if they are as they were."""
        key = _key(chapter, files)
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            lesson = _decode(self._old[key], chapter, files)
            self._new[key] = self._old[key]
            return lesson
        return None

    def keep(self, lesson: Lesson, files: Files) -> None:
        """Remembers a lesson that was read without a fault."""
        self._new[_key(lesson.chapter, files)] = _encode(lesson)

    def save(self) -> None:
        """Writes what was recalled or kept since the start; a reader sees the old file or the new one, whole."""
        if self._new.keys() == self._old.keys():
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._file.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(self._new, file)
                os.replace(name, self._file)
            except OSError:
                os.unlink(name)


def _folder() -> Path:
    if named := os.environ.get(VARIABLE):
        return Path(named) / "course"
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "unravel", "course")


@cache
def _readers() -> bytes:
    """The hash of this package's own code: other code may read the same files otherwise."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


def _key(chapter: str, files: Files) -> str:
    digest = hashlib.sha256(_readers())
    for data in (chapter.encode(), files.page.stem.encode(), *map(_bytes, (files.page, files.solution, files.tests))):
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _encode(lesson: Lesson) -> dict[str, Any]:
    """Plain lists in the order of the fields: half the size of dictionaries, and read twice as fast."""
    return {
        "title": lesson.title,
        "imports": lesson.imports,
        "blocks": [[type(block).__name__, *vars(block).values()] for block in lesson.blocks],
        "exercises": [[_plain(getattr(exercise, name)) for name in _EXERCISE] for exercise in lesson.exercises],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], Check | Edit):
        return [list(vars(item).values()) for item in value]
    return value


def _decode(data: dict[str, Any], chapter: str, files: Files) -> Lesson:
    return Lesson(
        id=files.page.stem,
        chapter=chapter,
        title=data["title"],
        page=files.page,
        stub=files.stub,
        solution=files.solution,
        tests=files.tests,
        blocks=tuple(_BLOCKS[name](*values) for name, *values in data["blocks"]),
        exercises=tuple(_exercise(dict(zip(_EXERCISE, item, strict=True))) for item in data["exercises"]),
        imports=tuple(data["imports"]),
    )


def _exercise(values: dict[str, Any]) -> Exercise:
    for name, kind in (("checks", Check), ("mistakes", Edit), ("alternatives", Edit)):
        values[name] = tuple(kind(*item) for item in values[name])
    return Exercise(**{**values, "hints": tuple(values["hints"]), "needs": tuple(values["needs"])})
