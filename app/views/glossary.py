"""The glossary: all terms by topic or letter, and each by itself at `/glossary?term=...`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

import streamlit as st
from parts.desk import Desk
from parts.fault import show_fault
from parts.find import place_link
from parts.reference import Reference, reference
from parts.text import count, plain
from streamlit.navigation.page import StreamlitPage

from unravel.course.glossary import Glossary, Paper, Term
from unravel.course.sections import plain_text, words

_BONDS = {"explained": "menu_book", "practised": "edit", "met": "notes"}
_TOPIC, _LETTER = "By topic", "A to Z"


def glossary_page(desk: Desk, lessons: Mapping[str, StreamlitPage], here: list[StreamlitPage]) -> None:
    """Draws the page. `lessons` are the pages of the lessons, `here` holds this one."""
    st.title("Glossary", anchor=False)
    book = reference(desk)
    if not desk.faults:  # else most faults are only links to a lesson that can't be read
        for fault in book.faults:
            show_fault(fault)
    if not book.glossary.terms:
        st.markdown("This course has no glossary.")
        return
    wanted = st.query_params.get("term", "")
    term = book.glossary.get(wanted) if wanted else None
    if wanted and term is None:
        st.html(f'<p role="status">There is no term <strong>{plain(wanted)}</strong>. These there are:</p>')
    if term is not None:
        _one(term, book, lessons, here[0])
        st.page_link(here[0], label="All terms", icon=":material/arrow_back:")
        return
    _all(book.glossary)


def _one(term: Term, book: Reference, lessons: Mapping[str, StreamlitPage], here: StreamlitPage) -> None:
    """A term with all that it leads to."""
    with st.container(border=True, key=f"term-{term.id}"):
        st.header(term.name, anchor=term.id)
        st.html(_facts(term))
        st.markdown(term.text)
        links = [link for link in book.links[term.id] if link.lesson in lessons]
        if links:
            st.markdown("**In the course**" if links[0].bond != "met" else "**Met in**")
        for link in links:
            place_link(lessons, link.lesson, link.anchor, link.title, f":material/{_BONDS[link.bond]}:")
        papers = [book.glossary.papers[key] for key in term.papers if key in book.glossary.papers]
        if papers:
            st.markdown("**To read**\n\n" + "\n".join(f"- {_cited(paper)}" for paper in papers))
        others = [other for name in term.see if (other := book.glossary.get(name))]
        if others:
            st.markdown("**See also**")
            with st.container(horizontal=True, gap="small"):
                for other in others:
                    st.page_link(here, label=other.name, query_params={"term": other.id})


def _facts(term: Term) -> str:
    """The topic, the other names and the form, on one line."""
    facts = [term.topic]
    if term.aliases:
        facts.append(f"also: {', '.join(term.aliases)}")
    if term.form:
        facts.append(term.form)
    return f'<p class="u-facts"><span>{"</span><span>".join(plain(fact) for fact in facts)}</span></p>'


def _cited(paper: Paper) -> str:
    if not paper.arxiv:
        return paper.cited()
    return paper.cited().replace(f'"{paper.title}"', f'["{paper.title}"](https://arxiv.org/abs/{paper.arxiv})')


def _all(glossary: Glossary) -> None:
    """All terms, or those that the box asks for."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    asked = left.text_input("Filter", key="glossary-filter", placeholder="A part of a name or of a text", max_chars=100)
    order = right.segmented_control("Order", [_TOPIC, _LETTER], default=_TOPIC, key="glossary-order") or _TOPIC
    shown = [term for term in glossary.terms if _fits(term, asked or "")]
    if not shown:
        st.html(f'<p role="status">No term fits <strong>{plain(asked)}</strong>.</p>')
        return
    st.caption(count(len(shown), "term"))
    if order == _LETTER:
        shown = sorted(shown, key=lambda term: term.name.casefold())
        groups = [(key, list(terms)) for key, terms in groupby(shown, lambda term: term.name[0].upper())]
    else:
        groups = [(key, list(terms)) for key, terms in groupby(shown, lambda term: term.topic)]
    if len(groups) > 1:
        st.markdown(" · ".join(f"[{name}](#{_anchor(name)})" for name, _ in groups))
    for name, terms in groups:
        st.header(name, anchor=_anchor(name))
        st.markdown(_entries(terms, glossary))


def _anchor(group: str) -> str:
    return f"group-{'-'.join(words(group))}"


def _fits(term: Term, asked: str) -> bool:
    """Whether each word asked for begins a word of the term's names or of its text."""
    said = words(" ".join((*term.names, plain_text(term.text))))
    return all(any(word.startswith(start) for word in said) for start in words(asked))


def _entries(terms: Iterable[Term], glossary: Glossary) -> str:
    """Terms as one piece of Markdown: hundreds of elements of their own would take the browser seconds."""
    return "\n\n".join(_entry(term, glossary) for term in terms)


def _entry(term: Term, glossary: Glossary) -> str:
    others = [other for name in term.see if (other := glossary.get(name))]
    see = f" *See* {', '.join(f'[{other.name}](#{other.id})' for other in others)}." if others else ""
    return f"#### {term.name}\n\n{term.text}{see} [Lessons and papers](glossary?term={term.id})"
