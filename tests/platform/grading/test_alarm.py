"""The time limit on the course's own code."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.grading.alarm import Alarm, limit
from unravel.grading.engine import Engine
from unravel.grading.report import Status
from unravel.grading.source import Source


def endless() -> None:
    while True:
        try:
            time.sleep(0.001)
        except Exception:
            continue


def test_code_within_its_time_is_left_alone():
    with limit(0.2):
        value = sum(range(1000))
    time.sleep(0.4)
    assert value == 499500


@pytest.mark.parametrize("threaded", [False, True])
def test_an_endless_loop_is_ended_in_any_thread(threaded: bool):
    ended: list[float] = []

    def body() -> None:
        begun = time.monotonic()
        try:
            with limit(0.1):
                endless()
        except Alarm:
            ended.append(time.monotonic() - begun)

    if threaded:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join(5)
    else:
        body()
    assert len(ended) == 1
    assert 0.1 <= ended[0] < 2


def test_an_alarm_never_comes_after_the_body():
    late = 0
    for _ in range(300):
        try:
            with limit(0.001):
                time.sleep(0.001)
        except Alarm:
            late += 1
        for _ in range(200):
            pass
    assert 0 <= late <= 300


def test_a_mistake_that_never_ends_costs_the_diagnosis_only(
    engine: Engine, tiny_copy: Path, monkeypatch: pytest.MonkeyPatch
):
    tests = tiny_copy / "tests/exercises/ch00_tiny/test_more.py"
    endless = 'MISTAKES = [\n    Mistake("count_up", why="Endless.", wrong="while True:\\n    n += 1"),'
    tests.write_text(tests.read_text().replace("MISTAKES = [", endless, 1))
    monkeypatch.setattr(engine, "course", load_course(tiny_copy))
    engine.prepare().ready()
    begun = time.monotonic()
    code = Source.text("def count_up(n):\n    return list(range(n))", "more.py")
    result = engine.check(code, ["count_up"], seed=1).exercises[0]
    assert time.monotonic() - begun < 15
    assert result.status is Status.FAILED
    assert result.diagnosis == "You began at 0: begin at 1."
