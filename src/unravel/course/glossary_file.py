"""The files of the glossary, TOML, validated: one of papers, and one of terms for each topic."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unravel.course.faults import Faults, near
from unravel.course.rules import fault
from unravel.course.text import read_text
from unravel.errors import ContentError

_HEAD = "[[term]]"
# Each key with what it holds; a question mark: it may be left out.
_TERM = {
    "name": "text",
    "text": "text",
    "aliases": "texts?",
    "form": "text?",
    "see": "texts?",
    "lessons": "texts?",
    "papers": "texts?",
}
_PAPER = {"authors": "text", "title": "text", "year": "year", "venue": "text?", "arxiv": "text?"}
_EMPTY: dict[str, Any] = {"text?": "", "texts?": ()}
_EXAMPLES = {"text": '"..."', "texts": '["...", "..."]', "year": "2017"}


@dataclass(frozen=True)
class TermFacts:
    """A term as its file has it. `lines` are those of its keys."""

    path: Path
    topic: str
    line: int
    lines: Mapping[str, int]
    name: str
    text: str
    aliases: tuple[str, ...]
    form: str
    see: tuple[str, ...]
    lessons: tuple[str, ...]
    papers: tuple[str, ...]

    def line_of(self, key: str) -> int:
        """The line that sets `key`, or the term's first one."""
        return self.lines.get(key, self.line)


def read_papers(path: Path, faults: Faults) -> dict[str, dict[str, Any]]:
    """What the file says of each paper, by key."""
    found: dict[str, dict[str, Any]] = {}
    with faults.part():
        text = read_text(path)
        for key, table in _parse(text, path).items():
            line = _line_of(text.split("\n"), rf"\[{re.escape(key)}\]", 1)
            with faults.part():
                if not isinstance(table, dict):
                    raise fault(f"`{key}` is no paper.", f"Write a table `[{key}]`.", path, None)
                found[key] = _facts(table, _PAPER, path, line, {})
    return found


def read_topic(path: Path, faults: Faults) -> list[TermFacts]:
    """The terms of one file, in order; those with a fault are left out."""
    found: list[TermFacts] = []
    with faults.part():
        text = read_text(path)
        data = _parse(text, path)
        for key in data:
            if key not in ("title", "term"):
                line = _line_of(text.split("\n"), rf"\[*{re.escape(key)}\b", 1)
                faults.add(fault(f"There is no key `{key}` here.", near(key, ("title", "term")), path, line))
        if not _fits(data.get("title"), "text"):
            raise fault("The topic has no title.", 'Begin the file with `title = "..."`.', path, 1)
        tables, places = _tables(data, path), _places(text)
        if len(tables) != len(places):
            fix = f"Give each a line `{_HEAD}` of its own, and use that line for nothing else."
            raise fault("It can't be told where each term begins.", fix, path, 1)
        for table, (line, lines) in zip(tables, places, strict=True):
            with faults.part():
                facts = _facts(table, _TERM, path, line, lines)
                found.append(TermFacts(path=path, topic=data["title"], line=line, lines=lines, **facts))
    return found


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        raise fault(f"Not valid TOML: {error}.", "Correct the syntax.", path, line) from None


def _tables(data: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    tables = data.get("term")
    if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
        raise fault("The file has no terms.", f"Begin each with a line `{_HEAD}`.", path, 1)
    return tables


def _places(text: str) -> list[tuple[int, dict[str, int]]]:
    """For each term, its first line and the lines of its keys. A line of text is none: it begins with no `key =`."""
    places: list[tuple[int, dict[str, int]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() == _HEAD:
            places.append((number, {}))
        elif places and (match := re.match(r"([a-z]+) = ", line)):
            places[-1][1].setdefault(match[1], number)
    return places


def _facts(
    table: dict[str, Any], keys: Mapping[str, str], path: Path, line: int | None, lines: Mapping[str, int]
) -> dict[str, Any]:
    """The values of all keys, checked; what is left out is empty."""
    for key in table:
        if key not in keys:
            raise fault(f"There is no key `{key}`.", near(key, keys), path, lines.get(key, line))
    facts: dict[str, Any] = {}
    for key, wanted in keys.items():
        kind, optional = wanted.rstrip("?"), wanted.endswith("?")
        if key not in table:
            if not optional:
                raise fault(f"The key `{key}` is missing.", f"Add `{key} = {_EXAMPLES[kind]}`.", path, line)
            facts[key] = _EMPTY[wanted]
            continue
        value = table[key]
        if not _fits(value, kind):
            raise _unfit(key, value, kind, path, lines.get(key, line))
        facts[key] = tuple(value) if isinstance(value, list) else value.strip() if isinstance(value, str) else value
    return facts


def _unfit(key: str, value: Any, kind: str, path: Path, line: int | None) -> ContentError:
    return fault(f"`{key}` is {value!r}.", f"Write it like `{key} = {_EXAMPLES[kind]}`.", path, line)


def _fits(value: Any, kind: str) -> bool:
    if kind == "text":
        return isinstance(value, str) and bool(value.strip())
    if kind == "year":
        return isinstance(value, int) and not isinstance(value, bool) and 1800 <= value <= 2100
    texts = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
    return texts and len(set(value)) == len(value)


def _line_of(lines: list[str], pattern: str, default: int | None) -> int | None:
    return next((number for number, line in enumerate(lines, 1) if re.match(pattern, line)), default)
