"""One exercise is found, cut out and put back, whatever stands around it."""

from pathlib import Path

import pytest

from unravel.course.code import read_code
from unravel.workspace.pieces import (
    find_piece,
    replace_piece,
    solution_piece,
    stub_piece,
    where_to_write,
)


@pytest.fixture
def code(tmp_path: Path, sources):
    return read_code(tmp_path / "tensors.py", sources["tensors"])


def test_the_solution_has_no_markers_and_keeps_its_comments(code):
    assert solution_piece(code, "LAYERS") == "# LAYERS: how many layers has the model?\nLAYERS: int = 2\n"
    assert "SOLUTION" not in solution_piece(code, "Bag")
    assert solution_piece(code, "softmax").startswith("# Rows first.\n@torch.no_grad()\ndef softmax")


def test_the_stub_of_an_exercise_leaves_the_comments_above_alone(code):
    assert stub_piece(code, "softmax").startswith("@torch.no_grad()\n")
    assert stub_piece(code, "softmax").endswith("    # YOUR CODE HERE\n    raise NotImplementedError()\n")
    assert stub_piece(code, "LAYERS") == "# YOUR CODE HERE\nraise NotImplementedError()\n"


@pytest.mark.parametrize("name", ["softmax", "Bag", "LAYERS"])
def test_a_solved_exercise_goes_back_and_nothing_else_moves(code, name):
    solved = code.source.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")
    solved = solved.replace("### BEGIN SOLUTION\n", "").replace("### END SOLUTION\n", "")
    reset = replace_piece(solved, name, stub_piece(code, name))
    piece = find_piece(solved, name)
    lines = solved.split("\n")
    assert reset.startswith("\n".join(lines[: piece.first - 1]) + "\n")
    assert reset.endswith("\n".join(lines[piece.last :]))
    assert reset.count("raise NotImplementedError()") == 1
    assert stub_piece(code, name) in reset + "\n"


def test_the_last_of_two_definitions_is_the_one_that_counts(code):
    source = "def softmax(x):\n    return 1\n\n\ndef softmax(x):\n    return 2\n"
    assert "return 1" in replace_piece(source, "softmax", stub_piece(code, "softmax"))
    assert "return 2" not in replace_piece(source, "softmax", stub_piece(code, "softmax"))


def test_a_missing_exercise_is_appended(code):
    assert replace_piece("x = 1\n", "softmax", "def softmax(): ...\n") == "x = 1\n\n\ndef softmax(): ...\n"
    assert replace_piece("", "softmax", "def softmax(): ...\n") == "def softmax(): ...\n"


def test_a_constant_that_is_still_a_stub_stays_as_it_is(code):
    stub = "# Layers?\n# YOUR CODE HERE\nraise NotImplementedError()\n"
    assert replace_piece(stub, "LAYERS", stub_piece(code, "LAYERS")) == stub


def test_the_reminder_above_a_solved_constant_is_not_doubled(code):
    solved = "# Layers?\n# YOUR CODE HERE\nLAYERS = 5\n"
    assert replace_piece(solved, "LAYERS", stub_piece(code, "LAYERS")).count("# YOUR CODE HERE") == 1


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import torch\n\ndef softmax(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n", 5),
        ("def softmax(x):\n    return x\n\ndef other():\n    raise NotImplementedError()\n", 1),
        ("x = (\n\ndef softmax(x:\n    return\n", 3),
        ("def softmax(\n    x,\n) -> int:\n    raise NotImplementedError()\n", 4),
        ("softmax: int = 3\n", 1),
        ("raise NotImplementedError()\n\n# softmax: a number\n# YOUR CODE HERE\nraise NotImplementedError()\n", 5),
        ("if softmax == 3: pass\n", None),
        ("", None),
    ],
)
def test_the_place_to_write_needs_no_valid_syntax(source, line):
    assert where_to_write(source, "softmax") == line
