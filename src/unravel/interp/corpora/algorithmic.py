"""Small algorithms, each with exact labels: sorting, palindromes, running_sum, first_unique and caesar."""

from __future__ import annotations

import numpy as np

from unravel.interp.corpora.base import IGNORE, suite
from unravel.interp.corpora.seeds import Integers, below, derive, generator, orders
from unravel.interp.corpora.task import FIRST, HELD_OUT, Task
from unravel.interp.suites import Suite

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
DIGITS = tuple(str(digit) for digit in range(10))


class Sorting(Task):
    """`length` digits, `=`, and the same digits in order. Asked from the = on."""

    name = "sorting"
    about = "Digits, and then the same digits in order."
    words = (*DIGITS, "=")

    def __init__(self, *, seed: int = 0, length: int = 8) -> None:
        super().__init__(seed=seed, length=length, n_ctx=2 * length + 2)

    def _questions(self, rng: np.random.Generator, count: int) -> Integers:
        digits = below(rng, 10, count, self.length)
        equals = np.full((count, 1), self.words.index("="))
        return np.concatenate([digits, equals, np.sort(digits, axis=1)], axis=1)

    def _answers(self, symbols: Integers) -> Integers:
        first = np.full((len(symbols), self.length + 1), IGNORE)
        return np.concatenate([first, symbols[:, self.length + 1 :], np.full((len(symbols), 1), IGNORE)], axis=1)


class Palindromes(Task):
    """`length` letters; from the middle on, `yes` as long as each letter is the one at its mirror place, else `no`.

    So the last answer says whether the row reads the same backwards. Half of all rows do, and most others nearly.
    """

    name = "palindromes"
    about = "Does a row of letters read the same backwards? Asked at each letter of its second half."
    words = (*LETTERS[:8], "no", "yes")

    def __init__(self, *, seed: int = 0, length: int = 10) -> None:
        super().__init__(seed=seed, length=length, n_ctx=length + 1)
        self.half = length // 2

    def _questions(self, rng: np.random.Generator, count: int) -> Integers:
        letters, half = below(rng, 8, count, self.length), self.half
        letters[:, -half:] = letters[:, :half][:, ::-1]
        change = rng.random((count, half)) < np.where(rng.random((count, 1)) < 0.5, 0, 1 / half)
        letters[:, :half] = np.where(change, below(rng, 8, count, half), letters[:, :half])
        return letters

    def _answers(self, symbols: Integers) -> Integers:
        second = slice(self.length - self.half, None)
        same = (symbols == symbols[:, ::-1])[:, second]
        out = np.full((len(symbols), self.n_ctx), IGNORE)
        out[:, -self.half :] = self.words.index("no") + np.logical_and.accumulate(same, axis=1)
        return out


class RunningSum(Task):
    """Steps from -2 to +2; at each position, the sum so far, or -9 or +9 where it has gone beyond those.

    Asked for the sum and not for its sign alone, since the mean that a head gathers has the right sign already.
    """

    name = "running_sum"
    about = "At each step, the sum so far."
    words = tuple(f"{total:+d}" if total else "0" for total in range(-9, 10))

    def __init__(self, *, seed: int = 0, length: int = 16) -> None:
        super().__init__(seed=seed, length=length, n_ctx=length + 1)

    def _questions(self, rng: np.random.Generator, count: int) -> Integers:
        return self.words.index("-2") + below(rng, 5, count, self.length)

    def _answers(self, symbols: Integers) -> Integers:
        zero = self.words.index("0")
        sums = np.clip((symbols - zero).cumsum(axis=1), -zero, zero)
        return np.concatenate([np.full((len(symbols), 1), IGNORE), sums + zero], axis=1)


class FirstUnique(Task):
    """Letters; at each position, the first letter that has come exactly once so far, or `none`.

    Three letters in five are drawn from those that came before, so that the answer keeps changing.
    """

    name = "first_unique"
    about = "At each step, the first letter that has come exactly once so far."
    words = (*LETTERS[:8], "none")

    def __init__(self, *, seed: int = 0, length: int = 12) -> None:
        super().__init__(seed=seed, length=length, n_ctx=length + 1)

    def _questions(self, rng: np.random.Generator, count: int) -> Integers:
        letters, again = below(rng, 8, count, self.length), rng.random((count, self.length)) < 0.6
        for at in range(1, self.length):
            earlier = letters[np.arange(count), below(rng, at, count)]
            letters[:, at] = np.where(again[:, at], earlier, letters[:, at])
        return letters

    def _answers(self, symbols: Integers) -> Integers:
        out = np.full((len(symbols), self.n_ctx), IGNORE)
        for upto in range(1, self.n_ctx):
            seen = symbols[:, :upto]
            once = (seen[:, :, None] == seen[:, None, :]).sum(axis=2) == 1
            first = seen[np.arange(len(seen)), once.argmax(axis=1)]
            out[:, upto] = np.where(once.any(axis=1), first, self.words.index("none"))
        return out


class Caesar(Task):
    """A key and a text in cipher; at each letter, what it was before the key moved it on through the alphabet.

    The key is the letter that stands for `a`. One key and letter in ten never come together in training: then the rule
    must be found rather than the table.
    """

    name = "caesar"
    about = "The letters of a text, moved back through the alphabet by a key."
    words = LETTERS

    def __init__(self, *, seed: int = 0, length: int = 12) -> None:
        super().__init__(seed=seed, length=length, n_ctx=length + 1)
        order = orders(generator(self.name, seed, "pairs"), 1, 26 * 26)[0]
        self.unseen = np.isin(np.arange(26 * 26), order[: 26 * 26 // HELD_OUT]).reshape(26, 26)

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """In training only known pairs of key and letter; in the test split all of them."""
        return self._table(self._text(generator(*self.stream(split, seed)), count, known=split == "train"))

    def _questions(self, rng: np.random.Generator, count: int) -> Integers:
        return self._text(rng, count, known=False)

    def _text(self, rng: np.random.Generator, count: int, *, known: bool) -> Integers:
        key = below(rng, 26, count, 1)
        rank = orders(rng, count * (self.length - 1), 26).reshape(count, self.length - 1, 26)
        chosen = rank[:, :, 0]
        for choice in range(1, 26):
            refused = self.unseen[key, chosen] if known else np.zeros_like(chosen, dtype=bool)
            chosen = np.where(refused, rank[:, :, choice], chosen)
        return np.concatenate([key, chosen], axis=1)

    def _answers(self, symbols: Integers) -> Integers:
        plain = (symbols[:, 1:] - symbols[:, :1]) % 26
        return np.concatenate([np.full((len(symbols), 2), IGNORE), plain], axis=1)

    def make_suites(self) -> list[Suite]:
        """The pairs of key and letter that training leaves out, alone."""
        tokens, labels = self.rows("test", 1500, derive("suite"))
        row, at = np.nonzero(labels != IGNORE)
        unseen = self.unseen[tokens[row, 1] - FIRST, tokens[row, at] - FIRST]
        row, at = row[unseen], at[unseen]
        prompts = np.where(np.arange(self.n_ctx)[None] > at[:, None], self.vocabulary.pad, tokens[row])
        right, kinds = labels[row, at], np.arange(26) + FIRST
        wrong = np.where(kinds[None] == right[:, None], -1, kinds[None])
        about = "Letters under a key that they never had in training."
        return [suite("unseen_pairs", about, prompts, at, right, wrong)]


TASKS = (Sorting, Palindromes, RunningSum, FirstUnique, Caesar)
