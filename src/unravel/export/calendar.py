"""The days of work as a picture: one square a day, one column a week; and as a table for those who don't see it."""

from __future__ import annotations

from datetime import date

from unravel.course.text import count
from unravel.workspace.activity import ONE_DAY, Activity, Day, monday_of, week

WEEKS = 16
# How much was done, in attempts and three for each exercise passed, for each deeper shade.
SHADES = (1, 4, 9, 16)
DAYS = ("Mon", "", "Wed", "", "Fri", "", "")

# Squares, not an SVG: Streamlit takes every SVG out of a page's HTML. Whoever shows the picture gives `--u-heat`, the
# colour of a full day; the rest is the page's own ink.
STYLE = """
.u-calendar { display: grid; grid-template-columns: 2.1rem; grid-auto-columns: minmax(0, 14px); grid-auto-flow: column;
  grid-template-rows: 16px repeat(7, auto); gap: 4px; max-width: 324px; font-size: 11px; line-height: 14px; }
.u-calendar span { white-space: nowrap; }
.u-calendar i { aspect-ratio: 1; border-radius: 3px; background: rgba(128, 128, 128, 0.16); }
.u-calendar .u-today { outline: 1.5px solid currentColor; }
.u-calendar .u-1 { background: color-mix(in srgb, var(--u-heat) 30%, transparent); }
.u-calendar .u-2 { background: color-mix(in srgb, var(--u-heat) 52%, transparent); }
.u-calendar .u-3 { background: color-mix(in srgb, var(--u-heat) 76%, transparent); }
.u-calendar .u-4 { background: var(--u-heat); }
"""


def calendar_html(activity: Activity, weeks: int = WEEKS) -> str:
    """The last `weeks` weeks. It has no colours of its own: see `STYLE`."""
    last = monday_of(activity.today)
    mondays = [last - 7 * back * ONE_DAY for back in reversed(range(weeks))]
    names = "<span></span>" + "".join(f"<span>{name}</span>" for name in DAYS)
    columns = "".join(_column(monday, activity, named=monday != last) for monday in mondays)
    return f'<div class="u-calendar" role="img" aria-label="{spoken(activity, weeks)}">{names}{columns}</div>'


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


def _column(monday: date, activity: Activity, *, named: bool) -> str:
    """One week, under the name of its month where that begins; after the last column there is no room for a name."""
    head = f"<span>{monday:%b}</span>" if named and monday.day <= 7 else "<span></span>"
    days = [_cell(day, activity) if day <= activity.today else "<b></b>" for day in week(monday)]
    return head + "".join(days)


def _cell(day: date, activity: Activity) -> str:
    done = activity.days.get(day)
    told = f"{count(done.passed, 'exercise')} passed, {count(done.attempts, 'attempt')}" if done else "nothing"
    today = " u-today" if day == activity.today else ""
    return f'<i class="u-{_shade(done)}{today}" title="{day:%A %d %B}: {told}"></i>'


def _shade(done: Day | None) -> int:
    """How deep, 0 to 4. Who took a hint and checked nothing was there all the same."""
    much = done.attempts + 3 * done.passed if done else 0
    return max(sum(much >= step for step in SHADES), int(done is not None))
