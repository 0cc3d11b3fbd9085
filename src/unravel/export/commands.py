"""`unravel progress`: how far, how often, what was hard; as text, JSON or a page to print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click import style

from unravel.course.load import load_course
from unravel.course.text import count
from unravel.export.progress import progress_text
from unravel.workspace.atomic import write_atomic
from unravel.workspace.overview import Overview, overview
from unravel.workspace.workspace import Workspace

File = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
WEAKEST = 3


@click.command()
@click.option("--json", type=File, metavar="FILE", help="Write everything as JSON; - writes it here.")
@click.option("--html", type=File, metavar="FILE", help="Write a one-page report; - writes it here.")
def progress(json: Path | None, html: Path | None) -> None:
    """Show your streak, the time that is left and what was hard, or export it."""
    found = overview(Workspace.find(), load_course())
    if json is not None:
        _write(json, progress_text(found))
    if html is not None:
        from unravel.export.report import report_html

        _write(html, report_html(found))
    if json is None and html is None:
        click.echo("\n".join(_lines(found)))


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    write_atomic(path, text)
    click.echo(f"Written: {path}", err=True)


def _lines(found: Overview) -> Iterator[str]:
    totals, active = found.totals, found.activity
    done = style(f"{totals.done} of {totals.exercises}", bold=True)
    yield f"{done} exercises, {totals.points} of {totals.max_points} points"
    yield f"about {totals.minutes_left / 60:.1f} h of exercises left"
    yield f"{count(active.streak, 'day')} in a row, {count(active.longest, 'day')} at best"
    yield f"about {active.total.minutes / 60:.1f} h spent"
    if not found.events:
        yield "Nothing is recorded yet: `unravel next` says where to begin."
    for spot in found.weak[:WEAKEST]:
        yield ""
        yield f"{style(spot.exercise.id, fg='yellow')}  {', '.join(spot.signs)}"
        if spot.mistake:
            yield f"  {spot.mistake} ({spot.repeats} times)"
        yield f"  {spot.advice}"
    more = len(found.weak) - WEAKEST
    if more > 0:
        yield style(f"and {more} more: `unravel progress --html report.html`", dim=True)
