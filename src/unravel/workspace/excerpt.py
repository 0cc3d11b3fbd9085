"""One exercise of a learner's file, to be edited on its own and put back where it was.

Works on a file that isn't valid Python too: that is what a half-written exercise looks like.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from unravel.course.code import CodeFile
from unravel.course.markers import STUB, make_stub
from unravel.course.model import Exercise, Lesson
from unravel.errors import UnravelError
from unravel.workspace.atomic import write_atomic
from unravel.workspace.stubs import code_of

GIVEN = ""
_START = re.compile(
    r"(?:(?:async\s+)?def|class)\s+(?P<defined>\w+)|(?P<assigned>\w+)(?:\s*,\s*\w+)*\s*(?::[^=]*)?=(?!=)|(?P<imported>import|from)\s"
)


@dataclass(frozen=True)
class Excerpt:
    """What the learner edits (`text`), and the rest of the file around it.

    `line` is the first line of the text.
    """

    path: Path
    exercise: str
    before: str
    text: str
    after: str
    sha256: str
    crlf: bool

    @property
    def line(self) -> int:
        """The line of the file in which the text begins, from 1."""
        return self.before.count("\n") + 1


def open_excerpt(path: Path, lesson: Lesson, exercise: Exercise) -> Excerpt:
    """The part of the learner's file that belongs to one exercise: its definition, comments and helpers above it.

    When the file has none, the text is what was delivered, and it goes to the end of the file.
    """
    data = _read(path)
    try:
        source = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnravelError("The file isn't UTF-8 text.", fix="Save it again as UTF-8.", path=path) from None
    crlf = "\r\n" in source
    before, text, after = cut(source.replace("\r\n", "\n"), code_of(lesson), exercise.id)
    return Excerpt(path, exercise.id, before, text, after, _sha256(data), crlf)


def save_excerpt(excerpt: Excerpt, text: str) -> Excerpt:
    """Writes the file with `text` in place of the excerpt's, in one step.

    Refuses when the file is no longer the one that the excerpt was cut from.
    """
    if _sha256(_read(excerpt.path)) != excerpt.sha256:
        fix = "Load it again, or close the other editor first; your text here is kept until you choose."
        raise UnravelError("The file was changed elsewhere since it was opened here.", fix=fix, path=excerpt.path)
    if text and not text.endswith("\n"):
        text += "\n"
    source = excerpt.before + text + excerpt.after
    written = source.replace("\n", "\r\n") if excerpt.crlf else source
    write_atomic(excerpt.path, written)
    return replace(excerpt, text=text, sha256=_sha256(written.encode("utf-8")))


def changed_elsewhere(excerpt: Excerpt) -> bool:
    """Whether the file differs from what the excerpt was cut from."""
    return _sha256(_read(excerpt.path)) != excerpt.sha256


def cut(source: str, code: CodeFile, exercise: str) -> tuple[str, str, str]:
    """The source before, of and after one exercise. Joined, they are the source (ended by a newline)."""
    if source and not source.endswith("\n"):
        source += "\n"
    lines = source.split("\n")[:-1]
    starts = _owned(_starts(lines, source, code), {item.id for item in code.exercises})
    mine = [number for number, (_, owner) in enumerate(starts) if owner == exercise]
    if not mine:
        stub = next(make_stub(part.source) for part in code.parts if part.exercise == exercise)
        return (source.rstrip() + "\n\n\n").lstrip("\n"), stub, ""
    first = last = mine[-1]
    while first - 1 in mine:
        first -= 1
    begin = starts[first][0]
    end = starts[last + 1][0] if last + 1 < len(starts) else len(lines)
    while end > begin and not lines[end - 1].strip():
        end -= 1
    return tuple("".join(f"{line}\n" for line in part) for part in (lines[:begin], lines[begin:end], lines[end:]))  # type: ignore[return-value]


def _starts(lines: list[str], source: str, code: CodeFile) -> list[tuple[int, str | None]]:
    """Where each top-level thing starts (from 0), and its owner: an exercise, GIVEN, or None for the learner's own."""
    exercises = {item.id for item in code.exercises}
    given = _given(code)
    starts: list[tuple[int, str | None]] = []
    for number in _candidates(lines, source):
        match = _START.match(lines[number])
        first = _with_comments(lines, number)
        if match is None:
            owner = _constant(lines[first:number], exercises) if lines[number] == STUB[1] else None
            if owner is not None:
                starts.append((first, owner))
            continue
        name = match["defined"] or match["assigned"]
        if name in exercises:
            starts.append((first, name))
        elif name in given or lines[number] in given:
            starts.append((_with_headings(lines, first, given), GIVEN))
        else:
            starts.append((first, None))
    return starts


def _candidates(lines: list[str], source: str) -> list[int]:
    """The lines at which a statement may start; without the insides of strings where the file can be parsed."""
    flush = [number for number, line in enumerate(lines) if line[:1].strip() and line[0] not in "#@)]}"]
    try:
        begun = {node.lineno - 1 for node in ast.parse(source).body}
    except (SyntaxError, ValueError):
        return flush
    return [number for number in flush if number in begun]


def _given(code: CodeFile) -> set[str]:
    """What the learner did not write: the names that given code defines, its import lines and its comments."""
    found: set[str] = set()
    for part in code.parts:
        for line in part.source.split("\n") if part.exercise is None else ():
            match = _START.match(line)
            if match is not None:
                found.add(match["defined"] or match["assigned"] or line)
            elif line.startswith("#"):
                found.add(line)
    return found


def _with_comments(lines: list[str], number: int) -> int:
    while number > 0 and lines[number - 1][:1] in ("#", "@"):
        number -= 1
    return number


def _with_headings(lines: list[str], number: int, given: set[str]) -> int:
    """Given comments above given code go with it over empty lines too, and not to the exercise before."""
    above = number
    while above > 0 and (not lines[above - 1].strip() or lines[above - 1] in given):
        above -= 1
        number = above if lines[above].strip() else number
    return number


def _constant(comments: list[str], exercises: set[str]) -> str | None:
    """The constant that a bare stub stands for: the comment above it names it."""
    words = set(re.findall(r"\w+", "\n".join(comments)))
    return next(iter(sorted(exercises & words)), None)


def _owned(starts: list[tuple[int, str | None]], exercises: set[str]) -> list[tuple[int, str]]:
    """Gives the learner's own helpers to the exercise below them, else to the one above."""
    owned: list[tuple[int, str]] = []
    for place, (line, owner) in enumerate(starts):
        if owner is None:
            below = next((other for _, other in starts[place:] if other is not None), GIVEN)
            above = owned[-1][1] if owned else GIVEN
            owner = below if below in exercises else above
        owned.append((line, owner))
    return owned


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UnravelError(
            "Your file of this lesson is gone.", fix="`unravel update` brings it back.", path=path
        ) from None
    except OSError as error:
        raise UnravelError(
            f"Your file can't be read: {error.strerror}.", fix="See its permissions.", path=path
        ) from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
