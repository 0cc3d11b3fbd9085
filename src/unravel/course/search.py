"""Search over lessons, exercises and glossary: whole words first, then beginnings, then what was meant by a typo."""

from __future__ import annotations

import difflib
import math
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from unravel.course.search_index import Document, Index, Kind
from unravel.course.sections import words

MOST_WORDS = 8
SHORTEST_BEGINNING = 2
SNIPPET = 180
_SMALL = frozenset(
    words(
        """a an and are as at be by can do does for from how i in is it its my of on or that the this to was what when
        where which who why with you"""
    )
)
# A short entry that is all about the word goes before a page that uses it; of pages, the whole before its parts.
_KINDS: dict[Kind, float] = {"term": 1.2, "lesson": 1.1, "exercise": 1.05, "section": 1.0}


@dataclass(frozen=True)
class Hit:
    """One result. `snippet` is text cut into pieces, with whether each is a match."""

    document: Document
    score: float
    snippet: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Answer:
    """What was found, the best first. `read_as` is the query as it was understood, where that isn't what was typed.

    `partial`: nothing holds all the words, so these hold some of them.
    """

    hits: tuple[Hit, ...]
    total: int
    read_as: str = ""
    partial: bool = False


def search(index: Index, query: str, limit: int = 20) -> Answer:
    """The best `limit` documents for a query of any length and content."""
    typed = words(query[:500])
    asked = [word for word in dict.fromkeys(typed) if word not in _SMALL][:MOST_WORDS] or typed[:MOST_WORDS]
    read = [word if any(_matches(index, word)) else _meant(index, word) for word in asked]
    known = [word for word in read if word]
    scored = [_scores(index, word) for word in known]
    everywhere = set.intersection(*map(set, scored)) if scored else set()
    partial = not everywhere or len(known) < len(asked)
    found = everywhere or set().union(*scored)
    total = {number: _total(index, number, scored, known, typed) for number in found}
    best = sorted(found, key=lambda number: (-total[number], number))[:limit]
    matched = [word for word in known for word in _matches(index, word)]
    hits = tuple(Hit(index.documents[n], total[n], snippet(index.documents[n].text, matched)) for n in best)
    changed = any(word and word != was for word, was in zip(read, asked, strict=True))
    return Answer(hits, len(found), " ".join(known) if changed else "", partial and bool(hits))


def _matches(index: Index, word: str) -> Iterator[str]:
    """The words of the course that a word of the query stands for: itself, its other number, what it begins."""
    forms = dict.fromkeys([word, f"{word}s", word.removesuffix("s") if len(word) > 3 else word])
    yield from (form for form in forms if form in index.postings)
    if len(word) >= SHORTEST_BEGINNING:
        yield from (longer for longer in index.beginning(word) if longer not in forms)


def _scores(index: Index, word: str) -> dict[int, float]:
    """What each document gets for one word of the query. Rare words tell more; a mere beginning tells less."""
    found: dict[int, float] = {}
    for match in _matches(index, word):
        holders = index.postings[match]
        rarity = math.log(1 + len(index.documents) / len(holders))
        share = 1.0 if match == word else 0.9 if match.rstrip("s") == word.rstrip("s") else 0.4
        for number, weight in holders.items():
            found[number] = max(found.get(number, 0.0), share * rarity * weight)
    return found


def _total(index: Index, number: int, scored: list[dict[int, float]], known: list[str], typed: list[str]) -> float:
    """All words together; a name that is the query, or begins with it, counts for much more."""
    total = sum(scores.get(number, 0.0) for scores in scored) * _KINDS[index.documents[number].kind]
    names = index.phrases[number]
    for phrase in {" ".join(typed), " ".join(known)} - {""}:
        if any(name in (phrase, f"{phrase}s") or f"{name}s" == phrase for name in names):
            total += 100.0 if names[0] in (phrase, f"{phrase}s") else 80.0
        elif any(f" {phrase}" in f" {name}" for name in names):
            total += 10.0
    return total


def _meant(index: Index, word: str) -> str:
    """The word that was probably meant, or nothing: one slip of the finger away, else the most similar."""
    if len(word) < 3:
        return ""
    near = [other for other in _slips(word) if other in index.postings]
    if near:
        return max(near, key=lambda other: (sum(index.postings[other].values()), other))
    alike = [other for other in index.beginning(word[0]) if abs(len(other) - len(word)) <= 2]
    close = difflib.get_close_matches(word, alike, n=1, cutoff=0.75)
    return close[0] if close else ""


def _slips(word: str) -> set[str]:
    """What one letter left out, swapped with the next, replaced or put in makes of a word."""
    cuts = [(word[:place], word[place:]) for place in range(min(len(word), 30) + 1)]
    left_out = {a + b[1:] for a, b in cuts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    letters = string.ascii_lowercase
    replaced = {a + letter + b[1:] for a, b in cuts if b for letter in letters}
    put_in = {a + letter + b for a, b in cuts for letter in letters}
    return (left_out | swapped | replaced | put_in) - {word}


def snippet(text: str, matched: list[str]) -> tuple[tuple[str, bool], ...]:
    """The part of a text with the most of the matched words, in pieces: (text, whether it is a match).

    >>> snippet("Attention is a softmax of scores.", ["softmax"])
    (('Attention is a ', False), ('softmax', True), (' of scores.', False))
    """
    if not matched:
        return ((_cut(text, 0), False),)
    longest_first = sorted(set(matched), key=len, reverse=True)[:200]
    pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(longest_first)})(?![a-z0-9])", re.IGNORECASE)
    places = [(match.start(), match[0].casefold()) for match in pattern.finditer(text)]
    ranked = [(-len({w for at, w in places if start <= at < start + SNIPPET - 60}), start) for start, _ in places[:100]]
    shown = _cut(text, min(ranked)[1] - 50 if ranked else 0)
    pieces: list[tuple[str, bool]] = []
    last = 0
    for match in pattern.finditer(shown):
        pieces += [(shown[last : match.start()], False), (match[0], True)]
        last = match.end()
    return tuple(piece for piece in [*pieces, (shown[last:], False)] if piece[0])


def _cut(text: str, start: int) -> str:
    """About `SNIPPET` letters from about `start`, between whole words."""
    begin = text.rfind(" ", 0, start) + 1 if start > 0 else 0
    end = len(text) if len(text) <= begin + SNIPPET else text.rfind(" ", begin, begin + SNIPPET)
    end = end if end > begin else begin + SNIPPET
    return f"{'… ' if begin else ''}{text[begin:end]}{' …' if end < len(text) else ''}"
