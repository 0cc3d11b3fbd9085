"""The attempts at one exercise, as a row of columns: how many checks passed, the first on the left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from parts.text import WORDS, ago, plain

SHOWN = 40


class Tried(Protocol):
    """What is known of an attempt."""

    status: str
    created: str
    report: dict[str, Any]


def timeline_html(attempts: Sequence[Tried]) -> str:
    """The last forty attempts as HTML. Each column tells its words to who can't see it."""
    columns = []
    for attempt in attempts[-SHOWN:]:
        passed, total = checks_passed(attempt.report)
        words, tone = WORDS.get(attempt.status, (attempt.status, "calm"))
        told = f"{words}, {passed} of {total} checks, {ago(datetime.fromisoformat(attempt.created))}"
        height = 100 * passed / total if total else 0
        columns.append(
            f'<li class="u-{tone}" title="{plain(told)}"><span class="u-told">{plain(told)}</span>'
            f'<span class="u-column" style="height: {max(height, 6):.0f}%"></span></li>'
        )
    return f'<ol class="u-timeline" aria-label="Attempts, the oldest first">{"".join(columns)}</ol>'


def checks_passed(report: dict[str, Any]) -> tuple[int, int]:
    """How many checks of an attempt passed, of how many. The report came from a database: nothing in it is sure."""
    exercises = report.get("exercises")
    first = exercises[0] if isinstance(exercises, list) and exercises else {}
    checks = first.get("checks") if isinstance(first, dict) else None
    states = [check.get("status") for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    return sum(state == "passed" for state in states), len(states)
