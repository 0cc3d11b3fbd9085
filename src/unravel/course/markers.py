"""The lines around what the learner writes: `### BEGIN SOLUTION` and `### END SOLUTION`, read strictly.

nbgrader accepts a marker anywhere in a line, so a string that mentions one would cut a file in two. Here a
marker stands alone on its line, as a comment; whatever else nbgrader would take for one is a content error.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

from unravel.errors import ContentError

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")

# What nbgrader takes for a marker, and what an author may have meant as one.
_LIKE_A_MARKER = re.compile(
    r"^.*?(?:(?:BEGIN|END) SOLUTION|^[ \t]*#+[ \t]*(?i:begin|end)[ \t_-]*(?i:solution)\b).*$", re.MULTILINE
)
# Comments and strings, in the order in which they begin: a marker inside a string is not a comment.
_TEXTS = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)


@dataclass(frozen=True)
class Region:
    """What stands between a pair of markers, whose lines are `begin` and `end` (from 1).

    `text` is the code between them without the markers' own `indent`.
    """

    begin: int
    end: int
    indent: str
    text: str


def read_regions(source: str, path: Path | None = None) -> tuple[Region, ...]:
    """The solution regions of a Python source, in order.

    >>> read_regions("def f():\\n    ### BEGIN SOLUTION\\n    return 1\\n    ### END SOLUTION\\n")
    (Region(begin=2, end=4, indent='    ', text='return 1\\n'),)
    """
    lines = source.split("\n")
    regions: list[Region] = []
    begin = 0
    for line, marker in _markers(source, path):
        if marker == BEGIN and begin:
            raise _fault(f"`{BEGIN}` inside the region of line {begin}.", "End that one first.", path, line)
        if marker == END and not begin:
            raise _fault(f"`{END}` comes without a `{BEGIN}`.", f"Put `{BEGIN}` before it.", path, line)
        if marker == END:
            regions.append(_region(lines, begin, line, path))
        begin = line if marker == BEGIN else 0
    if begin:
        raise _fault(f"`{BEGIN}` has no `{END}`.", f"Put `{END}` after the solution.", path, begin)
    return tuple(regions)


def make_stub(source: str, path: Path | None = None) -> str:
    """The source as the learner gets it: each region becomes a comment and `raise NotImplementedError()`.

    Where there is a region, this is byte for byte what nbgrader's `ClearSolutions` makes of such a cell.
    """
    lines = source.split("\n")
    kept: list[str] = []
    last = 0
    for region in read_regions(source, path):
        kept += lines[last : region.begin - 1]
        kept += [region.indent + line for line in STUB]
        last = region.end
    return "\n".join(kept + lines[last:])


def indented(text: str, indent: str) -> str:
    """`text` with `indent` before each line that is not blank: the inverse of a region's dedent."""
    return "".join(indent + line if line.strip() else line for line in text.splitlines(keepends=True))


def _markers(source: str, path: Path | None) -> list[tuple[int, str]]:
    found = []
    for match in _LIKE_A_MARKER.finditer(source):
        line, marker = source.count("\n", 0, match.start()) + 1, match[0].strip()
        if marker not in (BEGIN, END):
            fix = f"Write `{BEGIN}` or `{END}` alone on its line, or choose other words."
            raise _fault(f"`{marker}` could be taken for a solution marker.", fix, path, line)
        found.append((line, marker))
    if found:
        comments = _comment_lines(source, path)
        for line, marker in found:
            if line not in comments:
                fix = "Choose other words for the string: nbgrader would cut the file here."
                raise _fault(f"`{marker}` stands inside a string.", fix, path, line)
    return found


def _comment_lines(source: str, path: Path | None) -> set[int]:
    """The lines that hold a marker as a comment. The slow tokeniser is asked only where a scan has doubts."""
    texts = list(_TEXTS.finditer(source))
    if not any(text[0][0] != "#" and _LIKE_A_MARKER.search(text[0]) for text in texts):
        return {source.count("\n", 0, text.start()) + 1 for text in texts if _LIKE_A_MARKER.match(text[0])}
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        line = error.lineno or 1 if isinstance(error, SyntaxError) else int(error.args[1][0])
        raise _fault(f"Not valid Python: {error.args[0]}.", "Correct the syntax.", path, line) from None
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}


def _region(lines: list[str], begin: int, end: int, path: Path | None) -> Region:
    indent = lines[begin - 1][: -len(lines[begin - 1].lstrip())]
    if lines[end - 1].rstrip() != indent + END:
        fix = f"Indent it like its `{BEGIN}` in line {begin}."
        raise _fault(f"`{END}` is not in line with its `{BEGIN}`.", fix, path, end)
    inside = lines[begin : end - 1]
    if not any(line.strip() and not line.lstrip().startswith("#") for line in inside):
        raise _fault("This solution region has no code.", "Write the solution in it.", path, begin)
    for number, line in enumerate(inside, begin + 1):
        if line.strip() and not line.startswith(indent):
            fix = f"Indent it at least as far as the `{BEGIN}` in line {begin}."
            raise _fault("This line of the solution stands left of its markers.", fix, path, number)
    return Region(begin, end, indent, "".join(line[len(indent) :] + "\n" for line in inside))


def _fault(fault: str, fix: str, path: Path | None, line: int) -> ContentError:
    return ContentError(fault, fix=fix, path=path, line=line)
