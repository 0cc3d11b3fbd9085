"""Everything that can be said of a learner's progress, at one moment: what pages and exports show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from unravel.course.model import Course, Exercise
from unravel.workspace.activity import Activity, activity
from unravel.workspace.course_map import Stop, course_map, minutes_left
from unravel.workspace.guide import UNTOUCHED
from unravel.workspace.history import Event
from unravel.workspace.progress import ExerciseProgress
from unravel.workspace.weak import WeakSpot, weak_spots
from unravel.workspace.workspace import Workspace


@dataclass(frozen=True)
class Totals:
    """Sums over the exercises of the course as it is now. `minutes_left` is for the exercises not passed."""

    exercises: int
    done: int
    points: int
    max_points: int
    attempts: int
    hints: int
    minutes_left: int


@dataclass(frozen=True)
class Overview:
    """One learner's progress at `moment`. `stops` are the lessons by id; dates are those of the learner's calendar."""

    learner: str
    moment: datetime
    course: Course
    progress: Mapping[str, ExerciseProgress]
    totals: Totals
    stops: Mapping[str, Stop]
    activity: Activity
    weak: tuple[WeakSpot, ...]
    events: tuple[Event, ...]

    def stand(self, exercise: Exercise) -> ExerciseProgress:
        """How the learner stands with one exercise."""
        return self.progress.get(exercise.id, UNTOUCHED)


def overview(
    workspace: Workspace, course: Course, *, now: datetime | None = None, zone: tzinfo | None = None
) -> Overview:
    """The overview now, in time zone `zone` (None: this computer's)."""
    now = now or datetime.now(UTC)
    store = workspace.store
    progress, events = store.progress(), store.history()
    return Overview(
        learner=workspace.settings.learner,
        moment=now,
        course=course,
        progress=progress,
        totals=totals(course, progress),
        stops=course_map(course, progress),
        activity=activity(events, now=now, zone=zone),
        weak=weak_spots(course, progress, events, store.diagnoses()),
        events=events,
    )


def totals(course: Course, progress: Mapping[str, ExerciseProgress]) -> Totals:
    """The sums."""
    exercises = tuple(course.exercises())
    mine = [progress.get(exercise.id, UNTOUCHED) for exercise in exercises]
    return Totals(
        exercises=len(exercises),
        done=sum(stand.passed for stand in mine),
        points=sum(stand.points for stand in mine),
        max_points=sum(exercise.points for exercise in exercises),
        attempts=sum(stand.attempts for stand in mine),
        hints=sum(stand.hints for stand in mine),
        minutes_left=minutes_left(course, progress),
    )
