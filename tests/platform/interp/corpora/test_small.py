"""repeats, names, brackets, modular_addition: each is what it says, and nothing leaks from training to suites."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from unravel.errors import UnravelError
from unravel.interp.corpora import CORPORA, load_corpus
from unravel.interp.corpora.base import IGNORE
from unravel.interp.corpora.names import GAVE, HELD_OUT, NAMES, TRAINING


def rows(corpus, split="train", count=2000, seed=0):
    return next(corpus.labelled(split, count, seed))


def test_a_replayed_segment_is_in_every_row_and_the_gap_varies():
    corpus = load_corpus("repeats")
    gaps = set()
    for row in rows(corpus, count=300)[0][:, 1:].tolist():
        found = [
            second - first
            for first, second in itertools.combinations(range(29), 2)
            if row[first : first + 4] == row[second : second + 4] and len({*row[first : first + 4]}) == 4
        ]
        assert found
        gaps.add(found[0])
    assert len(gaps) > 15


def test_pairs_of_the_chain_pay_and_are_never_certain():
    corpus = load_corpus("repeats")
    share = np.diff(corpus.chain, axis=1, prepend=0) / corpus.chain[:, -1:]
    entropy = -(share * np.log(share)).sum(axis=1)
    assert 0.1 < share.max(axis=1).max() < 0.5
    assert 2 < entropy.mean() < np.log(64) - 0.5


def test_random_gap_can_be_solved_by_induction_and_by_nothing_nearer():
    suite = load_corpus("repeats").suites["random_gap"]
    gaps = []
    for prompt, at, right in zip(suite.prompts.tolist(), suite.position.tolist(), suite.right.tolist(), strict=True):
        seen = prompt[1 : at + 1]
        earlier = [place for place in range(at) if prompt[place] == prompt[at]]
        assert [prompt[place + 1] for place in earlier] == [right]
        assert prompt[at + 1 :] == [0] * (len(prompt) - at - 1)
        assert seen.count(right) == 1
        gaps.append(at - earlier[0])
    assert max(np.bincount(gaps)) < 0.3 * len(gaps)
    assert all(right not in wrong for right, wrong in zip(suite.right.tolist(), suite.wrong.tolist(), strict=True))


@pytest.mark.parametrize("split", ["train", "test"])
def test_brackets_are_labelled_right_and_half_of_them_balanced(split):
    corpus = load_corpus("brackets")
    tokens, labels = rows(corpus, split, 3000)
    whole = []
    for row, asked in zip(tokens.tolist(), labels.tolist(), strict=True):
        text = ""
        assert asked[0] == IGNORE
        for word, label in zip(corpus.vocabulary.decode(row), asked[1:], strict=False):
            text += word
            left = text
            while "()" in left:
                left = left.replace("()", "")
            assert label == (left == "")
        assert set(asked[len(text) + 1 :]) <= {IGNORE}
        whole.append(asked[len(text)])
    assert 0.45 < sum(whole) / len(whole) < 0.55


def test_no_string_of_brackets_is_in_both_splits():
    corpus = load_corpus("brackets")
    train, test = ({tuple(row) for row in rows(corpus, split, 3000)[0].tolist()} for split in corpus.splits)
    suite = {tuple(row) for row in corpus.suites["unseen_strings"].prompts.tolist()}
    assert not train & (test | suite)
    assert len(test & suite) > 100


def test_sums_are_right_and_the_splits_make_up_the_whole_table():
    corpus = load_corpus("modular_addition", p=11, fraction=0.3)
    pairs = []
    for split, share in (("train", 0.3), ("test", 0.7)):
        tokens, labels = corpus.full(split)
        assert abs(len(tokens) - share * 121) <= 1
        assert torch.equal(labels[:, 2], (tokens[:, 0] + tokens[:, 1]) % 11)
        assert (tokens[:, 2] == 11).all()
        assert (labels[:, :2] == IGNORE).all()
        pairs += [tuple(row) for row in tokens[:, :2].tolist()]
        batch = rows(corpus, split, len(tokens))[0]
        assert sorted(batch.tolist()) == sorted(tokens.tolist())
    assert sorted(pairs) == [(a, b) for a in range(11) for b in range(11)]
    assert len(corpus.suites["unseen_sums"].prompts) == 85


def test_a_sum_and_its_mirror_are_in_the_same_split():
    corpus = load_corpus("modular_addition", p=11, fraction=0.7, mirrors=True)
    sides = [{tuple(row) for row in corpus.full(split)[0][:, :2].tolist()} for split in corpus.splits]
    for side in sides:
        assert side == {(b, a) for a, b in side}
    assert not sides[0] & sides[1]
    assert sorted(len(corpus.full(split)[0]) for split in corpus.splits) == sorted(map(len, sides))
    assert len(sides[0]) + len(sides[1]) == 121
    assert abs(len(sides[0]) - 0.7 * 121) <= 11
    split = load_corpus("modular_addition", p=11, fraction=0.7)
    known = {tuple(row) for row in split.full("train")[0][:, :2].tolist()}
    assert any((b, a) not in known for a, b in known)


def names_in(text):
    return [word for word in text.replace(".", " ").replace(",", " ").split() if word in NAMES]


def test_no_held_pair_and_no_held_template_is_in_training():
    corpus = load_corpus("names")
    assert len(NAMES) == len({*NAMES}) == 96
    assert len(corpus.held_pairs) == 96 * 95 // 2 // 10
    for text in corpus.documents("train", 5000):
        assert not any(frozenset(pair) in corpus.held_pairs for pair in itertools.combinations(names_in(text), 2))
        assert not (text.startswith("While") and "were near" in text)
        assert not ("Yesterday" in text and "Then" in text.split("Yesterday")[1])
    assert len(HELD_OUT) == 2


def test_two_in_five_gifts_are_conditional_and_the_answer_follows_the_rule():
    corpus = load_corpus("names")
    third = gifts = 0
    for text in corpus.documents("train", 4000):
        people = names_in(text)
        if len(people) == 4 and text.endswith(f" to {people[3]}."):
            if people[2] == people[3]:
                third += people[2] not in people[:2]
                gifts += 1
            elif people[2] in people[:2] and {*people[:2]} == {*people[2:]}:
                gifts += 1
    assert 0.36 < third / gifts < 0.44


@pytest.mark.parametrize("name", ["ioi", "conditional", "ioi_templates", "conditional_templates"])
def test_suites_of_names_are_balanced_held_out_and_right(name):
    corpus = load_corpus("names")
    suite, first = corpus.suites[name], 0
    for prompt, at, right, wrong in zip(
        suite.prompts.tolist(), suite.position.tolist(), suite.right.tolist(), suite.wrong.tolist(), strict=True
    ):
        tokens = [corpus.vocabulary.tokens[number] for number in prompt]
        f, g, giver = (token for token in tokens if token in NAMES)
        answer = corpus.vocabulary.tokens[right]
        assert tokens[at] == "to"
        assert (frozenset((f, g)) in corpus.held_pairs) == ("templates" not in name)
        assert answer == (giver if name.startswith("cond") else ({f, g} - {giver}).pop())
        assert sorted(corpus.vocabulary.tokens[number] for number in wrong) == sorted({f, g, giver} - {answer})
        first += giver == f
    if name.startswith("ioi"):
        assert first == len(suite.right) / 2


def test_every_training_template_is_used():
    starts = {" ".join(text.split()[:1]) for text in load_corpus("names").documents("train", 500)}
    assert {template.split()[0] for template in TRAINING if template[0] != "F"} <= starts


@pytest.mark.parametrize("asks", ["receiver", "people"])
def test_names_can_ask_for_receiver_or_people_alone(asks):
    corpus = load_corpus("names", asks=asks)
    (tokens, labels), plain = next(corpus.labelled("train", 200)), next(load_corpus("names").labelled("train", 200))
    assert torch.equal(tokens, plain[0])  # the text is the same, only the questions differ
    word, asked = corpus.vocabulary.tokens, labels != IGNORE
    assert torch.equal(labels[asked], plain[1][asked])
    givers = 0
    for row, column in asked.nonzero().tolist():
        if word[tokens[row, column]] != "to":
            assert asks == "people"
            assert word[labels[row, column]] in NAMES
            assert word[tokens[row, column + 2]] in GAVE
            givers += 1
    assert asked[tokens == corpus.vocabulary.index["to"]].all()
    assert (givers > 150) == (asks == "people")


def test_names_ask_for_nothing_unknown():
    with pytest.raises(UnravelError, match="can't ask for 'all'"):
        load_corpus("names", asks="all")


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_batches_are_the_same_each_time_and_differ_by_seed_split_and_number(name):
    corpus, again = load_corpus(name), load_corpus(name)
    two = list(itertools.islice(corpus.batches("train", 8), 2))
    assert torch.equal(two[1], next(again.batches("train", 8, start=1)))
    assert two[0].shape == (8, corpus.n_ctx)
    assert not torch.equal(two[0], two[1])
    assert not torch.equal(two[0], next(corpus.batches("train", 8, seed=1)))
    assert not torch.equal(two[0], next(corpus.batches("test", 8)))
    assert int(two[0].max()) < len(corpus.vocabulary)


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_the_tokenizer_agrees_with_the_dictionary(name):
    corpus = load_corpus(name)
    for row in rows(corpus, "test", 200)[0].tolist():
        tokens = corpus.vocabulary.decode(row)
        numbers = corpus.vocabulary.encode(tokens)
        assert corpus.tokenizer(corpus.vocabulary.text(tokens)).input_ids == [corpus.vocabulary.bos, *numbers]
    ids = [corpus.tokenizer.pad_token_id, corpus.tokenizer.bos_token_id, corpus.tokenizer.eos_token_id]
    assert ids == [corpus.vocabulary.pad, corpus.vocabulary.bos, corpus.vocabulary.eos]
    assert corpus.tokenizer("Xyzzyx").input_ids[-1] == corpus.vocabulary.unk


def test_wrong_names_are_said_in_one_sentence():
    with pytest.raises(UnravelError, match=r"no corpus named 'repeat'.*repeats"):
        load_corpus("repeat")
    with pytest.raises(UnravelError, match="no split 'dev'"):
        next(load_corpus("repeats").batches("dev"))
