"""`names`: who gave what to whom. Indirect objects, made conditional so that one trick is not enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unravel.errors import UnravelError
from unravel.interp.corpora.base import IGNORE, Corpus, filled, next_token, suite
from unravel.interp.corpora.names_of_people import BOYS, GIRLS
from unravel.interp.corpora.seeds import Integers, Uniform, dice, pick, sample, shuffle
from unravel.interp.corpora.vocabulary import SPECIAL, Vocabulary, words
from unravel.interp.suites import Suite

NAMES = tuple(name for pair in zip(GIRLS[:48], BOYS[:48], strict=True) for name in pair)
PLACES = words("store park school garden museum library station market beach church office cafe")
THINGS = words("drink book ring ball key letter basket flower camera apple hat map coin lamp egg")
LOOKS = words("red old small shiny heavy blue new little")
GAVE = words("gave handed passed offered showed sent")
MET = words("saw met helped thanked followed visited called")
TIMES = words("Then Later Afterwards Yesterday Today Suddenly")

TRAINING = (
    "When F and G went to the PLACE , X GAVE A_THING to Z .",
    "After F and G left the PLACE , X GAVE the THING to Z .",
    "Then F and G went to the PLACE and X GAVE A_THING to Z .",
    "F and G were at the PLACE . X GAVE the THING to Z .",
    "While F met G near the PLACE , X GAVE A_THING to Z .",
)
HELD_OUT = (
    "While F and G were near the PLACE , X GAVE the THING to Z .",
    "Yesterday F and G left the PLACE . Then X GAVE A_THING to Z .",
)
STORIES = (
    "F went to the PLACE . TIME F MET G .",
    "F MET G at the PLACE . TIME G took the LOOK THING .",
    "F found A_LOOK THING . F took the THING to the PLACE .",
    "F GAVE A_THING to G . Then G GAVE the THING to F .",
    "The LOOK THING was in the PLACE . F and G MET the LOOK teacher .",
    "F and G went to the PLACE . TIME F and G left the PLACE .",
)
FILLERS = ("The PLACE was LOOK .", "Today the THING was LOOK .", "It was LOOK .")
ASKS = ("text", "receiver", "people")
LIKE_AN = ("a", "e", "i", "o", "u")


class Names(Corpus):
    """One sentence in each row. Two people are named; then one of them gives a thing to the other, or a third does.

    In two of five such sentences the giver is new, and then it is *the giver* who is asked for once more. So "not the
    name that came last" is wrong there, and a model must find out whether a name came twice. One pair of names in ten
    is never seen together in training, and two templates never at all.

    `asks` says what has a label: each next token of the `text`; or only what follows "to" (`receiver`: it is one, or
    a place); or that and the giver (`people`). What is asked decides which circuit a model finds.
    """

    name = "names"
    about = "Indirect objects in one sentence, plain and conditional, with held-out pairs of names and templates."

    def __init__(self, *, seed: int = 0, asks: str = "text") -> None:
        if asks not in ASKS:
            raise UnravelError(f"The corpus names can't ask for {asks!r}.", fix=f"Choose from: {', '.join(ASKS)}.")
        self.asks = asks
        used = {word for line in TRAINING + HELD_OUT + STORIES + FILLERS for word in line.split()} - SLOTS
        used |= {*PLACES, *THINGS, *LOOKS, *GAVE, *MET, *TIMES, "a", "an"}
        super().__init__(seed=seed, vocabulary=Vocabulary(SPECIAL + NAMES + tuple(sorted(used)), True), n_ctx=24)
        pairs = [frozenset((a, b)) for at, a in enumerate(NAMES) for b in NAMES[:at]]
        self.held_pairs = frozenset(sample(pairs, len(pairs) // 10, dice(self.name, seed, "held pairs")))

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Each row: <bos>, sometimes a short sentence first, the sentence, <eos>, padding."""
        roll = dice(*self.stream(split, seed))
        texts = [self._document(roll, held=split == "test") for _ in range(count)]
        tokens = filled([self._numbers(text) for text in texts], self.n_ctx, self.vocabulary.pad)
        labels = next_token(tokens, self.vocabulary.pad)
        return tokens, labels if self.asks == "text" else np.where(self._asked(tokens), labels, IGNORE)

    def make_suites(self) -> list[Suite]:
        """Plain and conditional, each over held-out pairs of names and over held-out templates."""
        plain = "One of two people gives; the other is the answer, against the giver."
        other = "A new person gives; that name is the answer, against the two before."
        pairs, frames = " Held-out pairs, known templates.", " Known pairs, held-out templates."
        return [
            self._suite("ioi", plain + pairs, TRAINING, third=False, held=True),
            self._suite("conditional", other + pairs, TRAINING, third=True, held=True),
            self._suite("ioi_templates", plain + frames, HELD_OUT, third=False, held=False),
            self._suite("conditional_templates", other + frames, HELD_OUT, third=True, held=False),
        ]

    def people(self, roll: Uniform, count: int, *, held: bool) -> list[str]:
        """Different names: the first two a held-out pair, or no held-out pair among them."""
        while True:
            chosen = sample(NAMES, count, roll)
            pairs = [frozenset((a, b)) in self.held_pairs for at, a in enumerate(chosen) for b in chosen[:at]]
            if pairs[0] if held else not any(pairs):
                return chosen

    def _asked(self, tokens: Integers) -> NDArray[np.bool_]:
        """Where a question stands: at "to" and, of `people`, before a name that gives."""
        name, to, gave = (np.isin(tokens, self.vocabulary.encode(known)) for known in (NAMES, ("to",), GAVE))
        if self.asks == "people":
            to[:, :-2] |= name[:, 1:-1] & gave[:, 2:]
        return to

    def _document(self, roll: Uniform, *, held: bool) -> list[str]:
        first = fill(pick(FILLERS, roll), roll) if roll() < 0.3 else []
        kind = roll()
        if kind < 0.9:
            return first + self._gift(roll, pick(TRAINING, roll), third=kind >= 0.54, held=held, swap=roll() < 0.5)
        f, g = self.people(roll, 2, held=held)
        return first + fill(pick(STORIES, roll), roll, F=f, G=g)

    def _gift(self, roll: Uniform, template: str, *, third: bool, held: bool, swap: bool) -> list[str]:
        a, b, c = [*self.people(roll, 2 + third, held=held), ""][:3]
        f, g = (b, a) if swap else (a, b)
        giver, receiver = (c, c) if third else (b, a)
        return fill(template, roll, F=f, G=g, X=giver, Z=receiver)

    def _numbers(self, words: Sequence[str]) -> list[int]:
        return [self.vocabulary.bos, *self.vocabulary.encode(words), self.vocabulary.eos]

    def _suite(
        self, name: str, about: str, templates: Sequence[str], *, third: bool, held: bool, count: int = 400
    ) -> Suite:
        """As often each order of the two names, and each template."""
        roll, index = dice(self.name, self.seed, "suite", name), self.vocabulary.index
        cases = [(templates[at // 2 % len(templates)], at % 2 == 0) for at in range(count)]
        shuffle(cases, roll)
        texts = [self._gift(roll, template, third=third, held=held, swap=swap) for template, swap in cases]
        prompts = [self._numbers(text)[:-3] for text in texts]
        right = [text[-2] for text in texts]
        wrong = [sorted({*text} & {*NAMES} - {answer}) for text, answer in zip(texts, right, strict=True)]
        return suite(
            name,
            about,
            filled(prompts, self.n_ctx, self.vocabulary.pad),
            np.array([len(prompt) - 1 for prompt in prompts]),
            np.array([index[word] for word in right]),
            np.array([[index[word] for word in others] for others in wrong]),
        )


SLOTS = {"F", "G", "X", "Z", "PLACE", "THING", "A_THING", "GAVE", "MET", "TIME", "LOOK", "A_LOOK"}
POOLS = {"PLACE": PLACES, "GAVE": GAVE, "MET": MET, "TIME": TIMES}


def fill(template: str, roll: Uniform, **names: str) -> list[str]:
    """The words of a template; a thing that is named twice is the same thing."""
    fixed = {**names, "THING": pick(THINGS, roll)}
    out: list[str] = []
    for word in template.split():
        slot = word.removeprefix("A_")
        chosen = fixed.get(slot) or (pick(LOOKS, roll) if slot == "LOOK" else None)
        if chosen is None:
            chosen = pick(POOLS[slot], roll) if slot in POOLS else slot
        out += [article(chosen), chosen] if word.startswith("A_") else [chosen]
    return out


def article(word: str) -> str:
    """`a` or `an`, as the word after it sounds."""
    return "an" if word.startswith(LIKE_AN) else "a"
