"""An exception of the learner's code as plain, bounded data: what, why, and the learner's own lines only."""

from __future__ import annotations

import traceback
from typing import Any

MAX_MESSAGE = 1_500
MAX_FRAMES = 12


def describe(fault: BaseException, sources: dict[str, list[str]]) -> dict[str, Any]:
    """`{"kind", "type", "message", "frames"}`; `sources` maps the names of the learner's files to their lines."""
    try:
        message = str(fault)
    except BaseException:  # a hostile or broken __str__
        message = ""
    frames = [_frame(frame, sources) for frame in _walk(fault) if frame.filename in sources]
    line = getattr(fault, "lineno", None)
    if isinstance(fault, SyntaxError) and fault.filename in sources and isinstance(line, int):
        message = str(fault.msg)
        frames = [
            {
                "file": fault.filename,
                "line": line,
                "function": "",
                "text": _text(fault.filename, line, sources),
            }
        ]
    return {
        "kind": _kind(fault, message),
        "type": type(fault).__name__[:100],
        "message": message[:MAX_MESSAGE],
        "frames": frames[-MAX_FRAMES:],
    }


def _kind(fault: BaseException, message: str) -> str:
    if isinstance(fault, MemoryError) or "can't allocate memory" in message or "not enough memory" in message:
        return "memory"
    if isinstance(fault, NotImplementedError):
        return "not started"
    if isinstance(fault, PermissionError) or (isinstance(fault, OSError) and fault.errno in (1, 13)):
        return "forbidden"
    if isinstance(fault, SystemExit | KeyboardInterrupt | GeneratorExit):
        return "crashed"
    return "error"


def _walk(fault: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(fault.__traceback__, limit=-200))


def _frame(frame: traceback.FrameSummary, sources: dict[str, list[str]]) -> dict[str, Any]:
    line = frame.lineno or 0
    return {
        "file": frame.filename,
        "line": line,
        "function": frame.name[:100],
        "text": _text(frame.filename, line, sources),
    }


def _text(name: str, line: int, sources: dict[str, list[str]]) -> str:
    lines = sources.get(name, [])
    return lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
