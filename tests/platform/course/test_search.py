"""Search: what is found for questions that learners ask, in which order, and that no query breaks it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from unravel.course.glossary import load_glossary
from unravel.course.load import load_course
from unravel.course.search import Answer, search, snippet
from unravel.course.search_index import Index, build_index
from unravel.course.sections import plain_text, sections

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def index() -> Index:
    course = load_course(ROOT)
    return build_index(course, load_glossary(course))


def found(answer: Answer) -> list[tuple[str, str]]:
    return [(hit.document.kind, hit.document.anchor) for hit in answer.hits]


@pytest.mark.parametrize(
    ("query", "first", "also"),
    [
        ("softmax", ("term", "softmax"), ("exercise", "softmax")),
        ("what is softmax?", ("term", "softmax"), ("exercise", "softmax")),
        ("induction", ("term", "induction-head"), ("term", "induction-score")),
        ("causal mask", ("term", "causal-mask"), ("exercise", "causal_mask")),
        ("CAUSAL_MASK", ("term", "causal-mask"), ("exercise", "causal_mask")),
        ("einsum", ("term", "einsum"), ("section", "einsum-name-the-axes-and-say-which-survive")),
        ("SVD", ("term", "singular-value-decomposition"), ("exercise", "qk_svd")),
        ("who may look at whom", ("exercise", "causal_mask"), None),
        ("TwoLayerMLP", ("exercise", "TwoLayerMLP"), None),
        ("two layer", ("exercise", "TwoLayerMLP"), None),
        ("attention heads", ("term", "attention-head"), None),
        ("kl divergence", ("term", "kl-divergence"), ("exercise", "kl_divergence")),
        ("taking a direction out", ("section", "taking-a-direction-out"), None),
    ],
)
def test_questions_of_learners(index: Index, query: str, first: tuple[str, str], also: tuple[str, str] | None) -> None:
    answer = search(index, query)
    assert found(answer)[0] == first
    assert also is None or also in found(answer)[:3]
    assert not answer.read_as


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("sofmax", "softmax"), ("inducton haed", "induction head"), ("supperposition", "superposition"),
     ("orthoganal", "orthogonal"), ("attribuiton", "attribution")],
)  # fmt: skip
def test_typos(index: Index, typo: str, meant: str) -> None:
    answer = search(index, typo)
    assert answer.read_as == meant
    assert found(answer) == found(search(index, meant))


def test_a_beginning_finds_and_a_whole_word_goes_first(index: Index) -> None:
    assert ("term", "superposition") in found(search(index, "superpos"))
    assert found(search(index, "norm"))[0] == ("term", "norm")


def test_words_that_stand_nowhere_together_are_found_apart(index: Index) -> None:
    answer = search(index, "grokking einsum")
    assert answer.partial
    assert {("term", "grokking"), ("term", "einsum")} <= set(found(answer)[:4])
    assert not search(index, "causal mask").partial


@pytest.mark.parametrize("query", ["", "   ", "?!", "zzzzqqqq", "日本語", "the", "\x00\x1b[31m", "((((", "a" * 10_000])
def test_what_finds_nothing_is_no_fault(index: Index, query: str) -> None:
    answer = search(index, query)
    assert answer.total >= len(answer.hits) == len(found(answer))


def test_hostile_and_endless_queries_are_only_words(index: Index) -> None:
    assert ("term", "softmax") in found(search(index, "<script>softmax</script>"))
    begin = time.process_time()
    search(index, "x' OR 1=1; -- <img onerror=alert(1)> " * 10_000)
    search(index, "sofmax " * 10_000)
    assert time.process_time() - begin < 0.5


def test_neither_hints_nor_answers_nor_code_are_found(tiny: Path) -> None:
    course = load_course(tiny)
    said = " ".join(piece.text for piece in sections(course))
    assert "What becomes of the mean square" in said
    for secret in ("A tensor times a number", "squared as well", "import torch", "nn.Parameter"):
        assert secret not in said


def test_each_place_leads_somewhere(tiny: Path) -> None:
    course = load_course(tiny)
    places = [(piece.lesson.id, piece.anchor) for piece in sections(course)]
    assert places[:3] == [("basics", ""), ("basics", "double"), ("basics", "mean_square")]
    assert len(set(places)) == len(places)


def test_a_snippet_shows_the_match_in_its_surroundings() -> None:
    text = f"{'before ' * 60}The Softmax of scores. {'after ' * 60}"
    pieces = snippet(text, ["softmax"])
    assert ("Softmax", True) in pieces
    shown = "".join(piece for piece, _ in pieces)
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 200
    assert snippet("no match here", ["softmax"]) == (("no match here", False),)


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**a** *b* `c_d` [e](f)", "a b c_d e"),
        ("$$\nx\n$$\nafter", "after"),
        ("```{code-cell} python\nsecret\n```\nafter", "after"),
        ("- one\n- two\n1. three", "one two three"),
        (r"is $W_Q W_K^\top$", "is W_Q W_K^ᵀ"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
    ],
)
def test_plain_text(markdown: str, text: str) -> None:
    assert plain_text(markdown) == text


def test_fast_enough_for_each_key_press(index: Index) -> None:
    """Processor time, with room for a slow machine: on ours, an answer takes under a millisecond."""
    course = load_course(ROOT)
    begin = time.process_time()
    build_index(course, load_glossary(course))
    assert time.process_time() - begin < 0.4
    begin = time.process_time()
    for query in ("softmax", "sofmax", "attention head query key", "a", "residual stream"):
        search(index, query)
    assert (time.process_time() - begin) / 5 < 0.02
