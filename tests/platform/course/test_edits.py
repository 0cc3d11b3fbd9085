"""Mistakes and alternatives are made of a solution by an edit, which must fit exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel.course.edits import apply_edit
from unravel.course.markers import make_stub
from unravel.course.model import Edit
from unravel.errors import ContentError

SOURCE = '''\
"""x * y stands here, outside of the regions."""


def f(x: int, y: int) -> int:
    """x * y"""
    ### BEGIN SOLUTION
    if x:
        return x * y
    return 0
    ### END SOLUTION


class C:
    """Two regions."""

    def __init__(self, n: int) -> None:
        ### BEGIN SOLUTION
        self.n = n
        ### END SOLUTION

    def get(self) -> int:
        """It."""
        ### BEGIN SOLUTION
        return self.n + 1
        ### END SOLUTION


# LIMIT: the end.
### BEGIN SOLUTION
LIMIT: int = 42
### END SOLUTION
'''
TESTS = Path("test_lesson.py")


def edit(exercise: str, old: str | None, new: str) -> Edit:
    return Edit(exercise, "why", old, new, 7)


def run(exercise: str, old: str | None, new: str) -> dict[str, object]:
    """The namespace of the edited source."""
    namespace: dict[str, object] = {}
    exec(apply_edit(SOURCE, exercise, edit(exercise, old, new), TESTS), namespace)
    return namespace


def test_piece_is_replaced_in_the_region_only() -> None:
    changed = apply_edit(SOURCE, "f", edit("f", "x * y", "x + y"))
    assert changed == SOURCE.replace("return x * y", "return x + y")
    assert run("f", "x * y", "x + y")["f"](3, 4) == 7


def test_piece_of_several_lines_is_written_without_the_indent() -> None:
    namespace = run("f", "if x:\n    return x * y\n", "while y:\n    return 5\n")
    assert namespace["f"](0, 4) == 5


def test_piece_may_stand_in_any_region() -> None:
    assert run("C", "self.n + 1", "self.n")["C"](5).get() == 5
    assert run("C", "= n", "= -n")["C"](5).get() == -4


@pytest.mark.parametrize("code", ["return 9", "\n    z = 9\n    return z\n  ", "if y:\n    return 9\nreturn 8\n\n"])
def test_whole_region_is_replaced_at_its_indent(code: str) -> None:
    assert run("f", None, code)["f"](3, 4) == 9


def test_whole_of_several_regions() -> None:
    code = "\n    if n:\n        self.m = n\n    ### NEXT REGION\n    return self.m * 10\n"
    changed = apply_edit(SOURCE, "C", edit("C", None, code))
    expected = SOURCE.replace("        self.n = n\n", "        if n:\n            self.m = n\n")
    assert changed == expected.replace("return self.n + 1", "return self.m * 10")


def test_constant() -> None:
    assert run("LIMIT", "42", "24")["LIMIT"] == 24
    assert run("LIMIT", None, "LIMIT: int = 6 * 8")["LIMIT"] == 48


def test_edited_source_still_makes_the_same_stub() -> None:
    assert make_stub(apply_edit(SOURCE, "f", edit("f", None, "return 9"))) == make_stub(SOURCE)


BAD = {
    "never": ("f", "x / y", "x", "'x / y' does not occur in the solution of `f`", "exactly once"),
    "only outside of the region": ("C", "Two regions", "x", "does not occur", "exactly once"),
    "twice": ("f", "return", "yield", "'return' occurs 2 times", "exactly once"),
    "once in each region": ("C", "self.n", "self.m", "occurs 2 times", "exactly once"),
    "unknown exercise": ("g", "x", "y", "`g` is no exercise", "`f`, `C`, `LIMIT`"),
    "too few pieces": ("C", None, "return 1", "2 solution regions; this edit has 1", "### NEXT REGION"),
    "too many pieces": (
        "f",
        None,
        "x = 1\n### NEXT REGION\nreturn x",
        "1 solution region; this edit has 2",
        "one piece",
    ),
    "not Python": ("f", "x * y", "x *", "edit of `f` is not valid Python", "'return x *'"),
}


@pytest.mark.parametrize("case", BAD)
def test_edits_that_do_not_fit(case: str) -> None:
    exercise, old, new, fault, fix = BAD[case]
    with pytest.raises(ContentError) as caught:
        apply_edit(SOURCE, exercise, edit(exercise, old, new), TESTS)
    assert (caught.value.path, caught.value.line) == (TESTS, 7)
    assert fault in caught.value.fault
    assert fix in caught.value.fix
