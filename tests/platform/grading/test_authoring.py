"""The assertions and draws that checks are written with."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

T = torch.tensor


def told(function: Any, *args: Any, **kwargs: Any) -> str:
    """What the learner reads when the assertion fails."""
    with pytest.raises(AssertionError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (T([1.0, 2.0]), T([1.0, 2.0])),
        (T([1.0]), T([1.0 + 5e-5])),
        (T([1.0], dtype=torch.float64), T([1.0])),
        (T([1.0], dtype=torch.bfloat16), T([1.0])),
        (T([1, 2]), T([1.0, 2.0])),
        (T([1.0, 2.0]), [1.0, 2.0]),
        (T(3.0), 3),
        (3, T(3.0)),
        (3.0, 3.0),
        (T([math.nan, 1.0]), T([math.nan, 1.0])),
        (T([math.inf]), T([math.inf])),
        (T([1 + 2j]), T([1 + 2j])),
        (T([1 + 0j]), T([1.0])),
        (torch.empty(0, 3), torch.zeros(0, 3)),
        (T([1.0], requires_grad=True), T([1.0])),
        (T([True, False]), T([True, False])),
    ],
)
def test_close_values_pass(actual: Any, expected: Any):
    assert_close(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (T([1.0]), T([1.001])),
        (T([1e-4]), T([0.0])),
        (T([math.nan]), T([1.0])),
        (T([1.0]), T([math.nan])),
        (T([math.nan, math.nan]), T([math.nan, 1.0])),
        (T([math.inf]), T([1e30])),
        (T([math.inf]), T([-math.inf])),
        (T([1.0]), T([1 + 2j])),
        (T([1 + 2j]), T([1.0])),
        (T([1.0, 1.0]), T([1.0])),
        (T([[1.0]]), T([1.0])),
        (T([1.0]), 1.0),
        (torch.empty(0), torch.empty(0, 0)),
        (T([True]), T([False])),
        (T([2**60 + 1]), T([2**60 + 2**50])),
        (T([-(2**63)]), T([2**63 - 1])),
        (None, 1.0),
        ("1.0", 1.0),
        ([1.0], T([1.0])),
        (True, 1.0),
    ],
)
def test_values_that_are_not_close_fail(actual: Any, expected: Any):
    assert told(assert_close, actual, expected)


def test_the_place_and_the_size_of_the_error_are_told():
    got, want = torch.zeros(2, 3), torch.zeros(2, 3)
    got[0, 1], got[1, 2] = 0.5, -4.0
    assert told(assert_close, got, want, "the attention pattern", hint="Look at the mask.") == (
        "The attention pattern: 2 of 6 entries are wrong. The largest difference is at [1, 2]: "
        "expected 0, got -4. Look at the mask."
    )


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        (4.0, 3.0, "The answer should be 3, not 4."),
        (None, T([1.0]), "The answer should be a number or a tensor, not None (is a `return` missing?)."),
        ("x", T([1.0]), "The answer should be a number or a tensor, not a str."),
        (T([1.0]), T([1.0, 2.0]), "The answer should have shape (2,), not (1,)."),
        (T([math.nan, 1.0]), T([1.0, 1.0]), "The answer: 1 of 2 entries is NaN."),
        (T([7]), T([8]), "The answer should be 8, not 7."),
        (
            T([True, False]),
            T([True, True]),
            "The answer: 1 of 2 entries is wrong. The first is at [1]: expected True, got False.",
        ),
        (T([True]), T([False]), "The answer should be False, not True."),
    ],
)
def test_each_fault_is_a_plain_sentence(actual: Any, expected: Any, message: str):
    assert told(assert_close, actual, expected) == message


def test_numbers_that_differ_are_never_shown_as_the_same():
    assert told(assert_equal, T([1.0000001]), T([1.0])).endswith("should be 1.0, not 1.0000001192092896.")
    assert "1152921504606846977" in told(assert_equal, T([2**60 + 1]), T([2**60]))


def test_a_plural_or_a_comma_at_its_end_makes_no_odd_sentence():
    message = told(assert_close, T([1.0, 2.0]), T([1.0, 3.0]), "the rows, sorted,")
    assert message == "The rows, sorted: 1 of 2 entries is wrong. The largest difference is at [1]: expected 3, got 2."
    assert told(assert_close, T([1.0]), T([1.0, 3.0]), "the scores") == "The scores should have shape (2,), not (1,)."


@pytest.mark.parametrize(("what", "begins"), [("the sum", "The sum"), ("x", "x "), ("count_up(3)", "count_up(3) ")])
def test_words_are_capitalised_and_code_is_not(what: str, begins: str):
    assert told(assert_equal, 1, 2, what).startswith(begins)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [(1, 1), ("a", "a"), ([1, "a"], [1, "a"]), (T([1, 2]), T([1, 2])), (T([math.nan]), T([math.nan])), (None, None)],
)
def test_equal_values_pass(actual: Any, expected: Any):
    assert_equal(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected", "says"),
    [
        (1.0, 1, "should be 1, not 1.0"),
        (True, 1, "should be 1, not True"),
        ((1,), [1], "should be [1], not (1,)"),
        (T([1.0]), T([1]), "should have dtype torch.int64, not torch.float32"),
        (T([1.0 + 1e-6]), T([1.0]), "should be 1.0, not 1.00"),
        (T([2**60 + 1]), T([2**60]), f"should be {2**60}, not"),
        ([1], T([1]), "should be a tensor, not a list"),
        (None, 3, "should be 3, not None"),
    ],
)
def test_values_that_are_not_equal_fail(actual: Any, expected: Any, says: str):
    assert says in told(assert_equal, actual, expected)


def test_a_long_answer_is_cut_short():
    assert len(told(assert_equal, "x" * 10_000, "y")) < 300


def test_the_same_seed_draws_the_same():
    def all_of_it(seed: int) -> list[Any]:
        draw = Draw(seed)
        numbers = [draw.normal(3).tolist(), draw.uniform(2, low=3, high=4).tolist(), draw.integers(0, 9, 4).tolist()]
        return [*numbers, draw.integer(0, 100), draw.sizes(3), draw.permutation(5).tolist(), draw.choice("abcdef")]

    assert all_of_it(5) == all_of_it(5)
    assert all_of_it(5) != all_of_it(6)


def test_a_draw_leaves_the_global_chance_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    Draw(1).normal(5)
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("seed", range(20))
def test_draws_stay_within_their_bounds(seed: int):
    draw = Draw(seed)
    sizes = draw.sizes(4)
    assert len(set(sizes)) == 4
    assert all(2 <= size <= 9 for size in sizes)
    assert all(isinstance(size, int) for size in sizes)
    assert set(draw.integers(3, 6, 200).tolist()) == {3, 4, 5}
    numbers = draw.uniform(1000, low=-2, high=-1)
    assert -2 <= numbers.min() <= numbers.max() <= -1
    assert sorted(draw.permutation(6).tolist()) == list(range(6))
    assert draw.choice(["only"]) == "only"
    assert draw.normal(2, 3).shape == (2, 3)


def test_a_mark_says_what_a_check_is_about_and_leaves_it_a_function():
    @checks("double", hidden=True, seconds=2.0)
    def test_it(submission: Any) -> None:
        raise AssertionError("called")

    assert test_it.unravel_check == ("double", True, 2.0)  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="called"):
        test_it(None)


def test_mistakes_and_alternatives_are_plain_data():
    assert Mistake("double", why="w", right="2", wrong="3") == Mistake("double", "w", "2", "3")
    assert Alternative("double", how="h", code="c").code == "c"
