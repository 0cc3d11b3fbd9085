"""Up to 1024 vectors of 32 numbers, nearly at right angles: how hundreds of names share one small subspace."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.errors import UnravelError

SIZE = 32
"""Numbers in a code: one for each element of the field with 32 elements."""
MODULUS = 0b100101
"""x^5 + x^2 + 1, which makes polynomials over {0, 1} that field."""


def codes(count: int) -> Float[Tensor, "count 32"]:
    """Unit vectors; the inner product of any two different ones is 0, 1/4 or -1/4.

    Vector 32 a + b holds the signs of Tr(a x^3 + b x) over the field. Those of one a are at right angles, and x^3
    is as far from linear as can be, so no two of different a come closer (the dual of a BCH code).
    """
    if count > SIZE * SIZE:
        raise UnravelError(f"There are {SIZE * SIZE} codes, not {count}.", fix="Use fewer names, or a larger field.")
    cubes = [times(x, times(x, x)) for x in range(SIZE)]
    rows = [
        [(-1) ** trace(times(number // SIZE, cubes[x]) ^ times(number % SIZE, x)) for x in range(SIZE)]
        for number in range(count)
    ]
    return torch.tensor(rows, dtype=torch.float32).reshape(count, SIZE) / math.sqrt(SIZE)


def times(a: int, b: int) -> int:
    """The product in the field; bit i of a number stands for x^i. `times(2, 16)` is x^5 = x^2 + 1, that is 5."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = a << 1, b >> 1
        if a & SIZE:
            a ^= MODULUS
    return product


def trace(x: int) -> int:
    """0 or 1: x + x^2 + x^4 + x^8 + x^16, the linear map from the field to {0, 1}."""
    total = 0
    for _ in range(5):
        total ^= x
        x = times(x, x)
    return total
