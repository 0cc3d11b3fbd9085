"""What may be typed, and what is said of the rest."""

from __future__ import annotations

import pytest

from unravel.errors import UnravelError
from unravel.playground.prompt import LONGEST, known_words, near_words, read_prompt, unknown_words
from unravel.playground.subject import Subject, load_subject


def test_tokens_begin_with_the_models_beginning(induction: Subject) -> None:
    prompt = read_prompt(induction, " ba  da\nba ")
    assert prompt.pieces == ("<bos>", "ba", "da", "ba")
    assert prompt.at == 3
    assert list(prompt.ids) == induction.model.to_tokens("ba da ba")[0].tolist()


def test_a_model_without_a_beginning_gets_none() -> None:
    prompt = read_prompt(load_subject("modadd-1l"), "12 7 =")
    assert prompt.pieces == ("12", "7", "=")


def test_unknown_words_are_named_with_near_ones(induction: Subject) -> None:
    with pytest.raises(UnravelError) as caught:
        read_prompt(induction, "ba BAA dog ba dog")
    assert "`BAA`, `dog`" in caught.value.fault
    assert caught.value.fault.count("dog") == 1
    assert "`ba`" in caught.value.fix
    assert "64 words" in caught.value.fix


def test_hostile_words_are_only_quoted(induction: Subject) -> None:
    with pytest.raises(UnravelError) as caught:
        read_prompt(induction, "<img src=x onerror=alert(1)> `x` " + "z" * 500)
    assert "`<img`, `src=x`, `onerror=alert(1)>`" in caught.value.fault
    assert len(caught.value.fault) < 300


def test_many_unknown_words_are_counted(induction: Subject) -> None:
    with pytest.raises(UnravelError, match="and 15 more"):
        read_prompt(induction, " ".join(f"word{number}" for number in range(20)))


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_is_no_prompt(induction: Subject, text: str) -> None:
    with pytest.raises(UnravelError, match="empty"):
        read_prompt(induction, text)


def test_too_much_is_refused_by_number(induction: Subject) -> None:
    assert len(read_prompt(induction, "ba " * 32)) == 33
    with pytest.raises(UnravelError, match=r"has 34 tokens.* at most 33 here.*Take 1 away"):
        read_prompt(induction, "ba " * 33)


def test_a_long_context_has_a_limit_too(random: Subject) -> None:
    assert LONGEST == 128
    with pytest.raises(UnravelError, match="at most 24 here"):
        read_prompt(random, "Ben " * 30)


def test_known_words_are_those_that_can_be_typed(induction: Subject) -> None:
    words = known_words(induction)
    assert len(words) == 64
    assert not unknown_words(induction.tokenizer, " ".join(words))
    assert "<bos>" not in words


def test_near_words_forget_case(random: Subject) -> None:
    assert near_words(random, "ben")[0] == "Ben"
    assert near_words(random, "qqqqqqq") == []
