"""`unravel dev check`: proves that the course is sound. The author's counterpart of `unravel check`."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from unravel.course.faults import Faults
from unravel.course.glossary import load_glossary
from unravel.course.load import load_course, load_problems
from unravel.course.markers import make_stub
from unravel.course.model import Course, Demo, Lesson
from unravel.dev import nbgrader_stub
from unravel.errors import ContentError
from unravel.grading.engine import Engine

CACHE = Path(".unravel_cache", "checked.json")
Say = Callable[[str], None]


def check_course(
    root: Path, names: Sequence[str] = (), *, changed: bool = False, jobs: int = 1, say: Say = lambda text: None
) -> list[ContentError]:
    """Every fault found in the course at `root`; empty when it is sound. `names` limits it to some lessons.

    `changed` skips the lessons whose files, and the grader's own, are as they were when they last passed. `jobs`
    lessons are checked at a time, each by a process of its own.
    """
    problems = list(load_problems(root))
    if problems:
        return problems
    course = load_course(root)
    problems = glossary_problems(course)
    passed = _read_cache(root)
    todo: list[Lesson] = []
    stamps: dict[str, str] = {}  # taken before the check: what is edited while it runs has not been checked
    for lesson in [course.lesson(name) for name in names] or course.lessons():
        stamps[lesson.id] = fingerprint(lesson)
        if changed and passed.get(lesson.id) == stamps[lesson.id]:
            say(f"{lesson.id}: unchanged")
        else:
            todo.append(lesson)
    for lesson, found in _each(course, todo, jobs):
        say(f"{lesson.id}: {len(found)} problem{'s' if len(found) != 1 else ''}" if found else f"{lesson.id}: sound")
        problems.extend(found)
        passed = {**passed, lesson.id: "" if found else stamps[lesson.id]}
        _write_cache(root, passed)
    return problems


def _each(course: Course, lessons: Sequence[Lesson], jobs: int) -> Iterator[tuple[Lesson, list[ContentError]]]:
    """Each lesson and its faults, in the order given."""
    jobs = min(jobs, len(lessons))
    if jobs < 2:
        with Engine(course) as engine:
            for lesson in lessons:
                yield lesson, list(check_lesson(lesson, engine))
        return
    # Not by fork: what a process has of torch and of threads does not survive that.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(course.root,)) as pool:
        for lesson, told in zip(lessons, pool.map(_faults, [lesson.id for lesson in lessons]), strict=True):
            yield lesson, [ContentError(fault, fix=fix, path=path, line=line) for fault, fix, path, line in told]


_engine: Engine | None = None


def _begin(root: Path) -> None:
    """Gives a process of the pool its own grader, which ends with it."""
    global _engine
    _engine = Engine(load_course(root))


def _faults(name: str) -> list[tuple[str, str, Path | None, int | None]]:
    """The faults of one lesson, as plain values: an error does not cross from process to process unharmed."""
    assert _engine is not None
    found = check_lesson(_engine.course.lesson(name), _engine)
    return [(problem.fault, problem.fix, problem.path, problem.line) for problem in found]


def check_lesson(lesson: Lesson, engine: Engine) -> Iterator[ContentError]:
    """Every fault found in one lesson: stub, checks, mistakes, alternatives, demos."""
    from unravel.dev.proofs import Prover

    yield from stub_problems(lesson)
    yield from Prover(lesson, engine.prepare(lesson)).problems()
    yield from demo_problems(lesson)


def glossary_problems(course: Course) -> list[ContentError]:
    """What is wrong in the glossary: unknown keys, links that lead nowhere, a name given twice."""
    faults = Faults(gather=True)
    load_glossary(course, faults)
    return faults.found


def stub_problems(lesson: Lesson) -> Iterator[ContentError]:
    """Whether the committed stub is the generated one, and the one that nbgrader would make."""
    source = lesson.solution.read_text(encoding="utf-8")
    stub = make_stub(source, lesson.solution)
    if not lesson.stub.exists() or lesson.stub.read_text(encoding="utf-8") != stub:
        fault = "The stub is not what the solution makes."
        yield ContentError(fault, fix="Run `unravel dev sync`.", path=lesson.stub)
    if nbgrader_stub.available() and nbgrader_stub.clear_solutions(source) != stub:
        fault = "nbgrader's ClearSolutions makes another stub of this file than Unravel does."
        yield ContentError(fault, fix="Look at the solution markers.", path=lesson.solution)


def demo_problems(lesson: Lesson) -> Iterator[ContentError]:
    """The demos that fail when the page is run from top to bottom."""
    from unravel.export.demos import run_demos

    demos = [block for block in lesson.blocks if isinstance(block, Demo)]
    for demo, output in zip(demos, run_demos(lesson), strict=True):
        if output.error:
            fault = f"This demo fails: {output.error.strip().splitlines()[-1]}."
            fix = "A demo runs with the page's earlier demos only."
            yield ContentError(fault, fix=fix, path=lesson.page, line=demo.line)


def fingerprint(lesson: Lesson) -> str:
    """Changes when a file of the lesson, or the code that grades it, does."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    grader = [
        path for folder in ("course", "grading", "dev", "interp") for path in sorted((package / folder).rglob("*.py"))
    ]
    for path in (lesson.page, lesson.stub, lesson.solution, lesson.tests, *grader):
        digest.update(path.read_bytes() if path.exists() else b"-")
    return digest.hexdigest()


def _read_cache(root: Path) -> dict[str, str]:
    try:
        found = json.loads((root / CACHE).read_text())
        return {str(key): str(value) for key, value in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _write_cache(root: Path, passed: dict[str, str]) -> None:
    try:
        (root / CACHE).parent.mkdir(exist_ok=True)
        (root / CACHE).write_text(json.dumps(passed, indent=1))
    except OSError as fault:  # a course that can't be written to is checked in full each time
        print(f"The record of what passed can't be kept: {fault}", file=sys.stderr)
