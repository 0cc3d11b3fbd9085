"""The way around: the pages by section, in the sidebar. Each chapter folds; the one that is open stands open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

FEW = 2
"""So many chapters all stand open."""


def navigation(menu: Mapping[str, Sequence[StreamlitPage]], unlisted: Sequence[StreamlitPage] = ()) -> StreamlitPage:
    """Draws the links, and returns the page that was asked for. The section without a name comes first, unfolded.

    The pages `unlisted` have an address, and no link here.

    Streamlit's own list of pages is not used: to a screen reader it is a broken list, and it pushes all else out of
    sight when there are many lessons.
    """
    page = st.navigation([*(page for pages in menu.values() for page in pages), *unlisted], position="hidden")
    folds = [name for name in menu if name]
    with st.sidebar, st.container(key="navigation", gap=None):
        for name, pages in menu.items():
            if not name:
                _links(pages)
                continue
            mine = any(each.url_path == page.url_path for each in pages)
            # The key holds whether it is the open one, or Streamlit would remember how an earlier page had left it.
            with st.expander(name, expanded=mine or len(folds) <= FEW, key=f"section-{name}-{mine}"):
                _links(pages)
    return page


def _links(pages: Sequence[StreamlitPage]) -> None:
    for page in pages:
        st.page_link(page)
