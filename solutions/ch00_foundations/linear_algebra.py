"""The linear algebra that interpretability uses: directions, bases, low rank, what a head reads.

Vectors are rows throughout: `x @ W` moves a row `x` of `d_model` numbers through a weight `W`.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def component_along(
    vectors: Float[Tensor, "batch d_model"], direction: Float[Tensor, "d_model"]
) -> Float[Tensor, "batch"]:
    """How far each row reaches along `direction`: the signed length of its shadow on that line.

    `direction` is not zero, and may have any length: only the way it points matters.

    Example: the row `[3, 4]` reaches 3 along `[1, 0]`, 3 along `[10, 0]`, and -4 along `[0, -2]`.
    """
    ### BEGIN SOLUTION
    return vectors @ (direction / direction.norm())
    ### END SOLUTION


def ablate_direction(
    vectors: Float[Tensor, "batch d_model"], direction: Float[Tensor, "d_model"]
) -> Float[Tensor, "batch d_model"]:
    """The rows with everything they had along `direction` taken out, and nothing else changed.

    `direction` is not zero, and may have any length. `vectors` itself stays as it is: return a new tensor.

    Example: `[3, 4]` without the direction `[1, 1]` is `[-0.5, 0.5]`.
    """
    ### BEGIN SOLUTION
    unit = direction / direction.norm()
    reach = vectors @ unit  # [batch]
    return vectors - reach[:, None] * unit
    ### END SOLUTION


def coordinates_in_basis(
    vectors: Float[Tensor, "batch d_model"], basis: Float[Tensor, "d_model d_model"]
) -> Float[Tensor, "batch d_model"]:
    """The recipe of each row: how much of each basis vector to add up to get it.

    Row `i` of `basis` is the basis vector `i`. The basis vectors are independent, but they need be neither at
    right angles nor of length one. The answer satisfies `answer @ basis == vectors`.

    Example: with the basis `[1, 0]` and `[1, 1]`, the vector `[3, 4]` has the coordinates `[-1, 4]`, since
    `-1 * [1, 0] + 4 * [1, 1]` is `[3, 4]`.
    """
    ### BEGIN SOLUTION
    # answer @ basis = vectors has the unknown on the left; transposed, it is the form that `solve` wants.
    return torch.linalg.solve(basis.T, vectors.T).T
    ### END SOLUTION


def best_rank_k(matrix: Float[Tensor, "rows cols"], k: int) -> tuple[Float[Tensor, "rows cols"], Float[Tensor, ""]]:
    """The matrix of rank at most `k` that is nearest to `matrix`, and how far away it still is.

    Far is the Frobenius norm of the difference: the root of the sum of its squared entries. `k` is at least 1
    and at most `min(rows, cols)`.

    Example: the best rank-1 approximation of `[[3, 0], [0, 2]]` is `[[3, 0], [0, 0]]`, at distance 2.
    """
    ### BEGIN SOLUTION
    U, S, Vh = torch.linalg.svd(matrix, full_matrices=False)
    kept = (U[:, :k] * S[:k]) @ Vh[:k]
    left_out = S[k:].square().sum().sqrt()
    return kept, left_out
    ### END SOLUTION


def qk_svd(
    W_Q: Float[Tensor, "d_model d_head"], W_K: Float[Tensor, "d_model d_head"]
) -> tuple[Float[Tensor, "d_model d_head"], Float[Tensor, "d_head"], Float[Tensor, "d_model d_head"]]:
    """The singular value decomposition of `W_Q @ W_K.T`, without ever building that d_model x d_model matrix.

    Comes out as `U, S, V` with `U @ diag(S) @ V.T == W_Q @ W_K.T`. The columns of `U` are at right angles and
    of length one, and so are those of `V`; `S` is never negative, and its largest value comes first. Column
    `i` of `U` is a direction that the query side reads, column `i` of `V` the one it is matched with on the
    key side. `d_head` is less than `d_model`, and `W_Q` and `W_K` have rank `d_head`.

    Example: `W_Q = [[2], [0], [0]]` and `W_K = [[0], [3], [0]]` give `S = [6]`, with `U` the first axis and
    `V` the second one (or both with the opposite sign).
    """
    ### BEGIN SOLUTION
    Q_q, R_q = torch.linalg.qr(W_Q)  # [d_model d_head], [d_head d_head]
    Q_k, R_k = torch.linalg.qr(W_K)
    # W_Q W_K^T = Q_q (R_q R_k^T) Q_k^T, and orthonormal columns outside change no singular value.
    U, S, Vh = torch.linalg.svd(R_q @ R_k.T)
    return Q_q @ U, S, Q_k @ Vh.T
    ### END SOLUTION
