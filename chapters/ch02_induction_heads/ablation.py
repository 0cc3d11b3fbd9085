"""Ablation."""

import torch
from jaxtyping import Float
from torch import Tensor


def loss_by_copy(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> loss_by_copy(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def knock_out(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> knock_out(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def stand_in(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> stand_in(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def move_constant(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> move_constant(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def cut_path(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> cut_path(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def self_repair(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> self_repair(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()
