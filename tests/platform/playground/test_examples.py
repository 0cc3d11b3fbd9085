"""Examples can be typed, and differ from their corrupted partners in what matters."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from unravel.errors import UnravelError
from unravel.interp import load_corpus
from unravel.playground.catalogue import Entry, catalogue, find_entry
from unravel.playground.examples import example, kinds
from unravel.playground.prompt import read_prompt
from unravel.playground.run import metric, run
from unravel.playground.subject import Subject, load_subject

NAMES = [entry.name for entry in catalogue()]


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_every_model_can_be_typed(name: str) -> None:
    subject = load_subject(name)
    for kind in kinds(subject):
        for number in range(3):
            shown = example(subject, kind, number)
            prompt = read_prompt(subject, shown.text)
            if shown.corrupted:
                assert len(read_prompt(subject, shown.corrupted)) == len(prompt)
                assert shown.corrupted != shown.text
                assert shown.right != shown.wrong


def test_another_number_gives_another_example(induction: Subject) -> None:
    assert len({example(induction, "random_gap", number).text for number in range(8)}) == 8


def test_the_corrupted_prompt_has_the_other_answer(induction: Subject) -> None:
    better = 0
    for number in range(10):
        shown = example(induction, "random_gap", number)
        assert shown.right is not None
        scores = [
            metric(run(induction, read_prompt(induction, text)).logits, shown.right, shown.wrong)
            for text in (shown.text, shown.corrupted)
        ]
        better += bool(scores[0] > 0 > scores[1])
    assert better >= 9


def test_sums_have_a_partner_with_another_sum() -> None:
    subject = load_subject("modadd-1l")
    for number in range(10):
        shown = example(subject, "unseen_sums", number)
        for text, answer in ((shown.text, shown.right), (shown.corrupted, shown.wrong)):
            a, b = (int(word) for word in text.split()[:2])
            assert (a + b) % 53 == answer


def test_the_giver_is_swapped(random: Subject) -> None:
    if not random.model.config.causal:
        pytest.skip("it has no next token")
    subject = dataclasses.replace(random, corpus=load_corpus("names"))
    shown = example(subject, "ioi")
    clean, corrupted = shown.text.split(), shown.corrupted.split()
    changed = [(one, other) for one, other in zip(clean, corrupted, strict=True) if one != other]
    assert shown.right is not None
    assert shown.wrong is not None
    assert changed == [(subject.output(shown.wrong), subject.output(shown.right))]


def test_a_kind_that_isnt_there(induction: Subject) -> None:
    with pytest.raises(UnravelError, match="no examples 'poems'"):
        example(induction, "poems")


def test_models_are_listed_the_best_first_and_without_torch() -> None:
    code = "import sys; from unravel.playground.catalogue import catalogue; print(*(e.name for e in catalogue())); "
    done = subprocess.run(
        [sys.executable, "-c", code + "assert 'torch' not in sys.modules"], capture_output=True, text=True, check=True
    )
    names = done.stdout.split()
    assert names == NAMES
    ranked = [name for name in names if name in ("storybook-4l", "induction-2l")]
    assert names[: len(ranked)] == ranked == sorted(ranked, reverse=True)


def test_an_entry_by_name() -> None:
    entry = find_entry("modadd-1l")
    assert entry == Entry("modadd-1l", entry.phenomenon, "modular_addition", (("fraction", 0.7), ("mirrors", True), ("p", 53)))
    with pytest.raises(UnravelError, match=r"no model 'nope'.*induction-2l"):
        find_entry("nope")
