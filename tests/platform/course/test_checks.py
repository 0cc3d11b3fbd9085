"""A file of checks is read without running it."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from unravel.course import checks as reader
from unravel.course.checks import read_checks, sentence
from unravel.course.faults import Faults
from unravel.course.model import Check, Edit
from unravel.errors import ContentError
from unravel.grading import authoring

GOOD = '''\
raise SystemExit("this file is never run")
from unravel.grading import checks
import unravel.grading as g

MISTAKES: list = [
    Mistake("f", "You added.", "a * b", "a + b"),
    g.Mistake(exercise="f", why="You " "gave up.", wrong="return 0"),
]
ALTERNATIVES = (Alternative("f", how="by a sum", code="""
    return sum([a] * b)
"""),)

def helper(x):
    return x

@checks("f")
def test_rows_sum_to_one(submission, draw):
    """Each row
    sums to one."""

@checks(exercise="f", hidden=True, seconds=30)
def test_x(submission):
    """It holds."""
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test_lesson.py"


def test_checks_mistakes_and_alternatives(path: Path) -> None:
    path.write_text(GOOD)
    file = read_checks(path)
    assert file.checks == (
        Check("test_rows_sum_to_one", "Rows sum to one", "Each row sums to one.", "f", False, 5.0, 17),
        Check("test_x", "X", "It holds.", "f", True, 30.0, 22),
    )
    assert file.mistakes == (
        Edit("f", "You added.", "a * b", "a + b", 6),
        Edit("f", "You gave up.", None, "return 0", 7),
    )
    assert file.alternatives == (Edit("f", "by a sum", None, "\n    return sum([a] * b)\n", 9),)


def test_reader_agrees_with_what_authors_call() -> None:
    for read, made in ((reader._MISTAKE, authoring.Mistake), (reader._ALTERNATIVE, authoring.Alternative)):
        parameters = inspect.signature(made).parameters.values()
        assert list(read) == [parameter.name for parameter in parameters]
        assert [default for _, default in read.values()] == [
            ... if parameter.default is parameter.empty else parameter.default for parameter in parameters
        ]
    parameters = inspect.signature(authoring.checks).parameters
    assert list(reader._CHECKS) == list(parameters)
    assert parameters["seconds"].default == reader.DEFAULT_SECONDS


def test_sentence() -> None:
    assert sentence("test_the_mask_is_causal") == "The mask is causal"


DOC = '    """It holds."""'
TEST = ["def test_f(submission):", DOC]
BAD = {
    "not marked": (TEST, 1, "`test_f` is not marked", '@checks("id")'),
    "marked twice": (['@checks("f")', '@checks("g")', *TEST], 3, "is not marked", "one decorator"),
    "other decorator": (["@pytest.mark.slow", *TEST], 2, "is not marked", "one decorator"),
    "mark without call": (["@checks", *TEST], 2, "is not marked", '@checks("id")'),
    "no docstring": (['@checks("f")', "def test_f(submission):", "    pass"], 2, "no docstring", "one sentence"),
    "empty docstring": (['@checks("f")', "def test_f(submission):", '    " "'], 2, "no docstring", "one sentence"),
    "no submission": (['@checks("f")', "def test_f(draw):", DOC], 2, "doesn't take `submission`", "Add"),
    "name for a literal": (["@checks(NAME)", *TEST], 1, "`exercise` of `checks` is not a literal", "value itself"),
    "call for a literal": (['@checks("f", seconds=float("5"))', *TEST], 1, "`seconds` of `checks`", "value itself"),
    "f-string": (['@checks(f"f{1}")', *TEST], 1, "is not a literal", "without running"),
    "misspelt argument": (['@checks("f", secnds=5)', *TEST], 1, "no argument `secnds`", "mean `seconds`"),
    "argument given twice": (['@checks("f", exercise="f")', *TEST], 1, "no argument `exercise`", "exercise"),
    "too many": (['@checks("f", True, 1.0, 2)', *TEST], 1, "no argument", "Known here"),
    "stars": (["@checks(**options)", *TEST], 1, "no argument `**`", "Known here"),
    "no exercise": (["@checks()", *TEST], 1, "has no `exercise`", "exercise=..."),
    "wrong type": (['@checks("f", hidden=1)', *TEST], 1, "`hidden` of `checks` is 1", "type bool"),
    "true for a number": (['@checks("f", seconds=True)', *TEST], 1, "is True", "type int | float"),
    "no time": (['@checks("f", seconds=0)', *TEST], 1, "`seconds` is 0", "above 0"),
    "same name": (['@checks("f")', *TEST, '@checks("f")', *TEST], 5, "Two checks are called `test_f`", "line 2"),
    "mistakes not a list": (["MISTAKES = make()"], 1, "`MISTAKES` is not a list", "without running"),
    "mistakes by comprehension": (["MISTAKES = [Mistake(n) for n in x]"], 1, "not a list", "Mistake(...)"),
    "no mistake": (["MISTAKES = [", "  other,", "]"], 2, "something else", "`Mistake(...)`"),
    "alternative among mistakes": (["MISTAKES = [", 'Alternative("f", "a", "b")]'], 2, "something else", "Mistake"),
    "why by a name": (["MISTAKES = [", 'Mistake("f", why=WHY, wrong="x")]'], 2, "`why` of `Mistake`", "value itself"),
    "no why": (['MISTAKES = [Mistake("f", wrong="x")]'], 1, "has no `why`", "why=..."),
    "blank why": (['MISTAKES = [Mistake("f", why=" ", wrong="x")]'], 1, "says what", "people read it"),
    "no change": (['MISTAKES = [Mistake("f", why="y", right="x", wrong="x")]'], 1, "changes nothing", "`wrong`"),
    "nothing to replace": (['MISTAKES = [Mistake("f", why="y", right="", wrong="x")]'], 1, "changes nothing", "right"),
    "nothing instead": (['MISTAKES = [Mistake("f", why="y")]'], 1, "changes nothing", "new code"),
    "alternative without code": (['ALTERNATIVES = [Alternative("f", how="h")]'], 1, "has no `code`", "code=..."),
    "dedent call": (['ALTERNATIVES = [Alternative("f", "h", dedent("x"))]'], 1, "`code` of `Alternative`", "itself"),
    "not Python": (["def test(:"], 1, "Not valid Python", "syntax"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_checks_are_content_errors(path: Path, case: str) -> None:
    lines, line, fault, fix = BAD[case]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ContentError) as caught:
        read_checks(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert fault in caught.value.fault
    assert fix in caught.value.fix


def test_faults_are_gathered_one_by_one(path: Path) -> None:
    path.write_text("\n".join([*TEST, "MISTAKES = [other, Mistake()]", '@checks("f")', *TEST]) + "\n")
    faults = Faults(gather=True)
    file = read_checks(path, faults)
    assert [error.line for error in faults.found] == [1, 3, 3]
    assert [check.line for check in file.checks] == [5]
