"""The basics: one exercise of each kind."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def double(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Each number, twice as large.

    >>> double(torch.tensor([1.0, -2.0]))
    tensor([ 2., -4.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def mean_square(x: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    """The mean of the squares of the doubled numbers.

    >>> mean_square(torch.tensor([1.0, 2.0]))  # (4 + 16) / 2
    tensor(10.)
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# ANSWER: a whole number, 6 times 7.
# YOUR CODE HERE
raise NotImplementedError()


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
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """The scaled input."""
        # YOUR CODE HERE
        raise NotImplementedError()
