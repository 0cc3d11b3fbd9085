"""The evaluation sets of `storybook`, each about one thing, each out of what training leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from unravel.interp.corpora.base import filled, suite
from unravel.interp.corpora.seeds import dice
from unravel.interp.corpora.storybook import cases as c
from unravel.interp.corpora.storybook import templates as t
from unravel.interp.corpora.storybook import tolmi
from unravel.interp.corpora.storybook import words as w
from unravel.interp.corpora.storybook.setter import Case, Setter
from unravel.interp.suites import Suite

if TYPE_CHECKING:
    from unravel.interp.corpora.storybook.corpus import Storybook

COUNT = 300
NEW = "A third person gives; that name is right, against the two before."
ONE = "One of two people gives; the other is right, against the giver."
TOLMI_GIFTS = [other for _, other in tolmi.GIFTS]
TOLMI_HELD = [other for _, other in tolmi.GIFTS_HELD]
ENDS = (*w.GIRL_ENDS, *w.BOY_ENDS)
MAKERS: dict[str, tuple[str, Callable[[Setter], Case]]] = {
    "ioi": (f"{ONE} Held-out pairs.", c.gift(t.GIFTS, "pairs", third=False)),
    "ioi_templates": (f"{ONE} Held-out templates.", c.gift(t.GIFTS_HELD, "known", third=False)),
    "ioi_unseen": (f"{ONE} Names never seen, in two pieces.", c.gift(t.GIFTS, "unseen", third=False)),
    "conditional": (f"{NEW} Held-out pairs.", c.gift(t.GIFTS, "pairs", third=True)),
    "conditional_templates": (f"{NEW} Held-out templates.", c.gift(t.GIFTS_HELD, "known", third=True)),
    "conditional_unseen": (f"{NEW} Names never seen, in two pieces.", c.gift(t.GIFTS, "unseen", third=True)),
    "invented_names": ("A name of two pieces, never seen, comes again.", c.repeated("unseen", ENDS)),
    "two_word_names": ("First and last name, never seen together, come again.", c.repeated("two words", w.SURNAMES)),
    "spells": ("Some random words are said again, after a gap.", c.spell),
    "pronouns": ("She or he, in held-out sentences.", c.pronoun("known")),
    "pronouns_unseen": ("She or he, of names never seen: their ending tells.", c.pronoun("unseen")),
    "number": ("Was or were, with a noun of the other number between.", c.number),
    "landmarks": ("The city of a landmark, in held-out sentences.", c.fact(t.LANDMARKS_HELD, "LAND_city", w.CITIES)),
    "professions": ("What a person is.", c.fact(t.PROFESSIONS_HELD, "FULL_job", w.PROFESSIONS)),
    "animals": ("The sound of an animal.", c.sound),
    "years": ("The end of a span of years: later than its start.", c.year),
    "quotes": ("A quote closes.", c.quote),
    "brackets": ("A bracket closes, also within a quote.", c.bracket),
    "compounds": ("The second word of a compound.", c.compound),
    "tolmi_ioi": (f"In Tolmi: {ONE} Held-out pairs.", c.gift(TOLMI_GIFTS, "pairs", third=False)),
    "tolmi_conditional": (f"In Tolmi: {NEW} Held-out pairs.", c.gift(TOLMI_GIFTS, "pairs", third=True)),
    "tolmi_templates": (f"In Tolmi: {ONE} Held-out template.", c.gift(TOLMI_HELD, "known", third=False)),
    "tolmi_animals": ("In Tolmi: the sound of an animal.", c.tolmi_sound),
    "translation": ("The first word of a translation from English into Tolmi.", c.translation),
}


def make_suites(corpus: Storybook) -> list[Suite]:
    """All of them, `COUNT` prompts each."""
    return [_suite(corpus, name, about, maker) for name, (about, maker) in MAKERS.items()]


def _suite(corpus: Storybook, name: str, about: str, maker: Callable[[Setter], Case]) -> Suite:
    vocabulary = corpus.vocabulary
    setter = Setter(corpus.world, dice(corpus.name, corpus.seed, "suite", name))
    cases = [maker(setter) for _ in range(COUNT)]
    prompts = [[vocabulary.bos, *vocabulary.encode(case.prompt)] for case in cases]
    answers = [
        [vocabulary.encode(words) for words in column]
        for column in zip(*((case.right, case.wrong) for case in cases), strict=True)
    ]
    right, wrong = (filled(rows, max(map(len, rows)), -1) for rows in answers)
    position = np.array([len(prompt) - 1 for prompt in prompts])
    right = right[:, 0] if right.shape[1] == 1 else right
    return suite(name, about, filled(prompts, corpus.n_ctx, vocabulary.pad), position, right, wrong)
