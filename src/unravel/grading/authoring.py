"""What the authors of checks write with: `checks`, `Mistake`, `Alternative`, `Draw` and assertions that explain.

A check is a pytest test that takes the fixtures `submission` (the learner's file, behind the sandbox) and `draw`
(fresh inputs from the run's seed). This module is trusted code: it compares plain values that crossed the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from unravel.course.model import DEFAULT_SECONDS

if TYPE_CHECKING:
    import torch

    from unravel.interp import HookedGPT  # noqa: TID251  (both sides of the line need to know models)

F = TypeVar("F", bound=Callable[..., None])
T = TypeVar("T")


def checks(exercise: str, *, hidden: bool = False, seconds: float = DEFAULT_SECONDS) -> Callable[[F], F]:
    """Marks a test as a check of `exercise`. All arguments must be literals: the course is read without running it.

    `hidden`: the learner sees the sentence and the verdict only. `seconds`: the time the learner's code may take.
    """

    def mark(function: F) -> F:
        function.unravel_check = (exercise, hidden, seconds)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True)
class Mistake:
    """A believable wrong answer: `right`, found exactly once in the exercise's solution, becomes `wrong`.

    Without `right`, `wrong` replaces the whole solution region. `why` is read by the learner who made it: it says
    what they did, in the second person, and what to do instead.
    """

    exercise: str
    why: str
    right: str | None = None
    wrong: str = ""


@dataclass(frozen=True)
class Alternative:
    """Another right way: `code` replaces the exercise's whole solution region, and every check must accept it."""

    exercise: str
    how: str
    code: str


def shared_model(name: str, checkpoint: int | None = None) -> HookedGPT:
    """The shipped model `name`, for the oracle or to be handed to the submission. It is kept: don't change it."""
    from unravel.grading import models

    return models.shared_model(name, checkpoint)


@dataclass(frozen=True)
class Learner:
    """Whose submission it is: their id (empty: nobody's), and their variants of the models."""

    id: str

    def model(self, name: str) -> HookedGPT:
        """This learner's variant of the shipped model `name`: what `my_model(name)` is in their file."""
        from unravel.grading import models

        return models.shared_model(name, learner=self.id)


class Draw:
    """Fresh inputs from the run's seed, so that a failure can be replayed with `--seed`."""

    def __init__(self, seed: int):
        import torch

        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal floats of the given shape."""
        import torch

        return torch.randn(*shape, generator=self._generator)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Floats between `low` and `high`."""
        import torch

        return low + (high - low) * torch.rand(*shape, generator=self._generator)

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Integers from `low` to `high - 1`."""
        import torch

        return torch.randint(low, high, shape, generator=self._generator)

    def integer(self, low: int, high: int) -> int:
        """One integer from `low` to `high - 1`."""
        return int(self.integers(low, high, 1).item())

    def sizes(self, count: int, low: int = 2, high: int = 9) -> tuple[int, ...]:
        """`count` different sizes from `low` to `high`: an axis mistaken for another never fits by luck."""
        return tuple(low + int(i) for i in self.permutation(high - low + 1)[:count])

    def permutation(self, n: int) -> torch.Tensor:
        """0 to n - 1 in random order."""
        import torch

        return torch.randperm(n, generator=self._generator)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.integer(0, len(items))]

    def model(self, **config: Any) -> HookedGPT:
        """A small model, every parameter of which is random (biases and norms too); `config` is a `GPTConfig`'s."""
        from unravel.grading.models import random_model

        return random_model(self._generator, **config)


def assert_close(
    actual: Any, expected: Any, what: str = "the answer", *, hint: str = "", rtol: float = 1e-4, atol: float = 1e-5
) -> None:
    """Fails unless `actual` has the shape of `expected` and its values, within `atol + rtol * |expected|`.

    The failure tells where the two differ most. `what` names the value in the sentence, and may be one thing or many
    ("the scores"); `hint` is added to it.
    """
    import torch

    if not isinstance(actual, torch.Tensor | float | int) or isinstance(actual, bool):
        raise AssertionError(_join(f"{what} should be a number or a tensor, not {_kind(actual)}.", hint))
    got, want = torch.as_tensor(actual).detach(), torch.as_tensor(expected).detach()
    if got.shape != want.shape:
        message = f"{what} should have shape {tuple(want.shape)}, not {tuple(got.shape)}."
        raise AssertionError(_join(message, hint))
    truth = want.dtype == torch.bool and got.dtype == torch.bool
    kind = _wide(got, want)
    got, want = got.to(kind), want.to(kind)
    bad = ~torch.isclose(got, want, rtol=rtol, atol=atol, equal_nan=bool(want.isnan().any()))
    if bool(bad.any()):
        raise AssertionError(_join(_where(got, want, bad, what, truth), hint))


def assert_equal(actual: Any, expected: Any, what: str = "the answer", *, hint: str = "") -> None:
    """Fails unless the two are equal, exactly, and of the same type (a tensor: same dtype, shape and values)."""
    import torch

    if isinstance(expected, torch.Tensor):
        if not isinstance(actual, torch.Tensor):
            raise AssertionError(_join(f"{what} should be a tensor, not {_kind(actual)}.", hint))
        if actual.dtype != expected.dtype:
            raise AssertionError(_join(f"{what} should have dtype {expected.dtype}, not {actual.dtype}.", hint))
        assert_close(actual, expected, what, hint=hint, rtol=0.0, atol=0.0)
    elif type(actual) is not type(expected) or actual != expected:
        raise AssertionError(_join(f"{what} should be {expected!r}, not {_short(actual)}.", hint))


def _wide(got: torch.Tensor, want: torch.Tensor) -> torch.dtype:
    """A dtype that holds both without loss."""
    import torch

    if got.is_complex() or want.is_complex():
        return torch.complex128
    return torch.float64 if got.is_floating_point() or want.is_floating_point() else torch.int64


def _where(got: torch.Tensor, want: torch.Tensor, bad: torch.Tensor, what: str, truth: bool) -> str:
    import torch

    if truth:
        return _first_untrue(got, bad, what)
    if got.numel() == 1:
        return "{} should be {}, not {}.".format(what, *_numbers(want.item(), got.item()))
    count, total = int(bad.sum()), got.numel()
    if bool(got.isnan().any()) and not bool(want.isnan().any()):
        lost = int(got.isnan().sum())
        return f"{what.rstrip(',')}: {lost} of {total} entries {_are(lost)} NaN."
    gap = torch.where(bad, (got - want).abs(), torch.zeros_like(got.abs()))
    flat = int(torch.nan_to_num(gap, nan=math.inf).argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), got.shape))
    place = "[" + ", ".join(str(i) for i in index) + "]"
    return (
        f"{what.rstrip(',')}: {count} of {total} entries {_are(count)} wrong. The largest difference is at {place}: "
        + "expected {}, got {}.".format(*_numbers(want[index].item(), got[index].item()))
    )


def _first_untrue(got: torch.Tensor, bad: torch.Tensor, what: str) -> str:
    """Where truth values differ; "the largest difference" of those would sound odd."""
    index = tuple(int(i) for i in bad.nonzero()[0])
    answer = bool(got[index])
    place = "[" + ", ".join(map(str, index)) + "]"
    if bad.numel() == 1:
        return f"{what} should be {not answer}, not {answer}."
    count = f"{int(bad.sum())} of {bad.numel()} entries {_are(int(bad.sum()))} wrong"
    return f"{what.rstrip(',')}: {count}. The first is at {place}: expected {not answer}, got {answer}."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _numbers(want: complex, got: complex) -> tuple[str, str]:
    """Both in six digits, or in as many as tell them apart."""
    short = f"{want:.6g}", f"{got:.6g}"
    return short if short[0] != short[1] and not isinstance(want, int) else (repr(want), repr(got))


def _kind(value: Any) -> str:
    return "None (is a `return` missing?)" if value is None else f"a {type(value).__name__}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _join(message: str, hint: str) -> str:
    first = message.partition(" ")[0]
    if first.isalpha() and (len(first) > 1 or first == "a"):  # not `x` or `count_up(3)`, which are code
        message = message[:1].upper() + message[1:]
    return f"{message} {hint}" if hint else message
