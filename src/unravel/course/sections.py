"""The course as short pieces of plain text: what search looks through, and where the terms of the glossary are met.

Hints, solutions and the answers to predictions are left out: nobody is to stumble upon them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from unravel.course.headings import Heading, parts
from unravel.course.model import Callout, Course, Exercise, Lesson, Place, Predict, Prose

_FENCE = re.compile(r"^\s*(`{3,}|~{3,}).*?^\s*\1\s*$", re.MULTILINE | re.DOTALL)
_DISPLAY = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_FORMULA = re.compile(r"\$([^$\n]+(?:\n[^$\n]+)?)\$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*])", re.DOTALL)
_LINE_MARK = re.compile(r"^\s*(?:[-*+]|>|#{1,6}|\d+\.)\s+", re.MULTILINE)
_BOLD = re.compile(r"\*\*([^*\n]+(?:\n[^*\n]+)?)\*\*")
_TABLE_RULE = re.compile(r"^\|[-:| ]+\|$|^\| | \|$", re.MULTILINE)
_SIGNS = {
    "top": "ᵀ", "cdot": "·", "times": "×", "sqrt": "√", "sum": "Σ", "le": "≤", "ge": "≥", "to": "→", "mapsto": "↦",
    "infty": "∞", "approx": "≈", "pm": "±", "lambda": "λ", "sigma": "σ", "theta": "θ", "Phi": "Φ", "Sigma": "Σ",
    "lVert": "‖", "rVert": "‖", "Vert": "‖", "bmod": "mod", "max": "max", "log": "log", "ln": "ln",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A piece of a lesson: what stands under one heading, or one exercise.

    `anchor` is where a link finds it (empty: the top of the page), `bold` are the words set in bold: by the custom of
    the course, those that are explained there. `exercise` is None for prose.
    """

    lesson: Lesson
    anchor: str
    title: str
    text: str
    bold: tuple[str, ...]
    exercise: Exercise | None = None


def sections(course: Course) -> Iterator[Section]:
    """All pieces of the course, in the order in which they are read."""
    for lesson in course.lessons():
        yield from lesson_sections(lesson)


def lesson_sections(lesson: Lesson) -> Iterator[Section]:
    """The pieces of one lesson."""
    exercises = {exercise.id: exercise for exercise in lesson.exercises}
    heading = Heading(2, lesson.title)
    anchor, texts = "", [""]
    placed: list[Section] = []
    for block in lesson.blocks:
        if isinstance(block, Place):
            exercise = exercises[block.exercise]
            bold = tuple(_BOLD.findall(exercise.statement))
            text = plain_text(exercise.statement)
            placed.append(Section(lesson, exercise.id, exercise.title, text, bold, exercise))
            continue
        for part in parts(_markdown(block)):
            if isinstance(part, str):
                texts.append(part)
                continue
            yield _section(lesson, anchor, heading, texts)
            yield from placed
            heading, anchor, texts, placed = part, part.anchor, [], []
    yield _section(lesson, anchor, heading, texts)
    yield from placed


def _section(lesson: Lesson, anchor: str, heading: Heading, texts: list[str]) -> Section:
    markdown = "\n\n".join(texts)
    return Section(lesson, anchor, plain_text(heading.title), plain_text(markdown), tuple(_BOLD.findall(markdown)))


def _markdown(block: object) -> str:
    """What a block says before the reader has done anything."""
    match block:
        case Prose(markdown=text):
            return text
        case Callout(title=title, markdown=text):
            return f"{title}\n\n{text}"
        case Predict(question=question):
            return question
    return ""


def plain_text(markdown: str) -> str:
    """Markdown without its marks, on one line. Code blocks and formulas that stand alone are left out.

    >>> plain_text("The *length* of `v` is $\\\\sqrt{v \\\\cdot v}$,\\nsee [there](x).")
    'The length of v is √(v · v), see there.'
    """
    text = _DISPLAY.sub(" ", _FENCE.sub(" ", markdown))
    text = _FORMULA.sub(lambda match: _spoken(match[1]), text)
    text = _LINK.sub(r"\1", _LINE_MARK.sub("", text))
    for _ in range(2):
        text = _EMPHASIS.sub(r"\2", text)
    return " ".join(_TABLE_RULE.sub("", text).replace("`", "").replace(" | ", " ").split())


def _spoken(formula: str) -> str:
    """A short formula as one would type it."""
    text = re.sub(r"\\(?:text|mathrm|hat|bar|mathbf)\b\s*", "", formula)
    text = re.sub(r"\\([A-Za-z]+)\s?", lambda match: _SIGNS.get(match[1], match[1] + " "), text)
    text = re.sub(r"√\{([^{}]*)\}", r"√(\1)", text)
    text = re.sub(r"\\[,;!| ]|[{}]", "", text)
    return re.sub(r"\s*([·≤≥→↦≈×])\s*", r" \1 ", text).strip()


def words(text: str) -> list[str]:
    """The words of a text as they are compared: small letters and digits, no accents.

    >>> words("Who's K-composing? `d_model`, naïve")
    ['who', 's', 'k', 'composing', 'd', 'model', 'naive']
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"[a-z0-9]+", folded if folded.isascii() else re.sub(r"[\u0300-\u036f]", "", folded))
