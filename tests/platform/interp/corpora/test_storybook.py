"""storybook: its size, its grammar, its facts, and that nothing of the suites is seen in training."""

from __future__ import annotations

import re
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from unravel.errors import UnravelError
from unravel.interp.corpora import load_corpus
from unravel.interp.corpora.names_of_people import BOYS, GIRLS
from unravel.interp.corpora.seeds import derive
from unravel.interp.corpora.storybook import templates as t
from unravel.interp.corpora.storybook import tolmi
from unravel.interp.corpora.storybook import words as w
from unravel.interp.corpora.storybook.scene import POOLS, SLOT, parsed

DOCUMENTS = 30_000
GENDER = {**dict.fromkeys(GIRLS, 0), **dict.fromkeys(BOYS, 1)}


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("storybook")


@pytest.fixture(scope="module")
def train(corpus):
    return list(corpus.token_documents("train", DOCUMENTS))


@pytest.fixture(scope="module")
def joined(train):
    return [" " + " ".join(document) + " " for document in train]


def test_it_is_as_large_as_promised(corpus):
    names = [*corpus.world.whole, *corpus.world.invented, *corpus.world.invented_held]
    pieces = {*GENDER, *w.STARTS, *w.GIRL_ENDS, *w.BOY_ENDS, *w.SURNAMES, *w.CITIES, *corpus.world.tolmi.values()}
    english = [word for word in corpus.vocabulary.tokens if word.isalpha() and word not in pieces]
    assert len({person.tokens for person in names}) == len(names) >= 200
    assert 0.48 < len(corpus.world.invented_held) / len(names) <= 0.52
    assert len(english) >= 500
    lists = [value for name, value in vars(t).items() if name.isupper() and isinstance(value, tuple)]
    assert sum(map(len, lists)) > 100
    assert len({*corpus.vocabulary.tokens}) == len(corpus.vocabulary) < 1500


def test_names_are_balanced(corpus, train):
    for pool in (corpus.world.whole, corpus.world.invented, corpus.world.invented_held, corpus.world.full):
        assert 0.42 < sum(person.gender for person in pool) / len(pool) < 0.58
    seen = Counter(word for document in train for word in document if word in GENDER)
    assert len(seen) == 128
    assert max(seen.values()) < 1.7 * min(seen.values())


def test_no_held_name_pair_or_year_is_in_training(corpus, train):
    world = corpus.world
    held = {person.tokens for person in (*world.invented_held, *world.full_held)}
    years = {(str(century), f"##{year:02d}") for century, year in world.starts_held}
    spans = 0
    for document in train:
        pairs = [*pairwise(document)]
        assert held.isdisjoint(pairs)
        named = [word for word in document if word in GENDER]
        assert all(b not in world.partners[a] for a in named for b in named)
        dates = [pair for pair in pairs if pair[0].isdigit()]
        if dates:
            spans += 1
            assert dates[0] not in years
            assert dates[0][0] == dates[1][0]
            assert dates[0][1] < dates[1][1]
    assert spans > 1000


SOUNDS = {"sound": str, "sounds": w.third, "sounded": w.past}


def pattern(template):
    """The template as an expression: pools as alternatives, anything else as one to three tokens."""
    parts, tolmi_words = [], load_corpus("storybook").world.tolmi
    for word in template.split():
        prefix, base, suffix = parsed(word) if SLOT.fullmatch(word) else ("", "", "")
        pool = POOLS.get(base.rstrip("23"), ())
        if suffix in SOUNDS:
            pool = [SOUNDS[suffix](sound) for sound in w.ANIMAL_SOUNDS.values()]
        elif suffix == "s":
            pool = [w.plural(item) for item in pool]
        if prefix == "t":
            pool = [tolmi_words[item] for item in pool]
        if not base:
            parts.append(re.escape(word))
        elif pool and suffix in ("", "s", *SOUNDS):
            parts.append(("an? " if prefix == "a" else "") + f"(?:{'|'.join(pool)})")
        else:
            parts.append(r"\S+(?: \S+){0,2}")
    return re.compile(" " + " ".join(parts) + " ")


HELD = [
    *(line for name, value in vars(t).items() if name.endswith("_HELD") and isinstance(value, tuple) for line in value),
    *(f"{line} {verb}" for verb, lines in t.NUMBER_HELD.items() for line in lines),
    *(line for pairs in (tolmi.GIFTS_HELD, tolmi.ANIMALS_HELD) for pair in pairs for line in pair),
]


def test_the_patterns_would_find_a_template(joined):
    for line in (*t.GIFTS, *t.LANDMARKS, *t.YEARS, *t.NUMBER, *t.PRONOUNS):
        assert any(map(pattern(line).search, joined)), line


@pytest.mark.parametrize("line", HELD)
def test_no_held_template_is_in_training(line, joined):
    expression = pattern(line)
    assert [text for text in joined if expression.search(text)][:3] == []


def test_facts_hold_wherever_they_are_told(corpus, train):
    world, told, jobs, sounds = corpus.world, Counter(), Counter(), Counter()
    animals = {form: animal for animal in w.ANIMAL_SOUNDS for form in (animal, w.plural(animal))}
    verbs = {form(verb): verb for verb in w.ANIMAL_SOUNDS.values() for form in (str, w.third, w.past)}
    for document in train:
        pairs = [*pairwise(document)]
        lands = [pair for pair in pairs if pair in world.city]
        cities = {word for word in document if word in w.CITIES}
        if lands and cities:
            assert cities == {world.city[land][0] for land in lands}
            told[lands[0]] += 1
        found = [word for word in document if word in w.PROFESSIONS]
        if found:
            people = [world.job[pair][0] for pair in pairs if pair in world.job]
            assert found == people
            jobs[found[0]] += 1
        said = {verbs[word] for word in document if word in verbs}
        if said:
            assert said <= {w.ANIMAL_SOUNDS[animals[word]] for word in document if word in animals}
            sounds[said.pop()] += 1
    assert (len(told), len(jobs), len(sounds)) == (40, 24, 24)
    assert min(told.values()) > 20


def test_articles_quotes_brackets_and_pronouns_are_right(corpus, train):
    other = ({"he", "him", "his", "himself", "He", "His"}, {"she", "her", "herself", "She", "Her"})
    one = 0
    for document in train:
        for word, after in pairwise(document):
            if word in ("a", "A", "an", "An"):
                assert (word[1:] == "n") == (after[0] in "aeiou"), document
        assert document.count('"') % 2 == 0
        assert document.count("(") == document.count(")")
        people = {word for word in document if word in GENDER or word in w.STARTS}
        if len(people) == 1 and (name := people.pop()) in GENDER:
            one += 1
            assert other[GENDER[name]].isdisjoint(document), document
    assert one > 3000


def test_two_in_five_gifts_are_conditional(corpus):
    author = corpus.author("train")
    gifts = [[word for word in author.gift() if word in GENDER or word in w.STARTS] for _ in range(4000)]
    share = sum(names[-1] == names[-2] for names in gifts) / len(gifts)
    assert 0.36 < share < 0.44


def test_every_answer_is_a_token_of_training_and_suites_are_whole(corpus, train):
    seen = {word for document in train for word in document} | {"<eos>"}
    assert len(corpus.suites) >= 20
    for suite in corpus.suites.values():
        assert len(suite.prompts) == 300
        for prompt, at, right, wrong in zip(
            suite.prompts.tolist(), suite.position.tolist(), suite.right.tolist(), suite.wrong.tolist(), strict=True
        ):
            right = {right} if isinstance(right, int) else {number for number in right if number >= 0}
            wrong = {number for number in wrong if number >= 0}
            assert right
            assert wrong
            assert not right & wrong
            assert {*prompt[at + 1 :]} <= {0}
            assert 0 not in prompt[: at + 1]
            assert {corpus.vocabulary.tokens[number] for number in {*prompt[1 : at + 1]} | right} <= seen


def words(corpus, suite):
    for prompt, right in zip(suite.prompts.tolist(), suite.right.tolist(), strict=True):
        yield corpus.vocabulary.decode(prompt), corpus.vocabulary.tokens[right]


def test_gift_suites_ask_as_they_say(corpus):
    partners = corpus.world.partners
    for name, conditional in (("ioi", False), ("conditional", True), ("tolmi_ioi", False), ("tolmi_conditional", True)):
        first = 0
        for prompt, right in words(corpus, corpus.suites[name]):
            f, g, giver = (word for word in prompt if word in GENDER)
            assert g in partners[f]
            assert right == (giver if conditional else ({f, g} - {giver}).pop())
            assert (giver not in (f, g)) == conditional
            first += giver == f
        assert conditional or 120 < first < 180
    unseen = {person.tokens for person in corpus.world.invented_held}
    for prompt, right in words(corpus, corpus.suites["ioi_unseen"]):
        starts = [at for at, word in enumerate(prompt) if word in w.STARTS]
        assert {(prompt[at], prompt[at + 1]) for at in starts} <= unseen
        assert right == next(prompt[at] for at in starts if prompt[at] != prompt[starts[-1]])


def test_repeated_names_and_spells_can_be_copied(corpus):
    for name in ("invented_names", "two_word_names", "spells"):
        for prompt, right in words(corpus, corpus.suites[name]):
            places = [at for at, word in enumerate(prompt[:-1]) if word == prompt[-1]]
            assert prompt[places[-1] + 1] == right
    endings = {}
    for document in corpus.token_documents("train", 20_000):
        for start, end in pairwise(document):
            if start in w.STARTS:
                endings.setdefault(start, set()).add(end)
    assert min(map(len, endings.values())) >= 3  # the start alone does not tell the ending


def test_the_year_suite_takes_all_later_years(corpus):
    suite = corpus.suites["years"]
    for prompt, rights, wrongs in zip(suite.prompts, suite.right.tolist(), suite.wrong.tolist(), strict=True):
        tokens = corpus.vocabulary.decode(prompt.tolist())
        start = next(word for word in tokens if word.startswith("##"))
        right = [corpus.vocabulary.tokens[number] for number in rights if number >= 0]
        wrong = [corpus.vocabulary.tokens[number] for number in wrongs if number >= 0]
        assert min(right) > start == max(wrong)
        assert len(right) + len(wrong) == 98
        century = next(word for word in tokens if word.isdigit())
        assert tokens[-1] == century


def test_packed_rows_hold_no_padding_and_loose_rows_one_document(corpus):
    tokens, labels = next(corpus.labelled("train", 64))
    assert (tokens != corpus.vocabulary.pad).all()
    assert (tokens[:, 0] == corpus.vocabulary.bos).all()
    assert torch.equal(labels[:, :-1], tokens[:, 1:])
    loose = next(load_corpus("storybook", packed=False).batches("train", 64))
    assert ((loose == corpus.vocabulary.bos).sum(1) == 1).all()
    longest = max(len(document) for document in corpus.token_documents("train", 5000))
    assert longest + 2 <= corpus.n_ctx


def test_byte_pairs_hold_the_same_text():
    pieces, whole = load_corpus("storybook", tokens="bpe"), load_corpus("storybook")
    assert len(pieces.vocabulary) == 2000
    assert [*pieces.documents("train", 50)] == [*whole.documents("train", 50)]
    row = next(pieces.batches("train", 4))[0].tolist()
    assert max(row) < 2000
    texts = map(whole.vocabulary.text, whole.token_documents("train", 3, derive("batch", 0, 0)))
    assert pieces.describe(np.array(row), np.array(row)).startswith(next(texts))
    for text in whole.documents("test", 50):
        assert pieces.tokenizer.decode(pieces.tokenizer(text).input_ids, skip_special_tokens=True) == text
    with pytest.raises(UnravelError, match="no tokens 'letters'"):
        load_corpus("storybook", tokens="letters")


def test_batches_come_fast_enough_for_training(corpus):
    rates = []
    for start in range(3):
        stream = corpus.batches("train", 64, start=start)
        next(stream)
        before = time.process_time()
        tokens = sum(next(stream).numel() for _ in range(20))
        rates.append(tokens / (time.process_time() - before))
    assert max(rates) > 200_000
