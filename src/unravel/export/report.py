"""A learner's progress as one page of HTML, to print or to send. It asks nothing of the network and runs nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from unravel.course.model import Chapter
from unravel.course.text import count
from unravel.export.calendar import STYLE as CALENDAR_STYLE
from unravel.export.calendar import calendar_html, spoken
from unravel.grading.wording import safe
from unravel.workspace.course_map import State
from unravel.workspace.history import Event
from unravel.workspace.overview import Overview
from unravel.workspace.weak import WeakSpot

WEAKEST = 5
RECENT = 8
SIGNS = {State.DONE: "✓ done", State.BEGUN: "in progress", State.OPEN: "open", State.WAITING: "waiting"}
KINDS = {"hint": "saw a hint", "give up": "saw the solution"}

STYLE = """
:root { color-scheme: light; --u-heat: #1f5fbf; }
@page { size: A4; margin: 14mm; }
body { font: 10.5pt/1.45 system-ui, sans-serif; color: #1d2127; background: #fff; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.4rem 0 0.4rem; border-bottom: 1px solid #c9ced6; }
p { margin: 0.2rem 0; } .quiet { color: #57606a; }
dl { display: grid; grid-template-columns: repeat(3, minmax(6rem, 1fr)); gap: 0.6rem; margin: 1rem 0; }
dt { color: #57606a; font-size: 0.85rem; } dd { margin: 0; font-size: 1.2rem; font-weight: 600; }
table { width: 100%; border-collapse: collapse; } tr { break-inside: avoid; }
th, td { text-align: left; padding: 0.18rem 0.8rem 0.18rem 0; vertical-align: top; overflow-wrap: anywhere; }
thead th { color: #57606a; font-weight: 600; font-size: 0.85rem; } tbody th { font-weight: 600; padding-top: 0.5rem; }
td:not(:first-child), th:not(:first-child) { white-space: nowrap; }
ul { margin: 0.3rem 0; padding-left: 1.2rem; } li { margin-bottom: 0.35rem; break-inside: avoid; }
@media print { body { margin: 0; max-width: none; padding: 0; } .u-calendar i { print-color-adjust: exact; } }
"""


def report_html(overview: Overview, zone: tzinfo | None = None) -> str:
    """The page, complete. Dates are in time zone `zone` (None: this computer's)."""
    title = f"Progress of {_text(overview.learner)}"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}{CALENDAR_STYLE}</style>"
    )
    body = "".join(_body(overview, title, zone))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _body(overview: Overview, title: str, zone: tzinfo | None) -> Iterator[str]:
    yield f"<h1>{title}</h1>"
    yield f'<p class="quiet">Unravel, {overview.moment.astimezone(zone):%d %B %Y, %H:%M %Z}</p>'
    yield _figures(overview)
    yield "<h2>Activity</h2>"
    if overview.activity.days:
        yield calendar_html(overview.activity)
    yield f"<p>{spoken(overview.activity)}</p>"
    yield "<h2>The course</h2>" + _table(overview)
    if overview.weak:
        yield "<h2>What was hard</h2><ul>" + "".join(_weak(spot) for spot in overview.weak[:WEAKEST]) + "</ul>"
    if overview.events:
        yield "<h2>Last of all</h2><ul>" + "".join(_events(overview.events[-RECENT:], zone)) + "</ul>"
    yield '<p class="quiet">Made from the records in the learner\'s own workspace; it is no official grade.</p>'


def _figures(overview: Overview) -> str:
    totals, active = overview.totals, overview.activity
    figures = {
        "Exercises done": f"{totals.done} of {totals.exercises}",
        "Points": f"{totals.points} of {totals.max_points}",
        "Exercises left": f"{totals.minutes_left / 60:.1f} h",
        "Time spent, about": f"{active.total.minutes / 60:.1f} h",
        "Streak": count(active.streak, "day"),
        "Longest streak": count(active.longest, "day"),
    }
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items()) + "</dl>"


def _table(overview: Overview) -> str:
    names = ("Lesson", "State", "Exercises", "Points")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = [row for chapter in overview.course.chapters if chapter.lessons for row in _rows(chapter, overview)]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _rows(chapter: Chapter, overview: Overview) -> Iterator[str]:
    yield f'<tr><th colspan="4" scope="colgroup">{_text(chapter.title)}</th></tr>'
    for lesson in chapter.lessons:
        stop = overview.stops[lesson.id]
        done = f"{stop.stand.done} of {len(lesson.exercises)}"
        cells = (_text(lesson.title), SIGNS[stop.state], done, f"{stop.stand.points} of {lesson.points}")
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _weak(spot: WeakSpot) -> str:
    mistake = f"<br>Named {spot.repeats} times: {_rich(spot.mistake)}" if spot.mistake else ""
    advice = f"<br><i>{_text(spot.advice)}</i>"
    return f"<li><b>{_text(spot.exercise.title)}</b>: {', '.join(spot.signs)}{mistake}{advice}</li>"


def _events(events: Sequence[Event], zone: tzinfo | None) -> Iterator[str]:
    for event in reversed(events):
        what = KINDS.get(event.kind, _text(event.status))
        yield f"<li>{_when(event.moment, zone)}: {_text(event.exercise)}, {what}</li>"


def _when(moment: datetime, zone: tzinfo | None) -> str:
    return f"{moment.astimezone(zone):%d %B, %H:%M}"


def _rich(text: str) -> str:
    """Escaped, with what stands in backticks as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", _text(text))


def _text(text: str) -> str:
    return html.escape(safe(text))
