"""A lesson page is read into blocks with the lines that they have in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel.course.faults import Faults
from unravel.course.model import Callout, Demo, Place, Predict, Prose
from unravel.course.page import PageExercise, read_page
from unravel.errors import ContentError

GOOD = """\
# The title *here*

Prose with $x_1$ and

- a list

  of two paragraphs

```python
# plain code stays prose
:::{note}
```

$$
# no heading
- no list
$$
```{code-cell} python
import torch

torch.ones(2)
```
:::::{exercise} softmax
:title: Softmax: the first
:difficulty: 5
:minutes: 15
:points: 3
:needs: a, b_2

Write it.

| a | b |
|---|---|
| 1 | 2 |

::::{hint}
One.

```python
x = 1
```
::::

Then more.

:::{hint}
Two.
:::
:::::

::::{predict}
What?

:::{answer}
This.
:::
::::

:::{note}
Plain.
:::

:::{warning} Take *care*
Two

paragraphs.
:::
The end.
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lesson.md"


def test_blocks_with_their_lines(path: Path) -> None:
    path.write_text(GOOD)
    page = read_page(path)
    lines = GOOD.split("\n")
    assert page.title == "The title *here*"
    assert page.blocks == (
        Prose("\n".join(lines[2:17]), 3),
        Demo("import torch\n\ntorch.ones(2)\n", lines.index("```{code-cell} python") + 1),
        Place("softmax", lines.index(":::::{exercise} softmax") + 1),
        Predict("What?", "This.", lines.index("::::{predict}") + 1),
        Callout("note", "", "Plain.", lines.index(":::{note}", 20) + 1),
        Callout("warning", "Take *care*", "Two\n\nparagraphs.", lines.index(":::{warning} Take *care*") + 1),
        Prose("The end.", lines.index("The end.") + 1),
    )


def test_exercise_with_its_ladder(path: Path) -> None:
    path.write_text(GOOD)
    (exercise,) = read_page(path).exercises
    lines = GOOD.split("\n")
    assert exercise == PageExercise(
        id="softmax",
        title="Softmax: the first",
        difficulty=5,
        minutes=15,
        points=3,
        needs=("a", "b_2"),
        statement="Write it.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nThen more.",
        hints=("One.\n\n```python\nx = 1\n```", "Two."),
        line=lines.index(":::::{exercise} softmax") + 1,
        needs_line=lines.index(":needs: a, b_2") + 1,
    )


HEAD = ["::::{exercise} f", ":title: F", ":difficulty: 1", ":minutes: 2", ":points: 3"]
HINT = [":::{hint}", "Think.", ":::"]
WHOLE = [*HEAD, "", "Write it.", "", *HINT, "::::"]


def without(option: str) -> list[str]:
    return [line for line in WHOLE if not line.startswith(f":{option}:")]


def with_(option: str, value: str) -> list[str]:
    return [f":{option}: {value}".rstrip() if line.startswith(f":{option}:") else line for line in WHOLE]


# The lines below the title; the line of the fault (the title has line 1); words of the fault and of the fix.
BAD: dict[str, tuple[list[str], int, str, str]] = {
    "unknown directive": ([":::{notte}", "x", ":::"], 2, "no directive `{notte}`", "mean `note`"),
    "directive of another tool": ([":::{figure} x.png", ":::"], 2, "no directive `{figure}`", "Known here"),
    "unknown backtick directive": (["```{math}", "x", "```"], 2, "no directive `{math}`", "`code-cell`"),
    "exercise in backticks": (["```{exercise} f", "```"], 2, '`{exercise}` is fenced by "```"', "by colons"),
    "demo in colons": ([":::{code-cell} python", "x", ":::"], 2, "`{code-cell}` is fenced", "backticks"),
    "no name": ([":::note", "x", ":::"], 2, '":::note" names no directive', "`:::{name}`"),
    "stray end": (["Text.", ":::", "x", ":::"], 3, "names no directive", "closed before"),
    "unclosed exercise": ([*HEAD, "", "Write it.", "", *HINT], 2, '"::::{exercise} f" is never closed', '"::::"'),
    "unclosed note": (["", "Text.", ":::{note}", "x"], 4, '":::{note}" is never closed', '":::"'),
    "unclosed demo": (["```{code-cell} python", "x = 1"], 2, "is never closed", "```"),
    "unclosed plain fence": (["", "```python", "x = 1"], 3, '"```python" is never closed', "```"),
    "unclosed, then another": ([*HEAD, "", "Write it.", *WHOLE], 2, "is not closed", "before line 9"),
    "inner with as many colons": (
        [":::{predict}", "What?", ":::{answer}", "x", ":::", ":::"],
        2,
        "is not closed",
        "more colons",
    ),
    "unclosed hint": ([*HEAD, "", "Write it.", ":::{hint}", "x", "::::"], 9, '":::{hint}" is never closed', '":::"'),
    "directive in a list": (["- item", "", "  :::{note}", "  x", "  :::"], 4, "not at the top level", "left margin"),
    "directive in a quotation": (["> :::{note}", "> x", "> :::"], 2, "not at the top level", "quotation"),
    "indented directive": (["", "    :::{note}", "    x", "    :::"], 3, "indented directive", "left margin"),
    "maths never closed": (["", "$$", "x", "", "Text."], 3, "`$$` is not closed", "Close it"),
    "hint alone": (HINT, 2, "`{hint}` stands alone", "inside the `{exercise}`"),
    "answer alone": ([":::{answer}", "x", ":::"], 2, "`{answer}` stands alone", "inside the `{predict}`"),
    "no id": (["::::{exercise}", *WHOLE[1:]], 2, "`` can't name", "name of the function"),
    "id is no name": (["::::{exercise} two words", *WHOLE[1:]], 2, "`two words` can't name", "function, class"),
    "id is a keyword": (["::::{exercise} lambda", *WHOLE[1:]], 2, "`lambda` can't name", "function, class"),
    "no title": (without("title"), 2, "has no `:title:`", "`:title: ...`"),
    "no difficulty": (without("difficulty"), 2, "has no `:difficulty:`", "`:difficulty: ...`"),
    "no minutes": (without("minutes"), 2, "has no `:minutes:`", "`:minutes: ...`"),
    "no points": (without("points"), 2, "has no `:points:`", "`:points: ...`"),
    "empty title": (with_("title", ""), 3, "`:title:` is empty", "Give it a value"),
    "unknown option": ([*HEAD, ":point: 3", *WHOLE[5:]], 7, "no option `:point:`", "mean `points`"),
    "option twice": ([*HEAD, ":points: 3", *WHOLE[5:]], 7, "`:points:` is given twice", "Keep one"),
    "option of a note": ([":::{note}", ":class: red", "x", ":::"], 3, "no option `:class:`", "takes none"),
    "option of a demo": (["```{code-cell} python", ":tags: hide", "x", "```"], 3, "no option `:tags:`", "Delete"),
    "minutes in words": (with_("minutes", "ten"), 5, "`:minutes:` is 'ten'", "whole number"),
    "no whole number": (with_("points", "1.5"), 6, "`:points:` is '1.5'", "whole number"),
    "negative": (with_("points", "-1"), 6, "`:points:` is '-1'", "above 0"),
    "zero": (with_("points", "0"), 6, "`:points:` is '0'", "above 0"),
    "too difficult": (with_("difficulty", "6"), 4, "difficulty is 6", "from 1 to 5"),
    "no hint": ([*HEAD, "", "Write it.", "::::"], 2, "`f` has no hint", ":::{hint}"),
    "empty hint": ([*HEAD, "Write it.", ":::{hint}", ":::", "::::"], 8, "`{hint}` is empty", "Write its text"),
    "option of a hint": ([*HEAD, "It.", ":::{hint}", ":x: 1", "y", ":::", "::::"], 9, "no option `:x:`", "none"),
    "no statement": ([*HEAD, "", *HINT, "::::"], 2, "no text of its own", "what the reader is to do"),
    "other block in an exercise": ([*HEAD, "It.", ":::{tip}", "x", ":::", "::::"], 8, "`{tip}` can't stand", "`hint`"),
    "block in a hint": (
        [":" + HEAD[0], *HEAD[1:], "It.", "::::{hint}", "x", ":::{note}", "y", ":::", "::::", ":::::"],
        10,
        "`{note}` can't stand in `{hint}`",
        "Close the outer",
    ),
    "no answer": ([":::{predict}", "What?", ":::"], 2, "has 0 answers", "exactly one"),
    "no question": (["::::{predict}", ":::{answer}", "x", ":::", "::::"], 2, "no text of its own", ":::{answer}"),
    "two answers": (
        ["::::{predict}", "What?", ":::{answer}", "x", ":::", ":::{answer}", "x", ":::", "::::"],
        2,
        "has 2 answers",
        "exactly one",
    ),
    "demo in another language": (["```{code-cell} r", "x", "```"], 2, "is 'r'", "{code-cell} python"),
    "empty demo": (["```{code-cell} python", "", "```"], 2, "is empty", "delete it"),
    "demo is no Python": (["```{code-cell} python", "x = 1", "y = (", "```"], 4, "Not valid Python", "syntax"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_pages_are_content_errors(path: Path, case: str) -> None:
    lines, line, fault, fix = BAD[case]
    path.write_text("\n".join(["# Title", *lines]) + "\n")
    with pytest.raises(ContentError) as caught:
        read_page(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert fault in caught.value.fault
    assert fix in caught.value.fix


@pytest.mark.parametrize("first", ["", "Title", "## Title", "#Title", "# "])
def test_first_line_is_the_title(path: Path, first: str) -> None:
    path.write_text(first + "\n\nText.\n")
    with pytest.raises(ContentError, match="no title") as caught:
        read_page(path)
    assert caught.value.line == 1
    assert "`# Title`" in caught.value.fix


def test_faults_are_gathered(path: Path) -> None:
    path.write_text("\n".join(["Title", ":::{notte}", "x", ":::", *with_("points", "0"), "", ":::{tip}", "y", ":::"]))
    faults = Faults(gather=True)
    page = read_page(path, faults)
    assert [error.line for error in faults.found] == [1, 2, 9]
    assert [type(block) for block in page.blocks] == [Callout]


def test_dollar_signs_in_code_are_no_maths(path: Path) -> None:
    path.write_text("# T\n\nWrite `$$` to begin, and pay $5.\n\n```\n$$\n```\n")
    assert [type(block) for block in read_page(path).blocks] == [Prose]


def test_windows_line_ends(path: Path) -> None:
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())
    windows = read_page(path)
    path.write_text(GOOD)
    assert windows == read_page(path)
