"""The glossary of the course: terms in our own words, each tied to other terms, lessons and papers.

One source: `glossary/papers.toml`, and one file of terms for each topic beside it. A course without that folder has
an empty glossary.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unravel.course.faults import Faults, near
from unravel.course.glossary_file import TermFacts, read_papers, read_topic
from unravel.course.model import Course
from unravel.course.rules import fault
from unravel.errors import UnravelError

FOLDER = "glossary"
PAPERS = "papers.toml"


@dataclass(frozen=True)
class Paper:
    """What a term can be read up in. `arxiv` is its number there, or empty."""

    key: str
    authors: str
    title: str
    year: int
    venue: str
    arxiv: str

    def cited(self) -> str:
        """One line, as a list of references has it.

        >>> Paper("x", "A. Vaswani et al.", "Attention Is All You Need", 2017, "NeurIPS", "1706.03762").cited()
        'A. Vaswani et al., "Attention Is All You Need", NeurIPS, 2017'
        """
        return ", ".join([self.authors, f'"{self.title}"', *filter(None, [self.venue]), str(self.year)])


@dataclass(frozen=True)
class Term:
    """One entry. `text` is Markdown with maths; `form` tells the shape, unit or range, where there is one.

    `lessons` are the lessons and exercises that the glossary itself names; the ones that are found by reading the
    lessons come from `term_links`.
    """

    name: str
    aliases: tuple[str, ...]
    text: str
    form: str
    see: tuple[str, ...]
    lessons: tuple[str, ...]
    papers: tuple[str, ...]
    topic: str

    @property
    def id(self) -> str:
        """The name by which a link finds it."""
        return term_id(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its other names."""
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Glossary:
    """All terms, in the order of their files, and the papers by key."""

    terms: tuple[Term, ...]
    papers: dict[str, Paper]

    @property
    def topics(self) -> tuple[str, ...]:
        """The titles of the topics, in order."""
        return tuple(dict.fromkeys(term.topic for term in self.terms))

    def by_name(self) -> list[Term]:
        """The terms from A to Z."""
        return sorted(self.terms, key=lambda term: term.name.casefold())

    @cached_property
    def _known(self) -> dict[str, Term]:
        return {term_id(name): term for term in reversed(self.terms) for name in (*term.aliases, term.name)}

    def get(self, name: str) -> Term | None:
        """The term of this name, other name or id; None when there is none."""
        return self._known.get(term_id(name))

    def find(self, name: str) -> Term:
        """As `get`, but an unknown name raises `UnravelError`, with near names."""
        if found := self.get(name):
            return found
        close = [self._known[key].name for key in difflib.get_close_matches(term_id(name), self._known, 3, 0.6)]
        fix = f"Did you mean {' or '.join(dict.fromkeys(close))}?" if close else "`unravel glossary` lists all terms."
        raise UnravelError(f"The glossary has no term {name!r}.", fix=fix)


def term_id(name: str) -> str:
    """A name as a part of an address.

    >>> term_id("K-composition"), term_id("$L_0$ norm")
    ('k-composition', 'l-0-norm')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


def load_glossary(course: Course, faults: Faults | None = None) -> Glossary:
    """The glossary of a course. Each `ContentError` goes to `faults`; by default the first is raised."""
    faults = faults or Faults()
    folder = course.root / FOLDER
    if not folder.is_dir():
        return Glossary((), {})
    papers = {key: Paper(key, **facts) for key, facts in read_papers(folder / PAPERS, faults).items()}
    found = [facts for path in topic_files(folder) for facts in read_topic(path, faults)]
    _check_names(found, faults)
    _check_links(found, papers, course, faults)
    return Glossary(tuple(_term(facts) for facts in found), papers)


def topic_files(folder: Path) -> Iterator[Path]:
    """The files of terms, in order."""
    yield from (path for path in sorted(folder.glob("*.toml")) if path.name != PAPERS)


def _term(facts: TermFacts) -> Term:
    keys = ("name", "aliases", "text", "form", "see", "lessons", "papers")
    return Term(topic=facts.topic, **{key: getattr(facts, key) for key in keys})


def _check_names(terms: list[TermFacts], faults: Faults) -> None:
    """One name, one term: the other names count as well."""
    seen: dict[str, str] = {}
    for term in terms:
        for name in (term.name, *term.aliases):
            if not term_id(name):
                faults.add(fault(f"{name!r} is no name.", "Write letters or digits.", term.path, term.line))
            elif term_id(name) in seen:
                text = f"`{name}` is already a name of `{seen[term_id(name)]}`."
                faults.add(fault(text, "Take one of them away.", term.path, term.line))
            seen.setdefault(term_id(name), term.name)


def _check_links(terms: list[TermFacts], papers: dict[str, Paper], course: Course, faults: Faults) -> None:
    names = [term.name for term in terms]
    pages = [*(lesson.id for lesson in course.lessons()), *(exercise.id for exercise in course.exercises())]
    for term in terms:
        others = [name for name in names if name != term.name]
        for key, known, what in (
            ("see", others, "other term"),
            ("lessons", pages, "lesson or exercise"),
            ("papers", list(papers), f"paper in `{PAPERS}`"),
        ):
            for name in getattr(term, key):
                if name not in known:
                    text = f"`{term.name}` names `{name}`, which is no {what}."
                    fix = near(name, known) or "Correct it, or take it away."
                    faults.add(fault(text, fix, term.path, term.line_of(key)))
