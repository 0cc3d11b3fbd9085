"""A notebook cell as plain Python: what only Jupyter understands is taken out, and line numbers stay."""

from __future__ import annotations

import ast
import re

# Cell magics whose body is the learner's Python; of all others (%%bash, %%html, ...) nothing is kept.
_PYTHON = re.compile(r"\s*%%(time|timeit|capture|prun)\b")
_TIMED = re.compile(r"^(\s*)%time\s+(?=\S)(.*)$")
_ASSIGNED = re.compile(r"^(\s*[\w., ]+=\s*)[!%]")
_MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+\?{1,2}\s*)$")


def without_magics(text: str) -> str:
    """The cell without its magics, shell commands and questions.

    >>> without_magics("%matplotlib inline\\nx = 1")
    'pass\\nx = 1'
    """
    if text.lstrip().startswith("%%"):
        if not _PYTHON.match(text):
            return ""
        before, mark, after = text.partition("%%")
        text = before + "#" + mark + after
    if _parses(text):
        return text  # a line may begin with % inside brackets or a string
    return "\n".join(map(_plain, text.split("\n")))


def _plain(line: str) -> str:
    line = _TIMED.sub(r"\1\2", line)
    line = _ASSIGNED.sub(r"\1None  # ", line)
    return _MAGIC.sub(r"\1pass", line)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
