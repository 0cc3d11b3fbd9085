"""What the algorithmic corpora share: random rows whose exact answers are computed, split by question."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from unravel.interp.corpora.base import IGNORE, Corpus, suite
from unravel.interp.corpora.seeds import Integers, derive, generator
from unravel.interp.corpora.vocabulary import SPECIAL, Vocabulary
from unravel.interp.suites import Suite

FIRST = len(SPECIAL)
HELD_OUT = 10
"""One question in so many belongs to the test split, by its sha256."""


class Task(Corpus):
    """Rows of <bos> and symbols, the first `length` of them the question. Labels are tokens.

    A task gives `_questions`, random rows without <bos>, and `_answers`, the labels of such rows. A question belongs to
    one split only.
    """

    words: ClassVar[tuple[str, ...]]

    def __init__(self, *, seed: int = 0, length: int, n_ctx: int) -> None:
        self.length = length
        super().__init__(seed=seed, vocabulary=Vocabulary(SPECIAL + self.words), n_ctx=n_ctx)

    @abstractmethod
    def _questions(self, rng: np.random.Generator, count: int) -> Integers:
        """Random rows of symbols, without <bos>."""

    @abstractmethod
    def _answers(self, symbols: Integers) -> Integers:
        """For each position of the row with <bos>, the symbol that is right there, or `IGNORE`."""

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Random questions of the split, and their answers."""
        kept: list[Integers] = []
        for attempt in range(1000):
            drawn = self._questions(generator(*self.stream(split, seed), attempt), 2 * count)
            kept += [row for row in drawn if (self._held(row) == (split == "test"))]
            if len(kept) >= count:
                break
        return self._table(np.stack(kept[:count]))

    def make_suites(self) -> list[Suite]:
        """The positions that are asked in the second half of rows that training leaves out."""
        tokens, labels = self.rows("test", 500, derive("suite"))
        row, at = np.nonzero((labels != IGNORE) & (np.arange(self.n_ctx) >= self.n_ctx // 2))
        prompts, right = tokens[row], labels[row, at]
        prompts = np.where(np.arange(self.n_ctx)[None] > at[:, None], self.vocabulary.pad, prompts)
        kinds = np.unique(right)
        wrong = np.where(kinds[None] == right[:, None], -1, kinds[None])
        about = "Positions in the second half of rows that training leaves out; against all other answers."
        return [suite("unseen_rows", about, prompts, at, right, wrong)]

    def describe(self, tokens: Integers, labels: Integers) -> str:
        """The symbols, and after an arrow the labels, with a dot where nothing is asked."""
        asked = " ".join("." if label == IGNORE else self.vocabulary.tokens[label] for label in labels[1:])
        return f"{super().describe(tokens, labels)} -> {asked}"

    def _held(self, row: Integers) -> bool:
        return derive(self.seed, self.name, row[: self.length].tolist()) % HELD_OUT == 0

    def _table(self, symbols: Integers) -> tuple[Integers, Integers]:
        first = np.full((len(symbols), 1), self.vocabulary.bos)
        tokens = np.concatenate([first, symbols + FIRST], axis=1)
        answers = self._answers(symbols)
        return tokens, np.where(answers == IGNORE, IGNORE, answers + FIRST)
