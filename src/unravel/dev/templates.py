"""What `unravel dev new` writes: a small exercise that already works, to be changed piece by piece."""

from __future__ import annotations

CHAPTER = """\
title = "{title}"
summary = "One sentence: what the learner can do at the end that they could not do before."
goals = ["One thing that the learner will be able to do"]
prerequisites = []
hours = 2
lessons = ["{lesson}"]
"""

PAGE = """\
# {title}

Say what question this lesson answers, and why anyone would ask it. A vector $x$ of $n$ numbers has the mean

$$
\\mu = \\frac{{1}}{{n}} \\sum_{{i=1}}^{{n}} x_i .
$$

```{{code-cell}} python
import torch

x = torch.tensor([1.0, 2.0, 6.0])
x.mean()
```

::::{{predict}}
What is the mean of $x - \\mu$?

:::{{answer}}
Zero: the numbers above the mean and those below it balance.
:::
::::
"""

EXERCISE = """\

::::{{exercise}} {exercise}
:title: {title}
:difficulty: 1
:minutes: 5
:points: 1

Write `{exercise}`: the numbers of a vector, shifted so that their mean is zero.

:::{{hint}}
Which one number has to be taken away from all of them?
:::

:::{{hint}}
`torch.mean(x)` is that number, and a tensor minus a number is a tensor.
:::
::::
"""

SOLUTION_IMPORTS = {
    "torch": "import torch",
    "Float": "from jaxtyping import Float",
    "Tensor": "from torch import Tensor",
}

SOLUTION = '''\


def {exercise}(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> {exercise}(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    ### BEGIN SOLUTION
    return x - torch.mean(x)
    ### END SOLUTION
'''

TESTS_IMPORTS = {
    "torch": "import torch",
    **{
        name: f"from unravel.grading import {name}"
        for name in ("Alternative", "Draw", "Mistake", "assert_close", "checks")
    },
}

TESTS = """\
import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, checks

MISTAKES = []
ALTERNATIVES = []
"""

MISTAKES = """\
    Mistake(
        "{exercise}",
        why="You took the sum away, not the mean: divide it by how many numbers there are.",
        right="torch.mean(x)",
        wrong="torch.sum(x)",
    ),
    Mistake(
        "{exercise}",
        why="You took the first number away from all of them: take their mean.",
        right="torch.mean(x)",
        wrong="x[0]",
    ),
    Mistake(
        "{exercise}",
        why="You returned zeros: their mean is zero, but the differences between the numbers are lost.",
        wrong="return torch.zeros_like(x)",
    ),
"""

ALTERNATIVES = """\
    Alternative("{exercise}", how="with the sum over the length", code="return x - x.sum() / len(x)"),
"""

CHECKS = '''\


@checks("{exercise}")
def test_{exercise}_has_mean_zero(submission, draw: Draw):
    """The mean of the result is zero, whatever the mean of the input."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.{exercise}(x).mean(), 0.0, "the mean of the result")


@checks("{exercise}")
def test_{exercise}_keeps_differences(submission, draw: Draw):
    """The difference between one number and the next is the same before and after."""
    x = 3.0 + draw.normal(draw.integer(3, 9))
    assert_close(submission.{exercise}(x).diff(), x.diff(), "the difference between neighbours")


@checks("{exercise}", hidden=True)
def test_{exercise}_of_one_number(submission):
    """A vector of one number becomes a zero."""
    assert_close(submission.{exercise}(torch.tensor([5.0])), torch.zeros(1), "the result")
'''
