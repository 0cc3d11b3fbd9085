"""What the page shows of a check beside the report itself: verdicts as they come, and marks in the editor."""

from __future__ import annotations

from collections.abc import Sequence

from parts.text import plain, sentence
from unravel.grading.report import CheckResult, ExerciseResult, Status

_SIGNS = {Status.PASSED: ("✓", "good"), Status.BLOCKED: ("·", "calm"), Status.NOT_STARTED: ("·", "calm")}


def checks_html(checks: Sequence[CheckResult]) -> str:
    """The checks that have ended so far, as HTML."""
    rows = []
    for check in checks:
        sign, tone = _SIGNS.get(check.status, ("✗", "bad"))
        label = plain(str(check.status))
        mark = f'<span class="u-sign u-{tone}" role="img" aria-label="{label}">{sign}</span>'
        rows.append(f"<li>{mark}{sentence(check.sentence)}</li>")
    return f'<ul class="u-checks">{"".join(rows)}</ul>'


def marks(result: ExerciseResult, first_line: int, lines: int, file: str) -> list[dict[str, object]]:
    """Where the editor should point: the learner's own line in which a check failed."""
    found: dict[int, dict[str, object]] = {}
    for check in result.checks:
        inside = [frame for frame in check.frames if frame.file == file]
        row = inside[-1].line - first_line if inside else -1
        if 0 <= row < lines:
            found.setdefault(row, {"row": row, "column": 0, "type": "error", "text": check.message[:300]})
    return list(found.values())
