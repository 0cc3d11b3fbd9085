"""A row of figures with their names, and the days of work: what home and progress both show."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from parts.text import count, plain
from unravel.export.calendar import STYLE, calendar_html, spoken
from unravel.workspace.activity import Activity


def figures(values: Mapping[str, str]) -> None:
    """The figures, as many in a row as fit."""
    cells = "".join(f"<div><dt>{plain(name)}</dt><dd>{plain(value)}</dd></div>" for name, value in values.items())
    st.html(f'<dl class="u-figures">{cells}</dl>')


def calendar(active: Activity) -> None:
    """The picture of the last weeks, and beside it what it says."""
    said = "".join(f"<li>{plain(line)}</li>" for line in _said(active))
    picture = f'<div class="u-picture">{calendar_html(active)}</div>'
    st.html(f'<style>{STYLE}</style><div class="u-activity">{picture}<ul class="u-said">{said}</ul></div>')


def hours(minutes: float) -> str:
    """A time in words.

    >>> hours(25), hours(90)
    ('25 min', '1.5 h')
    """
    return f"{minutes / 60:.1f} h" if minutes >= 60 else f"{minutes:.0f} min"


def _said(active: Activity) -> list[str]:
    this = active.weeks(1)[0][1]
    streak = f"{count(active.streak, 'day')} in a row" if active.streak else "Work today begins a new streak"
    if active.streak and active.today not in active.days:
        streak += ", and today can be the next"
    return [
        f"{streak}; the longest was {count(active.longest, 'day')}.",
        f"This week: {count(this.passed, 'exercise')} passed, about {hours(this.minutes)} of work.",
        spoken(active),
    ]
