"""The cases of `storybook`'s evaluation sets: for each thing that the corpus holds, a question with one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unravel.interp.corpora.seeds import pick
from unravel.interp.corpora.storybook import templates as t
from unravel.interp.corpora.storybook import tolmi
from unravel.interp.corpora.storybook import words as w
from unravel.interp.corpora.storybook.scene import COMPOUNDS, half
from unravel.interp.corpora.storybook.setter import Case, Setter, before, others
from unravel.interp.corpora.storybook.world import LAST_YEAR


def gift(templates: Sequence[str], people: str, *, third: bool) -> Callable[[Setter], Case]:
    """Who receives? Against the others who are named."""

    def case(setter: Setter) -> Case:
        template, scene = pick(templates, setter.roll), setter.scene(people)
        setter.author.give(scene, "", third=third)
        right = scene["Z"][0]
        named = [scene[slot][0] for slot in ("P", "Q", "X")]
        return Case(setter.context(scene, scene.tell(before(template, "Z"))), [right], others(named, right))

    return case


def fact(templates: Sequence[str], slot: str, pool: Sequence[str]) -> Callable[[Setter], Case]:
    """The last place of a slot, against all others of its kind."""

    def case(setter: Setter) -> Case:
        template, scene = pick(templates, setter.roll), setter.scene()
        prefix = next(p for p in ("", "a_", "t_", "A_") if p + slot in template.split())
        value = scene[slot] if prefix != "t_" else scene[prefix + slot]
        prompt = scene.tell(before(template, prefix + slot))
        if prefix == "a_":
            prompt += scene[prefix + slot][:1]
        return Case(setter.context(scene, prompt), value[:1], others(pool, value[0]))

    return case


def sound(setter: Setter) -> Case:
    """What the animal does, in the form that the sentence asks for."""
    template = pick(t.ANIMALS_HELD, setter.roll)
    slot = next(word for word in reversed(template.split()) if word.startswith("ANIMAL_sound"))
    form: Callable[[str], str] = w.third if slot.endswith("sounds") else str
    return fact([template], slot, [form(verb) for verb in w.ANIMAL_SOUNDS.values()])(setter)


def tolmi_sound(setter: Setter) -> Case:
    """The same in Tolmi."""
    pool = [setter.world.tolmi[verb] for verb in w.ANIMAL_SOUNDS.values()]
    return fact([other for _, other in tolmi.ANIMALS_HELD], "ANIMAL_sound", pool)(setter)


def translation(setter: Setter) -> Case:
    """The first word of a translation, against the same of other things, and against the English word."""
    kind = pick(("THING", "PLACE", "FOOD"), setter.roll)
    english = {"THING": "The THING is LOOK .", "PLACE": "The PLACE was LOOK .", "FOOD": "The FOOD was LOOK ."}[kind]
    scene = setter.scene()
    pool = {"THING": w.THINGS, "PLACE": w.PLACES, "FOOD": w.FOODS}[kind]
    right = scene[f"t_{kind}"][0]
    wrong = [*others((setter.world.tolmi[word] for word in pool), right), scene[kind][0]]
    return Case(scene.tell(english) + tolmi.TRANSLATION.split(), [right], wrong)


def repeated(people: str, pool: Sequence[str]) -> Callable[[Setter], Case]:
    """The second token of a name that comes again."""

    def case(setter: Setter) -> Case:
        template, scene = pick(t.REPEATS_HELD, setter.roll), setter.scene(people)
        scene.person("P"), scene.person("Q")
        prompt = setter.context(scene, scene.tell(template))
        return Case(prompt[:-1], [prompt[-1]], others(pool, prompt[-1]))

    return case


def spell(setter: Setter) -> Case:
    """The next of some random words that are said again, against the others of them."""
    while True:
        scene = setter.scene()
        scene.person("P"), scene.person("Q")
        words = scene["SPELL"]
        prompt = scene.tell(before(pick(t.SPELLS, setter.roll), "SPELL"))
        if sum(word in words for word in prompt) == len(words):  # no word of the spell is said in between
            break
    said = 1 + int(setter.roll() * (len(words) - 1))
    return Case(prompt + list(words[:said]), [words[said]], others(words, words[said]))


def pronoun(people: str) -> Callable[[Setter], Case]:
    """She or he."""

    def case(setter: Setter) -> Case:
        scene = setter.scene(people)
        prompt = setter.context(scene, scene.tell(pick(t.PRONOUNS_HELD, setter.roll)))
        return Case(prompt[:-1], [prompt[-1]], others(("she", "he", "they", "it"), prompt[-1]))

    return case


def number(setter: Setter) -> Case:
    """One or many, with a noun of the other number in between."""
    right, wrong = pick((("was", "were"), ("were", "was")), setter.roll)
    while True:
        scene = setter.scene()
        prompt = scene.tell(pick(t.NUMBER_HELD[right], setter.roll))
        if "sheep" not in prompt:
            return Case(setter.context(scene, prompt), [right], [wrong])


def year(setter: Setter) -> Case:
    """A later year of the century; right is any later one, wrong are this one and all before."""
    scene = setter.scene()
    century, start = pick(setter.world.starts_held, setter.roll)
    scene["YEAR"] = (str(century), half(start))
    prompt = setter.context(scene, scene.tell(before(pick(t.YEARS_HELD, setter.roll), "YEAR_end")))
    span = range(2, LAST_YEAR + 1)
    later_ones = [half(number) for number in span if number > start]
    return Case([*prompt, str(century)], later_ones, [half(number) for number in span if number <= start])


def quote(setter: Setter) -> Case:
    """The sentence that somebody says is over; the quote must close."""
    scene = setter.scene()
    prompt = scene.tell('P said , "') + scene.tell(pick(t.SPEECHES_HELD, setter.roll)) + ["."]
    return Case(setter.context(scene, prompt), ['"'], [")", ",", "<eos>", "The", "Then", "It", "She", "He"])


def bracket(setter: Setter) -> Case:
    """The remark in brackets is over; in a third of the prompts, within a quote."""
    scene = setter.scene()
    wrong = ['"', ",", ".", "and", "was", "to"]
    if setter.roll() < 1 / 3:
        speech = next(line for line in t.SPEECHES_HELD if ")" in line)
        return Case(setter.context(scene, scene.tell('P said , " ' + before(speech, ")"))), [")"], wrong)
    prompt = before(pick(t.ASIDES, setter.roll), "NOTE") + " " + pick(t.NOTES_HELD, setter.roll)
    return Case(setter.context(scene, scene.tell(prompt)), [")"], wrong)


def compound(setter: Setter) -> Case:
    """The second word of a compound, against those of the others."""
    scene = setter.scene()
    prompt = setter.context(scene, scene.tell(pick(t.COMPOUNDS_HELD, setter.roll)))
    return Case(prompt[:-1], [prompt[-1]], others((second for _, second in COMPOUNDS), prompt[-1]))
