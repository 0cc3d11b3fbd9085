"""Writes the weights of one head, in words of the stream's subspaces."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.interp.model.attention import Attention
from unravel.zoo.constructed.stream import Stream

Mix = Mapping[str, "float | Tensor"]
"""What is read of each space: a matrix [size of the space, width], or a factor if each dimension is taken as it is."""


class HeadWriter:
    """A head that is all zeros at first. Each call takes some of its `d_head` dimensions."""

    def __init__(self, attention: Attention, head: int, stream: Stream):
        self.stream, self.scale = stream, attention.config.d_head**0.5
        self.compared = self.carried = 0
        names = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V")
        self.weights: dict[str, Tensor] = {name: getattr(attention, name).data[head].zero_() for name in names}

    def look(self, query: Mix, key: Mix) -> None:
        """Adds the inner product of what the query reads and what the key reads to the attention scores."""
        q, k = self._matrix(query), self._matrix(key)
        at = slice(self.compared, self.compared + q.shape[1])
        self.weights["W_Q"][:, at] = q * self.scale  # which the score is divided by
        self.weights["W_K"][:, at] = k
        self.compared = at.stop

    def rest(self, score: float) -> None:
        """<bos> gets this score from every query: where the head looks as long as nothing fits better."""
        at = self.compared
        self.weights["b_Q"][at] = score * self.scale
        self.weights["W_K"][self.stream["is_first"], at] = 1
        self.compared += 1

    def write(self, reads: Mix, to: str, gain: float = 1.0) -> None:
        """Copies what it reads where it looks to the space `to` where it stands, times `gain`."""
        v = self._matrix(reads)
        at = slice(self.carried, self.carried + v.shape[1])
        self.weights["W_V"][:, at] = v
        self.weights["W_O"][at, self.stream[to]] = gain * torch.eye(v.shape[1], self.stream.size(to))
        self.carried = at.stop

    def _matrix(self, mix: Mix) -> Float[Tensor, "d_model width"]:
        parts = {
            space: part if isinstance(part, Tensor) else part * torch.eye(self.stream.size(space))
            for space, part in mix.items()
        }
        out = torch.zeros(self.stream.d_model, max(part.shape[1] for part in parts.values()))
        for space, part in parts.items():
            out[self.stream[space]] = part
        return out


def shift(length: int, by: int) -> Float[Tensor, "length length"]:
    """Takes position p to p + `by`, or to nothing if there is none."""
    return torch.diag(torch.ones(length - abs(by)), by)


def rising(length: int, slope: float) -> Float[Tensor, "length 1"]:
    """A score that grows with the position."""
    return slope * torch.arange(length, dtype=torch.float32)[:, None]


def ones(length: int, value: float) -> Float[Tensor, "length 1"]:
    """The sum of a space, times `value`."""
    return torch.full((length, 1), value)
