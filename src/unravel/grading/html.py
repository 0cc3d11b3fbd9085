"""A report as HTML, for notebooks, the app and feedback pages.

Every text is escaped. Styles are inline, since most places that show it drop style sheets; the colours are
legible on white and on black.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

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

GREEN, RED, AMBER, BLUE, GREY = "#2e9e5b", "#d9534f", "#b7791f", "#3b82c4", "#808080"
_CODE = "font-family:ui-monospace,monospace;font-size:0.92em"
_BLOCK = f"{_CODE};white-space:pre-wrap;overflow-wrap:anywhere;margin:0.3em 0;padding:0.4em 0.7em;border-radius:4px"
_PANEL = f"{_BLOCK};background:rgba(128,128,128,0.12)"


def render_html(report: Report) -> str:
    """The report as one `<div>`."""
    parts = [part for result in report.exercises for part in _exercise(result, report)]
    return f'<div class="unravel-report" style="line-height:1.5">{"".join([*parts, *_footer(report)])}</div>'


def _exercise(result: ExerciseResult, report: Report) -> Iterator[str]:
    worth, fate = points(result.points, result.max_points), WORDS.get(result.status, "")
    name = f"<b>{_text(result.id)}</b>"
    if result.status is Status.PASSED:
        yield _div(f"{_mark(Status.PASSED)} {name} {worth}", f"color:{GREEN}")
        return
    if result.status in WAITING:
        yield _div(f"{_mark(result.status)} {name} {_rich(waiting(result, report))}", f"color:{GREY}")
        return
    facts = " · ".join(filter(None, [_text(result.title), worth, fate]))
    yield _div(f"{_mark(result.status)} {name} {_span(facts, GREY)}", "margin-top:0.6em")
    inner = [_lines(overall(result, report))]
    inner += [part for detail in details(result) for part in _check(detail)]
    if result.diagnosis:
        said = f"<b>{LOOKS_LIKE}</b> {_rich(result.diagnosis)}"
        inner.append(_div(said, f"border-left:3px solid {AMBER};padding-left:0.7em;margin:0.5em 0"))
    if result.next:
        inner.append(_div(f"→ {_rich(result.next)}", f"color:{BLUE}"))
    yield _div("".join(inner), "margin:0.2em 0 0.8em 1.3em")


def _check(detail: Detail) -> Iterator[str]:
    check = detail.check
    yield _div(f"{_mark(check.status)} {_text(check.sentence)} {_span(word(check), GREY)}")
    if check.status in (Status.PASSED, *WAITING):
        return
    inner = [_div(_rich(check.doc), f"color:{GREY}") if check.doc and not check.hidden else ""]
    if detail.repeats:
        inner.append(_div("The same as above.", f"color:{GREY}"))
    else:
        inner += [_lines(check.message), _frames(check), _output(check)]
    yield _div("".join(inner), "margin-left:1.3em")


def _frames(check: CheckResult) -> str:
    rows = [f"{_span(f'{_text(f.file)}:{f.line}', BLUE)}  {_text(f.text.strip())}" for f in check.frames]
    return f'<pre style="{_PANEL}">{"<br>".join(rows)}</pre>' if rows else ""


def _output(check: CheckResult) -> str:
    lines = output(check)
    if not lines:
        return ""
    return _div("Your code printed:", f"color:{GREY}") + f'<pre style="{_PANEL}">{_text(chr(10).join(lines))}</pre>'


def _footer(report: Report) -> Iterator[str]:
    if line := summary(report):
        yield _div(f"<b>{_text(line)}</b>", "margin-top:0.5em")
    for note in (*report.notes, tier(report)):
        if note:
            yield _div(_rich(note), f"color:{GREY}")
    if line := replay(report):
        yield _div(f"The same inputs again: {_code(_text(line))}", f"color:{GREY}")


def _mark(status: Status) -> str:
    """A tick, a cross or a dot, with its meaning for those who hear the page."""
    sign, colour = ("✓", GREEN) if status is Status.PASSED else ("·", GREY) if status in WAITING else ("✗", RED)
    return f'<span role="img" aria-label="{html.escape(status.value)}" style="color:{colour}">{sign}</span>'


def _lines(text: str) -> str:
    """A message: its own line breaks are kept."""
    return _div(_rich(text.strip("\n")), "white-space:pre-wrap;overflow-wrap:anywhere") if text.strip() else ""


def _rich(text: str) -> str:
    """Escaped, with what stands in backticks as code."""
    return re.sub(r"`([^`\n]+)`", lambda match: _code(match[1]), _text(text))


def _text(text: str) -> str:
    return html.escape(safe(text))


def _code(escaped: str) -> str:
    return f'<code style="{_CODE}">{escaped}</code>'


def _span(inner: str, colour: str) -> str:
    return f'<span style="color:{colour}">{inner}</span>'


def _div(inner: str, style: str = "") -> str:
    return f'<div style="{style}">{inner}</div>' if style else f"<div>{inner}</div>"
