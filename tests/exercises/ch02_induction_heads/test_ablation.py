"""Checks of the lesson `ablation`."""

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, checks

MISTAKES = [
    Mistake(
        "loss_by_copy",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "loss_by_copy",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "loss_by_copy",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "knock_out",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "knock_out",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "knock_out",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "stand_in",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "stand_in",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "stand_in",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "move_constant",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "move_constant",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "move_constant",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "cut_path",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "cut_path",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "cut_path",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
    Mistake(
        "self_repair",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "self_repair",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "self_repair",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
]
ALTERNATIVES = [
    Alternative("loss_by_copy", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("knock_out", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("stand_in", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("move_constant", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("cut_path", how="with the sum over the length", code="return x - x.sum() / len(x)"),
    Alternative("self_repair", how="with the sum over the length", code="return x - x.sum() / len(x)"),
]


@checks("loss_by_copy")
def test_loss_by_copy_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.loss_by_copy(x).mean(), 0.0, "the mean of the result")


@checks("loss_by_copy")
def test_loss_by_copy_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.loss_by_copy(x).diff(), x.diff(), "the difference between neighbours")


@checks("loss_by_copy", hidden=True)
def test_loss_by_copy_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.loss_by_copy(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("knock_out")
def test_knock_out_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.knock_out(x).mean(), 0.0, "the mean of the result")


@checks("knock_out")
def test_knock_out_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.knock_out(x).diff(), x.diff(), "the difference between neighbours")


@checks("knock_out", hidden=True)
def test_knock_out_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.knock_out(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("stand_in")
def test_stand_in_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.stand_in(x).mean(), 0.0, "the mean of the result")


@checks("stand_in")
def test_stand_in_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.stand_in(x).diff(), x.diff(), "the difference between neighbours")


@checks("stand_in", hidden=True)
def test_stand_in_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.stand_in(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("move_constant")
def test_move_constant_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.move_constant(x).mean(), 0.0, "the mean of the result")


@checks("move_constant")
def test_move_constant_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.move_constant(x).diff(), x.diff(), "the difference between neighbours")


@checks("move_constant", hidden=True)
def test_move_constant_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.move_constant(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("cut_path")
def test_cut_path_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.cut_path(x).mean(), 0.0, "the mean of the result")


@checks("cut_path")
def test_cut_path_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.cut_path(x).diff(), x.diff(), "the difference between neighbours")


@checks("cut_path", hidden=True)
def test_cut_path_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.cut_path(torch.tensor([5.0])), torch.zeros(1), "the result")


@checks("self_repair")
def test_self_repair_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.self_repair(x).mean(), 0.0, "the mean of the result")


@checks("self_repair")
def test_self_repair_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.self_repair(x).diff(), x.diff(), "the difference between neighbours")


@checks("self_repair", hidden=True)
def test_self_repair_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.self_repair(torch.tensor([5.0])), torch.zeros(1), "the result")
