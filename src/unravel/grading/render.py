"""A report on a terminal.

A learner reads it a hundred times: what is right takes a line, what is wrong a paragraph.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from functools import partial

from click import style, unstyle

from unravel.grading.html import render_html as render_html
from unravel.grading.report import CheckResult, ExerciseResult, Report, Status
from unravel.grading.wording import (
    LOOKS_LIKE,
    WAITING,
    WORDS,
    Detail,
    details,
    output,
    overall,
    points,
    replay,
    safe,
    summary,
    tier,
    waiting,
    word,
)

WIDEST = 100
CHECK, BODY, CODE = " " * 4, " " * 6, " " * 8


def render_report(report: Report, *, color: bool, width: int | None = None) -> str:
    """The report as text, for a terminal of `width` columns (by default the one there is)."""
    width = min(width or shutil.get_terminal_size().columns, WIDEST)
    blocks = ["\n".join(_exercise(result, report, width)) for result in report.exercises]
    footer = "\n".join(_footer(report, width))
    text = _joined(blocks) + (f"\n\n{footer}" if footer else "")
    return text if color else unstyle(text)


def _joined(blocks: list[str]) -> str:
    """One-line blocks stand close together; a paragraph has a blank line on either side."""
    text = ""
    for before, block in zip(["", *blocks], blocks, strict=False):
        apart = "\n\n" if "\n" in before or "\n" in block else "\n"
        text += (apart if text else "") + block
    return text


def _exercise(result: ExerciseResult, report: Report, width: int) -> Iterator[str]:
    name, worth = safe(result.id), points(result.points, result.max_points)
    if result.status is Status.PASSED:
        yield style(f"✓ {name}  {worth}", fg="green")
        return
    fate = WORDS.get(result.status, "")
    if result.status in WAITING:
        yield from _wrap(f"· {name}  {waiting(result, report)}", width, "", hang="  ", dim=True)
        return
    facts = filter(None, [safe(result.title), worth, fate])
    yield style(f"✗ {name}", fg="red", bold=True) + style("  ".join(["", *facts]), dim=True)
    yield from _wrap(overall(result, report), width, "  ")
    for detail in details(result):
        yield from _check(detail, width)
    if result.diagnosis:
        yield ""
        yield from _wrap(f"{LOOKS_LIKE} {result.diagnosis}", width, "  ", fg="yellow")
    if result.next:
        yield ""
        yield from _wrap(f"→ {result.next}", width, "  ", hang="    ", fg="cyan")


def _check(detail: Detail, width: int) -> Iterator[str]:
    check = detail.check
    if check.status is Status.PASSED:
        yield style(f"  ✓ {safe(check.sentence)}", fg="green")
        return
    mark = style("  ✗ ", fg="red") if check.status not in WAITING else style("  · ", dim=True)
    yield mark + safe(check.sentence) + style(f"  {word(check)}" if word(check) else "", dim=True)
    if check.status in WAITING:
        return
    if not check.hidden:
        yield from _wrap(check.doc, width, CHECK, dim=True)
    if detail.repeats:
        yield style(f"{BODY}The same as above.", dim=True)
        return
    yield from _wrap(check.message, width, BODY)
    yield from _frames(check)
    yield from _output(check)


def _frames(check: CheckResult) -> Iterator[str]:
    for frame in check.frames:
        yield CODE + style(f"{safe(frame.file)}:{frame.line}", fg="cyan") + f"  {safe(frame.text).strip()}"


def _output(check: CheckResult) -> Iterator[str]:
    lines = output(check)
    if lines:
        yield style(f"{BODY}Your code printed:", dim=True)
        yield from (style(f"{CODE}{line}", dim=True) for line in lines)


def _footer(report: Report, width: int) -> Iterator[str]:
    if line := summary(report):
        yield style(line, bold=True)
    for note in report.notes:
        yield from _wrap(note, width, "", dim=True)
    if line := tier(report):
        yield style(line, dim=True)
    if line := replay(report):
        yield style(f"The same inputs again: {line}", dim=True)


def _wrap(
    text: str,
    width: int,
    indent: str,
    *,
    hang: str | None = None,
    fg: str | None = None,
    dim: bool | None = None,
) -> Iterator[str]:
    """The text's own lines, each wrapped. Short lines keep their spaces, so that tables stay tables."""
    paint = partial(style, fg=fg, dim=dim) if fg or dim else str
    for line in safe(text).strip("\n").split("\n") if text.strip() else []:
        if len(indent) + len(line) <= width:
            yield paint(indent + line)
            continue
        after = indent if hang is None else hang
        for part in textwrap.wrap(line, width, initial_indent=indent, subsequent_indent=after):
            yield paint(part)
