"""The glossary and the index of the search, made once for each state of the course's files."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from parts.desk import Desk
from unravel.course.faults import Faults
from unravel.course.glossary import Glossary, load_glossary
from unravel.course.glossary_links import TermLink, term_links
from unravel.course.model import Course
from unravel.course.search_index import Index, build_index
from unravel.errors import ContentError


@dataclass(frozen=True)
class Reference:
    """What there is to look up. `links` are the places in the course of each term, by its id."""

    glossary: Glossary
    links: dict[str, tuple[TermLink, ...]]
    index: Index
    faults: tuple[ContentError, ...]


def reference(desk: Desk) -> Reference:
    """The glossary and the index, of as much of the course as can be read."""
    return _made(desk.stamp, desk.course)


@st.cache_resource(show_spinner=False, max_entries=2)
def _made(stamp: int, _course: Course) -> Reference:
    faults = Faults(gather=True)
    glossary = load_glossary(_course, faults)
    return Reference(glossary, term_links(glossary, _course), build_index(_course, glossary), tuple(faults.found))
