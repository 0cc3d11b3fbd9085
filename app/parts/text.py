"""Text from outside (names, messages, output) as HTML that says just that text."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

from unravel.course.text import count as count
from unravel.workspace.progress import ExerciseProgress

_CODE = re.compile(r"`([^`\n]+)`")

# The words that a learner reads for each status, and the tone they are drawn in.
WORDS = {
    "passed": ("Passed", "good"),
    "failed": ("Not right yet", "bad"),
    "error": ("Error", "bad"),
    "timeout": ("Too slow", "bad"),
    "memory": ("Too much memory", "bad"),
    "crashed": ("Crashed", "bad"),
    "forbidden": ("Not allowed", "bad"),
    "blocked": ("Waiting", "calm"),
    "not started": ("Not started", "calm"),
}


def plain(text: str) -> str:
    """The text as HTML.

    >>> plain("<b> & co")
    '&lt;b&gt; &amp; co'
    """
    return html.escape(str(text))


def sentence(text: str) -> str:
    """The text as HTML, with `code` between backticks set as code.

    >>> sentence("see `<f>`")
    'see <code>&lt;f&gt;</code>'
    """
    return _CODE.sub(r"<code>\1</code>", plain(text))


def badge(words: str, tone: str) -> str:
    """A small rounded label. `tone`: good, bad or calm."""
    return f'<span class="u-badge u-{tone}">{plain(words)}</span>'


def stand_badge(stand: ExerciseProgress) -> str:
    """How an exercise stands, as a badge."""
    if stand.ever_passed and not stand.passed:
        return badge("Passed before, broken now", "bad")
    return badge(*WORDS.get(stand.status or "not started", ("Not started", "calm")))


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in words.

    >>> ago(datetime(2030, 1, 1, 10, tzinfo=UTC), datetime(2030, 1, 1, 12, tzinfo=UTC))
    '2 hours ago'
    """
    if moment is None:
        return ""
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
