"""Checks of the tiny lesson `more`."""

from unravel.grading import Alternative, Draw, Mistake, assert_equal, checks

MISTAKES = [
    Mistake("count_up", why="You stopped before `n`: `range` leaves out its end.", right="n + 1", wrong="n"),
    Mistake("count_up", why="You began at 0: begin at 1.", right="range(1, n + 1)", wrong="range(n)"),
    Mistake("count_up", why="You counted down: begin at 1.", wrong="return list(range(n, 0, -1))"),
]
ALTERNATIVES = [
    Alternative(
        "count_up",
        how="by a loop",
        code="numbers = []\nwhile len(numbers) < n:\n    numbers.append(len(numbers) + 1)\nreturn numbers",
    ),
]


@checks("count_up")
def test_three_is_reached_by_one_and_two(submission):
    """Up to 3, the numbers are 1, 2 and 3."""
    assert_equal(submission.count_up(3), [1, 2, 3], "count_up(3)")


@checks("count_up", seconds=2.0)
def test_steps_are_of_one(submission, draw: Draw):
    """There are `n` numbers, the first is 1, and each is one more than the number before it."""
    n = draw.integer(4, 30)
    numbers = submission.count_up(n)
    assert_equal(len(numbers), n, f"the length of count_up({n})")
    assert_equal(numbers[0], 1, "the first number")
    steps = {numbers[i + 1] - numbers[i] for i in range(n - 1)}
    assert steps == {1}, f"Each number should be one more than the last, but the steps are {sorted(steps)}."
