"""MyST directives in a lesson page: `:::{name} argument`, options, body. Only their form is judged here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from unravel.course.faults import Faults
from unravel.course.rules import fault
from unravel.errors import ContentError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_OPENING = re.compile(r"\{([^}\s]*)\}\s*(.*)")
_OPTION = re.compile(r":([A-Za-z][\w-]*):(?:\s+(.*))?$")
_STRUCTURE = re.compile(r":::|```|~~~|\$\$")
_FENCES = ("fence", "colon_fence")


@dataclass(frozen=True)
class Text:
    """Markdown between directives, without blank lines at its ends. `line` is its first line in the file."""

    markdown: str
    line: int


@dataclass(frozen=True)
class Directive:
    """One directive. `options` maps a name to its value and line; `body` begins in line `body_line`.

    `fence` is the run of colons or backticks that opened it.
    """

    name: str
    argument: str
    options: dict[str, tuple[str, int]]
    body: str
    line: int
    body_line: int
    fence: str


def read_blocks(markdown: str, first: int, path: Path, faults: Faults) -> list[Text | Directive]:
    """The text and directives of a piece of Markdown whose first line is line `first` of the file."""
    lines = markdown.split("\n")
    if not _STRUCTURE.search(markdown):
        return _text(lines, 0, len(lines), first)
    blocks: list[Text | Directive] = []
    last = 0
    for token in _parser().parse(markdown):
        if token.map is None:
            continue
        with faults.part():
            _check_text(token, lines, first, path)
            if token.type not in _FENCES or not (token.type == "colon_fence" or token.info.strip()[:1] == "{"):
                continue
            begin, end = token.map
            blocks += _text(lines, last, begin, first)
            last = end
            blocks.append(_directive(token, lines, first, path))
    return blocks + _text(lines, last, len(lines), first)


@cache
def _parser() -> MarkdownIt:
    """Blocks only: where a paragraph or a fence begins and ends is all that a page's reader asks.

    Imported late: most runs remember the lessons and parse nothing.
    """
    from markdown_it import MarkdownIt
    from mdit_py_plugins.colon_fence import colon_fence_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark").use(colon_fence_plugin).use(dollarmath_plugin)
    parser.core.ruler.disable(["inline", "text_join"])
    return parser


def _text(lines: list[str], begin: int, end: int, first: int) -> list[Text | Directive]:
    while begin < end and not lines[begin].strip():
        begin += 1
    markdown = "\n".join(lines[begin:end]).rstrip()
    return [Text(markdown, first + begin)] if markdown else []


def _check_text(token: Token, lines: list[str], first: int, path: Path) -> None:
    """Finds what Markdown would take for text, but was meant as something else."""
    begin, end = token.map or (0, 0)
    line = first + begin
    if token.type in _FENCES and not _closed(token, lines, end):
        mark = token.markup
        raise fault(f'The block "{lines[begin].strip()}" is never closed.', f'Close it: "{mark}".', path, line)
    if token.type in _FENCES and token.level and (token.type == "colon_fence" or token.info.strip()[:1] == "{"):
        fix = "Move it out of the list or quotation, to the left margin."
        raise fault(f'The directive "{lines[begin].strip()}" is not at the top level.', fix, path, line)
    if token.type == "code_block" and token.content.lstrip().startswith((":::", "```{")):
        fix = "Move it to the left margin: text four spaces in is shown as code."
        raise fault("An indented directive.", fix, path, line)
    if token.type == "inline" and re.sub(r"`[^`]*`", "", token.content).count("$$") % 2:
        raise fault("Maths that begins with `$$` is not closed.", "Close it with `$$`.", path, line)


def _closed(token: Token, lines: list[str], end: int) -> bool:
    """The last line is a closing fence (the parser closes silently at the end of the file)."""
    begin = token.map[0] if token.map else 0
    closing = lines[end - 1].strip().lstrip(">").strip()
    return end - 1 > begin and len(closing) >= len(token.markup) and not closing.strip(token.markup[0])


def _directive(token: Token, lines: list[str], first: int, path: Path) -> Directive:
    begin = token.map[0] if token.map else 0
    line = first + begin
    opening = _OPENING.fullmatch(token.info.strip())
    if opening is None:
        fix = "Write `:::{name}` to open a block; if this closes one, that one was closed before."
        raise fault(f'The block "{lines[begin].strip()}" names no directive.', fix, path, line)
    _check_nesting(token, line, path)
    body = token.content.split("\n")
    options: dict[str, tuple[str, int]] = {}
    while body and (match := _OPTION.fullmatch(body[0].strip())):
        name, value = match[1], (match[2] or "").strip()
        place = line + 1 + len(options)
        if name in options:
            raise fault(f"The option `:{name}:` is given twice.", "Keep one of them.", path, place)
        options[name] = (value, place)
        body = body[1:]
    return Directive(
        opening[1],
        opening[2].strip(),
        options,
        "\n".join(body).rstrip(),
        line,
        line + 1 + len(options),
        token.markup,
    )


def _check_nesting(token: Token, line: int, path: Path) -> None:
    """An outer block is fenced by more colons than an inner one, else the inner one's end closes it."""
    if token.type != "colon_fence":
        return
    for number, text in enumerate(token.content.split("\n"), line + 1):
        inner = re.match(r"\s*(:{3,})\s*\{", text)
        if inner and len(inner[1]) >= len(token.markup):
            fix = f"Close it before line {number}, or, if that block is inside, give the outer one more colons."
            raise ContentError(f'The block "{token.markup}{token.info}" is not closed.', fix=fix, path=path, line=line)
