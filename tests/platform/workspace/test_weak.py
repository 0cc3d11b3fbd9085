"""What was hard, why we say so, and what to do about it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from unravel.workspace.weak import weak_spots

WHY = "you forgot to divide"


@pytest.fixture
def spots(workspace, course):
    store = workspace.store
    return lambda: {
        spot.exercise.id: spot for spot in weak_spots(course, store.progress(), store.history(), store.diagnoses())
    }


@pytest.fixture
def fail(workspace, report, result):
    def fail(name, times=1, diagnosis=""):
        for _ in range(times):
            workspace.store.record_report(report({**result(name, "failed"), "diagnosis": diagnosis}))

    return fail


@pytest.fixture
def win(workspace, report, result):
    return lambda name: workspace.store.record_report(report(result(name)))


def test_ordinary_work_is_no_weakness(spots, fail, win, workspace):
    assert spots() == {}
    fail("softmax", 2)
    workspace.store.record_hint("softmax", 1)
    win("softmax")
    win("LAYERS")
    assert spots() == {}


def test_many_failures_before_it_passed(spots, fail, win):
    fail("softmax", 3)
    assert spots()["softmax"].failures == 3
    assert "next hint: 2 of 2" in spots()["softmax"].advice
    win("softmax")
    assert spots()["softmax"].passed
    assert "without looking" in spots()["softmax"].advice


def test_failures_after_a_pass_are_told_as_broken(spots, fail, win):
    win("softmax")
    fail("softmax", 5)
    spot = spots()["softmax"]
    assert (spot.broken, spot.failures) == (True, 0)
    assert "no longer" in spot.advice


def test_all_hints_and_a_solution_seen(spots, workspace):
    workspace.store.record_hint("split", 1)
    workspace.store.record_hint("split", 2)
    assert "Every hint is taken" in spots()["split"].advice
    workspace.store.record_give_up("LAYERS")
    assert "own words" in spots()["LAYERS"].advice
    assert spots()["LAYERS"].gave_up


def test_a_mistake_that_came_again_is_named(spots, fail):
    fail("softmax", 1, WHY)
    assert "softmax" not in spots()
    fail("softmax", 1, WHY)
    spot = spots()["softmax"]
    assert (spot.mistake, spot.repeats, spot.failures) == (WHY, 2, 2)


def test_two_different_mistakes_are_no_repetition(spots, fail):
    fail("softmax", 1, WHY)
    fail("softmax", 1, "another")
    assert spots() == {}


def test_what_is_open_comes_first_then_the_heaviest(spots, fail, win):
    fail("softmax", 9)
    win("softmax")
    fail("split", 3)
    fail("LAYERS", 5)
    assert list(spots()) == ["LAYERS", "split", "softmax"]


def test_the_history_is_in_order_and_leaves_out_what_nobody_did(workspace, win, course):
    win("softmax")
    workspace.store.record_hint("split", 1)
    workspace.store.record_give_up("split")
    workspace.store.record_reset([course.exercise("softmax")])
    events = workspace.store.history()
    assert [(event.kind, event.exercise, event.status) for event in events] == [
        ("attempt", "softmax", "passed"),
        ("hint", "split", ""),
        ("give up", "split", ""),
    ]
    assert all(a.moment <= b.moment for a, b in pairwise(events))
    assert datetime.now(UTC) - events[-1].moment < timedelta(minutes=5)
