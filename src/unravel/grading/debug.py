"""`unravel check --debug`: the same checks, in this process, so that `breakpoint()` and `print` work. No grades."""

from __future__ import annotations

import linecache
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unravel.errors import UnravelError
from unravel.grading.fault import LearnerFault
from unravel.grading.loading import Unit
from unravel.grading.report import ExerciseResult, Status
from unravel.grading.transport import LocalTransport

if TYPE_CHECKING:
    from unravel.grading.service import Job, Request

NOTICE = "Debug run: your code runs in this process, without a sandbox. Nothing is graded and nothing is recorded."
_ENDS = ("BdbQuit", "KeyboardInterrupt")


class _Quit(BaseException):
    """The learner has left the debugger. No `Exception`: no check may take it for a fault of the code."""


class _Debugged(LocalTransport):
    """The learner's code in this process. Leaving the debugger ends the run, not one call of many."""

    def _exchange(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        reply, out = super()._exchange(header, buffers)
        errors = [reply.get("error"), *(fault["error"] for fault in reply.get("faults", ()))]
        if any(error is not None and error["type"] in _ENDS for error in errors):
            raise _Quit
        return reply, out


def run_debug(request: dict[str, Any]) -> int:
    """Runs the checks and prints a line for each. Returns 0 when all passed, else 1."""
    import secrets

    from unravel.course.load import load_course
    from unravel.grading.service import Request, find_workspace, resolve
    from unravel.paths import content_root

    print(NOTICE)
    asked = Request(**request)
    seed = asked.seed if asked.seed is not None else secrets.randbits(31)
    results: list[ExerciseResult] = []
    try:
        workspace = find_workspace(asked)
        learner = workspace.settings.learner if workspace else ""
        for job in resolve(load_course(content_root()), workspace, asked):
            results.extend(_run(job, asked, seed, learner))
    except _Quit:
        print("You left the debugger; the rest was not run.")
        return 1
    print(f"The same inputs again: --debug --seed {seed}")
    return 0 if all(result.status is Status.PASSED for result in results) else 1


def _run(job: Job, asked: Request, seed: int, learner: str) -> tuple[ExerciseResult, ...]:
    from unravel.grading.lesson import grade_lesson
    from unravel.grading.service import source_of

    units = _found_by_pdb(source_of(job, asked).units, os.fspath(job.path) if job.path else "")
    try:
        transport = _Debugged(units, capture=False, learner=learner)
    except LearnerFault as fault:
        line = fault.frames[-1].line if fault.frames else None
        raise UnravelError(fault.message, path=job.path, line=line) from None
    return grade_lesson(job.lesson, [exercise.id for exercise in job.exercises], transport, seed, _show)


def _found_by_pdb(units: Sequence[Unit], path: str) -> tuple[Unit, ...]:
    """The units under names by which the debugger finds their lines: a file's path, or `<cell 3>`."""
    named = [Unit(path if path.endswith(".py") else f"<{unit.label}>", unit.source) for unit in units]
    for unit in named:
        # No time of change: the debugger's cache then keeps what it is given.
        lines = unit.source.splitlines(keepends=True)
        linecache.cache[unit.label] = (len(unit.source), None, lines, unit.label)
    return tuple(named)


def _show(event: dict[str, Any]) -> None:
    if event["event"] == "check":
        check = event["check"]
        print(f"  {check['status']:<12} {check['sentence']}")
        if check["message"]:
            print(f"               {check['message']}")
        for frame in check["frames"]:
            print(f"               {frame['file']}:{frame['line']}  {frame['text']}")
    else:
        result = event["exercise"]
        print(f"{result['id']}: {result['status']} (not graded)")
