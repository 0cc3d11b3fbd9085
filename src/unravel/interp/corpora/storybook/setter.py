"""What the evaluation sets of `storybook` are made with: a case, scenes for it, and cutting a template short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unravel.interp.corpora.seeds import Uniform, pick
from unravel.interp.corpora.storybook import templates as t
from unravel.interp.corpora.storybook.documents import Author
from unravel.interp.corpora.storybook.scene import Scene
from unravel.interp.corpora.storybook.world import Person, World


@dataclass(frozen=True)
class Case:
    """A prompt, the tokens that are right after it, and those that are wrong."""

    prompt: list[str]
    right: Sequence[str]
    wrong: Sequence[str]


class Setter:
    """Sets the cases of one suite. The people of its scenes are known, held-out pairs, or unseen names."""

    def __init__(self, world: World, roll: Uniform) -> None:
        self.world, self.roll = world, roll
        self.author = Author(world, roll, held=True)
        self.tolmi = {*world.tolmi.values()}

    def scene(self, people: str = "known") -> Scene:
        """A scene with nobody in it yet."""
        return Scene(self.world, self.roll, lambda scene: self._cast(scene, people))

    def context(self, scene: Scene, prompt: list[str]) -> list[str]:
        """The prompt; in half of the English ones, after another sentence."""
        english = self.tolmi.isdisjoint(prompt)
        return scene.tell(pick(t.FIRST, self.roll)) + prompt if english and self.roll() < 0.5 else prompt

    def _cast(self, scene: Scene, people: str) -> Person:
        there = list(scene.people.values())
        if people == "pairs" and len(there) == 1:
            return self.world.partner(there[0], self.roll)
        pools = {"unseen": self.world.invented_held, "two words": self.world.full_held}
        while True:
            person = pick(pools.get(people, self.world.whole), self.roll)
            if scene.suits(person):
                return person


def before(template: str, slot: str) -> str:
    """The template up to the last place of the slot."""
    words = template.split()
    return " ".join(words[: len(words) - 1 - words[::-1].index(slot)])


def others(pool: Iterable[str], right: str) -> list[str]:
    """All of the pool but the right one, in order."""
    return [word for word in dict.fromkeys(pool) if word != right]
