"""The world that the corpus tells of: who is what, what stands where, and what training must not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unravel.interp.corpora.names_of_people import BOYS, GIRLS
from unravel.interp.corpora.seeds import Uniform, dice, pick, sample
from unravel.interp.corpora.storybook import words as w

Tokens = tuple[str, ...]
GIRL, BOY = 0, 1
FIRST_YEAR, LAST_YEAR = 2, 99
CENTURIES = tuple(range(11, 20))
ENDS = {end: gender for gender, ends in enumerate((w.GIRL_ENDS, w.BOY_ENDS)) for end in ends}


@dataclass(frozen=True)
class Person:
    """A name in its tokens, and whether it is a girl's (0) or a boy's (1)."""

    tokens: Tokens
    gender: int


class World:
    """All facts, drawn once from the seed. Names ending in `held` hold what only evaluation may use."""

    def __init__(self, seed: int) -> None:
        roll = dice("storybook", seed, "world")
        lands = [(look, kind) for look in w.LAND_LOOKS for kind in w.LAND_KINDS]
        self.lands: list[Tokens] = sample(lands, 2 * len(w.CITIES), roll)
        self.city = {land: (w.CITIES[at // 2],) for at, land in enumerate(self.lands)}
        whole = [Person((name,), gender) for gender, names in enumerate((GIRLS, BOYS)) for name in names]
        self.whole = sample(whole, len(whole), roll)
        self.invented, self.invented_held = _invented(len(whole), roll)
        full = [Person((*person.tokens, last), person.gender) for person in whole for last in w.SURNAMES]
        full = sample(full, len(full), roll)
        self.known = full[:72]
        self.job = {person.tokens: (w.PROFESSIONS[at % len(w.PROFESSIONS)],) for at, person in enumerate(self.known)}
        self.full_held, self.full = full[72:600], full[600:]
        self.partners = _partners([person.tokens[0] for person in self.whole], roll)
        starts = [(century, year) for century in CENTURIES for year in range(FIRST_YEAR, LAST_YEAR - 1)]
        held = sample(starts, len(starts) // 5, roll)
        self.starts_held: Sequence[tuple[int, int]] = held
        self.starts: Sequence[tuple[int, int]] = sorted({*starts} - {*held})
        self.tolmi = _tolmi(roll)

    def partner(self, person: Person, roll: Uniform) -> Person:
        """Someone whom this person is never seen with in training."""
        name = pick(sorted(self.partners[person.tokens[0]]), roll)
        return next(other for other in self.whole if other.tokens[0] == name)


def _invented(seen_already: int, roll: Uniform) -> tuple[list[Person], list[Person]]:
    """Invented names, in two pieces; so many are held out that half of *all* names are."""
    names = [Person((start, end), gender) for start in w.STARTS for end, gender in ENDS.items()]
    names = sample(names, len(names), roll)
    seen = (len(names) - seen_already) // 2
    return names[:seen], names[seen:]


def _partners(names: Sequence[str], roll: Uniform) -> dict[str, frozenset[str]]:
    """For each name the tenth of the others that it is never seen with."""
    pairs = [(a, b) for at, a in enumerate(names) for b in names[:at]]
    apart: dict[str, set[str]] = {name: set() for name in names}
    for a, b in sample(pairs, len(pairs) // 10, roll):
        apart[a].add(b)
        apart[b].add(a)
    return {name: frozenset(others) for name, others in apart.items()}


def _tolmi(roll: Uniform) -> dict[str, str]:
    """A word of Tolmi for every word of English that has one."""
    pools = (w.PLACES, w.THINGS, w.LOOKS, w.FEELINGS, w.GAVE, w.MET, w.TOOK, tuple(w.ANIMAL_SOUNDS))
    english = [word for pool in (*pools, tuple(w.ANIMAL_SOUNDS.values()), w.FOODS) for word in pool]
    made = dict.fromkeys(english, "")
    used: set[str] = set()
    for word in made:
        while not made[word]:
            new = "".join(pick(w.SYLLABLES, roll) for _ in range(2 + int(roll() * 1.4))) + pick(w.TAILS, roll)
            if new not in used:
                used.add(new)
                made[word] = new
    return made
