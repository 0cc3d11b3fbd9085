"""The words that all renderings of a report share, and text made safe to show."""

from __future__ import annotations

import re
from dataclasses import dataclass

from unravel.grading.report import CheckResult, ExerciseResult, Report, Status, Tier

# What a status is called, where a cross alone would not say it.
WORDS = {
    Status.ERROR: "error",
    Status.TIMEOUT: "took too long",
    Status.MEMORY: "too much memory",
    Status.CRASHED: "crashed",
    Status.FORBIDDEN: "not allowed",
    Status.BLOCKED: "waits for another exercise",
    Status.NOT_STARTED: "not started",
}
WAITING = (Status.BLOCKED, Status.NOT_STARTED)
LOOKS_LIKE = "It looks like this:"
OUTPUT_LINES = 20
# What a report calls code that a notebook's kernel ran.
NOTEBOOK = "notebook"

_TIERS = {
    Tier.FULL: "",
    Tier.PARTIAL: "Isolation: partial (this system offers no namespaces).",
    Tier.NONE: "Isolation: none, so this is no official grade.",
}
# Escape sequences could repaint the terminal, and bidirectional marks make code read as what it is not.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Detail:
    """What a failed check shows below its sentence. `repeats`: an earlier check failed in the same way."""

    check: CheckResult
    repeats: bool


def safe(text: str) -> str:
    """The text with what could play tricks on its reader made visible.

    >>> safe("red: \\x1b[31m")
    'red: ␛[31m'
    """
    return _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))


def details(result: ExerciseResult) -> tuple[Detail, ...]:
    """The checks in order; where several failed in the same way, the first one tells it."""
    seen: set[object] = set()
    found = []
    for check in result.checks:
        key = (check.message, check.frames)
        found.append(Detail(check, repeats=bool(check.message) and key in seen))
        if check.status is not Status.PASSED:
            seen.add(key)
    return tuple(found)


def overall(result: ExerciseResult, report: Report) -> str:
    """What is wrong with the exercise as a whole, where none of its checks, nor an exercise above it, tells it."""
    if not result.message or any(check.message == result.message for check in result.checks):
        return ""
    above = report.exercises[: report.exercises.index(result)]
    return "The same as above." if any(other.message == result.message for other in above) else result.message


def word(check: CheckResult) -> str:
    """What became of a check, where a cross alone would not say it."""
    return "not run" if check.status is Status.BLOCKED else WORDS.get(check.status, "")


def waiting(result: ExerciseResult, report: Report) -> str:
    """What to say of an exercise that was not judged. What to do for each unstarted one would be a wall."""
    if result.status is Status.BLOCKED and result.message:
        return result.message
    alone = len(report.exercises) == 1 and result.next
    return f"{WORDS[result.status]}. {result.next}" if alone else WORDS[result.status]


def output(check: CheckResult) -> list[str]:
    """What the learner's code printed, the last lines of it."""
    lines = safe(check.stdout).rstrip("\n").split("\n") if check.stdout.strip() else []
    if len(lines) <= OUTPUT_LINES:
        return lines
    return [f"... {len(lines) - OUTPUT_LINES} lines above ...", *lines[-OUTPUT_LINES:]]


def points(earned: int, most: int) -> str:
    """Points as they are spoken of: "3 points", "1 point", "0/3 points"."""
    noun = "point" if most == 1 else "points"
    return f"{most} {noun}" if earned == most else f"{earned}/{most} {noun}"


def summary(report: Report) -> str:
    """One line on several exercises; empty for one."""
    count = len(report.exercises)
    passed = sum(result.status is Status.PASSED for result in report.exercises)
    if count < 2:
        return ""
    share = f"All {count} passed" if passed == count else f"{passed} of {count} passed"
    return f"{share}, {points(report.points, report.max_points)}."


def replay(report: Report) -> str:
    """How to draw the same inputs again; empty when no check ran on any."""
    shown = [result for result in report.exercises if result.status not in (Status.PASSED, *WAITING)]
    if not any(result.checks for result in shown):
        return ""
    name = shown[0].id if len(shown) == 1 else shown[0].lesson
    if report.source == NOTEBOOK:
        return f'check("{safe(name)}", seed={report.seed})'
    return f"unravel check {safe(name)} --seed {report.seed}"


def tier(report: Report) -> str:
    """How the code was isolated, where that was not in full and no note of the report says so already."""
    return "" if report.tier is Tier.NONE and report.notes else _TIERS[report.tier]


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"
