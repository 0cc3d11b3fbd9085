"""Logit attribution."""

import torch
from jaxtyping import Float
from torch import Tensor


def logit_lens(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> logit_lens(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def stream_parts(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> stream_parts(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def frozen_norm(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> frozen_norm(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def source_shares(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> source_shares(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def TunedLens(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The numbers of `x`, shifted so that their mean is zero.

    >>> TunedLens(torch.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    # YOUR CODE HERE
    raise NotImplementedError()
