"""Attention: how the positions of a text read from each other, and why none of them reads its own future."""

import argparse
import sys
from collections.abc import Callable

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor, nn

MODEL = "storybook-4l"  # the model that `python attention.py` compares with; --model names another


def scores_from_stream(
    x: Float[Tensor, "batch pos d_model"],
    W_Q: Float[Tensor, "head d_model d_head"],
    b_Q: Float[Tensor, "head d_head"],
    W_K: Float[Tensor, "head d_model d_head"],
    b_K: Float[Tensor, "head d_head"],
) -> Float[Tensor, "batch head pos pos"]:
    """How well each position's query fits each position's key: `[batch head query key]`, before mask and softmax.

    Query: `x @ W_Q + b_Q`, key: `x @ W_K + b_K`, in each head with its own matrices. The score is their dot product,
    divided by the square root of d_head. `x` is what the layer reads (in GPT-2: the normalised residual stream).

    Example: one head with d_model = d_head = 4, matrices of ones, biases of zero. The vectors [1, 0, 0, 0] and
    [0, 2, 0, 0] have queries and keys [1, 1, 1, 1] and [2, 2, 2, 2]; the scores are [[2, 4], [4, 8]].
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def causal_pattern(scores: Float[Tensor, "batch head query key"]) -> Float[Tensor, "batch head query key"]:
    """Each query's attention to the keys up to its own position: positive, summing to 1, and exactly 0 for the future.

    The queries are the *last* positions: with 5 keys and 2 queries, query 0 stands at position 3, query 1 at 4. (As
    many queries as keys is the usual case; fewer come up when a text is continued token by token.) There are never
    more queries than keys. Finite scores of any size give a finite answer, in the dtype of `scores`.

    Example: three equal scores in each row give [[1, 0, 0], [1/2, 1/2, 0], [1/3, 1/3, 1/3]].
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def head_writes(
    pattern: Float[Tensor, "batch head query key"],
    v: Float[Tensor, "batch key head d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
) -> Float[Tensor, "batch query head d_model"]:
    """What each head adds to the residual stream at each query position; summed over heads it is the layer's output.

    A head mixes the values of all keys, weighted by its row of the pattern, and maps the mix into the stream by its
    own W_O. No bias: b_O belongs to no head.

    Example: a head that looks at key 2 alone writes `v[b, 2, h] @ W_O[h]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


class Attention(nn.Module):
    """A layer of causal attention, as in GPT-2: reads `x`, and returns what all heads together add to the stream.

    Parameters: `W_Q`, `W_K`, `W_V` [head d_model d_head] and `W_O` [head d_head d_model], drawn from a normal
    distribution with standard deviation 0.02; `b_Q`, `b_K`, `b_V` [head d_head] and `b_O` [d_model], zero at first.
    d_head times n_heads need not be d_model. `x` itself isn't added: the block around the layer does that.

    Example: `Attention(d_model=6, n_heads=2, d_head=3).W_O.shape` is (2, 3, 6).
    """

    def __init__(self, d_model: int, n_heads: int, d_head: int) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, x: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        """The sum of what the heads write at each position, plus `b_O`."""
        # YOUR CODE HERE
        raise NotImplementedError()


def causal_leak(
    model: Callable[[Tensor], Tensor], tokens: Int[Tensor, "batch pos"], others: Int[Tensor, "batch pos"]
) -> Float[Tensor, "pos pos"]:
    """Which outputs know their future: `leak[p, cut]` is the largest change of the model's output at position `p` when
    *all* tokens from position `cut` on are replaced by those of `others`.

    Only p < cut is asked about; all other entries are 0. The change is an absolute value, the largest over the batch
    and all outputs of the position. `model(tokens)` has shape `[batch pos d_out]`, and gives the same for the same
    tokens. A causal model's table is zero, up to rounding.

    Example: a model that puts out, at each position, the number of the next token (and 0 at the last) and has read
    [5, 1, 8], with `others` [0, 4, 7], gives [[0, 3, 0], [0, 0, 1], [0, 0, 0]].
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def rotary(
    x: Float[Tensor, "batch pos head d_head"], positions: Int[Tensor, "pos"], base: float = 10000.0
) -> Float[Tensor, "batch pos head d_head"]:
    """Queries or keys, turned by their positions, with GPT-NeoX's pairs: dimension i goes with i + d_head/2.

    The pair (a, b) = (x[i], x[i + d_head/2]) at position m turns by the angle m * base ** (-2i / d_head):
    a becomes a cos - b sin, and b becomes a sin + b cos. d_head is even. The result has the dtype of `x`; angles are
    computed in float32 at least, since a half-precision number can't tell position 2049 from 2048.

    Example: with d_head = 2 the angle is the position itself, in radians: [1, 0] at position 1 becomes
    [0.5403, 0.8415], the cosine and the sine of 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def main() -> None:
    """Puts your Attention in the place of each attention layer of the model, and says how far the outputs differ."""
    from unravel.interp import load_model

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=MODEL, help="storybook-4l, induction-2l, gpt2, or the path of a folder")
    name = parser.parse_args().model
    try:
        model = load_model(name)
    except Exception as fault:  # no such model, or its weights are neither here nor to be had: it says what to do
        sys.exit(str(fault))
    c, generator = model.config, torch.Generator().manual_seed(0)
    if c.positional != "standard" or not c.causal:
        sys.exit(f"{name} has rotary positions, or no mask: choose storybook-4l, induction-2l or gpt2.")
    n_pos = min(24, c.n_ctx)
    tokens, others = torch.randint(c.d_vocab, (2, 2, n_pos), generator=generator)
    own = [Attention(c.d_model, c.n_heads, c.d_head) for _ in range(c.n_layers)]
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
        for layer, (attention, block) in enumerate(zip(own, model.blocks, strict=True)):
            attention.load_state_dict(block.attn.state_dict())
            theirs = cache["attn_out", layer]
            gap = (attention(block.ln1(cache["resid_pre", layer])) - theirs).abs().max()
            print(f"layer {layer}: largest difference {gap:.1e}, where outputs go up to {theirs.abs().max():.1f}")
    try:
        leak = causal_leak(model, tokens, others).max()
    except NotImplementedError:
        sys.exit("Write `causal_leak` first: it says how far a logit changes when only later tokens change.")
    print(f"largest change of a logit when only later tokens change: {leak:.1e}")


if __name__ == "__main__":
    main()
