"""Warm zygotes that the tests of the sandbox share: one for each tier, started when first asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unravel.grading.warm import Limits, Warm

sys.path.insert(0, str(Path(__file__).parent))

from sandbox_kit import SECRET, Inside, start


@pytest.fixture(scope="session")
def warms() -> Iterator[dict[str, Warm]]:
    running: dict[str, Warm] = {}
    yield running
    for warm in running.values():
        warm.close()


@pytest.fixture(params=["full", "partial"])
def warm(request: pytest.FixtureRequest, warms: dict[str, Warm], monkeypatch: pytest.MonkeyPatch) -> Warm:
    """A warm zygote of each tier that isolates."""
    monkeypatch.setenv("UNRAVEL_TEST_SECRET", SECRET)
    if request.param not in warms:
        warms[request.param] = start(request.param)
    return warms[request.param]


@pytest.fixture
def inside(warm: Warm) -> Iterator[Inside]:
    process = warm.spawn(Limits(memory_mb=1024, cpu_seconds=20))
    yield Inside(process)
    process.kill()
