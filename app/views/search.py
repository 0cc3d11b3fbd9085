"""What was found: lessons, exercises and terms, the best first."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from parts.desk import Desk
from parts.find import asked, place_link
from parts.reference import reference
from parts.text import count, plain
from streamlit.navigation.page import StreamlitPage

from unravel.course.search import Answer, Hit, search
from unravel.course.search_index import Kind

_ICONS: dict[Kind, str] = {"term": "dictionary", "lesson": "article", "section": "notes", "exercise": "edit"}
_KINDS: dict[Kind, str] = {"term": "Glossary", "lesson": "Lesson", "section": "In", "exercise": "Exercise in"}


def search_page(desk: Desk, lessons: Mapping[str, StreamlitPage], glossary: StreamlitPage) -> None:
    """Draws the page. `lessons` are the pages of the lessons."""
    st.title("Search", anchor=False)
    query = asked()
    if not query:
        st.markdown("Type a word into the box at the side: a term, a part of a title, the name of an exercise.")
        return
    answer = search(reference(desk).index, query)
    st.html(_summary(answer, query))
    for number, hit in enumerate(answer.hits):
        with st.container(key=f"hit-{number}", gap=None):
            _hit(hit, lessons, glossary)
    if not answer.hits:
        st.markdown("Try fewer or other words, or look through all terms:")
        st.page_link(glossary)


def _summary(answer: Answer, query: str) -> str:
    """How much was found, and for what."""
    if not answer.hits:
        return f'<p role="status">Nothing was found for <strong>{plain(query)}</strong>.</p>'
    said = f"{count(answer.total, 'place')} found for <strong>{plain(answer.read_as or query)}</strong>."
    if answer.read_as:
        said = f"<strong>{plain(query)}</strong> occurs nowhere. {said}"
    if answer.partial:
        said += " None has all of the words."
    if answer.total > len(answer.hits):
        said += f" The best {len(answer.hits)} are shown."
    return f'<p role="status">{said}</p>'


def _hit(hit: Hit, lessons: Mapping[str, StreamlitPage], glossary: StreamlitPage) -> None:
    found = hit.document
    icon = f":material/{_ICONS[found.kind]}:"
    if found.kind == "term":
        st.page_link(glossary, label=f"**{found.title}**", icon=icon, query_params={"term": found.anchor})
    else:
        place_link(lessons, found.lesson, found.anchor, f"**{found.title}**", icon)
    kind = f"{_KINDS[found.kind]}{',' if found.kind == 'term' else ''}"
    where = f"{kind} {found.where}" if found.where else _KINDS[found.kind]
    pieces = "".join(f"<mark>{plain(text)}</mark>" if match else plain(text) for text, match in hit.snippet)
    st.html(f'<p class="u-found"><span class="u-place">{plain(where)}</span><br>{pieces}</p>')
