"""`unravel check --debug`: the same checks, in this process, so that `breakpoint()` and `print` work. No grades."""

from __future__ import annotations

from typing import Any

from unravel.grading.report import ExerciseResult, Status

NOTICE = "Debug run: your code runs in this process, without a sandbox. Nothing is graded and nothing is recorded."


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
    for job in resolve(load_course(content_root()), find_workspace(asked), asked):
        results.extend(_run(job, asked, seed))
    print(f"Seed {seed}; replay with --seed {seed}. {NOTICE}")
    return 0 if all(result.status is Status.PASSED for result in results) else 1


def _run(job: Any, asked: Any, seed: int) -> tuple[ExerciseResult, ...]:
    from unravel.grading.lesson import grade_lesson
    from unravel.grading.service import _source
    from unravel.grading.transport import LocalTransport

    source = _source(job, asked)
    transport = LocalTransport(source.units, capture=False)
    return grade_lesson(job.lesson, [exercise.id for exercise in job.exercises], transport, seed, _show)


def _show(event: dict[str, Any]) -> None:
    if event["event"] == "check":
        check = event["check"]
        print(f"  {check['status']:<12} {check['sentence']}")
        if check["message"]:
            print(f"               {check['message']}")
    else:
        result = event["exercise"]
        print(f"{result['id']}: {result['status']} (not graded)")
