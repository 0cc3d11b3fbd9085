"""The algorithmic corpora against slow, plain rules; and that no question is in both splits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from unravel.interp.corpora import load_corpus
from unravel.interp.corpora.base import IGNORE

NAMES = ["sorting", "palindromes", "running_sum", "first_unique", "caesar"]


def rows(name, split="train", count=600, **options):
    """Each row's words, and its labels as words, None where nothing is asked."""
    corpus = load_corpus(name, **options)
    tokens, labels = next(corpus.labelled(split, count))
    for row, asked in zip(tokens.tolist(), labels.tolist(), strict=True):
        yield (
            corpus.vocabulary.decode(row),
            [None if label == IGNORE else corpus.vocabulary.tokens[label] for label in asked],
        )


@pytest.mark.parametrize("length", [5, 8])
def test_sorting(length):
    for words, asked in rows("sorting", length=length):
        assert words[length] == "="
        assert words[length + 1 :] == sorted(words[:length])
        assert asked == [None] * (length + 1) + words[length + 1 :] + [None]


def test_palindromes_are_half_of_all_and_the_rest_close():
    share = near = 0
    for letters, asked in rows("palindromes", count=3000):
        assert len(letters) == 10
        assert asked[:6] == [None] * 6
        for upto in range(5, 10):
            mirrored = all(letters[at] == letters[9 - at] for at in range(5, upto + 1))
            assert asked[upto + 1] == ("yes" if mirrored else "no")
        assert (asked[-1] == "yes") == (letters == letters[::-1])
        share += asked[-1] == "yes"
        near += sum(a != b for a, b in zip(letters[:5], letters[::-1][:5], strict=True)) == 1
    assert 0.45 < share / 3000 < 0.75
    assert near > 300


def test_running_sum():
    kinds, beyond = set(), 0
    for words, asked in rows("running_sum"):
        total = 0
        assert asked[0] is None
        for word, label in zip(words, asked[1:], strict=True):
            assert abs(int(word)) <= 2
            total += int(word)
            assert int(label) == max(-9, min(9, total))
            kinds.add(label)
            beyond += abs(total) > 9
    assert len(kinds) == 19
    assert 0 < beyond < 0.1 * 600 * 16


def test_first_unique_and_its_answer_keeps_changing():
    changes = 0
    for words, asked in rows("first_unique"):
        for upto in range(1, len(words) + 1):
            seen = words[:upto]
            assert asked[upto] == next((word for word in seen if seen.count(word) == 1), "none")
        changes += sum(a != b for a, b in pairwise(asked[1:]))
    assert changes > 600


def test_caesar_and_its_unseen_pairs_stay_out_of_training():
    corpus = load_corpus("caesar")
    assert 60 <= corpus.unseen.sum() <= 70
    for split in corpus.splits:
        found = 0
        for words, asked in rows("caesar", split):
            key = ord(words[0]) - 97
            assert asked[:2] == [None, None]
            for word, label in zip(words[1:], asked[2:], strict=True):
                assert ord(label) - 97 == (ord(word) - 97 - key) % 26
                found += corpus.unseen[key, ord(word) - 97]
        assert (found > 0) == (split == "test")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "caesar"])
def test_no_question_is_in_both_splits(name):
    corpus = load_corpus(name)
    train, test = ({tuple(words[: corpus.length]) for words, _ in rows(name, split, 4000)} for split in corpus.splits)
    assert not train & test


@pytest.mark.parametrize("name", NAMES)
def test_suites_hide_what_they_ask_and_agree_with_the_rows(name):
    corpus = load_corpus(name)
    (suite,) = corpus.suites.values()
    assert len(suite.prompts) >= 300
    for prompt, at, right, wrong in zip(
        suite.prompts.tolist(), suite.position.tolist(), suite.right.tolist(), suite.wrong.tolist(), strict=True
    ):
        assert {*prompt[at + 1 :]} <= {corpus.vocabulary.pad}
        assert right not in wrong
        assert right >= 4
