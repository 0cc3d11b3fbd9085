"""Where the course explains a term: found in the lessons themselves, so that a new lesson brings its links along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from unravel.course.glossary import Glossary, Term, term_id
from unravel.course.model import Course, Lesson
from unravel.course.sections import Section, sections, words

Bond = Literal["explained", "practised", "met"]
MET = 3  # a term that no lesson explains shows the lessons that use it most
OFTEN = 2


@dataclass(frozen=True)
class TermLink:
    """A place in the course. `bond`: it is explained there, an exercise trains it, or it is merely met there."""

    bond: Bond
    title: str
    lesson: str
    anchor: str


def term_links(glossary: Glossary, course: Course) -> dict[str, tuple[TermLink, ...]]:
    """The places of each term, by its id, those that explain it first.

    A lesson explains what it sets in **bold**, in the course's own custom, and what the glossary says it does. A term
    without such a place links to the lessons that use it most.
    """
    pieces = list(sections(course))
    found: dict[str, list[TermLink]] = {term.id: [] for term in glossary.terms}
    for piece in pieces:
        for term in _declared(piece, glossary):
            found[term.id].append(TermLink("explained", piece.title, piece.lesson.id, piece.anchor))
    named = _named(course)
    for term in glossary.terms:
        for name in term.lessons:
            if name in named:  # else its lesson can't be read now: that is a fault of its own
                _add(found[term.id], named[name])
    read = _read(pieces)
    for term in glossary.terms:
        if not found[term.id]:
            found[term.id] += _met(term, read)
    order = ("explained", "practised", "met")
    return {name: tuple(sorted(links, key=lambda link: order.index(link.bond))) for name, links in found.items()}


def _declared(piece: Section, glossary: Glossary) -> list[Term]:
    """The terms that a piece of a lesson sets in bold, in the singular or the plural."""
    terms = [glossary.get(bold) or glossary.get(term_id(bold).removesuffix("s")) for bold in piece.bold]
    return list(dict.fromkeys(term for term in terms if term is not None))


def _named(course: Course) -> dict[str, TermLink]:
    """Each lesson and exercise, by its name."""
    lessons = {each.id: TermLink("explained", each.title, each.id, "") for each in course.lessons()}
    return lessons | {each.id: TermLink("practised", each.title, each.lesson, each.id) for each in course.exercises()}


def _add(links: list[TermLink], link: TermLink) -> None:
    """A whole lesson adds nothing where a part of it is known."""
    if link.anchor or all(link.lesson != other.lesson for other in links):
        links.append(link)


def _read(pieces: Iterable[Section]) -> list[tuple[Lesson, Counter[str], str]]:
    """Each lesson with the count of its words, and all of them in a row."""
    texts: dict[str, tuple[Lesson, list[str]]] = {}
    for piece in pieces:
        texts.setdefault(piece.lesson.id, (piece.lesson, []))[1].extend(words(f"{piece.title} {piece.text}"))
    return [(lesson, Counter(said), f" {' '.join(said)} ") for lesson, said in texts.values()]


def _met(term: Term, read: list[tuple[Lesson, Counter[str], str]]) -> list[TermLink]:
    counts = [(sum(_count(name, said, row) for name in term.names), lesson) for lesson, said, row in read]
    often = sorted((item for item in counts if item[0] >= OFTEN), key=lambda item: -item[0])
    return [TermLink("met", lesson.title, lesson.id, "") for _, lesson in often[:MET]]


def _count(name: str, said: Counter[str], row: str) -> int:
    """How often a name occurs, its last word in the singular or the plural. A single letter is too common to count."""
    parts = words(name)
    if len("".join(parts)) < 2 or not all(said[part] for part in parts[:-1]):
        return 0
    if len(parts) == 1:
        return said[parts[0]] + said[f"{parts[0]}s"]
    phrase = " ".join(parts)
    return row.count(f" {phrase} ") + row.count(f" {phrase}s ")
