"""The learner's own clock: the time zone of their browser, not of the machine that serves the page."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def zone() -> ZoneInfo | None:
    """The browser's time zone; None (this computer's) where it doesn't say or says what nobody knows."""
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
