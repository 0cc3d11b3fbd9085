"""Checks of the tiny lesson `basics`."""

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    Mistake("double", why="You added 2 to each number: multiply by 2.", right="2 * x", wrong="2 + x"),
    Mistake("double", why="You squared the numbers: multiply by 2.", right="2 * x", wrong="x * x"),
    Mistake("double", why="You returned the input as it came: multiply it by 2.", wrong="return x.clone()"),
    Mistake(
        "mean_square",
        why="You summed the squares: take their mean.",
        right=".mean()",
        wrong=".sum()",
    ),
    Mistake(
        "mean_square",
        why="You took the mean first and squared it: square each number, then take the mean.",
        right=".square().mean()",
        wrong=".mean().square()",
    ),
    Mistake(
        "mean_square", why="You left out the doubling: square what `double` returns.", right="double(x)", wrong="x"
    ),
    Mistake("ANSWER", why="You multiplied 6 by 6: the second factor is 7.", right="42", wrong="36"),
    Mistake("ANSWER", why="You added 6 and 7: multiply them.", right="42", wrong="13"),
    Mistake("ANSWER", why="You wrote the digits in the other order: 6 times 7 is 42.", right="42", wrong="24"),
    Mistake(
        "Scale", why="You divided by the factor: multiply by it.", right="self.factor * x", wrong="x / self.factor"
    ),
    Mistake("Scale", why="You added the factor: multiply by it.", right="self.factor * x", wrong="self.factor + x"),
    Mistake(
        "Scale",
        why="You left the input as it was: the factor is never used.",
        right="return self.factor * x",
        wrong="return x + 0 * self.factor",
    ),
]
ALTERNATIVES = [
    Alternative("double", how="by adding the vector to itself", code="return x + x"),
    Alternative("mean_square", how="as a dot product over the length", code="y = double(x)\nreturn y @ y / len(y)"),
    Alternative(
        "Scale",
        how="with a parameter filled in place, and torch.mul",
        code="""
            self.factor = nn.Parameter(torch.empty(()).fill_(factor))
            ### NEXT REGION
            return torch.mul(x, self.factor)
        """,
    ),
]


@checks("double")
def test_each_number_is_twice_as_large(submission, draw: Draw):
    """The result minus the input is the input again, for each number of the vector."""
    x = draw.normal(draw.integer(2, 9))
    assert_close(submission.double(x) - x, x, "the result minus the input", hint="Multiply by 2.")


@checks("double", hidden=True)
def test_empty_stays_empty(submission):
    """A vector without numbers has nothing to double: the result is empty too."""
    assert_equal(submission.double(torch.empty(0)), torch.empty(0), "the double of an empty vector")


@checks("mean_square")
def test_known_case(submission):
    """For 1 and 2 the doubled numbers are 2 and 4, and the mean of 4 and 16 is 10."""
    assert_close(submission.mean_square(torch.tensor([1.0, 2.0])), 10.0, "the mean square")


@checks("mean_square", seconds=3.0)
def test_agrees_with_a_loop(submission, draw: Draw):
    """A slow loop over the numbers gives the same mean of the squares."""
    x = draw.normal(draw.integer(3, 9))
    slow = sum((2 * value) ** 2 for value in x.tolist()) / len(x)
    assert_close(submission.mean_square(x), slow, "the mean square")


@checks("ANSWER")
def test_seven_sixes_make_the_answer(submission):
    """The answer is 6, seven times over."""
    assert_equal(submission.ANSWER, sum([6] * 7), "ANSWER")


@checks("Scale")
def test_output_is_input_times_factor(submission, draw: Draw):
    """Each number of the output is the factor times that of the input."""
    factor = 2.0 + draw.integer(1, 9)
    x = draw.normal(draw.integer(2, 9))
    expected = torch.stack([factor * value for value in x])
    assert_close(submission.Scale(factor)(x), expected, "the scaled input")


@checks("Scale")
def test_factor_is_a_parameter(submission, draw: Draw):
    """`factor` is a parameter: it is found in the state of the module, and a new value changes the output."""
    x = draw.normal(draw.integer(2, 9))
    scale = submission.Scale(2.0)
    assert list(scale.state_dict()) == ["factor"], "The module should have one parameter, called `factor`."
    scale.load_state_dict({"factor": torch.tensor(-3.0)})
    assert_close(scale(x) + 3 * x, torch.zeros(len(x)), "the output after setting the factor to -3, plus 3 x")
