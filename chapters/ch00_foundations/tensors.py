"""Tensors: broadcasting, einops, einsum and indexing, on the shapes of a transformer."""

import einops
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def causal_mask(n_pos: int) -> Bool[Tensor, "query key"]:
    """True where a query position may look at a key position: at itself, and at all that came before it.

    >>> causal_mask(3)
    tensor([[ True, False, False],
            [ True,  True, False],
            [ True,  True,  True]])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def split_heads(x: Float[Tensor, "batch pos d_model"], n_heads: int) -> Float[Tensor, "batch head pos d_head"]:
    """Cuts the last axis into `n_heads` blocks of neighbouring numbers, and gives each head its own block.

    The first `d_head = d_model / n_heads` numbers of a position belong to head 0, the next `d_head` to
    head 1, and so on.

    >>> x = torch.tensor([[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]])  # batch = 1, pos = 2, d_model = 4
    >>> split_heads(x, n_heads=2)
    tensor([[[[1., 2.],
              [5., 6.]],
    <BLANKLINE>
             [[3., 4.],
              [7., 8.]]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def attention_scores(
    q: Float[Tensor, "batch query head d_head"], k: Float[Tensor, "batch key head d_head"]
) -> Float[Tensor, "batch head query key"]:
    """The dot product of each query with each key of the same prompt and head, divided by sqrt(d_head).

    >>> q = torch.tensor([[[[1.0, 0.0, 2.0, 0.0]]]])  # one prompt, one query, one head, d_head = 4
    >>> k = torch.tensor([[[[3.0, 9.0, 0.0, 0.0]], [[0.0, 9.0, 5.0, 0.0]]]])  # the same, but two keys
    >>> attention_scores(q, k)  # 3 / 2 and 10 / 2
    tensor([[[[1.5000, 5.0000]]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def pick_next_token(
    log_probs: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos-1"]:
    """What the model gave, at each position but the last, to the token that really came next.

    >>> log_probs = torch.tensor([[[-0.1, -0.2, -0.3], [-0.4, -0.5, -0.6], [-0.7, -0.8, -0.9]]])
    >>> tokens = torch.tensor([[0, 2, 1]])  # after token 0 came 2, after 2 came 1
    >>> pick_next_token(log_probs, tokens)
    tensor([[-0.3000, -0.5000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def offset_attention(
    pattern: Float[Tensor, "batch head pos pos"], lengths: Int[Tensor, "batch"], offset: int
) -> Float[Tensor, "head"]:
    """How much each head attends exactly `offset` positions back, averaged over real queries of all prompts.

    `pattern[b, h, q, k]` is the attention of query `q` to key `k`. Prompt `b` begins with `lengths[b]` real
    tokens; what follows is padding, whose rows hold junk, perhaps NaN. A query counts when it is real and has
    a position `offset` back (`q - offset >= 0`). Each query that counts weighs the same, and at least one
    counts.

    >>> nan = float("nan")
    >>> one = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.2, 0.8]]  # three real tokens
    >>> two = [[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [nan, nan, nan]]  # two real tokens and a pad
    >>> pattern = torch.tensor([[one], [two]])  # two prompts, one head
    >>> offset_attention(pattern, torch.tensor([3, 2]), offset=1)  # (0.5 + 0.2 + 0.9) / 3
    tensor([0.5333])
    """
    # YOUR CODE HERE
    raise NotImplementedError()
