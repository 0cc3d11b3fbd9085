"""`repeats`: Markov text in which a segment of random tokens comes back. What induction heads are for."""

from __future__ import annotations

import numpy as np

from unravel.interp.corpora.base import Corpus, next_token, suite
from unravel.interp.corpora.seeds import Integers, below, generator, orders
from unravel.interp.corpora.vocabulary import SPECIAL, Vocabulary
from unravel.interp.suites import Suite

SYLLABLES = tuple(consonant + vowel for consonant in "bdfghklmnprstvwz" for vowel in "aeio")
FIRST = len(SPECIAL)
WORDS = len(SYLLABLES)
SHORTEST = 4


class Repeats(Corpus):
    """Each row is <bos> and `length` syllables of Markov text, with one random segment in it at two places.

    The segment is 4 to length / 2 long, of syllables in random order, and the gap between its copies is random: so
    neither the pairs of the Markov chain nor a fixed distance helps with the second copy, and only induction does.
    """

    name = "repeats"
    about = "Markov text in which a random segment comes back after a random gap: the task of induction heads."

    def __init__(self, *, seed: int = 0, length: int = 32) -> None:
        super().__init__(seed=seed, vocabulary=Vocabulary(SPECIAL + SYLLABLES), n_ctx=length + 1)
        self.length = length
        self.zipf, self.chain = _weights(seed)

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Markov text with a segment that is replayed."""
        rng = generator(*self.stream(split, seed))
        words = self._markov(rng, count)
        length = SHORTEST + below(rng, self.length // 2 - SHORTEST + 1, count, 1)
        first = below(rng, self.length - 2 * length + 1, count, 1)
        second = first + length + below(rng, self.length - first - 2 * length + 1, count, 1)
        segment = orders(rng, count, WORDS)
        for start in (first, second):
            offset = np.arange(self.length)[None] - start
            replayed = np.take_along_axis(segment, offset.clip(0, WORDS - 1), axis=1)
            words = np.where((offset >= 0) & (offset < length), replayed, words)
        tokens = self._numbers(words)
        return tokens, next_token(tokens, self.vocabulary.pad)

    def make_suites(self) -> list[Suite]:
        """Induction at a random gap, and as a control the pairs of the Markov chain."""
        return [self._random_gap(512), self._pairs(512)]

    def _markov(self, rng: np.random.Generator, count: int) -> Integers:
        uniform = rng.random((count, self.length))
        words = np.empty((count, self.length), dtype=np.int64)
        words[:, 0] = np.searchsorted(self.zipf, uniform[:, 0] * self.zipf[-1], side="right")
        for at in range(1, self.length):
            row = self.chain[words[:, at - 1]]
            words[:, at] = (row <= (uniform[:, at] * row[:, -1])[:, None]).sum(axis=1)
        return words

    def _numbers(self, words: Integers) -> Integers:
        first = np.full((len(words), 1), self.vocabulary.bos)
        return np.concatenate([first, words + FIRST], axis=1)

    def _random_gap(self, count: int) -> Suite:
        """All tokens different, but for one segment of a third of the row; asked within its second copy."""
        rng = generator(self.name, self.seed, "random_gap")
        size, rows = self.length // 3, np.arange(count)
        words = orders(rng, count, WORDS)[:, : self.length]
        first = below(rng, self.length - 2 * size + 1, count)
        second = first + size + below(rng, self.length - first - 2 * size + 1, count)
        for offset in range(size):
            words[rows, second + offset] = words[rows, first + offset]
        at = second + below(rng, size - 1, count)
        about = "A random segment comes again after a random gap; the next token of its second copy is asked."
        return self._suite("random_gap", about, words, at, words[rows, at + 1])

    def _pairs(self, count: int) -> Suite:
        """Markov text without a replay; asked for the likeliest successor."""
        rng = generator(self.name, self.seed, "pairs")
        words, rows = self._markov(rng, count), np.arange(count)
        at = 4 + below(rng, self.length - 4, count)
        likely = np.diff(self.chain, axis=1, prepend=0).argmax(axis=1)
        about = "Markov text with nothing replayed; the likeliest successor of the last token is asked."
        return self._suite("pairs", about, words, at, likely[words[rows, at]])

    def _suite(self, name: str, about: str, words: Integers, at: Integers, right: Integers) -> Suite:
        later = np.arange(self.length)[None] > at[:, None]
        prompts = self._numbers(np.where(later, self.vocabulary.pad - FIRST, words))
        others = np.argsort(np.arange(WORDS)[None] == right[:, None], axis=1, kind="stable")[:, :-1]
        return suite(name, about, prompts, at + 1, right + FIRST, others + FIRST)


def _weights(seed: int) -> tuple[Integers, Integers]:
    """Whole-number cumulative weights: of single tokens (after Zipf), and of the successors of each token.

    Each token's successors fall off by a quarter from one to the next in an order of its own, mixed 70 to 30 with Zipf:
    pairs are worth knowing, and never certain. Whole numbers, so that no rounding differs between machines.
    """
    zipf = 1_000_000 // np.arange(1, WORDS + 1)
    falling, weight = [], 1_000_000
    for _ in range(WORDS):
        falling.append(weight)
        weight = weight * 3 // 4
    own = np.empty((WORDS, WORDS), dtype=np.int64)
    np.put_along_axis(own, orders(generator("repeats", seed, "chain"), WORDS, WORDS), np.array([falling]), axis=1)
    chain = 7 * own * int(zipf.sum()) // sum(falling) + 3 * zipf[None]
    return zipf.cumsum().astype(np.int64), chain.cumsum(axis=1).astype(np.int64)
