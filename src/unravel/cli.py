"""The command line.

Each command is one call; what it needs is imported when it runs, so that help comes at once.
"""

from __future__ import annotations

from pathlib import Path

import click

from unravel import __version__
from unravel.lazy import Commands

ELSEWHERE = {
    "models": ("unravel.zoo.commands:models", "The course's small models: list, show, train, verify, evaluate."),
    "progress": ("unravel.export.commands:progress", "Show your streak, what is left and what was hard, or export it."),
    "dev": ("unravel.dev.commands:dev", "For authors: new, sync, check."),
}

Folder = click.Path(file_okay=False, path_type=Path)
File = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=Commands, elsewhere=ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="unravel")
def main() -> None:
    """Unravel: learn to reverse-engineer neural networks.

    Start with `unravel init my-course`, then `cd my-course` and `unravel next`.
    """


@main.command()
@click.argument("folder", type=Folder)
@click.option("--learner", help="Your id, say of your class. By default a random one.")
@click.option(
    "--format", type=click.Choice(["py", "ipynb"]), default="py", show_default=True, help="Form of the lessons."
)
def init(folder: Path, learner: str | None, format: str) -> None:
    """Make a workspace with the lessons of the course."""
    from unravel.course.load import load_course
    from unravel.workspace.show import created
    from unravel.workspace.workspace import Workspace

    course = load_course()
    click.echo(created(Workspace.create(folder, course, learner, format), course))  # type: ignore[arg-type]


@main.command()
def update() -> None:
    """Bring in new lessons; your own work is kept."""
    from unravel.course.load import load_course
    from unravel.workspace.show import updated
    from unravel.workspace.workspace import Workspace

    click.echo(updated(Workspace.find().update(load_course())))


@main.command()
@click.argument("name")
def reset(name: str) -> None:
    """Restore a lesson or an exercise; what you had is saved first."""
    from unravel.course.load import load_course
    from unravel.workspace.show import reset_done
    from unravel.workspace.workspace import Workspace

    click.echo(reset_done(Workspace.find().reset(load_course(), name)))


@main.command()
@click.argument("exercise", required=False)
@click.option("--give-up", is_flag=True, help="Show it though you haven't passed; this is recorded.")
def solution(exercise: str | None, give_up: bool) -> None:
    """Show the solution of an exercise that you passed, by default of the next exercise."""
    from unravel.course.load import load_course
    from unravel.workspace.guide import answer
    from unravel.workspace.show import solution
    from unravel.workspace.workspace import Workspace

    found = answer(Workspace.find(), load_course(), exercise, give_up=give_up)
    click.echo(found.code, nl=False)
    if words := solution(found):
        click.echo(words, err=True)


@main.command()
@click.argument("exercise", required=False)
def hint(exercise: str | None) -> None:
    """Show the next hint, by default for the next exercise."""
    from unravel.course.load import load_course
    from unravel.workspace.guide import next_hint
    from unravel.workspace.show import hint
    from unravel.workspace.workspace import Workspace

    click.echo(hint(next_hint(Workspace.find(), load_course(), exercise)))


@main.command()
def status() -> None:
    """Show how far you have come."""
    from unravel.course.load import load_course
    from unravel.workspace.guide import stands
    from unravel.workspace.show import status
    from unravel.workspace.workspace import Workspace

    workspace, course = Workspace.find(), load_course()
    click.echo(status(workspace, course, stands(workspace, course)))


@main.command(name="next")
def next_() -> None:
    """Show what to do next, and where to write it."""
    from unravel.course.load import load_course
    from unravel.serve import installed
    from unravel.workspace.guide import missing, next_exercise
    from unravel.workspace.show import next_up
    from unravel.workspace.workspace import Workspace

    workspace, course = Workspace.find(), load_course()
    here = next_exercise(workspace, course)
    page = course.lesson(here.exercise.lesson).page if here else None
    click.echo(next_up(here, page, app=installed(), missing=missing(workspace, course)))


@main.command(name="list")
def list_() -> None:
    """List all chapters, lessons and exercises."""
    from unravel.course.load import load_course
    from unravel.workspace.guide import progress_here
    from unravel.workspace.show import catalogue

    click.echo(catalogue(load_course(), progress_here()))


@main.command()
@click.argument("words", nargs=-1, required=True)
def search(words: tuple[str, ...]) -> None:
    """Search the lessons, the exercises and the glossary."""
    from unravel.course.glossary import load_glossary
    from unravel.course.load import load_course
    from unravel.course.search import search
    from unravel.course.search_index import build_index
    from unravel.course.show import answer

    course, query = load_course(), " ".join(words)
    click.echo(answer(search(build_index(course, load_glossary(course)), query, limit=8), query))


@main.command()
@click.argument("term", nargs=-1)
def glossary(term: tuple[str, ...]) -> None:
    """List the terms of the field, or explain one."""
    from unravel.course.glossary import load_glossary
    from unravel.course.glossary_links import term_links
    from unravel.course.load import load_course
    from unravel.course.show import contents, entry

    course = load_course()
    known = load_glossary(course)
    if not term:
        return click.echo(contents(known))
    found = known.find(" ".join(term))
    click.echo(entry(found, known, term_links(known, course)[found.id]))


@main.command()
@click.argument("name", required=False)
@click.option("--file", type=File, help="Check this file instead of the one in the workspace.")
@click.option("--seed", type=click.IntRange(min=0), help="Draw the inputs of an earlier run again.")
@click.option("--json", is_flag=True, help="Print the report as JSON.")
@click.option("--debug", is_flag=True, help="Run in this process, without isolation, so that breakpoint() works.")
@click.pass_context
def check(ctx: click.Context, name: str | None, file: Path | None, seed: int | None, json: bool, debug: bool) -> None:
    """Check an exercise, a lesson or a chapter; by default the lesson that you saved last.

    NAME may be the path of the lesson's file as well.
    """
    from unravel.grading.client import run_check

    ctx.exit(run_check(name, file, seed, json, debug))


@main.command()
@click.argument("name", required=False)
@click.pass_context
def watch(ctx: click.Context, name: str | None) -> None:
    """Check what you work on each time you save it."""
    from unravel.grading.watch import watch

    ctx.exit(watch(name))


@main.command()
@click.argument("action", type=click.Choice(["start", "stop", "status"]))
def daemon(action: str) -> None:
    """Start, stop or inspect the warm grader in the background."""
    from unravel.grading import daemon

    {"start": daemon.start, "stop": daemon.stop, "status": daemon.status}[action]()


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Where it listens.")
@click.option("--address", help="Listen here, so that others can reach it; by default only this machine can.")
@click.option("--workspace", type=Folder, help="The workspace, if you aren't in it.")
@click.option("--no-browser", is_flag=True, help="Don't open a browser window.")
@click.pass_context
def serve(ctx: click.Context, port: int, address: str | None, workspace: Path | None, no_browser: bool) -> None:
    """Open the course in the browser."""
    from unravel.serve import ADDRESS, serve

    ctx.exit(serve(workspace, port, browser=not no_browser, address=address or ADDRESS))


if __name__ == "__main__":
    main()
