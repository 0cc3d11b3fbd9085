"""The basics: one exercise of each kind."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def double(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Each number, twice as large.

    >>> double(torch.tensor([1.0, -2.0]))
    tensor([ 2., -4.])
    """
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


def mean_square(x: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    """The mean of the squares of the doubled numbers.

    >>> mean_square(torch.tensor([1.0, 2.0]))  # (4 + 16) / 2
    tensor(10.)
    """
    ### BEGIN SOLUTION
    return double(x).square().mean()
    ### END SOLUTION


# ANSWER: a whole number, 6 times 7.
### BEGIN SOLUTION
ANSWER: int = 42
### END SOLUTION


def describe(value: float) -> str:
    """A given helper: the number with two decimals."""
    return f"{value:.2f}"


class Scale(nn.Module):
    """Multiplies its input by one number that can be trained.

    >>> Scale(3.0)(torch.tensor([1.0, 2.0])).tolist()
    [3.0, 6.0]
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.factor = nn.Parameter(torch.tensor(factor))
        ### END SOLUTION

    def forward(self, x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """The scaled input."""
        ### BEGIN SOLUTION
        return self.factor * x
        ### END SOLUTION
