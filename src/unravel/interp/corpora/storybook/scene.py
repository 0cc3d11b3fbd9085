"""Fills templates. A scene binds every slot once, when it is first met: a story stays with its people and things."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from unravel.interp.corpora.seeds import Uniform, pick, sample
from unravel.interp.corpora.storybook import templates as t
from unravel.interp.corpora.storybook import words as w
from unravel.interp.corpora.storybook.world import LAST_YEAR, Person, Tokens, World

SLOT = re.compile(r"(?:(a|A|t)_)?([PQRXZ]|[A-Z]{2,}\d?)(?:_(\w+))?|t_(\w+)")
PRONOUNS = {
    "he": ("she", "he"),
    "him": ("her", "him"),
    "his": ("her", "his"),
    "himself": ("herself", "himself"),
    "He": ("She", "He"),
    "His": ("Her", "His"),
}
POOLS: dict[str, Sequence[str]] = {
    "PLACE": w.PLACES, "THING": w.THINGS, "FOOD": w.FOODS, "LOOK": w.LOOKS, "FEELING": w.FEELINGS, "GAVE": w.GAVE,
    "MET": w.MET, "TOOK": w.TOOK, "LIKES": w.LIKES, "TIME": w.TIMES, "DAY": w.DAYS, "SEASON": w.SEASONS,
    "MONTH": w.MONTHS, "NUMBER": w.NUMBERS, "RELATIVE": w.RELATIVES, "EVENT": w.EVENTS, "WENT": w.WENT,
    "ACTED": w.ACTED, "KIND": w.KINDS, "WEATHER": w.WEATHER, "LATE": w.LATE, "LENGTH": w.LENGTHS,
    "GRAND": w.GRAND, "ANIMAL": tuple(w.ANIMAL_SOUNDS),
}  # fmt: skip
NESTED = {"SPEECH": t.SPEECHES, "NOTE": t.NOTES, "GAP": t.GAPS}
SPELLABLE = (*w.THINGS, *w.FOODS, *w.LOOKS, *w.ANIMAL_SOUNDS)
Cast = Callable[["Scene"], Person]


@cache
def compiled(template: str) -> tuple[Tokens | str, ...]:
    """The template's words, those between slots joined to tuples; a slot stays a string."""
    parts: list[Tokens | str] = []
    for word in template.split():
        if SLOT.fullmatch(word):
            parts.append(word)
        elif parts and isinstance(parts[-1], tuple):
            parts[-1] = (*parts[-1], word)
        else:
            parts.append((word,))
    return tuple(parts)


@cache
def parsed(slot: str) -> tuple[str, str, str]:
    """What stands before a slot's name, the name, and what stands after it."""
    found = SLOT.fullmatch(slot)
    prefix, base, suffix, word = found.groups() if found else ("", slot, "", "")
    return ("t", word, "word") if word else (prefix or "", base, suffix or "")


class Scene(dict[str, Tokens]):
    """What the slots of one document stand for. `cast` chooses its people."""

    def __init__(self, world: World, roll: Uniform, cast: Cast) -> None:
        super().__init__()
        self.world, self.roll, self.cast = world, roll, cast
        self.people: dict[str, Person] = {}

    def tell(self, template: str) -> list[str]:
        """The tokens of a template."""
        out: list[str] = []
        for part in compiled(template):
            out += part if part.__class__ is tuple else self[part]  # type: ignore[index]
        return out

    def __missing__(self, slot: str) -> Tokens:
        prefix, base, suffix = parsed(slot)
        if prefix == "t":
            value = self._translated(base, suffix)
        elif prefix:
            inner = self[f"{base}_{suffix}" if suffix else base]
            value = (self._article(prefix, inner[0]), *inner)
        else:
            value = self._form(base, suffix) if suffix else self._choice(base)
        self[slot] = value
        return value

    def person(self, slot: str) -> Person:
        """Who stands in a slot."""
        self[slot]
        return self.people[slot]

    def assign(self, slot: str, person: Person) -> None:
        """Puts a person in a slot."""
        self.people[slot] = person
        self[slot] = person.tokens

    def suits(self, person: Person, *, pairs: bool = True) -> bool:
        """Whether nobody here has this first name, or (with `pairs`) one that it is never seen with in training."""
        first, there = person.tokens[0], [other.tokens[0] for other in self.people.values()]
        apart = self.world.partners.get(first, ()) if pairs else ()
        return all(first != other and other not in apart for other in there)

    def _choice(self, base: str) -> Tokens:
        kind = base.rstrip("23")
        if kind in POOLS:
            return self._other(base, kind, POOLS[kind])
        if kind in NESTED:
            return tuple(self.tell(pick(NESTED[kind], self.roll)))
        if base in ("P", "Q", "R"):
            self.people[base] = self.cast(self)
            return self.people[base].tokens
        return self._special(base)

    def _other(self, base: str, kind: str, pool: Sequence[str]) -> Tokens:
        """One of the pool that no slot of this kind holds yet."""
        taken = [self[slot] for slot in (kind, kind + "2", kind + "3") if slot in self]
        while True:
            value = (pick(pool, self.roll),)
            if value not in taken:
                return value

    def _special(self, base: str) -> Tokens:
        world, roll = self.world, self.roll
        if base == "LAND":
            return pick(world.lands, roll)
        if base == "FULL":
            self.people[base] = next(who for who in iter(lambda: pick(world.known, roll), None) if self.suits(who))
            return self.people[base].tokens
        if base == "COMPOUND":
            return pick(COMPOUNDS, roll)
        if base == "YEAR":
            century, year = pick(world.starts, roll)
            return (str(century), half(year))
        if base == "SPELL":
            return tuple(sample(SPELLABLE, 4 + int(roll() * 7), roll))
        raise KeyError(base)

    def _form(self, base: str, suffix: str) -> Tokens:
        value = self[base]
        if suffix in PRONOUNS:
            return (PRONOUNS[suffix][self.people[base].gender],)
        if suffix == "s":
            return (w.plural(value[0]),)
        if suffix == "city":
            return self.world.city[value]
        if suffix == "job":
            return self.world.job[value]
        if suffix == "end":
            return (value[0], half(later(int(value[1][2:]), self.roll)))
        sound = w.ANIMAL_SOUNDS[value[0]]
        return ({"sound": sound, "sounds": w.third(sound), "sounded": w.past(sound)}[suffix],)

    def _translated(self, base: str, suffix: str) -> Tokens:
        if suffix == "word":
            return (self.world.tolmi[base],)
        inner = self[f"{base}_{suffix}" if suffix else base]
        return tuple(self.world.tolmi[word] for word in inner)

    @staticmethod
    def _article(prefix: str, word: str) -> str:
        return w.article(word) if prefix == "a" else w.article(word).capitalize()


COMPOUNDS = tuple(w.COMPOUNDS.values())


def half(year: int) -> str:
    """The second half of a year, as a token."""
    return f"##{year:02d}"


def later(year: int, roll: Uniform) -> int:
    """A later year of the same century, mostly a near one."""
    return year + 1 + int(roll() * roll() * (LAST_YEAR - year))
