"""Headings of a lesson's prose: where they are, and the anchors by which links find them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"(#{2,4})\s+(.+?)\s*#*$")


@dataclass(frozen=True)
class Heading:
    """A heading of level 2 to 4."""

    level: int
    title: str

    @property
    def anchor(self) -> str:
        """The name by which a link finds it."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "part"


def parts(markdown: str) -> Iterator[Heading | str]:
    """The headings of a piece of Markdown, and the text between them. Fenced code is left alone.

    >>> list(parts("a\\n## B c\\nd"))
    ['a', Heading(level=2, title='B c'), 'd']
    """
    text: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        heading = None if fence else _HEADING.match(line)
        if heading is None:
            text.append(line)
            continue
        if "\n".join(text).strip():
            yield "\n".join(text).strip("\n")
        text = []
        yield Heading(len(heading[1]), heading[2])
    if "\n".join(text).strip():
        yield "\n".join(text).strip("\n")
