"""The result of a check: one frozen type, one status enum. Terminal, app, notebook and JSON are functions of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

FORMAT = 1


class Status(StrEnum):
    """What became of a check or an exercise. Only `PASSED` earns points."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    FORBIDDEN = "forbidden"
    BLOCKED = "blocked"
    NOT_STARTED = "not started"


class Tier(StrEnum):
    """How well the learner's code was isolated.

    `FULL`: namespaces, landlock, seccomp and limits. `PARTIAL`: landlock, seccomp and limits, no namespaces.
    `NONE`: a process of its own with limits only; what it finds is practice, never an official grade.
    """

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True)
class Frame:
    """One of the learner's own lines in a traceback. `file` is the file's name, or "cell 3" in a notebook."""

    file: str
    line: int
    function: str
    text: str


@dataclass(frozen=True)
class CheckResult:
    """The fate of one check. `message` says what, why and what next; empty when it passed or is hidden."""

    name: str
    sentence: str
    doc: str
    hidden: bool
    status: Status
    message: str = ""
    frames: tuple[Frame, ...] = ()
    stdout: str = ""
    duration: float = 0.0


@dataclass(frozen=True)
class ExerciseResult:
    """The fate of one exercise. `diagnosis` names the mistake that gives the same outputs, when one does."""

    id: str
    title: str
    chapter: str
    lesson: str
    status: Status
    points: int
    max_points: int
    message: str = ""
    diagnosis: str = ""
    next: str = ""
    checks: tuple[CheckResult, ...] = ()
    duration: float = 0.0


@dataclass(frozen=True)
class Report:
    """One run of the grader over one submission. `seed` and `learner` replay it; `official`: isolated for a grade.

    `learner` is the id whose variants of the models the submission was graded on.
    """

    seed: int
    tier: Tier
    official: bool
    started: str
    duration: float
    source: str
    sha256: str
    exercises: tuple[ExerciseResult, ...]
    notes: tuple[str, ...] = ()
    version: str = ""
    learner: str = ""
    format: int = field(default=FORMAT)

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(result.points for result in self.exercises)

    @property
    def max_points(self) -> int:
        """Points that could be earned."""
        return sum(result.max_points for result in self.exercises)

    def to_json(self) -> dict[str, Any]:
        """Plain values that follow `report.schema.json`."""
        return {**asdict(self), "points": self.points, "max_points": self.max_points}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Report:
        """The report that `to_json` wrote. Raises ValueError on a format this version doesn't know."""
        if data.get("format") != FORMAT:
            raise ValueError(f"This report has format {data.get('format')!r}; this version of Unravel reads {FORMAT}.")
        fields = {key: value for key, value in data.items() if key not in ("points", "max_points")}
        exercises = tuple(_exercise(item) for item in fields.pop("exercises"))
        return Report(
            **{**fields, "tier": Tier(fields["tier"]), "notes": tuple(fields["notes"]), "exercises": exercises}
        )


def _exercise(item: dict[str, Any]) -> ExerciseResult:
    checks = tuple(_check(check) for check in item["checks"])
    return ExerciseResult(**{**item, "status": Status(item["status"]), "checks": checks})


def _check(item: dict[str, Any]) -> CheckResult:
    frames = tuple(Frame(**frame) for frame in item["frames"])
    return CheckResult(**{**item, "status": Status(item["status"]), "frames": frames})
