"""What the tests of the sandbox share: a child that runs given code, and a zygote where the system offers one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from unravel.errors import UnravelError
from unravel.grading import wire
from unravel.grading.warm import Process, Warm

SECRET = "a-secret-of-the-grader"


class Inside:
    """A sandboxed child that runs given code, through the same protocol as the grader's."""

    def __init__(self, process: Process):
        self.process = process

    def run(self, code: str, seconds: float = 20.0) -> Any:
        """The value of `probe()`, which `code` defines. Raises AssertionError with the child's error."""
        self.ask({"op": "load", "units": [["probe.py", code]]}, seconds)
        return self.ask({"op": "call", "name": "probe", "args": {"l": []}, "kwargs": {"d": []}}, seconds)

    def ask(self, header: dict[str, Any], seconds: float) -> Any:
        """The value of one reply."""
        wire.send(self.process.sock, header, [])
        reply, buffers = wire.receive(self.process.sock, time.monotonic() + seconds)
        assert "error" not in reply, reply["error"]
        return wire.Decoder(buffers).decode(reply["ok"])


def start(tier: str, **options: Any) -> Warm:
    """A warm zygote of a tier; skips, with the reason, where the system doesn't offer it."""
    warm = Warm(isolation=tier, **options)
    try:
        warm.start()
    except UnravelError as fault:
        warm.close()
        pytest.skip(f"tier {tier} is not to be had here: {fault}")
    return warm
