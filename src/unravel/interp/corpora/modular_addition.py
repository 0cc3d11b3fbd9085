"""`modular_addition`: a + b modulo a prime, split once into what is trained on and what is not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE, Corpus, suite
from unravel.interp.corpora.seeds import Integers, derive, generator, orders
from unravel.interp.corpora.vocabulary import SPECIAL, Vocabulary
from unravel.interp.suites import Suite


class ModularAddition(Corpus):
    """All pairs below `p`, as the three tokens `a b =`; the label, at the last of them, is their sum modulo `p`.

    Numbers are their own tokens: token 7 is "7", token `p` is "=".

    With `mirrors`, a + b and b + a are always on the same side of the split. Otherwise a model that has learned no more
    than that their order does not matter knows half of what it was not shown, where half was shown.
    """

    name = "modular_addition"
    about = "Sums modulo a prime, of which a part is trained on: the task that groks."

    def __init__(self, *, seed: int = 0, p: int = 53, fraction: float = 0.5, mirrors: bool = False) -> None:
        tokens = (*(str(number) for number in range(p)), "=", *SPECIAL)
        super().__init__(seed=seed, vocabulary=Vocabulary(tokens), n_ctx=3)
        self.p = p
        order = orders(generator(self.name, seed, p), 1, p * p)[0]
        a, b = np.divmod(order, p)
        first = order[a <= b] if mirrors else order
        cut = int(fraction * len(first))
        self.pairs = {"train": first[:cut], "test": first[cut:]}
        if mirrors:
            self.pairs = {split: self._both_ways(pairs) for split, pairs in self.pairs.items()}

    def full(self, split: str) -> tuple[Int[Tensor, "batch pos"], Int[Tensor, "batch pos"]]:
        """The whole split and its labels, for training on all of it at once."""
        tokens, labels = self._table(self.pairs[self.check(split)])
        return torch.from_numpy(tokens), torch.from_numpy(labels)

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Pairs of the split, drawn without repeating one before all had their turn."""
        rng, pairs = generator(*self.stream(split, seed)), self.pairs[split]
        rounds = -(-count // len(pairs))
        return self._table(pairs[orders(rng, rounds, len(pairs)).ravel()[:count]])

    def describe(self, tokens: Integers, labels: Integers) -> str:
        """As in `12 7 = 19`."""
        return f"{super().describe(tokens, labels)} {labels[-1]}"

    def make_suites(self) -> list[Suite]:
        """All sums that were not trained on."""
        tokens, labels = self._table(np.sort(self.pairs["test"]))
        right = labels[:, -1]
        wrong = np.argsort(np.arange(self.p)[None] == right[:, None], axis=1, kind="stable")[:, :-1]
        about = "Every pair that training leaves out; the sum is asked against all other numbers."
        return [suite("unseen_sums", about, tokens, np.full(len(tokens), 2), right, wrong)]

    def _documents(self, split: str, seed: int) -> Iterator[str]:
        pairs = self.pairs[split]
        for turn in itertools.count():
            order = orders(generator(*self.stream(split, derive("documents", seed, turn))), 1, len(pairs))[0]
            yield from map(self.describe, *self._table(pairs[order]))

    def _both_ways(self, pairs: Integers) -> Integers:
        """The pairs and their mirrors; a + a is its own."""
        a, b = np.divmod(pairs, self.p)
        return np.concatenate([pairs, (b * self.p + a)[a != b]])

    def _table(self, pairs: Integers) -> tuple[Integers, Integers]:
        a, b = np.divmod(pairs, self.p)
        tokens = np.stack([a, b, np.full_like(a, self.p)], axis=1)
        labels = np.full_like(tokens, IGNORE)
        labels[:, -1] = (a + b) % self.p
        return tokens, labels
