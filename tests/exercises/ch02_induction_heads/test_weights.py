"""Checks of the lesson `weights`."""

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, checks

MISTAKES = [
    Mistake(
        "folded",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "folded",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "folded",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
]
ALTERNATIVES = [
    Alternative("folded", how="with the sum over the length", code="return x - x.sum() / len(x)"),
]


@checks("folded")
def test_folded_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.folded(x).mean(), 0.0, "the mean of the result")


@checks("folded")
def test_folded_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.folded(x).diff(), x.diff(), "the difference between neighbours")


@checks("folded", hidden=True)
def test_folded_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.folded(torch.tensor([5.0])), torch.zeros(1), "the result")
