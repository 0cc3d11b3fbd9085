"""What can be found in the course, with an index of its words: built in milliseconds, so nothing is kept on disk."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from unravel.course.glossary import Glossary
from unravel.course.model import Course
from unravel.course.sections import Section, plain_text, sections, words

Kind = Literal["term", "lesson", "section", "exercise"]

# How much more a word counts in a name (of a term, a lesson, a heading, an exercise) than in running text.
IN_NAME = 8.0


@dataclass(frozen=True)
class Document:
    """One thing that can be found. `names` are what it is called, `where` says to what it belongs.

    `lesson` and `anchor` tell its place; a term of the glossary has its id as `anchor`, and no lesson.
    """

    kind: Kind
    title: str
    where: str
    lesson: str
    anchor: str
    text: str
    names: tuple[str, ...]


@dataclass
class Index:
    """Documents, and for each word the documents that hold it, with a weight above 0."""

    documents: tuple[Document, ...]
    postings: dict[str, dict[int, float]]
    phrases: tuple[tuple[str, ...], ...]
    vocabulary: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.vocabulary = sorted(self.postings)

    def beginning(self, start: str) -> Iterator[str]:
        """The words that begin so."""
        for word in self.vocabulary[bisect_left(self.vocabulary, start) :]:
            if not word.startswith(start):
                return
            yield word


def build_index(course: Course, glossary: Glossary) -> Index:
    """The index over lessons, exercises and glossary."""
    documents = [*_terms(glossary), *(_document(piece) for piece in sections(course))]
    postings: dict[str, dict[int, float]] = {}
    phrases = []
    for number, document in enumerate(documents):
        named = [words(name) for name in document.names]
        phrases.append(tuple(" ".join(name) for name in named))
        _weigh(postings, number, Counter(word for name in named for word in name), Counter(words(document.text)))
    return Index(tuple(documents), postings, tuple(phrases))


def _terms(glossary: Glossary) -> Iterator[Document]:
    for term in glossary.terms:
        yield Document("term", term.name, term.topic, "", term.id, plain_text(term.text), term.names)


def _document(piece: Section) -> Document:
    if piece.exercise is not None:
        name = piece.exercise.id
        split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
        names = tuple(dict.fromkeys((piece.title, name, split)))
        return Document("exercise", piece.title, piece.lesson.title, piece.lesson.id, name, piece.text, names)
    kind: Kind = "section" if piece.anchor else "lesson"
    names = (piece.title,) if piece.anchor else (piece.title, piece.lesson.id)
    where = piece.lesson.title if piece.anchor else ""
    return Document(kind, piece.title, where, piece.lesson.id, piece.anchor, piece.text, names)


def _weigh(postings: dict[str, dict[int, float]], number: int, named: Counter[str], said: Counter[str]) -> None:
    """A word's weight rises with its count, ever more slowly, and falls with the length of the text."""
    length = said.total() / 150 + 0.5
    for word, count in said.items():
        postings.setdefault(word, {})[number] = 2 * count / (count + length)
    for word in named:
        found = postings.setdefault(word, {})
        found[number] = found.get(number, 0.0) + IN_NAME
