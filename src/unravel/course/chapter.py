"""A chapter's `chapter.toml`, validated."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unravel.course.faults import Faults, near
from unravel.course.rules import fault
from unravel.course.text import read_text

FILE = "chapter.toml"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class ChapterFacts:
    """What `chapter.toml` says. `id` is the folder's name; `lessons` are the stems of its pages, in order."""

    path: Path
    id: str
    title: str
    summary: str
    goals: tuple[str, ...]
    prerequisites: tuple[str, ...]
    hours: float
    lessons: tuple[str, ...]

    def line_of(self, key: str) -> int | None:
        """The line of the file that sets `key`."""
        return _line_of(read_text(self.path), key)


def read_chapter(folder: Path, faults: Faults) -> ChapterFacts | None:
    """The facts of the chapter in `folder`; None when they can't be told."""
    path = folder / FILE
    before = len(faults.found)
    with faults.part():
        if not re.fullmatch(r"ch\d\d_[a-z0-9_]+", folder.name):
            fix = "Name it like `ch03_sparse_autoencoders`: the number puts it in its place."
            raise fault(f"`{folder.name}` is no name for a chapter.", fix, folder, None)
        facts = _read(path, faults)
        if len(faults.found) == before:
            return ChapterFacts(path=path, id=folder.name, **facts)
    return None


def _read(path: Path, faults: Faults) -> dict[str, Any]:
    text = read_text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        raise fault(f"Not valid TOML: {error}.", "Correct the syntax.", path, line) from None
    for key in data:
        if key not in _KEYS:
            faults.add(fault(f"There is no key `{key}`.", near(key, _KEYS), path, _line_of(text, key)))
    facts: dict[str, Any] = {}
    for key, (wanted, example) in _KEYS.items():
        with faults.part():
            if key not in data:
                raise fault(f"The key `{key}` is missing.", f"Add it, like `{key} = {example}`.", path, 1)
            if not _fits(data[key], wanted):
                fix = f"Write it like `{key} = {example}`."
                raise fault(f"`{key}` is {data[key]!r}.", fix, path, _line_of(text, key))
            facts[key] = tuple(data[key]) if isinstance(data[key], list) else data[key]
    with faults.part():
        _check_lessons(facts.get("lessons", ()), path, text)
    return facts


# Each key of `chapter.toml` with what it holds and an example.
_KEYS = {
    "title": ("text", '"Induction heads"'),
    "summary": ("text", '"How a model copies what followed before."'),
    "goals": ("texts", '["Find an induction head"]'),
    "prerequisites": ("texts?", '["ch01_transformers"]'),
    "hours": ("number", "4"),
    "lessons": ("texts", '["attention_patterns", "copying"]'),
}


def _fits(value: Any, wanted: str) -> bool:
    if wanted == "text":
        return isinstance(value, str) and bool(value.strip())
    if wanted == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    texts = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
    return texts and (bool(value) or wanted.endswith("?"))


def _check_lessons(lessons: tuple[str, ...], path: Path, text: str) -> None:
    for number, lesson in enumerate(lessons):
        if not _NAME.fullmatch(lesson):
            fix = "Use small letters, digits and underscores, a letter first: it names a Python file."
            raise fault(f"`{lesson}` is no name for a lesson.", fix, path, _line_of(text, "lessons"))
        if lesson in lessons[:number]:
            raise fault(f"The lesson `{lesson}` is listed twice.", "Delete one.", path, _line_of(text, "lessons"))


def _line_of(text: str, key: str) -> int | None:
    lines = text.split("\n")
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*{key}\s*=", line)), None)
