"""What a lesson is when it is delivered, as `.py` or `.ipynb`, and how we tell whether it was touched since."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from unravel.course.code import CodeFile, read_code
from unravel.course.markers import make_stub
from unravel.course.model import Lesson
from unravel.workspace.settings import Format


@dataclass(frozen=True)
class Stub:
    """A lesson to deliver: its `text`, the fingerprint of the whole and of each exercise's code."""

    text: str
    fingerprint: str
    exercises: dict[str, str]


def stub_of(lesson: Lesson, format: Format) -> Stub:
    """The lesson as a learner first gets it. Made from the solution, so that it is never out of date."""
    code = read_code(lesson.solution)
    pieces = {part.exercise: make_stub(part.source) for part in code.parts if part.exercise is not None}
    text = make_stub(code.source) if format == "py" else _notebook(lesson)
    return Stub(text, fingerprint(text, format), {name: _sha256(piece) for name, piece in pieces.items()})


def code_of(lesson: Lesson) -> CodeFile:
    """The lesson's solution file."""
    return read_code(lesson.solution)


def fingerprint(text: str, format: Format) -> str:
    """The SHA-256 of what a learner may have changed.

    Line ends don't count: an editor may convert them. Nor do a notebook's outputs and metadata: running it
    changes those.
    """
    if format == "ipynb":
        try:
            cells = json.loads(text)["cells"]
            text = json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells])
        except (ValueError, KeyError, TypeError):
            pass
    return _sha256(text.replace("\r\n", "\n"))


def _notebook(lesson: Lesson) -> str:
    from unravel.course.notebook import build_notebook

    return build_notebook(lesson)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
