"""Figures in the page's own letters and ink."""

from __future__ import annotations

from typing import Any

import streamlit as st

QUIET = {"displayModeBar": False}
"""How figures are shown: without plotly's own buttons."""


def is_dark() -> bool:
    """Whether the page is dark at present."""
    return bool(st.context.theme.type == "dark")


def inked(figure: Any, dark: bool) -> Any:
    """The figure, readable on this page."""
    return figure.update_layout(font_color="#c9ccd1" if dark else "#4a4f57", font_family="Source Sans, sans-serif")
