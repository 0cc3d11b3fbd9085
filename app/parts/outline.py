"""The outline of a page: the table of contents, from its headings and exercises, and formulas set as blocks."""

from __future__ import annotations

import re

from unravel.course.headings import Heading, parts
from unravel.course.model import Lesson, Place, Prose

__all__ = ["Heading", "contents", "displayed", "parts"]

_FORMULA = re.compile(r"^\$\$[ \t]*([^\s$](?:[^$]|\\\$)*?)[ \t]*\$\$[ \t]*$", re.MULTILINE)


def displayed(markdown: str) -> str:
    """The Markdown with each formula that stands alone as a block: on one line, it would be set to the left.

    >>> displayed("so\\n\\n$$a = b$$")
    'so\\n\\n$$\\na = b\\n$$'
    """
    return _FORMULA.sub(r"$$\n\1\n$$", markdown)


def contents(lesson: Lesson) -> list[tuple[str, str, bool]]:
    """The table of contents: title, anchor, and whether it is an exercise."""
    titles = {exercise.id: exercise.title for exercise in lesson.exercises}
    found: list[tuple[str, str, bool]] = []
    for block in lesson.blocks:
        if isinstance(block, Place):
            found.append((titles[block.exercise], block.exercise, True))
        elif isinstance(block, Prose):
            headings = [part for part in parts(block.markdown) if isinstance(part, Heading) and part.level == 2]
            found += [(heading.title, heading.anchor, False) for heading in headings]
    return found
