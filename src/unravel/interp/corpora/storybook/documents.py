"""Which kinds of documents there are, how often each comes, and whom they are about."""

from __future__ import annotations

from collections.abc import Callable

from unravel.interp.corpora.seeds import Uniform, pick
from unravel.interp.corpora.storybook import templates as t
from unravel.interp.corpora.storybook import tolmi
from unravel.interp.corpora.storybook.scene import Scene
from unravel.interp.corpora.storybook.world import Person, World

CONDITIONAL = 0.4


class Author:
    """Writes documents of one split. In the test split, people are those whom training never shows so."""

    def __init__(self, world: World, roll: Uniform, *, held: bool) -> None:
        self.world, self.roll, self.held = world, roll, held

    def document(self) -> list[str]:
        """The tokens of one document."""
        chance = self.roll()
        for upto, kind in KINDS:
            if chance < upto:
                return kind(self)
        raise AssertionError("the shares sum to one")

    def scene(self, *, full: float = 0.15) -> Scene:
        """A scene whose people have two-word names this often."""
        return Scene(self.world, self.roll, lambda scene: self._cast(scene, full))

    def gift(self) -> list[str]:
        """Somebody gives: in two of five, somebody new."""
        scene = self.scene(full=0)
        first = scene.tell(pick(t.FIRST, self.roll)) if self.roll() < 0.3 else []
        return first + self.give(scene, pick(t.GIFTS, self.roll), third=self.roll() < CONDITIONAL)

    def give(self, scene: Scene, template: str, *, third: bool) -> list[str]:
        """The gift in this scene: the giver is one of the two and the other receives, or a third is both."""
        slots = ("R", "R") if third else ("P", "Q") if self.roll() < 0.5 else ("Q", "P")
        scene.person("P"), scene.person("Q")
        for slot, who in zip(("X", "Z"), slots, strict=True):
            scene.assign(slot, scene.person(who))
        return scene.tell(template)

    def of(self, *pools: tuple[str, ...]) -> list[str]:
        """One sentence of a pool, or two: of facts there is always more to tell."""
        scene = self.scene()
        first = scene.tell(pick(t.FIRST, self.roll)) if self.roll() < 0.2 else []
        return first + scene.tell(pick(pick(pools, self.roll), self.roll))

    def tolmi(self) -> list[str]:
        """Some sentences in Tolmi, or an English one and its translation."""
        there: dict[str, Person] = {}
        if self.roll() < 0.5:
            return [word for at in range(1 + int(self.roll() * 3)) for word in self._both(at, there)[1]]
        english, other = self._both(0, there)
        return [*english, *tolmi.TRANSLATION.split(), *other]

    def _both(self, at: int, there: dict[str, Person]) -> tuple[list[str], list[str]]:
        """A sentence in both languages, of none of the people who are there; then its own are there too."""
        scene = self.scene(full=0)
        scene.people.update(there)
        pair = self._pair(scene)
        there |= {f"{slot}{at}": person for slot, person in scene.people.items()}
        return pair

    def _pair(self, scene: Scene) -> tuple[list[str], list[str]]:
        chance = self.roll()
        if chance < 0.4:
            pair = pick(tolmi.GIFTS, self.roll)
            english = self.give(scene, pair[0], third=self.roll() < CONDITIONAL)
            return english, scene.tell(pair[1])
        pair = pick(tolmi.ANIMALS if chance < 0.6 else tolmi.SENTENCES, self.roll)
        return scene.tell(pair[0]), scene.tell(pair[1])

    def _cast(self, scene: Scene, full: float) -> Person:
        """Somebody who is not in the scene, whose name begins like nobody's there, and who may be seen with all."""
        while True:
            person = self._anybody(scene, full)
            if scene.suits(person, pairs=not self.held):
                return person

    def _anybody(self, scene: Scene, full: float) -> Person:
        world, roll = self.world, self.roll
        chance = roll()
        if chance < full:
            return pick(world.full_held if self.held else world.full, roll)
        if chance < full + 0.25:
            return pick(world.invented_held if self.held else world.invented, roll)
        return pick(world.whole, roll)


def _some(*pools: tuple[str, ...]) -> Callable[[Author], list[str]]:
    return lambda author: author.of(*pools)


SHARES: dict[str, tuple[int, Callable[[Author], list[str]]]] = {
    "gift": (20, Author.gift),
    "story": (21, _some(t.STORIES)),
    "landmark": (7, _some(t.LANDMARKS)),
    "profession": (8, _some(t.PROFESSIONS)),
    "animal": (5, _some(t.ANIMALS)),
    "year": (5, _some(t.YEARS)),
    "agreement": (10, _some(t.PRONOUNS, t.NUMBER)),
    "closing": (8, _some(t.SAYS, t.ASIDES)),
    "compound": (2, _some(t.COMPOUNDS)),
    "spell": (5, _some(t.SPELLS)),
    "tolmi": (9, Author.tolmi),
}
"""Of 100 documents, how many are of each kind."""


def _kinds() -> list[tuple[float, Callable[[Author], list[str]]]]:
    total, kinds = 0, []
    for share, kind in SHARES.values():
        total += share
        kinds.append((total / 100, kind))
    return kinds


KINDS = _kinds()
