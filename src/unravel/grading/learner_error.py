"""An exception of the learner's code as plain, bounded data: what, why, and the learner's own lines only."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import CodeType
from typing import Any

MAX_MESSAGE = 1_500
MAX_FRAMES = 12
_NO_DEBUGGER = (
    "`breakpoint()` needs a terminal, which a check does not have: add `--debug` to `unravel check`, or take it out."
)


def describe(fault: BaseException, sources: dict[str, list[str]]) -> dict[str, Any]:
    """`{"kind", "type", "message", "frames"}`; `sources` maps the names of the learner's files to their lines."""
    try:
        message = str(fault)
    except BaseException:  # a hostile or broken __str__
        message = ""
    if type(fault).__name__ == "BdbQuit":  # the debugger met the end of its input
        message = message or _NO_DEBUGGER
    frames = [_frame(*place, sources) for place in _walk(fault) if place[0].co_filename in sources]
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


def _walk(fault: BaseException) -> Iterator[tuple[CodeType, int, int]]:
    """Each place on the way to the fault, with its line and how often it came in a row."""
    last: tuple[CodeType, int] | None = None
    count = 0
    for frame, line in traceback.walk_tb(fault.__traceback__):
        if (frame.f_code, line) != last:
            if last is not None:
                yield *last, count
            last, count = (frame.f_code, line), 0
        count += 1
    if last is not None:
        yield *last, count


def _frame(code: CodeType, line: int, count: int, sources: dict[str, list[str]]) -> dict[str, Any]:
    text = _text(code.co_filename, line, sources)
    if count > 1:
        text = f"{text[:150]}  ... the same {count} times"
    return {"file": code.co_filename, "line": line, "function": code.co_name[:100], "text": text}


def _text(name: str, line: int, sources: dict[str, list[str]]) -> str:
    lines = sources.get(name, [])
    return lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
