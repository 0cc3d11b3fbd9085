"""What the learner's code did instead of returning a value, as the trusted side sees it."""

from __future__ import annotations

import re
from typing import Any

from unravel.grading.report import Frame, Status

MAX_TEXT = 2_000

_KINDS = {
    "memory": Status.MEMORY,
    "not started": Status.NOT_STARTED,
    "forbidden": Status.FORBIDDEN,
    "crashed": Status.CRASHED,
}

# What the first lines of a stub import.
_GIVEN = ("Bool", "Float", "Int", "Tensor", "torch", "nn", "einops", "math")

_ADVICE = {
    Status.MEMORY: "It asked for more memory than a check may use. Look for a tensor that is larger than it need be.",
    Status.FORBIDDEN: "A check runs without network and without other files: compute from the arguments alone.",
    Status.CRASHED: "The code ended the whole process. Return the answer instead.",
}


# Control characters, which could rewrite what a terminal shows, and halves of surrogate pairs, which can't be stored.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str, limit: int) -> str:
    """Text from a submission as it may be stored and shown: bounded, and what isn't printable replaced."""
    lines = text[:limit].replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\ufffd", lines)


class LearnerFault(Exception):
    """The submission raised, hung, died or broke the rules. Carries the verdict and what the learner should read."""

    def __init__(self, status: Status, message: str, frames: tuple[Frame, ...] = ()):
        self.status = status
        self.message = message
        self.frames = frames
        super().__init__(message)


def from_error(error: Any, note: str = "") -> LearnerFault:
    """The fault that a child reported. Every field is checked: the child may have sent anything."""
    if not isinstance(error, dict):
        return LearnerFault(Status.ERROR, "Your code sent back something that isn't an answer.")
    status = _KINDS.get(str(error.get("kind")), Status.ERROR)
    if status is Status.NOT_STARTED:
        return LearnerFault(status, "Not written yet: the stub still raises NotImplementedError.", _frames(error))
    kind, text = plain(str(error.get("type", "")), 100), plain(str(error.get("message", "")), MAX_TEXT)
    message = f"{kind}: {text}" if text else kind
    advice = " ".join(part for part in (_ADVICE.get(status, ""), _given(kind, text), note) if part)
    if advice and not message.rstrip().endswith((".", "!", "?")):
        message = f"{message.rstrip()}."
    return LearnerFault(status, f"{message} {advice}".rstrip(), _frames(error))


def _given(kind: str, text: str) -> str:
    """Where a name comes from that the stub's first lines give; learners lose them by deleting a cell."""
    name = text.partition("'")[2].partition("'")[0]
    if kind != "NameError" or name not in _GIVEN:
        return ""
    return f"`{name}` is imported at the top of the lesson: put that line back, or run the setup cell."


def _frames(error: dict[str, Any]) -> tuple[Frame, ...]:
    found = error.get("frames")
    if not isinstance(found, list):
        return ()
    return tuple(_frame(item) for item in found[-12:] if isinstance(item, dict))


def _frame(item: dict[str, Any]) -> Frame:
    line = item.get("line")
    texts = [plain(str(item.get(key, "")), 200) for key in ("file", "function", "text")]
    return Frame(texts[0], line if type(line) is int and 0 <= line < 10**7 else 0, texts[1], texts[2])
