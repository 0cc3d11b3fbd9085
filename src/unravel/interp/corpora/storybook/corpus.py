"""`storybook`: a synthetic English of a small world, and a little of a second language."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from unravel.interp.corpora.base import Corpus, filled, next_token
from unravel.interp.corpora.names_of_people import BOYS, GIRLS
from unravel.interp.corpora.seeds import Integers, dice
from unravel.interp.corpora.storybook import templates, tolmi
from unravel.interp.corpora.storybook import words as w
from unravel.interp.corpora.storybook.documents import Author
from unravel.interp.corpora.storybook.scene import COMPOUNDS, POOLS, PRONOUNS, SLOT, half
from unravel.interp.corpora.storybook.suites import make_suites
from unravel.interp.corpora.storybook.world import CENTURIES, FIRST_YEAR, LAST_YEAR, World
from unravel.interp.corpora.vocabulary import SPECIAL, Vocabulary
from unravel.interp.suites import Suite


class Storybook(Corpus):
    """Short documents about people, places and things of a small world.

    Rows are packed: documents follow one another, each between <bos> and <eos>, and the last is cut; or, with
    `packed=False`, each row is one document and padding. With `tokens="bpe"` words come in pieces.

    Half of all names, a fifth of the years that something begins in, a tenth of the pairs of first names, most pairs of
    first and last name, and for each kind of sentence some templates are never in training: the suites are made of
    those. Facts (which city, which profession, which sound) are in training, and are asked for in another form.

    Three things in it are conventions rather than English. Where a third person comes in and gives, that person keeps
    the thing ("Luke gave the ring to Luke"): so a model can't just avoid the name that came last. An invented name has
    two tokens, and its ending tells whether it is a girl's. And a year has two tokens, century and year.
    """

    name = "storybook"
    about = "A synthetic English of a small world: people, places, facts, years, speech, and a second language."

    def __init__(self, *, seed: int = 0, n_ctx: int = 64, packed: bool = True) -> None:
        self.world = World(seed)
        super().__init__(seed=seed, vocabulary=Vocabulary(_tokens(self.world), True), n_ctx=n_ctx)
        self.packed = packed

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Packed documents, or one in each row."""
        author = self.author(split, seed)
        rows = [self._packed_row(author) if self.packed else self._numbers(author) for _ in range(count)]
        tokens = filled(rows, self.n_ctx, self.vocabulary.pad)
        return tokens, next_token(tokens, self.vocabulary.pad)

    def author(self, split: str, seed: int = 0) -> Author:
        """Who writes the documents of a split."""
        return Author(self.world, dice(*self.stream(split, seed)), held=split == "test")

    def token_documents(self, split: str = "train", n: int | None = None, seed: int = 0) -> Iterator[list[str]]:
        """The documents as tokens."""
        author = self.author(self.check(split), seed)
        return itertools.islice(iter(author.document, []), n)

    def make_suites(self) -> list[Suite]:
        """One for each thing that the corpus holds."""
        return make_suites(self)

    def _documents(self, split: str, seed: int) -> Iterator[str]:
        return map(self.vocabulary.text, self.token_documents(split, None, seed))

    def _packed_row(self, author: Author) -> list[int]:
        row: list[int] = []
        while len(row) < self.n_ctx:
            row += self._numbers(author)
        return row

    def _numbers(self, author: Author) -> list[int]:
        index = self.vocabulary.index
        return [self.vocabulary.bos, *[index[token] for token in author.document()], self.vocabulary.eos]


def _tokens(world: World) -> tuple[str, ...]:
    """Specials, then names, then the pieces of names and years, then all other words by the alphabet."""
    names = [name for pair in zip(GIRLS, BOYS, strict=True) for name in pair]
    years = [half(year) for year in range(FIRST_YEAR, LAST_YEAR + 1)]
    special = [*SPECIAL, *names, *w.STARTS, *w.GIRL_ENDS, *w.BOY_ENDS, *map(str, CENTURIES), *years, *w.SURNAMES]
    other = _plain_words() | {*w.CITIES, *w.LAND_LOOKS, *w.LAND_KINDS, *w.PROFESSIONS, *world.tolmi.values()}
    other |= {word for pool in POOLS.values() for word in pool} | {"a", "an", "A", "An"}
    other |= {word for pair in (*COMPOUNDS, *PRONOUNS.values()) for word in pair}
    for noun in (*w.PLACES, *w.THINGS, *w.FOODS, *w.RELATIVES, *w.ANIMAL_SOUNDS):
        other.add(w.plural(noun))
    for sound in w.ANIMAL_SOUNDS.values():
        other |= {sound, w.third(sound), w.past(sound)}
    return (*special, *sorted(other - {*special}))


def _plain_words() -> set[str]:
    """Every word of a template that is not a slot."""
    lines: list[str] = [tolmi.TRANSLATION]
    for module in (templates, tolmi):
        for name, value in vars(module).items():
            if name.isupper() and not isinstance(value, str):
                lines += _strings(value)
    return {word for line in lines for word in line.split() if not SLOT.fullmatch(word)}


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *_strings(tuple(value.values()))]
    return [text for item in value for text in _strings(item)] if isinstance(value, tuple) else []
