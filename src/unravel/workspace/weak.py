"""Weak spots: the exercises that cost a learner most, why we think so, and what to do about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from unravel.course.model import Course, Exercise
from unravel.course.text import count
from unravel.workspace.guide import UNTOUCHED
from unravel.workspace.history import Event
from unravel.workspace.progress import ExerciseProgress

# What makes an exercise a weak spot. One failed check or one hint is how everybody works.
MANY_FAILURES = 3
MANY_HINTS = 2
REPEATS = 2


@dataclass(frozen=True)
class WeakSpot:
    """An exercise that was hard for this learner.

    `failures` are the failed attempts before it passed; `mistake` is the known mistake that came most often, if one
    came `repeats` >= 2 times. `advice` is one sentence.
    """

    exercise: Exercise
    passed: bool
    broken: bool
    failures: int
    hints: int
    gave_up: bool
    mistake: str
    repeats: int
    advice: str

    @property
    def signs(self) -> tuple[str, ...]:
        """Why it is a weak spot, in words."""
        said = {
            "passed before, broken now": self.broken,
            count(self.failures, "failed attempt"): self.failures,
            count(self.hints, "hint"): self.hints,
            "solution seen": self.gave_up,
        }
        return tuple(words for words, holds in said.items() if holds)

    @property
    def weight(self) -> int:
        """How weak: what a failure, a hint, the same mistake again and a solution seen count for, by our judgement."""
        return self.failures + 2 * self.hints + 2 * self.repeats + 4 * self.gave_up + 6 * self.broken


def weak_spots(
    course: Course,
    progress: Mapping[str, ExerciseProgress],
    events: Iterable[Event],
    diagnoses: Mapping[str, Sequence[str]],
) -> tuple[WeakSpot, ...]:
    """The weak spots: what is still open first, then by weight, then in the order of the course."""
    failures = _failures(events)
    found = []
    for exercise in course.exercises():
        stand = progress.get(exercise.id, UNTOUCHED)
        spot = _spot(exercise, stand, failures[exercise.id], diagnoses.get(exercise.id, ()))
        if _is_weak(spot):
            found.append(spot)
    return tuple(sorted(found, key=lambda spot: (spot.passed, -spot.weight)))


def _failures(events: Iterable[Event]) -> Counter[str]:
    """The failed attempts of each exercise before it passed."""
    found: Counter[str] = Counter()
    passed: set[str] = set()
    for event in sorted(events, key=lambda event: event.moment):
        if event.passed:
            passed.add(event.exercise)
        elif event.failed and event.exercise not in passed:
            found[event.exercise] += 1
    return found


def _spot(exercise: Exercise, stand: ExerciseProgress, failures: int, diagnoses: Sequence[str]) -> WeakSpot:
    mistake, repeats = (Counter(diagnoses).most_common(1) or [("", 0)])[0]
    if repeats < REPEATS:
        mistake, repeats = "", 0
    broken = stand.ever_passed and not stand.passed
    advice = _advice(exercise, stand, broken=broken, mistake=mistake)
    return WeakSpot(exercise, stand.passed, broken, failures, stand.hints, stand.gave_up, mistake, repeats, advice)


def _is_weak(spot: WeakSpot) -> bool:
    # The whole ladder, where it has more than one rung.
    hinted = spot.hints >= MANY_HINTS and spot.hints >= len(spot.exercise.hints)
    return spot.broken or spot.gave_up or bool(spot.repeats) or spot.failures >= MANY_FAILURES or hinted


def _advice(exercise: Exercise, stand: ExerciseProgress, *, broken: bool, mistake: str) -> str:
    if broken:
        return "It passed before and no longer does: check it again, and mend what has changed."
    if stand.passed:
        return "It passes now. To be sure, write it once more on an empty page, without looking, and compare."
    if stand.gave_up:
        return "You have seen the solution. Close it, write it in your own words, and check."
    if mistake:
        return (
            "The same mistake came again. Read what it says, and follow one small example by hand before the next try."
        )
    left = len(exercise.hints) - stand.hints
    if left > 0:
        return f"Take the next hint: {left} of {len(exercise.hints)} {'is' if left == 1 else 'are'} left."
    return "Every hint is taken. See the solution, then write it yourself: it counts all the same."
