"""A lesson page: Markdown with directives, read into blocks and the facts of each exercise."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from unravel.course.code import parse
from unravel.course.directives import Directive, Text, read_blocks
from unravel.course.faults import Faults, near
from unravel.course.model import Block, Callout, Demo, Place, Predict, Prose
from unravel.course.rules import fault
from unravel.course.text import read_text
from unravel.errors import ContentError

CALLOUTS = ("note", "warning", "tip", "important", "seealso")
DIRECTIVES = ("exercise", "predict", "code-cell", *CALLOUTS)
INNER = {"hint": "exercise", "answer": "predict"}
OPTIONS = ("title", "difficulty", "minutes", "points", "needs")
HARDEST = 5


@dataclass(frozen=True)
class PageExercise:
    """An exercise as the page tells of it. `needs_line` is where it says what it builds on."""

    id: str
    title: str
    difficulty: int
    minutes: int
    points: int
    needs: tuple[str, ...]
    statement: str
    hints: tuple[str, ...]
    line: int
    needs_line: int


@dataclass(frozen=True)
class Page:
    """A lesson page. The title, the first line's, is in no block."""

    path: Path
    title: str
    blocks: tuple[Block, ...]
    exercises: tuple[PageExercise, ...]


def read_page(path: Path, faults: Faults | None = None) -> Page:
    """The page at `path`; each fault goes to `faults` (by default the first is raised)."""
    faults = faults or Faults()
    source = read_text(path)
    title, _, rest = source.partition("\n")
    with faults.part():
        if not re.match(r"# \S", title):
            raise fault("The page has no title.", "Begin it with a line `# Title`.", path, 1)
    blocks: list[Block] = []
    exercises: list[PageExercise] = []
    for block in read_blocks(rest, 2, path, faults):
        with faults.part():
            blocks.append(_block(block, exercises, path))
    return Page(path, title.removeprefix("#").strip(), tuple(blocks), tuple(exercises))


def _block(block: Text | Directive, exercises: list[PageExercise], path: Path) -> Block:
    if isinstance(block, Text):
        return Prose(block.markdown, block.line)
    _check_place(block, path)
    if block.name == "exercise":
        exercises.append(_exercise(block, path))
        return Place(block.argument, block.line)
    _check_options(block, (), path)
    if block.name == "predict":
        return _predict(block, path)
    if block.name == "code-cell":
        return _demo(block, path)
    return Callout(block.name, block.argument, _plain(block, path), block.line)


def _check_place(block: Directive, path: Path) -> None:
    if block.name in INNER:
        fix = f"Put it inside the `{{{INNER[block.name]}}}` that it belongs to."
        raise fault(f"`{{{block.name}}}` stands alone.", fix, path, block.line)
    if block.name not in DIRECTIVES:
        raise fault(f"There is no directive `{{{block.name}}}`.", near(block.name, DIRECTIVES), path, block.line)
    if (block.name == "code-cell") != (block.fence[0] == "`"):
        fix = "`{code-cell}` is fenced by backticks, every other directive by colons."
        raise fault(f'`{{{block.name}}}` is fenced by "{block.fence}".', fix, path, block.line)


def _check_options(block: Directive, known: tuple[str, ...], path: Path) -> None:
    for name, (_, line) in block.options.items():
        if name not in known:
            fix = near(name, known) or "Delete it: this directive takes none."
            raise fault(f"`{{{block.name}}}` has no option `:{name}:`.", fix, path, line)


def _exercise(block: Directive, path: Path) -> PageExercise:
    name = block.argument
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
        fix = "Write `{exercise} name`, with the name of the function, class or constant."
        raise fault(f"`{name}` can't name an exercise.", fix, path, block.line)
    _check_options(block, OPTIONS, path)
    difficulty = _number(block, "difficulty", path)
    if difficulty > HARDEST:
        line = block.options["difficulty"][1]
        raise fault(f"The difficulty is {difficulty}.", f"It goes from 1 to {HARDEST}.", path, line)
    statement, hints = _inside(block, "hint", path)
    if not hints:
        fix = "Add a block `:::{hint}` inside it: the first rung of the ladder."
        raise fault(f"The exercise `{block.argument}` has no hint.", fix, path, block.line)
    needs, needs_line = block.options.get("needs", ("", block.line))
    return PageExercise(
        id=block.argument,
        title=_option(block, "title", path),
        difficulty=difficulty,
        minutes=_number(block, "minutes", path),
        points=_number(block, "points", path),
        needs=tuple(name.strip() for name in needs.split(",") if name.strip()),
        statement=statement,
        hints=tuple(hints),
        line=block.line,
        needs_line=needs_line,
    )


def _predict(block: Directive, path: Path) -> Predict:
    question, answers = _inside(block, "answer", path)
    if len(answers) != 1:
        fix = "Put exactly one block `:::{answer}` inside it."
        raise fault(f"`{{predict}}` has {len(answers)} answers.", fix, path, block.line)
    return Predict(question, answers[0], block.line)


def _inside(block: Directive, name: str, path: Path) -> tuple[str, list[str]]:
    """The text of a block, and the texts of the blocks called `name` in it."""
    texts: list[str] = []
    inner: list[str] = []
    for item in read_blocks(block.body, block.body_line, path, Faults()):
        if isinstance(item, Text):
            texts.append(item.markdown)
        elif item.name == name:
            _check_options(item, (), path)
            inner.append(_plain(item, path))
        else:
            fix = near(item.name, (name,)) + " Close the outer block first, if this one comes after it."
            raise fault(f"`{{{item.name}}}` can't stand in `{{{block.name}}}`.", fix.strip(), path, item.line)
    if not texts:
        fix = f"Say, above `:::{{{name}}}`, what the reader is to do."
        raise fault(f"`{{{block.name}}}` has no text of its own.", fix, path, block.line)
    return "\n\n".join(texts), inner


def _plain(block: Directive, path: Path) -> str:
    """The Markdown of a block that holds no other."""
    for item in read_blocks(block.body, block.body_line, path, Faults()):
        if isinstance(item, Directive):
            fix = "Close the outer block first."
            raise fault(f"`{{{item.name}}}` can't stand in `{{{block.name}}}`.", fix, path, item.line)
    if not block.body.strip():
        raise fault(f"`{{{block.name}}}` is empty.", "Write its text, or delete it.", path, block.line)
    return block.body.strip("\n")


def _demo(block: Directive, path: Path) -> Demo:
    if block.argument != "python":
        fix = 'Write "```{code-cell} python".'
        raise fault(f"The language of this `{{code-cell}}` is {block.argument!r}.", fix, path, block.line)
    if not block.body.strip():
        raise fault("This `{code-cell}` is empty.", "Write its code, or delete it.", path, block.line)
    try:
        parse(block.body, path)
    except ContentError as error:
        line = block.body_line + (error.line or 1) - 1
        raise ContentError(error.fault, fix=error.fix, path=path, line=line) from None
    return Demo(block.body.strip("\n") + "\n", block.line)


def _option(block: Directive, name: str, path: Path) -> str:
    if name not in block.options:
        fix = f"Add a line `:{name}: ...` below it."
        raise fault(f"The exercise `{block.argument}` has no `:{name}:`.", fix, path, block.line)
    value, line = block.options[name]
    if not value:
        raise fault(f"The option `:{name}:` is empty.", "Give it a value.", path, line)
    return value


def _number(block: Directive, name: str, path: Path) -> int:
    value = _option(block, name, path)
    if not re.fullmatch(r"[1-9]\d{0,3}", value):
        line = block.options[name][1]
        raise fault(f"`:{name}:` is {value!r}.", "Write a whole number above 0.", path, line)
    return int(value)
