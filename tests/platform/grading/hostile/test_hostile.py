"""Our own grader against hostile submissions: each gets the fate it deserves, in time, and harms nobody."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import attacks_end
import attacks_memory
import attacks_patch
import attacks_system
import attacks_time
import attacks_values
import attacks_wire
from attack import Attack

from unravel.course.load import load_course
from unravel.course.model import Course
from unravel.errors import UnravelError
from unravel.grading import transport
from unravel.grading.engine import Engine
from unravel.grading.report import Report, Status
from unravel.grading.source import Source
from unravel.grading.warm import Limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

TINY = Path(__file__).resolve().parents[2] / "tiny_course"
MODULES = (attacks_end, attacks_memory, attacks_system, attacks_time, attacks_patch, attacks_values, attacks_wire)
ATTACKS: list[Attack] = [item for module in MODULES for item in module.ATTACKS]
# Those that the walls around the child have to stop. The others meet the same code whatever the walls and the user.
WALLS = {item.name for module in MODULES[:4] for item in module.ATTACKS}
TIERS = os.environ.get("UNRAVEL_HOSTILE_TIERS", "full partial").split()
SECONDS = 0.8
MARGIN = 4.0  # for starting, killing and a busy machine; beyond the checks' own seconds
SECRET = "a-secret-of-the-grader"
# Text of the hidden check, the other checks and the solutions; nothing of it is in any submission here.
NEVER = (
    "assert_",
    "the double of an empty vector",
    "Mistake(",
    "END SOLUTION",
    "LEAK",
    SECRET,
    "root:",
    "\x1b",
    "\x00",
)


@dataclass
class Arena:
    """An engine, the tiny course with short times, and the processes that belong there."""

    engine: Engine
    course: Course
    quick: Course
    family: int = 0

    def grade(self, attack: Attack) -> tuple[Report, float]:
        """The report on an attack, and the seconds that it took."""
        self.engine.course = self.quick
        begin = time.monotonic()
        report = self.engine.check(Source.text(attack.code), [attack.exercise], seed=1)
        return report, time.monotonic() - begin

    def right(self) -> list[str]:
        """The fate of the course's own solution, graded at leisure."""
        self.engine.course = self.course
        code = (TINY / "solutions/ch00_tiny/basics.py").read_text()
        report = self.engine.check(Source.text(code), ["double"], seed=2)
        return [f"{result.status} {result.message}".strip() for result in report.exercises]


def quick(course: Course) -> Course:
    """The same course, its checks in a hurry."""
    return Course(
        course.root, tuple(replace(c, lessons=tuple(_quick(le) for le in c.lessons)) for c in course.chapters)
    )


def _quick(lesson: Any) -> Any:
    hurried = [
        replace(exercise, checks=tuple(replace(check, seconds=SECONDS) for check in exercise.checks))
        for exercise in lesson.exercises
    ]
    return replace(lesson, exercises=tuple(hurried))


def living() -> list[int]:
    """The processes below this one that run."""
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        for path in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                below = [int(word) for word in path.read_text().split()]
                todo += below
                found += [pid for pid in below if _runs(pid)]
    return found


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def settled(count: int, seconds: float = 5.0) -> bool:
    """Whether no more than `count` processes are left, soon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if len(living()) <= count:
            return True
        time.sleep(0.01)
    return False


def cases() -> list[Any]:
    """Each attack in each tier. What differs by nothing but the walls is quick only in the first tier, run as root."""
    first = TIERS[0] if os.geteuid() == 0 else ""
    return [
        pytest.param(
            tier, attack, id=f"{tier}-{attack.name.replace(' ', '-')}", marks=[] if usual else pytest.mark.slow
        )
        for tier in TIERS
        for attack in ATTACKS
        for usual in [tier == first or attack.name in WALLS]
    ]


@pytest.fixture(scope="module")
def arenas() -> Iterator[dict[str, Arena | str]]:
    """The arenas made so far, by tier; a text says why there is none."""
    os.environ["UNRAVEL_TEST_SECRET"] = SECRET
    others = len(living())
    patch = pytest.MonkeyPatch()
    patch.setattr(transport, "LOAD_SECONDS", 1.5)
    made: dict[str, Arena | str] = {}
    yield made
    for arena in made.values():
        if isinstance(arena, Arena):
            arena.engine.close()
    patch.undo()
    assert settled(others)


@pytest.fixture
def arena(arenas: dict[str, Arena | str], tier: str) -> Arena:
    if tier not in arenas:
        arenas[tier] = enter(tier)
    found = arenas[tier]
    if isinstance(found, str):
        pytest.skip(found)
    return found


def enter(tier: str) -> Arena | str:
    """An arena of a tier, or why there is none here."""
    course = load_course(TINY)
    others = len(living())
    engine = Engine(course, isolation=tier)
    try:
        engine.prepare().ready()
    except UnravelError as fault:
        return f"tier {tier} is not to be had here: {fault}"
    made = Arena(engine, course, quick(course))
    assert made.right() == ["passed"]
    time.sleep(0.3)  # the spare is there
    made.family = len(living()) - others
    return made


@pytest.mark.parametrize(("tier", "attack"), cases())
def test_attack(arena: Arena, attack: Attack) -> None:
    others = len(living()) - arena.family
    report, seconds = arena.grade(attack)
    (result,) = report.exercises
    assert result.status.value in attack.fates, (result.status, result.message)
    assert result.points == report.points == 0
    text = json.dumps(report.to_json(), ensure_ascii=False)
    assert [word for word in NEVER if word in text] == []
    assert len(text.encode("utf-8")) < 100_000
    assert Report.from_json(json.loads(text)) == report
    if result.status is not Status.NOT_STARTED:
        assert result.message or result.diagnosis or any(check.hidden for check in result.checks)
    assert seconds < SECONDS + (1.5 if "import" in attack.name else 0) + MARGIN
    assert settled(arena.family + max(0, others)), living()
    assert arena.right() == ["passed"]
    assert not Path("/tmp/unravel-hostile").exists()


REMEMBERS = """
import torch
seen = []
def double(x):
    seen.append(x)
    return 2 * x
def mean_square(x):
    print("SEEN", sorted({len(old) for old in seen}))
    raise ValueError(f"SEEN {[len(old) for old in seen]}")
"""


@pytest.mark.parametrize("tier", TIERS)
def test_what_a_hidden_check_feeds_is_not_told_by_a_later_one(arena: Arena) -> None:
    arena.engine.course = arena.course
    report = arena.engine.check(Source.text(REMEMBERS), ["double", "mean_square"], seed=3)
    fates = {result.id: result.status for result in report.exercises}
    assert fates == {"double": Status.PASSED, "mean_square": Status.ERROR}
    told = json.dumps(report.to_json())
    assert "SEEN" in told
    assert "SEEN [0" not in told
    assert ", 0]" not in told


@pytest.mark.parametrize("tier", TIERS)
def test_processor_time_of_many_threads_is_a_timeout(arena: Arena) -> None:
    arena.engine.course = arena.course
    code = "import time\ndef double(x):\n    while time.process_time() < 60: pass\n"
    arena.engine._limits = Limits(cpu_seconds=1)
    try:
        report = arena.engine.check(Source.text(code), ["double"], seed=4)
    finally:
        arena.engine._limits = None
    assert report.exercises[0].status is Status.TIMEOUT
    assert "processor time" in report.exercises[0].message


def test_there_are_many() -> None:
    assert len(ATTACKS) >= 40
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
