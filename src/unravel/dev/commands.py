"""`unravel dev`: the commands for the authors of the course."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from unravel.paths import content_root


@click.group()
def dev() -> None:
    """Write and prove the course."""


@dev.command("new")
@click.argument("chapter")
@click.argument("lesson")
@click.argument("exercise", required=False)
def new_command(chapter: str, lesson: str, exercise: str | None) -> None:
    """Add a chapter, a lesson or an exercise that already works, to change piece by piece."""
    from unravel.dev.new import new

    root = content_root()
    _show("wrote", new(root, chapter, lesson, exercise))
    click.echo(f"Next: edit them, then `unravel dev sync` and `unravel dev check {lesson}`.")


@dev.command("sync")
def sync_command() -> None:
    """Make the stubs in chapters/ anew from the solutions."""
    from unravel.dev.sync import sync

    changed = sync(content_root())
    _show("wrote", changed)
    if not changed:
        click.echo("All stubs are up to date.")


@dev.command("check")
@click.argument("lessons", nargs=-1)
@click.option("--changed", is_flag=True, help="Skip lessons whose files are as they were when they last passed.")
@click.option("--jobs", type=click.IntRange(min=1), help="Lessons at a time; by default one for each core.")
@click.pass_context
def check_command(ctx: click.Context, lessons: tuple[str, ...], changed: bool, jobs: int | None) -> None:
    """Prove the course, or some LESSONS: stubs, solutions, mistakes, alternatives, demos."""
    from unravel.dev.check import check_course

    problems = check_course(content_root(), lessons, changed=changed, jobs=jobs or os.cpu_count() or 1, say=click.echo)
    for problem in problems:
        click.echo(f"\n{problem}", err=True)
    found = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    click.echo(f"\n{found} found" if problems else "\nThe course is sound.")
    ctx.exit(1 if problems else 0)


def _show(verb: str, paths: Iterable[Path]) -> None:
    for path in paths:
        click.echo(f"{verb} {os.path.relpath(path)}")
