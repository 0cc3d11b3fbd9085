"""What the commands print: pure functions of what was found out, styled; `click.echo` takes the style off in a pipe."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from click import style

from unravel.course.model import Chapter, Course, Exercise, Lesson
from unravel.course.text import count
from unravel.workspace.guide import Answer, LessonStand, Rung, Spot
from unravel.workspace.progress import IDLE, ExerciseProgress
from unravel.workspace.reset import ResetReport
from unravel.workspace.update import Change, Fate, UpdateReport
from unravel.workspace.workspace import Workspace

Row = Sequence[str]
BAR = 10


def created(workspace: Workspace, course: Course) -> str:
    """After `unravel init`."""
    lessons, exercises = len(tuple(course.lessons())), len(tuple(course.exercises()))
    facts = f"{lessons} lessons, {exercises} exercises, learner {style(workspace.settings.learner, bold=True)}"
    return _lines(
        style("Your workspace is ready", fg="green") + f" in {_near(workspace.path)}: {facts}.",
        f"Go there (`cd {_near(workspace.path)}`) and ask `unravel next` what to read and where to begin.",
        "`unravel serve` opens the lessons in the browser.",
    )


def updated(report: UpdateReport) -> str:
    """After `unravel update`."""
    lines = []
    for fate, words in (
        (Fate.ADDED, "New"),
        (Fate.RESTORED, "Deleted, so delivered again"),
        (Fate.REPLACED, "You had not touched these, so they are now the newest"),
    ):
        if found := report.of(fate):
            lines.append(f"{words}: {', '.join(change.lesson for change in found)}.")
    lines += [_kept(change) for change in report.of(Fate.KEPT) if change.offer]
    return _lines(*(lines or ["Everything is up to date."]))


def reset_done(report: ResetReport) -> str:
    """After `unravel reset`."""
    saved = f" What you had is in {_near(report.backup)}." if report.backup else ""
    lines = [f"{style(report.name, bold=True)} is as it was delivered.{saved}"]
    if report.appended:
        end = "its stub now stands at the end. Whatever you renamed is still there; take it out."
        lines.append(f"{_near(report.path)} had no {report.name}, so {end}")
    return _lines(*lines, *filter(None, [report.note]))


def hint(rung: Rung) -> str:
    """One rung of the ladder of hints."""
    head = style(f"{rung.exercise.id}, hint {rung.number} of {rung.total}", bold=True)
    left = rung.total - rung.number
    if left:
        end = f"{left} more: ask again." if left > 1 else "One more: ask again."
    else:
        end = "That is the last hint." if rung.fresh else "There is no further hint."
        end += f" `unravel solution {rung.exercise.id} --give-up` shows the solution."
    return _lines(head, "", _wrapped(rung.text.strip()), "", style(end, dim=True))


def solution(answer: Answer) -> str:
    """After a solution was shown: empty when there is nothing to say of it."""
    if not answer.recorded:
        return ""
    name = answer.exercise.id
    return f"Recorded: you gave up on {name}. Write it yourself in your file, and it counts as passed all the same."


def next_up(spot: Spot | None, page: Path | None, *, app: bool, missing: Sequence[Path] = ()) -> str:
    """What to do next, what to read for it, and where to write it. `app`: whether the lessons can be served."""
    lines = _next(spot, page, app) if spot else []
    if spot is None:
        lines = [style("You have passed every exercise of the course. Well done!", fg="green")]
    if missing:
        names = ", ".join(map(_near, missing))
        lines += ["", f"{style('Missing:', fg='yellow')} {names}. `unravel update` brings back what was delivered."]
    return _lines(*lines)


def _next(spot: Spot, page: Path | None, app: bool) -> list[str]:
    exercise = spot.exercise
    effort = f"{exercise.minutes} min, {count(exercise.points, 'point')}, difficulty {_dots(exercise.difficulty)}"
    read = "unravel serve  (opens the lessons in the browser)" if app or page is None else _near(page)
    seen = ["  seen          you have seen the solution; write it yourself to pass"] if spot.gave_up else []
    return [
        f"{style(exercise.id, bold=True)}  {exercise.title}  {style(effort, dim=True)}",
        f"  read it       {read}",
        f"  write it in   {_near(spot.path)}{_place(spot)}",
        f"  check it      unravel check {exercise.id}",
        f"  need help?    unravel hint {exercise.id}",
        *seen,
    ]


def _place(spot: Spot) -> str:
    if spot.line is None:
        name = spot.exercise.id
        return f", which has no {name} any more: `unravel reset {name}` adds its stub"
    return ", in its cell" if spot.path.suffix == ".ipynb" else f":{spot.line}"


def status(workspace: Workspace, course: Course, stands: Sequence[LessonStand]) -> str:
    """How far the learner has come: a line for each chapter and lesson."""
    rows: list[Row] = []
    for chapter in course.chapters:
        mine = [stand for stand in stands if stand.lesson.chapter == chapter.id]
        if mine:
            rows.append([style(_title(chapter), bold=True), *_sums(mine)])
            rows += [[f"  {stand.lesson.id}", *_sums([stand])] for stand in mine]
    rows.append([style("In all", bold=True), *_sums(stands)])
    broken = [name for stand in stands for name in stand.broken]
    lines = _table(rows)
    if broken:
        lines += ["", style("Passed before, but no longer: ", fg="yellow") + ", ".join(broken)]
    return _lines(style(f"{workspace.settings.learner} in {_near(workspace.path)}", dim=True), "", *lines)


def catalogue(course: Course, progress: Mapping[str, ExerciseProgress]) -> str:
    """Every chapter, lesson and exercise, with the names that the commands take."""
    lines: list[str] = []
    for chapter in course.chapters:
        lines += ["", style(_title(chapter), bold=True) + style(f"  {chapter.hours:g} h", dim=True)]
        for lesson in chapter.lessons:
            lines += _lesson(lesson, progress)
    return _lines(*lines[1:])


def _lesson(lesson: Lesson, progress: Mapping[str, ExerciseProgress]) -> list[str]:
    rows = []
    for exercise in lesson.exercises:
        effort = f"{_dots(exercise.difficulty)} {exercise.minutes:3} min {exercise.points:2} pt"
        rows.append([f"    {_mark(exercise, progress)} {exercise.id}", style(effort, dim=True), exercise.title])
    return [f"  {style(lesson.id, fg='cyan')}  {lesson.title}", *_table(rows)]


def _mark(exercise: Exercise, progress: Mapping[str, ExerciseProgress]) -> str:
    stand = progress.get(exercise.id)
    if stand is None or stand.status is None or stand.status in IDLE:
        return " "
    return style("✓", fg="green") if stand.passed else style("✗", fg="red")


def _kept(change: Change) -> str:
    what = [
        f"{word} {', '.join(names)}" for word, names in (("changed:", change.changed), ("new:", change.new)) if names
    ]
    changes = f" ({'; '.join(what)})" if what else ""
    return (
        f"{style(change.lesson, bold=True)} has a newer version{changes}. You have worked on yours, so it was kept: "
        f"{_near(change.path)}. The newer one, to copy from, is {_near(change.offer or change.path)}."
    )


def _sums(stands: Iterable[LessonStand]) -> Row:
    stands = tuple(stands)
    done, points = sum(stand.done for stand in stands), sum(stand.points for stand in stands)
    exercises = sum(len(stand.lesson.exercises) for stand in stands)
    most = sum(stand.lesson.points for stand in stands)
    full = done * BAR // exercises if exercises else 0
    # The points of what broke since are kept, so they may be more than what is done is worth.
    best = "  (best so far)" if any(stand.broken for stand in stands) else ""
    colour = "green" if exercises and done == exercises else None
    bar = style("█" * full, fg="green") + style("░" * (BAR - full), dim=True)
    return [bar, style(f"{done:3}/{exercises} done", fg=colour), f"{points:4}/{count(most, 'point')}{best}"]


def _title(chapter: Chapter) -> str:
    return f"{chapter.id}  {chapter.title}"


def _dots(difficulty: int) -> str:
    return "●" * difficulty + "○" * (5 - difficulty)


def _table(rows: Sequence[Row]) -> list[str]:
    from click import unstyle

    widths = [max(len(unstyle(cell)) for cell in column) for column in zip(*rows, strict=True)] if rows else []
    padded = (
        [cell + " " * (width - len(unstyle(cell))) for cell, width in zip(row, widths, strict=True)] for row in rows
    )
    return ["  ".join(row).rstrip() for row in padded]


def _near(path: Path) -> str:
    """The path as the learner would type it here, where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return relative if relative != "." and len(relative) < len(str(path)) else str(path)


def _wrapped(text: str) -> str:
    width = min(shutil.get_terminal_size().columns, 100)
    return "\n\n".join(part if _keeps_shape(part) else textwrap.fill(part, width) for part in text.split("\n\n"))


def _keeps_shape(part: str) -> bool:
    """Code, lists and formulas are not for filling."""
    return any(line.startswith(("    ", "```", "- ", "* ", "1. ", "$$")) for line in part.split("\n"))


def _lines(*lines: str) -> str:
    return "\n".join(lines)
