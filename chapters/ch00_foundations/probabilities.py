"""From logits to losses, and into a module: the numbers that every later chapter measures with."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def softmax(x: Float[Tensor, "*shape"], dim: int = -1) -> Float[Tensor, "*shape"]:
    """Turns scores into probabilities: along `dim`, all entries are positive and sum to one.

    `x` may hold numbers as large as 1000 and as small as -1000, in one row too: the result has no `inf` and no `nan`.
    A score of `-inf` gets probability 0 (each slice along `dim` has at least one finite score). The result has the
    dtype of `x`, and `x` itself is not changed.

    Example: `softmax(torch.tensor([1.0, 2.0, 4.0]).log())` is `[1/7, 2/7, 4/7]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def log_softmax(x: Float[Tensor, "*shape"], dim: int = -1) -> Float[Tensor, "*shape"]:
    """The natural logarithm of the softmax along `dim`, right even where the softmax itself rounds to zero.

    All scores are finite.

    Example: `log_softmax(torch.tensor([0.0, -1000.0]))` is `[0, -1000]`, not `[0, -inf]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def cross_entropy(logits: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, ""]:
    """How surprised the model is, per token, in nats: the mean of `-log p(token)` over all positions.

    The result is a tensor without axes (shape `[]`), as `.mean()` of all entries gives it; not a Python float.
    `tokens[b, p]` is the token that `logits[b, p]` should predict: the two are aligned, don't shift them.

    Example: all logits equal, 50 tokens in the vocabulary: the answer is `ln(50)`, about 3.912.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def kl_divergence(
    logits_p: Float[Tensor, "*batch d_vocab"], logits_q: Float[Tensor, "*batch d_vocab"]
) -> Float[Tensor, "*batch"]:
    """KL(P || Q) in nats, for P and Q given by their logits: the mean under P of `log P - log Q`.

    One number for each row; the last axis is summed away. All logits are finite.

    Example: P = [1/2, 1/2] and Q = [1/4, 3/4] give 0.1438; the other way round it is 0.1308.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


class TwoLayerMLP(nn.Module):
    """`relu(x @ W_in + b_in) @ W_out + b_out`, with the four weights as parameters of those names.

    That is all of it: `x` itself is not added (the block in which an MLP stands does that).

    Shapes: `W_in` [d_model d_mlp], `b_in` [d_mlp], `W_out` [d_mlp d_model], `b_out` [d_model].
    A new module has random matrices (normal, standard deviation 1 / sqrt(number of rows)) and biases of zero.

    Example: `sorted(TwoLayerMLP(3, 12).state_dict())` is `['W_in', 'W_out', 'b_in', 'b_out']`.
    """

    def __init__(self, d_model: int, d_mlp: int) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The output of the MLP for each vector of `x`; no vector sees another."""
        # YOUR CODE HERE
        raise NotImplementedError()


def activation_and_gradient(
    model: nn.Module, name: str, inputs: Tensor, metric: Callable[[Tensor], Tensor]
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Runs `model(inputs)`; returns what the submodule `name` put out, and the gradient of the metric there.

    The metric takes the model's output and gives one number. The model runs once. Both results are detached (they
    require no gradient) and copies (they share no memory with the model or its input). Nothing stays behind, not
    even after an error: no hook on any module, no change of any parameter's `.grad` or `requires_grad`.

    Example: the submodule puts out `a`, the metric comes to `3 * a.sum()`: the gradient is 3 everywhere.
    """
    # YOUR CODE HERE
    raise NotImplementedError()
