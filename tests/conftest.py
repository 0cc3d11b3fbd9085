"""Lets plain pytest run the autograders: `submission` is the solution, or the file that UNRAVEL_SUBMISSION names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unravel.grading import Learner
    from unravel.grading.engine import Engine
    from unravel.grading.remote import Submission
    from unravel.grading.transport import SandboxTransport

EXERCISES = Path(__file__).parent / "exercises"
ROOT = EXERCISES.parents[1]


def pytest_report_header() -> str:
    return f"exercise seed: {_seed()} (replay with UNRAVEL_SEED={_seed()})"


def _seed() -> int:
    os.environ.setdefault("UNRAVEL_SEED", str(secrets.randbits(31)))
    return int(os.environ["UNRAVEL_SEED"])


@pytest.fixture(scope="session")
def engine_of_course() -> Iterator[Engine]:
    """The grader over the course as it stands in this checkout, for all autograders."""
    from unravel.course.load import load_course
    from unravel.grading.engine import Engine

    with Engine(load_course(ROOT)) as engine:
        yield engine


@pytest.fixture(scope="module")
def transport(request: pytest.FixtureRequest, engine_of_course: Engine) -> Iterator[SandboxTransport]:
    from unravel.grading.source import Source
    from unravel.grading.transport import SandboxTransport

    lesson = engine_of_course.course.lesson(request.path.stem.removeprefix("test_"))
    source = Source.read(Path(os.environ.get("UNRAVEL_SUBMISSION", lesson.solution)))
    transport = SandboxTransport(engine_of_course.prepare(lesson), source.units, learner=f"learner-{_seed()}")
    yield transport
    transport.close()


@pytest.fixture
def learner(transport: SandboxTransport) -> Learner:
    """The learner whose variants of the models the submission is graded on: another one for each seed."""
    from unravel.grading import Learner

    return Learner(transport.learner)


@pytest.fixture
def submission(request: pytest.FixtureRequest, transport: SandboxTransport) -> Submission:
    """The learner's file behind the sandbox, as the grader makes it."""
    import time

    from unravel.grading.reference import load_reference
    from unravel.grading.remote import Session, Submission
    from unravel.grading.running import derive

    name = request.path.stem.removeprefix("test_")
    reference = load_reference(ROOT / "solutions" / request.path.parent.name / f"{name}.py")
    seconds = request.function.unravel_check[2]
    transport.ensure()
    transport.deadline = time.monotonic() + seconds
    transport.request({"op": "seed", "seed": derive(_seed(), request.function.__name__, "child")})
    return Submission(Session(transport, reference))


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> object:
    """Fresh inputs from the run's seed."""
    from unravel.grading.authoring import Draw
    from unravel.grading.running import derive

    return Draw(derive(_seed(), request.function.__name__))
