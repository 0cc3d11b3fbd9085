"""How long a learner waits for a verdict, and how that compares with pytest and nbgrader on the same checks.

    python bench/check_latency.py [--runs 30] [--exercise softmax] [--quick]

Run it on an otherwise idle machine. Exits with 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from _peers import full_marks, nbgrader_peer, pytest_peer
from _timing import Row, median_of, shell, show

from unravel.course.load import load_course
from unravel.course.model import Exercise, Lesson

UNRAVEL = str(Path(sys.executable).parent / "unravel")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--exercise", default="softmax")
    parser.add_argument("--quick", action="store_true", help="few runs, to see that it works")
    given = parser.parse_args()
    runs, few = (3, 1) if given.quick else (given.runs, 3)
    course = load_course()
    exercise = course.exercise(given.exercise)
    lesson = course.lesson(exercise.lesson)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["UNRAVEL_RUNTIME"] = name
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
        try:
            return show(measure(folder, lesson, exercise, runs, few))
        finally:
            shell([UNRAVEL, "daemon", "stop"])


def measure(folder: Path, lesson: Lesson, exercise: Exercise, runs: int, few: int) -> list[Row]:
    """All rows of the table."""
    workspace = folder / "workspace"
    shell([UNRAVEL, "init", str(workspace)])
    file = workspace / lesson.chapter / f"{lesson.id}.py"
    file.write_text(lesson.solution.read_text())
    command = [UNRAVEL, "check", exercise.id, "--json"]

    def stopped() -> float:
        shell([UNRAVEL, "daemon", "stop"], cwd=workspace)
        time.sleep(0.5)
        started = time.perf_counter()
        shell(command, cwd=workspace)
        return time.perf_counter() - started

    def graded() -> float:
        return float(json.loads(shell(command, cwd=workspace))["duration"])

    cold = median_of(few, stopped)
    cold_alone = median_of(few, lambda: _alone(command, workspace))
    whole = median_of(runs, lambda: took(command, workspace))
    grading = median_of(runs, graded)
    pytest = pytest_peer(folder / "pytest", lesson, exercise)
    by_pytest = median_of(few, lambda: took(pytest, folder / "pytest"))
    one = nbgrader_peer(folder / "nbgrader", lesson, exercise, 1)
    by_nbgrader = median_of(few, lambda: took(one, folder / "nbgrader"))
    five = nbgrader_peer(folder / "nbgrader5", lesson, exercise, 5)
    in_batch = median_of(1, lambda: took(five, folder / "nbgrader5")) / 5
    if not all(full_marks(folder / name, exercise) for name in ("nbgrader", "nbgrader5")):
        raise SystemExit("nbgrader did not give the right answer its points: the comparison would be worthless.")
    return [
        Row(f"warm `unravel check {exercise.id}`, whole process", whole, "s", 0.35),
        Row("  of which the grading itself", grading, "s", 0.10),
        Row("cold, the server starts with it", cold, "s", 4.0),
        Row("cold, without a server (UNRAVEL_DAEMON=0)", cold_alone, "s", 4.0),
        Row("cold start of a warm process with transformer-lens", heavy_start(), "s", 8.0),
        Row("private memory that a child adds", memory(lesson, exercise), "MB", 60.0),
        Row("pytest in a subprocess, the same checks", by_pytest, "s"),
        Row("nbgrader autograde, the same checks, one submission", by_nbgrader, "s"),
        Row("nbgrader autograde, each of five in one batch", in_batch, "s"),
        Row("pytest / grading", by_pytest / grading, "x", 10.0, at_most=False),
        Row("nbgrader / grading", by_nbgrader / grading, "x", 40.0, at_most=False),
        Row("nbgrader in batch / grading", in_batch / grading, "x", 40.0, at_most=False),
    ]


def took(command: list[str], folder: Path) -> None:
    """Runs a command; the caller takes the time."""
    shell(command, cwd=folder)


def _alone(command: list[str], workspace: Path) -> None:
    shell(command, cwd=workspace, env={**os.environ, "UNRAVEL_DAEMON": "0"})


def heavy_start() -> float:
    """Seconds from nothing to a child that has transformer-lens loaded."""
    program = (
        "from unravel.grading.warm import Warm; w = Warm(preload=('torch', 'transformer_lens'));"
        "w.start(); w.spawn().kill(); w.close()"
    )
    started = time.perf_counter()
    shell([sys.executable, "-c", program])
    return time.perf_counter() - started


def memory(lesson: Lesson, exercise: Exercise) -> float:
    """Private memory of a child, in MB, after it answered all checks of the exercise."""
    from unravel.grading.lesson import LessonGrader
    from unravel.grading.source import Source
    from unravel.grading.transport import SandboxTransport
    from unravel.grading.warm import Warm

    with Warm() as warm:
        warm.start()
        transport = SandboxTransport(warm, Source.read(lesson.solution).units)
        LessonGrader(lesson, transport, 1, lambda event: None).grade(exercise)
        used = transport.memory_mb()
        transport.close()
    return used


if __name__ == "__main__":
    raise SystemExit(main())
