"""Lets plain pytest run the autograders: `submission` is the solution, or the file that UNRAVEL_SUBMISSION names."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

EXERCISES = Path(__file__).parent / "exercises"
ROOT = EXERCISES.parents[1]


def pytest_report_header() -> str:
    return f"exercise seed: {_seed()} (replay with UNRAVEL_SEED={_seed()})"


def _seed() -> int:
    os.environ.setdefault("UNRAVEL_SEED", str(secrets.randbits(31)))
    return int(os.environ["UNRAVEL_SEED"])


@pytest.fixture(scope="session")
def warm() -> Iterator[object]:
    from unravel.grading.warm import Warm

    warm = Warm()
    warm.start()
    yield warm
    warm.close()


@pytest.fixture(scope="module")
def transport(request: pytest.FixtureRequest, warm: object) -> Iterator[object]:
    from unravel.grading.source import Source
    from unravel.grading.transport import SandboxTransport

    name = request.path.stem.removeprefix("test_")
    solution = ROOT / "solutions" / request.path.parent.name / f"{name}.py"
    transport = SandboxTransport(warm, Source.read(os.environ.get("UNRAVEL_SUBMISSION", solution)).units)  # type: ignore[arg-type]
    yield transport
    transport.close()


@pytest.fixture
def submission(request: pytest.FixtureRequest, transport: object) -> object:
    """The learner's file behind the sandbox, as the grader makes it."""
    import time

    from unravel.grading.reference import load_reference
    from unravel.grading.remote import Session, Submission
    from unravel.grading.running import derive

    name = request.path.stem.removeprefix("test_")
    reference = load_reference(ROOT / "solutions" / request.path.parent.name / f"{name}.py")
    seconds = request.function.unravel_check[2]
    transport.ensure()  # type: ignore[attr-defined]
    transport.deadline = time.monotonic() + seconds  # type: ignore[attr-defined]
    transport.request({"op": "seed", "seed": derive(_seed(), request.function.__name__, "child")})  # type: ignore[attr-defined]
    return Submission(Session(transport, reference))  # type: ignore[arg-type]


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> object:
    """Fresh inputs from the run's seed."""
    from unravel.grading.authoring import Draw
    from unravel.grading.running import derive

    return Draw(derive(_seed(), request.function.__name__))
