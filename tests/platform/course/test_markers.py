"""Markers are read strictly, and a stub is byte for byte what nbgrader makes of the same cell."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.preprocessors import ClearSolutions

from unravel.course.markers import BEGIN, END, indented, make_stub, read_regions
from unravel.errors import ContentError

CLEAR = ClearSolutions()


def by_nbgrader(source: str) -> str:
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade": False,
        "solution": True,
        "locked": False,
        "task": False,
        "grade_id": "cell",
    }
    notebook = nbformat.v4.new_notebook(cells=[cell])
    return CLEAR.preprocess(notebook, {})[0].cells[0].source


LINE = st.sampled_from(["x = 1", "", "# a comment", "y = 'text'", "if x:", "    pass", "é = 'ü'", "\tz = 2", "  "])
CODE = st.lists(LINE, max_size=4)


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Lines around one to three regions, at any indent, with or without a line end at the end."""
    lines = draw(CODE)
    for _ in range(draw(st.integers(1, 3))):
        indent = draw(st.sampled_from(["", "    ", "        ", "\t", "   "]))
        inside = [indent + line if line.strip() else line for line in draw(CODE)]
        lines += [indent + BEGIN, *inside, indent + "result = 1", indent + END, *draw(CODE)]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@settings(max_examples=300, deadline=None)
@given(sources())
def test_stub_is_what_nbgrader_makes(source: str) -> None:
    assert make_stub(source) == by_nbgrader(source)


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_trailing_line_ends_stay(end: str) -> None:
    source = f"def f():\n    {BEGIN}\n    return 1\n    {END}{end}"
    expected = f"def f():\n    # YOUR CODE HERE\n    raise NotImplementedError(){end}"
    assert make_stub(source) == expected == by_nbgrader(source)


def test_source_without_region_stays_as_it_is() -> None:
    assert make_stub("x = 1\n") == "x = 1\n"


def test_region_tells_lines_indent_and_text() -> None:
    source = f"def f():\n    {BEGIN}\n    if True:\n        return 1\n\n    return 2\n    {END}\n"
    (region,) = read_regions(source)
    assert (region.begin, region.end, region.indent) == (2, 7, "    ")
    assert region.text == "if True:\n    return 1\n\nreturn 2\n"
    assert indented(region.text, region.indent) == "".join(source.splitlines(keepends=True)[2:6])


SOLVED = "    return 1"
BAD = {
    "missing end": (["def f():", f"    {BEGIN}", SOLVED], 2, "has no `### END SOLUTION`", "after the solution"),
    "end first": (["def f():", f"    {END}", SOLVED, f"    {BEGIN}"], 2, "without a `### BEGIN", "before it"),
    "two ends": (
        ["def f():", f"    {BEGIN}", SOLVED, f"    {END}", f"    {END}"],
        5,
        "without a `### BEGIN",
        "before it",
    ),
    "nested": (
        ["def f():", f"    {BEGIN}", f"    {BEGIN}", SOLVED, f"    {END}", f"    {END}"],
        3,
        "inside the region of line 2",
        "End that one first",
    ),
    "in a string": (['x = """', BEGIN, "1", END, '"""'], 2, "inside a string", "nbgrader would cut"),
    "in a docstring, beside a real region": (
        ["def f():", '    """', f"    {END}", '    """', f"    {BEGIN}", SOLVED, f"    {END}"],
        3,
        "inside a string",
        "other words",
    ),
    "after code": (["x = 1  " + BEGIN, END], 1, "could be taken for", "alone on its line"),
    "inside a one-line string": (['x = "### BEGIN SOLUTION"'], 1, "could be taken for", "alone on its line"),
    "small letters": (["def f():", "    ### begin solution", SOLVED], 2, "could be taken for", "alone on its line"),
    "one hash": (["def f():", "    # BEGIN SOLUTION", SOLVED], 2, "could be taken for", "alone on its line"),
    "words after it": (["def f():", f"    {BEGIN} (easy)", SOLVED], 2, "could be taken for", "alone on its line"),
    "other indent": (["def f():", f"    {BEGIN}", SOLVED, f"  {END}"], 4, "not in line with", "Indent it like"),
    "no code": (["def f():", f"    {BEGIN}", "    # later", "", f"    {END}"], 2, "has no code", "Write the solution"),
    "code to the left": (
        ["def f():", f"    {BEGIN}", SOLVED, "x = 1", f"    {END}"],
        4,
        "left of its markers",
        "at least as far",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_markers_are_content_errors(case: str) -> None:
    lines, line, fault, fix = BAD[case]
    path = Path("lesson.py")
    with pytest.raises(ContentError) as caught:
        make_stub("\n".join(lines) + "\n", path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert fault in caught.value.fault
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    "source",
    [
        "# the solution begins with an end\nx = 1\n",
        "x = 1  # the end solution is unique\n",
        'x = """a # quote"""\n# \'"""\ny = "it\'s # fine"\n',
    ],
)
def test_words_about_solutions_are_no_markers(source: str) -> None:
    assert read_regions(source) == ()


def test_hash_and_quotes_in_strings_hide_no_marker() -> None:
    source = f's = "# not a comment"\nt = \'"""\'\ndef f():\n    {BEGIN}\n    return "#"\n    {END}\n'
    assert [region.begin for region in read_regions(source)] == [4]


def test_unfinished_string_beside_a_marker_is_bad_syntax() -> None:
    source = f"x = '''\n{BEGIN}\n1\n{END}\n'''\ny = \"\"\"unfinished\n"
    with pytest.raises(ContentError, match="Not valid Python") as caught:
        read_regions(source)
    assert caught.value.line == 6
