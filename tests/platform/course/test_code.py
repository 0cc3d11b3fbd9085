"""A solution file is read without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel.course.code import read_code
from unravel.errors import ContentError

PATH = Path("lesson.py")
GOOD = '''\
"""Says what it is."""

import math
import torch.nn as nn
from jaxtyping import Float
from torch import Tensor

from unravel.interp import plots


def given(x):
    return x


# About `first`:
# two lines of it.
@torch.no_grad()
def first(n: int, *, scale: float = 1.0) -> float:
    """A number.

    >>> first(1)
    1.0
    """
    total = 0.0
    ### BEGIN SOLUTION
    total += n * scale
    ### END SOLUTION
    total += 1
    ### BEGIN SOLUTION
    total -= 1
    ### END SOLUTION
    return total


# LIMIT: how far.
### BEGIN SOLUTION
LIMIT: int = 3
### END SOLUTION


class Box(nn.Module):
    """Holds."""

    def value(self) -> float:
        """It."""
        ### BEGIN SOLUTION
        return first(LIMIT)
        # that was all
        ### END SOLUTION


SHOWN = given(1)
'''


def test_exercises_are_found_in_order() -> None:
    file = read_code(PATH, GOOD)
    assert [(code.id, code.kind) for code in file.exercises] == [
        ("first", "function"),
        ("LIMIT", "constant"),
        ("Box", "class"),
    ]
    lines = GOOD.split("\n")
    starts = ["def first", "LIMIT: int", "class Box"]
    assert all(lines[code.line - 1].startswith(start) for code, start in zip(file.exercises, starts, strict=True))


def test_regions_and_uses() -> None:
    file = read_code(PATH, GOOD)
    first, limit, box = file.exercises
    assert [region.text for region in first.regions] == ["total += n * scale\n", "total -= 1\n"]
    assert limit.regions[0].text == "LIMIT: int = 3\n"
    assert (first.uses, limit.uses, box.uses) == ((), (), ("first", "LIMIT"))


def test_imports_are_dotted_modules() -> None:
    assert read_code(PATH, GOOD).imports == ("math", "torch.nn", "jaxtyping", "torch", "unravel.interp")


def test_parts_hold_every_line_of_code_in_order() -> None:
    parts = read_code(PATH, GOOD).parts
    assert [part.exercise for part in parts] == [None, "first", "LIMIT", "Box", None]
    joined = "".join(part.source for part in parts)
    assert [line for line in joined.split("\n") if line] == [line for line in GOOD.split("\n") if line]
    assert parts[1].source.startswith("# About `first`:\n# two lines of it.\n@torch.no_grad()\n")
    assert parts[3].source.endswith("    ### END SOLUTION\n")
    lines = GOOD.split("\n")
    assert all(part.source.startswith(lines[part.line - 1] + "\n") for part in parts)


B, E = "### BEGIN SOLUTION", "### END SOLUTION"
DOC = '    """What."""'
BODY = [f"    {B}", "    return 1", f"    {E}"]
BAD = {
    "not Python": (["def f(:"], 1, "Not valid Python", "Correct the syntax"),
    "region in an if": (["if True:", f"    {B}", "    x = 1", f"    {E}"], 2, "in no function or class", "top-level"),
    "region before all": ([f"    {B}", "    x = 1", f"    {E}"], 2, "Not valid Python", "Correct"),
    "function in a region at the margin": ([B, "def f() -> int:", "    return 1", E], 1, "one constant", "NAME: type"),
    "two constants": (["# A and C", B, "A: int = 1", "C: int = 2", E], 2, "one constant", "NAME: type = value"),
    "constant without type": (["# A", B, "A = 1", E], 2, "one constant", "NAME: type = value"),
    "constant without value": (["# A", B, "A: int", E], 2, "one constant", "NAME: type = value"),
    "constant nobody names": ([B, "A: int = 1", E], 1, "names `A`", "# A: what it is"),
    "no docstring": (["def f() -> int:", *BODY], 1, "no docstring", "say what comes out"),
    "docstring in the region": (
        ["def f() -> int:", f"    {B}", DOC, "    return 1", f"    {E}"],
        1,
        "no docstring",
        "Above `### BEGIN",
    ),
    "no type of an argument": (["def f(x) -> int:", DOC, *BODY], 1, "no type for `x`", "`x: ...`"),
    "no type of **": (["def f(**kw) -> int:", DOC, *BODY], 1, "no type for `kw`", "`kw: ...`"),
    "no return type": (["def f(x: int):", DOC, *BODY], 1, "no return type", "-> ..."),
    "no return type of a method": (
        ["class C:", DOC, "    def f(self):", f"        {B}", "        return 1", f"        {E}"],
        3,
        "`f` has no return type",
        "-> ...",
    ),
    "region in a class body": (["class C:", DOC, f"    {B}", "    x = 1", f"    {E}"], 3, "in no method", "method"),
    "defined twice": (
        ["def f() -> int:", DOC, *BODY, "def f() -> int:", DOC, *BODY],
        6,
        "`f` is defined twice",
        "Rename",
    ),
    "import that learners lack": (["import pandas"], 1, "`pandas` is not for learners", "may import"),
    "import of our own tool": (["from unravel.grading import checks"], 1, "`unravel.grading`", "unravel.interp"),
    "import of a near name": (["import unravel.interpolate"], 1, "`unravel.interpolate`", "unravel.interp"),
    "relative import": (["from . import x"], 1, "`.` is not for learners", "may import"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_code_is_a_content_error(case: str) -> None:
    lines, line, fault, fix = BAD[case]
    with pytest.raises(ContentError) as caught:
        read_code(PATH, "\n".join(lines) + "\n")
    assert (caught.value.path, caught.value.line) == (PATH, line)
    assert fault in caught.value.fault
    assert fix in caught.value.fix


def test_region_that_runs_into_the_next_definition() -> None:
    source = f"def f() -> int:\n    {B}\n    return 1\ndef g() -> int:\n    {E}\n    return 1\n"
    with pytest.raises(ContentError) as caught:
        read_code(PATH, source)
    assert "left of its markers" in caught.value.fault
    assert caught.value.line == 4


def test_nothing_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    read_code(PATH, f"import pathlib\npathlib.Path({str(trap)!r}).touch()\n")
    assert not trap.exists()


@pytest.mark.parametrize(("data", "word"), [(b"\xff\xfe", "UTF-8"), (None, "missing")])
def test_unreadable_files_are_content_errors(tmp_path: Path, data: bytes | None, word: str) -> None:
    path = tmp_path / "lesson.py"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ContentError, match=word) as caught:
        read_code(path)
    assert caught.value.path == path
    assert caught.value.fix
