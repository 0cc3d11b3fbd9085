"""The days of work as a picture: one square a day, one column a week; and as a table for those who don't see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from unravel.course.text import count
from unravel.workspace.activity import ONE_DAY, Activity, Day, monday_of, week

WEEKS = 16
CELL, STEP, LEFT, TOP = 14, 18, 34, 20
# How much was done, in exercises passed and attempts, for each deeper shade.
SHADES = (1, 4, 9, 16)
OPACITY = (0.3, 0.52, 0.76, 1.0)

# The page that shows the picture gives `--u-heat`, the colour of a full day; ink is the page's own.
STYLE = """
.u-calendar { width: 100%; max-width: 324px; height: auto; display: block; }
.u-calendar text { fill: currentColor; opacity: 0.75; font-size: 11px; }
.u-calendar .u-none { fill: currentColor; opacity: 0.1; }
.u-calendar .u-day { fill: var(--u-heat, #2f6fd0); }
.u-calendar .u-today { fill: none; stroke: currentColor; stroke-width: 1.5; }
"""


def calendar_svg(activity: Activity, weeks: int = WEEKS) -> str:
    """The last `weeks` weeks as an inline SVG. It has no colours of its own: see `STYLE`."""
    last = monday_of(activity.today)
    mondays = [last - 7 * back * ONE_DAY for back in reversed(range(weeks))]
    width, height = LEFT + weeks * STEP, TOP + 7 * STEP
    cells = "".join(_column(number, monday, activity) for number, monday in enumerate(mondays))
    label = f'role="img" aria-label="{spoken(activity, weeks)}"'
    view = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg class="u-calendar" {view} {label}>{"".join(_labels(mondays))}{cells}</svg>'


def spoken(activity: Activity, weeks: int = WEEKS) -> str:
    """The picture in one sentence.

    >>> spoken(Activity({}, date(2030, 5, 15)))
    'Activity of the last 16 weeks: 0 active days, 0 exercises passed.'
    """
    first = monday_of(activity.today) - 7 * (weeks - 1) * ONE_DAY
    shown = [done for day, done in activity.days.items() if first <= day <= activity.today]
    passed = sum(done.passed for done in shown)
    days, exercises = count(len(shown), "active day"), count(passed, "exercise")
    return f"Activity of the last {weeks} weeks: {days}, {exercises} passed."


def week_table(activity: Activity, weeks: int = WEEKS) -> str:
    """The weeks in which something was done, the latest first, as an HTML table."""
    rows = []
    for monday, done in reversed(activity.weeks(weeks)):
        active = sum(day in activity.days for day in week(monday))
        if active:
            cells = (f"{monday:%d %B %Y}", active, done.passed, done.attempts, f"{done.minutes:.0f}")
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    names = ("Week from", "Days", "Passed", "Attempts", "Minutes, about")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f'<table class="u-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _labels(mondays: list[date]) -> Iterator[str]:
    for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri")):
        yield f'<text x="0" y="{TOP + row * STEP + 11}">{name}</text>'
    # A month is named where its first Monday is, but not where the name would be cut off.
    for number, monday in enumerate(mondays[:-1]):
        if monday.day <= 7:
            yield f'<text x="{LEFT + number * STEP}" y="12">{monday:%b}</text>'


def _column(number: int, monday: date, activity: Activity) -> str:
    days = [day for day in week(monday) if day <= activity.today]
    return "".join(_cell(LEFT + number * STEP, TOP + row * STEP, day, activity) for row, day in enumerate(days))


def _cell(x: int, y: int, day: date, activity: Activity) -> str:
    done = activity.days.get(day)
    place = f'x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="3"'
    look = f'class="u-day" opacity="{_shade(done)}"' if done else 'class="u-none"'
    told = f"{count(done.passed, 'exercise')} passed, {count(done.attempts, 'attempt')}" if done else "nothing"
    square = f"<rect {place} {look}><title>{day:%A %d %B}: {told}</title></rect>"
    return square + (f'<rect {place} class="u-today"></rect>' if day == activity.today else "")


def _shade(done: Day) -> float:
    much = done.attempts + 3 * done.passed
    return OPACITY[max(sum(much >= step for step in SHADES) - 1, 0)]
