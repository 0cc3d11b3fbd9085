"""Checks of the lesson `logit_attribution`."""

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, checks

MISTAKES = [
    Mistake(
        "logit_lens",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "logit_lens",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "logit_lens",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "stream_parts",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "stream_parts",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "stream_parts",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "frozen_norm",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "frozen_norm",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "frozen_norm",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "source_shares",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "source_shares",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "source_shares",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "TunedLens",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "TunedLens",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "TunedLens",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
]
ALTERNATIVES = [
    Alternative("logit_lens", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("stream_parts", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("frozen_norm", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("source_shares", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("TunedLens", how="with the sum over the length", code="return x - x.sum() / len(x)"),
]


@checks("logit_lens")
def test_logit_lens_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.logit_lens(x).mean(), 0.0, "the mean of the result")


@checks("logit_lens")
def test_logit_lens_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.logit_lens(x).diff(), x.diff(), "the difference between neighbours")


@checks("logit_lens", hidden=True)
def test_logit_lens_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.logit_lens(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("stream_parts")
def test_stream_parts_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.stream_parts(x).mean(), 0.0, "the mean of the result")


@checks("stream_parts")
def test_stream_parts_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.stream_parts(x).diff(), x.diff(), "the difference between neighbours")


@checks("stream_parts", hidden=True)
def test_stream_parts_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.stream_parts(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("frozen_norm")
def test_frozen_norm_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.frozen_norm(x).mean(), 0.0, "the mean of the result")


@checks("frozen_norm")
def test_frozen_norm_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.frozen_norm(x).diff(), x.diff(), "the difference between neighbours")


@checks("frozen_norm", hidden=True)
def test_frozen_norm_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.frozen_norm(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("source_shares")
def test_source_shares_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.source_shares(x).mean(), 0.0, "the mean of the result")


@checks("source_shares")
def test_source_shares_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.source_shares(x).diff(), x.diff(), "the difference between neighbours")


@checks("source_shares", hidden=True)
def test_source_shares_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.source_shares(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("TunedLens")
def test_TunedLens_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.TunedLens(x).mean(), 0.0, "the mean of the result")


@checks("TunedLens")
def test_TunedLens_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.TunedLens(x).diff(), x.diff(), "the difference between neighbours")


@checks("TunedLens", hidden=True)
def test_TunedLens_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.TunedLens(torch.tensor([5.0])), torch.zeros(1), "the result")
