import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, checks

MISTAKES = [
    Mistake(
        "component_along",
        why="You took the dot product with `direction` as it is, so a longer direction gives a larger "
        "answer. Divide by its length: only the way it points matters.",
        wrong="return vectors @ direction",
    ),
    Mistake(
        "component_along",
        why="You divided by the squared length of `direction`. That counts in steps of `direction`; "
        "the length of the shadow is the dot product divided by the length, once.",
        wrong="return vectors @ direction / (direction @ direction)",
    ),
    Mistake(
        "component_along",
        why="You lost the sign: a row that points against `direction` reaches a negative length along it.",
        wrong="return (vectors @ (direction / direction.norm())).abs()",
    ),
    Mistake(
        "component_along",
        why="You computed the cosine: you divided by the length of each row as well. Divide by the "
        "length of `direction` only, so that a row twice as long reaches twice as far.",
        wrong="return torch.cosine_similarity(vectors, direction[None, :], dim=-1)",
    ),
    Mistake(
        "component_along",
        why="You divided by the sum of the entries' sizes. The length of a vector is the root of the "
        "sum of the squared entries.",
        right="direction.norm()",
        wrong="direction.abs().sum()",
    ),
    Mistake(
        "component_along",
        why="You returned the length of each row and never used `direction`.",
        wrong="return vectors.norm(dim=-1)",
    ),
    Mistake(
        "component_along",
        why="You read off the coordinate where `direction` is largest. A direction need not be an "
        "axis: all of its entries take part.",
        wrong="return vectors[:, direction.abs().argmax()]",
    ),
    Mistake(
        "ablate_direction",
        why="You projected on `direction` as if it had length one. Make it a unit vector first.",
        right="direction / direction.norm()",
        wrong="direction",
    ),
    Mistake(
        "ablate_direction",
        why="You divided by the length of `direction` once, but it enters twice: in the dot product "
        "and in the arrow that you subtract. Make it a unit vector first, and use that in both "
        "places.",
        wrong="return vectors - (vectors @ direction / direction.norm())[:, None] * direction",
    ),
    Mistake(
        "ablate_direction",
        why="You returned what lies along `direction` (the shadow). Asked for is the rest: the row minus it.",
        right="vectors - reach",
        wrong="reach",
    ),
    Mistake(
        "ablate_direction",
        why="You subtracted the shadow twice, which mirrors the rows instead of flattening them.",
        right="- reach",
        wrong="- 2 * reach",
    ),
    Mistake(
        "ablate_direction",
        why="You added the shadow instead of subtracting it: each row now has twice as much along `direction`.",
        right="vectors - reach",
        wrong="vectors + reach",
    ),
    Mistake(
        "ablate_direction",
        why="You lost the sign of the reach: from a row that points against `direction` you subtracted a shadow "
        "that points the other way. Keep the sign of the dot product.",
        right="vectors @ unit",
        wrong="(vectors @ unit).abs()",
    ),
    Mistake(
        "ablate_direction",
        why="You set to zero the coordinate in which `direction` is largest. A direction is in general "
        "spread over all coordinates: subtract the shadow, an arrow, instead.",
        wrong="return vectors * (torch.arange(direction.numel()) != direction.abs().argmax())",
    ),
    Mistake(
        "ablate_direction",
        why="You subtracted the average reach from every row. Each row has a reach of its own.",
        right="reach[:, None]",
        wrong="reach.mean()",
    ),
    Mistake(
        "ablate_direction",
        why="You left the average along `direction` in place and removed only what differs from row to "
        "row. Asked for is to remove all of it: no row keeps anything along `direction`.",
        right="reach[:, None]",
        wrong="(reach - reach.mean())[:, None]",
    ),
    Mistake(
        "ablate_direction",
        why="You stretched the rows to the length they had before. What is at right angles to "
        "`direction` must stay as it was.",
        wrong="""
        unit = direction / direction.norm()
        rest = vectors - (vectors @ unit)[:, None] * unit
        return rest * (vectors.norm(dim=-1) / rest.norm(dim=-1).clamp(min=1e-6))[:, None]
        """,
    ),
    Mistake(
        "coordinates_in_basis",
        why="You took dot products with the basis vectors. That is right only when they are at right "
        "angles and of length one; elsewhere each dot product also counts what the other basis "
        "vectors contribute. Solve for the recipe instead.",
        wrong="return vectors @ basis.T",
    ),
    Mistake(
        "coordinates_in_basis",
        why="You divided each dot product by the squared length of its basis vector. That mends the "
        "lengths, but not the angles: basis vectors that overlap still count one another's share. "
        "Solve for the recipe.",
        wrong="return vectors @ basis.T / basis.square().sum(-1)",
    ),
    Mistake(
        "coordinates_in_basis",
        why="You gave the basis vectors length one and took dot products. These are the components along the basis "
        "vectors, not the recipe: basis vectors that overlap still count one another's share, and the recipe is in "
        "the vectors as they are given. Solve for it.",
        wrong="return vectors @ (basis / basis.norm(dim=-1, keepdim=True)).T",
    ),
    Mistake(
        "coordinates_in_basis",
        why="You took the columns of `basis` for the basis vectors: they are its rows, and the answer "
        "satisfies `answer @ basis == vectors`.",
        right="basis.T",
        wrong="basis",
    ),
    Mistake(
        "coordinates_in_basis",
        why="You went the other way: you read the rows of `vectors` as recipes and mixed the basis "
        "vectors by them. Here the vectors are given and the recipes are asked for.",
        wrong="return vectors @ basis",
    ),
    Mistake(
        "coordinates_in_basis",
        why="You made the basis orthonormal first, and gave the coordinates in that new basis. The "
        "recipe asked for is in the basis vectors as they are given.",
        wrong="return vectors @ torch.linalg.qr(basis.T).Q",
    ),
    Mistake(
        "coordinates_in_basis",
        why="You returned the vectors unchanged: these are their coordinates in the standard basis, "
        "not in the one given.",
        wrong="return vectors.clone()",
    ),
    Mistake(
        "best_rank_k",
        why="You kept the directions with the smallest singular values. They come sorted, the largest "
        "first: keep the first k.",
        wrong="""
        U, S, Vh = torch.linalg.svd(matrix, full_matrices=False)
        n = len(S)
        return (U[:, n - k :] * S[n - k :]) @ Vh[n - k :], S[: n - k].square().sum().sqrt()
        """,
    ),
    Mistake(
        "best_rank_k",
        why="You took the third value of `torch.linalg.svd` for V. It is V already transposed (Vh): the directions "
        "are its rows, so keep its first k rows, `Vh[:k]`.",
        wrong="""
        U, S, V = torch.linalg.svd(matrix, full_matrices=False)
        return (U[:, :k] * S[:k]) @ V[:, :k].T, S[k:].square().sum().sqrt()
        """,
    ),
    Mistake(
        "best_rank_k",
        why="You took the third value of `torch.linalg.svd` (with full matrices) for V. It is V already transposed "
        "(Vh): the directions are its rows, so keep its first k rows, `Vh[:k]`.",
        wrong="""
        U, S, V = torch.linalg.svd(matrix)
        return (U[:, :k] * S[:k]) @ V[:, :k].T, S[k:].square().sum().sqrt()
        """,
    ),
    Mistake(
        "best_rank_k",
        why="Your distance leaves out one singular value too many. The formula counts them from one, Python from "
        "zero: with `S[:k]` kept, what was left out is `S[k:]`.",
        right="S[k:].square()",
        wrong="S[k + 1 :].square()",
    ),
    Mistake(
        "best_rank_k",
        why="You left the singular values out of the product: each direction then counts with strength one.",
        right="(U[:, :k] * S[:k]) @ Vh[:k]",
        wrong="U[:, :k] @ Vh[:k]",
    ),
    Mistake(
        "best_rank_k",
        why="You kept k + 1 directions: the slice `[:k]` already holds k of them.",
        right="(U[:, :k] * S[:k]) @ Vh[:k]",
        wrong="(U[:, : k + 1] * S[: k + 1]) @ Vh[: k + 1]",
    ),
    Mistake(
        "best_rank_k",
        why="You kept the first k columns and set the others to zero. That has rank k, but the best "
        "directions are rarely the axes: take them from the SVD.",
        wrong="""
        kept = matrix * (torch.arange(matrix.shape[1]) < k)
        return kept, (matrix - kept).norm()
        """,
    ),
    Mistake(
        "best_rank_k",
        why="You subtracted the mean row first, as for a cloud of data. Here the matrix itself is asked for.",
        wrong="""
        U, S, Vh = torch.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
        kept = (U[:, :k] * S[:k]) @ Vh[:k]
        return kept, (matrix - kept).norm()
        """,
    ),
    Mistake(
        "best_rank_k",
        why="Your distance is the sum of the singular values that were left out. Squares add up, as in "
        "Pythagoras: take the root of the sum of their squares.",
        right="S[k:].square().sum().sqrt()",
        wrong="S[k:].sum()",
    ),
    Mistake(
        "best_rank_k",
        why="Your distance is squared: take the root.",
        right="S[k:].square().sum().sqrt()",
        wrong="S[k:].square().sum()",
    ),
    Mistake(
        "best_rank_k",
        why="Your distance is the largest singular value left out. That is the spectral norm of the "
        "difference; the Frobenius norm counts all of them.",
        right="S[k:].square().sum().sqrt()",
        wrong="torch.cat([S[k:], S.new_zeros(1)]).max()",
    ),
    Mistake(
        "best_rank_k",
        why="Your distance is the size of what you kept. Asked for is the size of what was left out.",
        right="S[k:].square()",
        wrong="S[:k].square()",
    ),
    Mistake(
        "best_rank_k",
        why="You returned the matrix unchanged. It is at distance zero, but its rank is larger than k.",
        wrong="return matrix.clone(), torch.zeros(())",
    ),
    Mistake(
        "qk_svd",
        # For the large case it gives up by itself: a mistake runs in the grader too, where 40 GB would be missed.
        why="You built W_Q @ W_K.T in full. Your answers are right, but for d_model = 100 000 that matrix takes 40 GB. "
        "Split each factor by `torch.linalg.qr` first: then the only matrix to decompose is [d_head d_head].",
        wrong="""
        d_model, d_head = W_Q.shape
        if d_model > 10_000:
            raise MemoryError
        U, S, Vh = torch.linalg.svd(W_Q @ W_K.T)
        return U[:, :d_head], S[:d_head], Vh[:d_head].T
        """,
    ),
    Mistake(
        "qk_svd",
        why="You multiplied the singular values of the two factors. That is right only when the "
        "directions of one fit those of the other, one by one; in general the product of the two "
        "inner matrices needs an SVD of its own.",
        wrong="""
        U, S_q, _ = torch.linalg.svd(W_Q, full_matrices=False)
        V, S_k, _ = torch.linalg.svd(W_K, full_matrices=False)
        return U, S_q * S_k, V
        """,
    ),
    Mistake(
        "qk_svd",
        why="You multiplied by R of W_K where its transpose belongs: W_K = Q_k R_k, so W_K^T = R_k^T Q_k^T.",
        right="R_q @ R_k.T",
        wrong="R_q @ R_k",
    ),
    Mistake(
        "qk_svd",
        why="You returned the orthonormal bases themselves. The directions of the SVD are mixtures of "
        "their columns: multiply each by the singular vectors of the small matrix.",
        right="Q_q @ U, S, Q_k @ Vh.T",
        wrong="Q_q, S, Q_k",
    ),
    Mistake(
        "qk_svd",
        why="You mixed the key side by Vh as it is. `torch.linalg.svd` returns V transposed: transpose it back.",
        right="Q_k @ Vh.T",
        wrong="Q_k @ Vh",
    ),
    Mistake(
        "qk_svd",
        why="You swapped the two sides: the result is the SVD of the transpose, W_K W_Q^T.",
        right="Q_q @ U, S, Q_k @ Vh.T",
        wrong="Q_k @ Vh.T, S, Q_q @ U",
    ),
    Mistake(
        "qk_svd",
        why="You took the SVD of W_Q^T W_K. It is small, but another matrix: its singular values "
        "depend on how the product is split into factors.",
        wrong="""
        U, S, Vh = torch.linalg.svd(W_Q.T @ W_K)
        return torch.linalg.qr(W_Q).Q @ U, S, torch.linalg.qr(W_K).Q @ Vh.T
        """,
    ),
    Mistake(
        "qk_svd",
        why="You left R of W_K out, as if W_K had orthonormal columns.",
        right="R_q @ R_k.T",
        wrong="R_q",
    ),
    Mistake(
        "qk_svd",
        why="You chose the signs of U and of V separately. A column of U and its column of V may flip "
        "only together, or their term of the product changes its sign.",
        wrong="""
        Q_q, R_q = torch.linalg.qr(W_Q)
        Q_k, R_k = torch.linalg.qr(W_K)
        U, S, Vh = torch.linalg.svd(R_q @ R_k.T)
        U, V = Q_q @ U, Q_k @ Vh.T
        return U * U.sum(0).sign(), S, V * V.sum(0).sign()
        """,
    ),
    Mistake(
        "qk_svd",
        why="You returned the singular values from the smallest to the largest, as `eigh` does. The largest "
        "comes first: flip all three.",
        right="Q_q @ U, S, Q_k @ Vh.T",
        wrong="(Q_q @ U).flip(1), S.flip(0), (Q_k @ Vh.T).flip(1)",
    ),
    Mistake(
        "qk_svd",
        why="You divided by the root of d_head. The scores of a head have that scale; W_Q W_K^T has not.",
        right="R_q @ R_k.T",
        wrong="R_q @ R_k.T / W_Q.shape[1] ** 0.5",
    ),
]

ALTERNATIVES = [
    Alternative(
        "component_along",
        how="row by row, the dot product divided by the length",
        code="return torch.stack([row.dot(direction) / direction.square().sum().sqrt() for row in vectors])",
    ),
    Alternative(
        "component_along",
        how="the length of the row times the cosine of the angle",
        code="""
        cosine = torch.cosine_similarity(vectors, direction[None, :], dim=-1)
        return vectors.norm(dim=-1) * cosine
        """,
    ),
    Alternative(
        "ablate_direction",
        how="by a projection matrix",
        code="""
        shadow = torch.outer(direction, direction) / (direction @ direction)
        return vectors @ (torch.eye(direction.numel()) - shadow)
        """,
    ),
    Alternative(
        "ablate_direction",
        how="the dot product divided by the squared length, once",
        code="""
        steps = vectors @ direction / (direction @ direction)
        return vectors - torch.outer(steps, direction)
        """,
    ),
    Alternative(
        "coordinates_in_basis",
        how="by the inverse matrix",
        code="return vectors @ torch.linalg.inv(basis)",
    ),
    Alternative(
        "coordinates_in_basis",
        how="dot products, untangled by the overlaps of the basis vectors",
        code="return torch.linalg.solve(basis @ basis.T, vectors @ basis.T, left=False)",
    ),
    Alternative(
        "coordinates_in_basis",
        how="by least squares",
        code="return torch.linalg.lstsq(basis.T, vectors.T).solution.T",
    ),
    Alternative(
        "best_rank_k",
        how="by projecting on the top right singular vectors",
        code="""
        V = torch.linalg.eigh(matrix.T @ matrix).eigenvectors[:, -k:]
        kept = matrix @ V @ V.T
        return kept, torch.linalg.norm(matrix - kept)
        """,
    ),
    Alternative(
        "best_rank_k",
        how="by adding up k matrices of rank one",
        code="""
        U, S, Vh = torch.linalg.svd(matrix)
        kept = sum(S[i] * torch.outer(U[:, i], Vh[i]) for i in range(k))
        return kept, ((matrix - kept) ** 2).sum().sqrt()
        """,
    ),
    Alternative(
        "qk_svd",
        how="by the SVD of each factor",
        code="""
        U_q, S_q, Vh_q = torch.linalg.svd(W_Q, full_matrices=False)
        U_k, S_k, Vh_k = torch.linalg.svd(W_K, full_matrices=False)
        U, S, Vh = torch.linalg.svd(S_q[:, None] * (Vh_q @ Vh_k.T) * S_k)
        return U_q @ U, S, U_k @ Vh.T
        """,
    ),
    Alternative(
        "qk_svd",
        how="by making only the key side orthonormal",
        code="""
        Q_k, R_k = torch.linalg.qr(W_K)
        U, S, Wh = torch.linalg.svd(W_Q @ R_k.T, full_matrices=False)
        return U, S, Q_k @ Wh.T
        """,
    ),
    Alternative(
        "qk_svd",
        how="by eigenvectors of the small matrices of dot products",
        code="""
        values, vectors = torch.linalg.eigh(W_K.T @ W_K)
        root = vectors * values.sqrt()  # root @ root.T == W_K.T @ W_K
        strength, mix = torch.linalg.eigh(root.T @ W_Q.T @ W_Q @ root)
        S = strength.flip(0).sqrt()
        U = W_Q @ root @ mix.flip(1) / S
        return U, S, W_K @ (W_Q.T @ U) / S
        """,
    ),
]


def _orthonormal(draw, rows, cols):
    """A random matrix with columns of length one, at right angles."""
    return torch.linalg.qr(draw.normal(rows, cols)).Q


def _skewed_basis(draw, d_model):
    """Random basis vectors (rows), neither at right angles nor of length one, but far from dependent."""
    stretch = torch.linspace(1.0, 3.0, d_model)
    return (_orthonormal(draw, d_model, d_model) * stretch) @ _orthonormal(draw, d_model, d_model)


def _falling(draw, count):
    """Random strengths, the largest first, each at least one above the next: no two can change places."""
    return torch.arange(count, 0, -1) * 1.5 + draw.uniform(count, low=0.0, high=0.5)


def _head(draw, d_model, d_head):
    """W_Q and W_K of a made-up head, with the U, S and V of their product known by construction."""
    U, V = _orthonormal(draw, d_model, d_head), _orthonormal(draw, d_model, d_head)
    S = _falling(draw, d_head)
    mix = _skewed_basis(draw, d_head)  # hides the directions in the factors; it cancels in the product
    return (U * S) @ mix, V @ torch.linalg.inv(mix).T, U, S, V


@checks("component_along")
def test_shadows_of_small_vectors(submission, draw: Draw):
    """Small vectors, worked by hand: along an axis, along a diagonal, and against the direction."""
    vectors = torch.tensor([[3.0, 4.0], [-1.0, 2.0], [4.0, 3.0]])
    cases = [
        ([2.0, 0.0], [3.0, -1.0, 4.0]),
        ([0.0, -5.0], [-4.0, -2.0, -3.0]),
        ([6.0, 8.0], [5.0, 1.0, 4.8]),
    ]
    for direction, expected in cases:
        answer = submission.component_along(vectors, torch.tensor(direction))
        what = f"the reach of [3, 4], [-1, 2] and [4, 3] along {direction}"
        assert_close(answer, torch.tensor(expected), what, hint="Draw the arrows on paper, then their shadows.")


@checks("component_along")
def test_agrees_with_a_slow_loop(submission, draw: Draw):
    """Each answer is the dot product of its row with the direction, divided by the direction's length."""
    batch, d_model = draw.sizes(2)
    vectors, direction = draw.normal(batch, d_model), 3 * draw.normal(d_model)
    length = sum(x * x for x in direction.tolist()) ** 0.5
    pairs = [zip(row, direction.tolist(), strict=True) for row in vectors.tolist()]
    expected = torch.tensor([sum(a * b for a, b in pair) / length for pair in pairs])
    assert_close(submission.component_along(vectors, direction), expected, "the reach of each row")


@checks("component_along")
def test_length_of_the_direction_does_not_matter(submission, draw: Draw):
    """A longer arrow that points the same way gives the same answer; the opposite arrow, minus the answer."""
    batch, d_model = draw.sizes(2)
    unit = _orthonormal(draw, d_model, 1)[:, 0]
    reach = draw.normal(batch)
    sideways = draw.normal(batch, d_model)
    sideways = sideways - torch.outer(sideways @ unit, unit)
    vectors = sideways + reach[:, None] * unit
    for length in (1.0, 7.0, 0.1, -4.0):
        expected = reach if length > 0 else -reach
        answer = submission.component_along(vectors, length * unit)
        assert_close(answer, expected, f"the reach along {length} times a unit vector", atol=1e-4)


@checks("ablate_direction")
def test_small_vectors_lose_a_direction(submission, draw: Draw):
    """Small vectors, worked by hand, some of them against the direction: without an axis, and without a diagonal."""
    vectors = torch.tensor([[3.0, 4.0], [1.0, 1.0], [-2.0, 6.0], [2.0, -1.0]])
    cases = [
        ([0.0, 3.0], [[3.0, 0.0], [1.0, 0.0], [-2.0, 0.0], [2.0, 0.0]]),
        ([2.0, 2.0], [[-0.5, 0.5], [0.0, 0.0], [-4.0, 4.0], [1.5, -1.5]]),
    ]
    for direction, expected in cases:
        answer = submission.ablate_direction(vectors, torch.tensor(direction))
        what = f"the result for [3, 4], [1, 1], [-2, 6] and [2, -1] without {direction}"
        assert_close(answer, torch.tensor(expected), what)


@checks("ablate_direction")
def test_nothing_is_left_along_the_direction(submission, draw: Draw):
    """Every row of the result is at right angles to the direction, whatever the length of the direction."""
    batch, d_model = draw.sizes(2)
    vectors, direction = draw.normal(batch, d_model) + 1.0, draw.normal(d_model)
    for length in (0.2, 1.0, 5.0):
        unit = direction / direction.norm()
        answer = submission.ablate_direction(vectors, length * unit)
        assert_close(answer @ unit, torch.zeros(batch), f"what is left along a direction of length {length}")


@checks("ablate_direction")
def test_everything_else_stays(submission, draw: Draw):
    """A row of two parts, one along the direction and one at right angles to it, keeps exactly the second."""
    batch, d_model = draw.sizes(2, low=3)
    axes = _orthonormal(draw, d_model, d_model)
    direction, others = 2.5 * axes[:, 0], axes[:, 1:].T
    kept = draw.normal(batch, d_model - 1) @ others
    vectors = kept + draw.normal(batch, 1) * direction
    answer = submission.ablate_direction(vectors, direction)
    assert_close(answer, kept, "the part of each row at right angles to the direction", atol=1e-4)


@checks("coordinates_in_basis")
def test_small_recipes(submission, draw: Draw):
    """Recipes in the plane, worked by hand, in a basis with a slanted vector."""
    basis = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    vectors = torch.tensor([[4.0, 0.0], [1.0, 1.0], [5.0, 3.0], [0.0, 2.0]])
    expected = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 3.0], [-1.0, 2.0]])
    answer = submission.coordinates_in_basis(vectors, basis)
    hint = "Check one by hand: [4, 0] is 2 times the first basis vector and nothing of the second."
    assert_close(answer, expected, "the recipe in the basis [2, 0], [1, 1]", hint=hint)


@checks("coordinates_in_basis")
def test_finds_the_recipe_that_made_the_vectors(submission, draw: Draw):
    """Vectors are mixed from basis vectors by a secret recipe: the coordinates are that recipe."""
    batch, d_model = draw.sizes(2)
    basis, recipe = _skewed_basis(draw, d_model), draw.normal(batch, d_model)
    answer = submission.coordinates_in_basis(recipe @ basis, basis)
    assert_close(answer, recipe, "the recipe", hint="Does your way need right angles?", rtol=1e-3, atol=1e-4)


@checks("coordinates_in_basis")
def test_recipe_adds_up_to_the_vector(submission, draw: Draw):
    """Adding up the basis vectors by the coordinates gives the vectors back: `answer @ basis == vectors`."""
    batch, d_model = draw.sizes(2)
    basis, vectors = _skewed_basis(draw, d_model), draw.normal(batch, d_model)
    answer = submission.coordinates_in_basis(vectors, basis)
    assert_close(answer @ basis, vectors, "the sum of the recipe", rtol=1e-3, atol=1e-4)


@checks("best_rank_k")
def test_small_matrices(submission, draw: Draw):
    """Small matrices, worked by hand: one direction is kept, the others are left out."""
    turned = torch.tensor([[0.0, 4.0, 0.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0]])
    kept, distance = submission.best_rank_k(turned, 1)
    expected = torch.tensor([[0.0, 4, 0], [0, 0, 0], [0, 0, 0]])
    assert_close(kept, expected, "the best rank-1 matrix of [[0,4,0],[0,0,3],[2,0,0]]")
    hint = "The strengths 3 and 2 are left out: the root of 9 + 4."
    assert_close(distance, 13**0.5, "its distance from the matrix", hint=hint)
    stretched = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.0, 4.0]])
    kept, distance = submission.best_rank_k(stretched, 1)
    assert_close(kept, torch.tensor([[0.0, 0, 0], [0, 0, 4]]), "the best rank-1 matrix of [[3,0,0],[0,0,4]]")
    assert_close(distance, 3.0, "its distance from the matrix")
    kept, distance = submission.best_rank_k(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), 1)
    assert_close(kept, torch.full((2, 2), 1.5), "the best rank-1 matrix of [[2,1],[1,2]]")
    assert_close(distance, 1.0, "its distance from the matrix")


@checks("best_rank_k")
def test_known_directions_are_kept(submission, draw: Draw):
    """A matrix, wide or tall, is built from known directions and strengths: the k strongest stay, the rest is off."""
    few, many = sorted(draw.sizes(2, low=4))
    for rows, cols in ((few, many), (many, few)):
        U, V = _orthonormal(draw, rows, 4), _orthonormal(draw, cols, 4)
        S = _falling(draw, 4)
        for k in (1, 2, 3, 4):
            kept, distance = submission.best_rank_k((U * S) @ V.T, k)
            at = f"rank-{k} copy of a {rows} x {cols} matrix"
            assert_close(kept, (U[:, :k] * S[:k]) @ V[:, :k].T, f"the best {at}", rtol=1e-3, atol=1e-3)
            off = S[k:].square().sum().sqrt()
            assert_close(distance, off, f"the distance of the best {at}", rtol=1e-3, atol=1e-3)


@checks("best_rank_k")
def test_distance_rank_and_size_fit_together(submission, draw: Draw):
    """The distance is that of the matrix returned, whose rank is at most k; and it is as small as can be."""
    rows, cols = draw.sizes(2, low=3)
    matrix = draw.normal(rows, cols)
    k = draw.integer(1, min(rows, cols))
    kept, distance = submission.best_rank_k(matrix, k)
    hint = "The distance is the Frobenius norm of `matrix - kept`."
    assert_close(distance, (matrix - kept).norm(), "the distance", hint=hint, rtol=1e-3, atol=1e-3)
    beyond = torch.linalg.svdvals(kept)[k:]
    assert_close(
        beyond, torch.zeros_like(beyond), f"the tail of your matrix's singular values, after the first {k},", atol=1e-3
    )
    # Eckart and Young: nothing of rank k is nearer than the tail of the spectrum allows.
    nearest = torch.linalg.svdvals(matrix)[k:].square().sum().sqrt()
    assert_close(distance, nearest, f"the least possible distance for rank {k}", rtol=1e-3, atol=1e-3)


@checks("qk_svd")
def test_small_head(submission, draw: Draw):
    """A head with two reading directions, worked by hand: axes, hidden by how the factors are written."""
    W_Q = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [2.0, -2.0]])
    W_K = torch.tensor([[-2.0, 2.0], [0.0, 0.0], [3.0, 3.0], [0.0, 0.0]])
    U, S, V = submission.qk_svd(W_Q, W_K)  # W_Q W_K^T is 0 but for [1, 2] = 6 and [3, 0] = -8
    assert_close(S, torch.tensor([8.0, 6.0]), "S", rtol=1e-3)
    expected = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    assert_close(U.abs(), expected, "the table of absolute values of U (its signs are free)", atol=1e-3)
    expected = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert_close(V.abs(), expected, "the table of absolute values of V (its signs are free)", atol=1e-3)
    hint = "The sign of a column of U is free, but then that of V is not: they must fit together."
    assert_close((U * S) @ V.T, W_Q @ W_K.T, "U @ diag(S) @ V.T", hint=hint, rtol=1e-3, atol=1e-3)


@checks("qk_svd")
def test_is_a_decomposition_of_the_product(submission, draw: Draw):
    """`U @ diag(S) @ V.T` is the product; U and V have orthonormal columns; S falls and is never negative."""
    d_head = draw.integer(3, 6)
    d_model = draw.integer(7, 12)
    W_Q, W_K, *_ = _head(draw, d_model, d_head)
    U, S, V = submission.qk_svd(W_Q, W_K)
    assert_close((U * S) @ V.T, W_Q @ W_K.T, "U @ diag(S) @ V.T", rtol=1e-3, atol=1e-3)
    for name, matrix in (("U", U), ("V", V)):
        what = f"{name}.T @ {name}"
        hint = f"The columns of {name} should be at right angles and of length one."
        assert_close(matrix.T @ matrix, torch.eye(d_head), what, hint=hint, atol=1e-3)
    assert bool((S >= 0).all()), f"A singular value is never negative, but S is {S.tolist()}."
    assert bool((S[:-1] >= S[1:]).all()), f"The largest singular value comes first, but S is {S.tolist()}."


@checks("qk_svd")
def test_factors_do_not_matter(submission, draw: Draw):
    """Two heads with other factors but the same product have the same strengths and directions."""
    d_head = draw.integer(3, 6)
    d_model = draw.integer(7, 12)
    W_Q, W_K, true_U, true_S, true_V = _head(draw, d_model, d_head)
    mix = _skewed_basis(draw, d_head)
    for factors in ((W_Q, W_K), (W_Q @ mix, W_K @ torch.linalg.inv(mix).T)):
        U, S, V = submission.qk_svd(*factors)
        assert_close(S, true_S, "S", rtol=1e-3, atol=1e-3)
        _assert_same_directions(U, true_U, "U")
        _assert_same_directions(V, true_V, "V")


def _fits(learner, W_Q, W_K):
    """Whether the answer can be had in the memory there is. Runs beside the learner's code."""
    try:
        learner.qk_svd(W_Q, W_K)
    except (MemoryError, RuntimeError) as fault:
        if isinstance(fault, MemoryError) or "allocate memory" in str(fault):
            return False
        raise
    return True


@checks("qk_svd")
def test_works_where_the_product_does_not_fit_in_memory(submission, draw: Draw):
    """With d_model = 100 000 the full product would take 40 GB: the answer comes from small matrices."""
    d_model, d_head = 100_000, draw.integer(3, 5)
    W_Q, W_K, true_U, true_S, true_V = _head(draw, d_model, d_head)
    assert submission.run(_fits, W_Q, W_K), (
        "The memory was not enough. A matrix of d_model times d_model, such as W_Q @ W_K.T in full, takes 40 GB here. "
        "Build none: work with matrices that have d_head columns."
    )
    U, S, V = submission.qk_svd(W_Q, W_K)
    assert_close(S, true_S, "S", rtol=1e-3, atol=1e-3)
    _assert_same_directions(U, true_U, "U")
    _assert_same_directions(V, true_V, "V")
    probe = draw.normal(d_model)
    answer, expected = (U * S) @ (V.T @ probe), W_Q @ (W_K.T @ probe)
    assert_close(answer, expected, "U @ diag(S) @ V.T times a random vector", rtol=1e-3, atol=1e-3)


def _assert_same_directions(actual, expected, name):
    """The sign of a singular vector is free (the strengths are far apart, so nothing else is)."""
    agreement = (actual * expected).sum(0).abs()
    what = f"the overlap of each column of {name} with the true direction"
    assert_close(
        agreement, torch.ones_like(agreement), what, hint="1: on the same line; 0: at right angles.", atol=1e-3
    )
