"""Randomness that is the same on every machine: seeds made by sha256, and draws made of uniform numbers alone.

Both libraries promise the stream of `random()` for ever, and not the streams of `choice`, `shuffle` or `permutation`;
so everything here is built on `random()`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, MutableSequence, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Integers = NDArray[np.int64]
Uniform = Callable[[], float]


def derive(*parts: object) -> int:
    """A 64-bit seed for a thing that is named by `parts`."""
    name = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def dice(*parts: object) -> Uniform:
    """A function that gives the next uniform number, for text that is made word by word."""
    return random.Random(derive(*parts)).random


def generator(*parts: object) -> np.random.Generator:
    """A numpy generator, for corpora that are made in whole arrays. Call nothing but its `random`."""
    return np.random.Generator(np.random.PCG64(derive(*parts)))


def pick(items: Sequence[T], roll: Uniform) -> T:
    """One of the items."""
    return items[int(roll() * len(items))]


def sample(items: Sequence[T], count: int, roll: Uniform) -> list[T]:
    """`count` different items, in random order."""
    left = list(items)
    for at in range(count):
        other = at + int(roll() * (len(left) - at))
        left[at], left[other] = left[other], left[at]
    return left[:count]


def shuffle(items: MutableSequence[T], roll: Uniform) -> None:
    """Puts the items in random order, in place."""
    items[:] = sample(items, len(items), roll)


def below(rng: np.random.Generator, bound: int | Integers, *shape: int) -> Integers:
    """Integers from 0 to `bound` - 1; the bound may be an array that broadcasts against the shape."""
    return np.floor(rng.random(shape) * bound).astype(np.int64)


def orders(rng: np.random.Generator, count: int, items: int) -> Integers:
    """`count` random orders of the numbers below `items`, one in each row."""
    return np.argsort(rng.random((count, items)), axis=1, kind="stable")
