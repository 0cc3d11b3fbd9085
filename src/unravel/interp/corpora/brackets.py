"""`brackets`: strings of brackets, half of them balanced, the others hard to tell from those."""

from __future__ import annotations

import numpy as np

from unravel.interp.corpora.base import IGNORE, Corpus, suite
from unravel.interp.corpora.seeds import Integers, derive, generator
from unravel.interp.corpora.seeds import below as draw
from unravel.interp.corpora.vocabulary import SPECIAL, Vocabulary
from unravel.interp.suites import Suite

OPEN, CLOSE = len(SPECIAL), len(SPECIAL) + 1
NO, YES = 0, 1


class Brackets(Corpus):
    """Each row is <bos> and up to `length` brackets, then <pad>. At each bracket: is the string so far balanced?

    The label is 1 if it is, else 0; so a model of it has two outputs. Half of the whole strings are balanced. Of the
    others, most have as many ( as ) and dip below zero, and the rest differ by one bracket from a balanced one.
    """

    name = "brackets"
    about = "Balanced and nearly balanced strings of brackets, to be told apart."

    def __init__(self, *, seed: int = 0, length: int = 20) -> None:
        super().__init__(seed=seed, vocabulary=Vocabulary((*SPECIAL, "(", ")")), n_ctx=length + 1)
        self.length = length

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Half balanced, half not, each of a random even length; test strings are none of the training's."""
        kept: list[Integers] = []
        for attempt in range(1000):
            steps = self._strings(generator(*self.stream(split, seed), attempt), 2 * count)
            kept += [row for row in steps if self._split(row) == split]
            if len(kept) >= count:
                break
        return self._table(np.stack(kept[:count]))

    def describe(self, tokens: Integers, labels: Integers) -> str:
        """As in `( ( ) ) balanced`."""
        return f"{super().describe(tokens, labels)} {'balanced' if self._last(labels[None])[0] else 'unbalanced'}"

    def make_suites(self) -> list[Suite]:
        """All kinds together, and the hard ones alone: as many ( as )."""
        tokens, labels = self.rows("test", 2000, derive("suite"))
        answer = self._last(labels)
        steps = (tokens == OPEN).astype(np.int64) - (tokens == CLOSE)
        hard = (steps.sum(axis=1) == 0) & (answer == NO)
        return [
            self._suite("unseen_strings", "Strings that training leaves out, half of them balanced.", tokens, answer),
            self._suite("equal_counts", "Unbalanced, with as many ( as ).", tokens[hard], answer[hard]),
        ]

    def _suite(self, name: str, about: str, tokens: Integers, answer: Integers) -> Suite:
        return suite(name, about, tokens, (tokens != self.vocabulary.pad).sum(axis=1) - 1, answer, 1 - answer[:, None])

    @staticmethod
    def _last(labels: Integers) -> Integers:
        """The verdicts on whole strings: the last label of each row."""
        end = (labels != IGNORE).sum(axis=1)
        verdicts: Integers = labels[np.arange(len(labels)), end]
        return verdicts

    def _strings(self, rng: np.random.Generator, count: int) -> Integers:
        """Rows of +1 and -1, zero after the end."""
        half = 1 + draw(rng, self.length // 2, count)
        balanced = self._balanced(rng, half)
        kind, at = rng.random(count), draw(rng, 2 * half, count)
        rows, positions = np.arange(count), np.arange(self.length)[None]
        turned = np.take_along_axis(balanced, (positions + at[:, None]) % (2 * half[:, None]), axis=1)
        flipped = balanced.copy()
        flipped[rows, at] *= -1
        shuffled = self._shuffled(rng, half)
        wrong = np.where((kind < 0.65)[:, None], turned, np.where((kind < 0.83)[:, None], flipped, shuffled))
        chosen = np.where((kind < 0.42)[:, None], balanced, wrong)
        return np.where(positions < 2 * half[:, None], chosen, 0)

    def _shuffled(self, rng: np.random.Generator, half: Integers) -> Integers:
        """Strings of `half` of each bracket in random order."""
        order = rng.random((len(half), self.length)) + (np.arange(self.length)[None] >= 2 * half[:, None])
        rank = np.argsort(np.argsort(order, axis=1, kind="stable"), axis=1, kind="stable")
        inside = np.arange(self.length)[None] < 2 * half[:, None]
        return np.where(inside, np.where(rank < half[:, None], 1, -1), 0)

    def _balanced(self, rng: np.random.Generator, half: Integers) -> Integers:
        """Shuffled strings, each turned to begin after its lowest point: then it never dips below zero."""
        steps = self._shuffled(rng, half)
        height = np.where(steps == 0, self.length + 1, steps.cumsum(axis=1))
        start = (height.argmin(axis=1) + 1) % (2 * half)
        turned = (np.arange(self.length)[None] + start[:, None]) % (2 * half[:, None])
        return np.where(steps == 0, 0, np.take_along_axis(steps, turned, axis=1))

    def _split(self, row: Integers) -> str:
        """Long strings belong to one split each, by their sha256; the few short ones to training."""
        size = int(np.abs(row).sum())
        return "test" if size >= 8 and derive(self.seed, row[:size].tolist()) % 10 == 0 else "train"

    def _table(self, steps: Integers) -> tuple[Integers, Integers]:
        first = np.full((len(steps), 1), self.vocabulary.bos)
        body = np.select([steps > 0, steps < 0], [OPEN, CLOSE], self.vocabulary.pad)
        heights = steps.cumsum(axis=1)
        balanced = (heights == 0) & (np.minimum.accumulate(heights, axis=1) >= 0)
        labels = np.full((len(steps), self.n_ctx), IGNORE, dtype=np.int64)
        labels[:, 1:] = np.where(steps == 0, IGNORE, balanced)
        return np.concatenate([first, body], axis=1), labels
