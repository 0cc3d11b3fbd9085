"""What `unravel search` and `unravel glossary` print: pure functions of what was found."""

from __future__ import annotations

import re
import shutil
import textwrap

from click import style

from unravel.course.glossary import Glossary, Term
from unravel.course.glossary_links import TermLink
from unravel.course.search import Answer, Hit
from unravel.course.search_index import Document
from unravel.course.sections import plain_text

_MARKED = re.compile("\1([^\2]*)\2")
_BONDS = {"explained": "explained in", "practised": "practised in", "met": "met in"}


def answer(found: Answer, query: str) -> str:
    """The results of a search."""
    if not found.hits:
        return f"Nothing was found for {query!r}. `unravel list` and `unravel glossary` show all there is."
    lines = []
    if found.read_as:
        lines.append(f"Nothing is written so; this is for {style(found.read_as, bold=True)}.")
    if found.partial:
        lines.append("Nothing holds all of these words; these hold some.")
    for hit in found.hits:
        lines += ["", *_hit(hit)]
    if found.total > len(found.hits):
        lines += ["", style(f"{found.total - len(found.hits)} more; add a word to narrow it down.", dim=True)]
    return "\n".join(lines).lstrip("\n")


def _hit(hit: Hit) -> list[str]:
    # Marked by a control character on each side until the lines are cut: colours would count as letters.
    marked = "".join(f"\1{text}\2" if match else text for text, match in hit.snippet)
    document = hit.document
    head = f"{style(document.title, bold=True)}  {style(_place(document), dim=True)}"
    return [head, *(f"    {_MARKED.sub(_in_colour, line)}" for line in _wrapped(marked))]


def _in_colour(marked: re.Match[str]) -> str:
    return style(marked[1], fg="yellow", bold=True)


def _place(document: Document) -> str:
    if document.kind == "term":
        return f"glossary, {document.where}"
    if document.kind == "exercise":
        return f"exercise {document.anchor} in {document.lesson}"
    return f"lesson {document.lesson}"


def contents(glossary: Glossary) -> str:
    """All terms by topic."""
    if not glossary.terms:
        return "This course has no glossary."
    lines = []
    for topic in glossary.topics:
        names = ", ".join(term.name for term in glossary.by_name() if term.topic == topic)
        lines += [style(topic, bold=True), *(f"  {line}" for line in _wrapped(names)), ""]
    lines.append(
        f"{len(glossary.terms)} terms. `unravel glossary TERM` explains one, `unravel search WORDS` finds more."
    )
    return "\n".join(lines)


def entry(term: Term, glossary: Glossary, links: tuple[TermLink, ...]) -> str:
    """One term in full."""
    also = f"  {style('also: ' + ', '.join(term.aliases), dim=True)}" if term.aliases else ""
    lines = [f"{style(term.name, bold=True)}{also}", *(f"  {line}" for line in _wrapped(plain_text(term.text)))]
    rows = [("form", term.form)] if term.form else []
    rows += [(_BONDS[link.bond], _linked(link)) for link in links]
    rows += [("see", ", ".join(term.see))] if term.see else []
    rows += [("read", glossary.papers[key].cited()) for key in term.papers]
    width = max((len(name) for name, _ in rows), default=0)
    lines += [f"  {style(name.ljust(width), dim=True)}  {words}" for name, words in rows]
    return "\n".join(lines)


def _linked(link: TermLink) -> str:
    return f"{link.title} ({link.lesson}{f', {link.anchor}' if link.bond == 'practised' else ''})"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, min(shutil.get_terminal_size().columns, 110) - 4)
