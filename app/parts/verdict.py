"""The result of a check as HTML: pure functions of the report, every text from outside escaped."""

from __future__ import annotations

from parts.text import WORDS, badge, count, plain, sentence

from unravel.grading.report import CheckResult, ExerciseResult, Frame, Report, Status, Tier

_SIGNS = {Status.PASSED: ("✓", "good"), Status.BLOCKED: ("·", "calm"), Status.NOT_STARTED: ("·", "calm")}


def verdict_html(result: ExerciseResult, report: Report) -> str:
    """The whole verdict on one exercise."""
    words, tone = WORDS[result.status]
    points = f"{result.points} of {count(result.max_points, 'point')}"
    head = f'<p class="u-verdict">{badge(words, tone)} <span class="u-faint">{points}</span></p>'
    parts = [head, _diagnosis(result), _message(result), checks_html(result.checks), _foot(report)]
    return f'<div class="u-report" role="status">{"".join(parts)}</div>'


def checks_html(checks: tuple[CheckResult, ...]) -> str:
    """The checks in order, each with what went wrong in it."""
    return f'<ul class="u-checks">{"".join(_check(check) for check in checks)}</ul>' if checks else ""


def marks(result: ExerciseResult | None, first_line: int, lines: int, file: str) -> list[dict[str, object]]:
    """Where the editor should point: the learner's own line in which each check failed."""
    found: dict[int, dict[str, object]] = {}
    for check in result.checks if result is not None else ():
        inside = [frame for frame in check.frames if frame.file == file]
        row = inside[-1].line - first_line if inside else -1
        if 0 <= row < lines:
            found.setdefault(row, {"row": row, "column": 0, "type": "error", "text": check.message[:300]})
    return list(found.values())


def _diagnosis(result: ExerciseResult) -> str:
    if not result.diagnosis:
        return ""
    return f'<div class="u-box u-calm"><p><strong>Most likely</strong></p><p>{sentence(result.diagnosis)}</p></div>'


def _message(result: ExerciseResult) -> str:
    """What there is to say beyond the checks' own messages."""
    if not result.message or any(check.message == result.message for check in result.checks):
        return ""
    return f"<p>{sentence(result.message)}</p>"


def _check(check: CheckResult) -> str:
    sign, tone = _SIGNS.get(check.status, ("✗", "bad"))
    spoken = f'<span class="u-sign u-{tone}" aria-label="{plain(str(check.status))}">{sign}</span>'
    name = sentence(check.sentence) + (' <span class="u-faint">(hidden check)</span>' if check.hidden else "")
    return f"<li>{spoken}<div><span>{name}</span>{_why(check)}</div></li>"


def _why(check: CheckResult) -> str:
    if check.status is Status.PASSED:
        return ""
    parts = []
    if check.doc and check.status is not Status.BLOCKED:
        parts.append(f'<p class="u-faint">{sentence(check.doc)}</p>')
    if check.message:
        parts.append(f'<p class="u-message">{sentence(check.message)}</p>')
    parts += [_frame(frame) for frame in check.frames[-3:]]
    if check.stdout.strip():
        parts.append(f'<p class="u-faint">Your code printed</p><pre>{plain(check.stdout[-4000:])}</pre>')
    return "".join(parts)


def _frame(frame: Frame) -> str:
    text = f"<pre>{plain(frame.text.strip())}</pre>" if frame.text.strip() else ""
    where = f"{plain(frame.file)}, line {frame.line}, in <code>{plain(frame.function)}</code>"
    return f'<p class="u-faint">{where}</p>{text}'


def _foot(report: Report) -> str:
    notes = [f"{report.duration:.2f} s", f"seed {report.seed}"]
    if report.tier is not Tier.FULL:
        notes.append(f"isolation: {report.tier}")
    notes += list(report.notes)
    return f'<p class="u-foot">{" · ".join(sentence(note) for note in notes)}</p>'
