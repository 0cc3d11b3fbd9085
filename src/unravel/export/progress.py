"""A learner's progress as plain values that follow `progress.schema.json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from unravel import __version__
from unravel.course.model import Chapter, Exercise, Lesson
from unravel.workspace.overview import Overview
from unravel.workspace.weak import WeakSpot

FORMAT = 1
NOT_STARTED = "not started"


def progress_text(overview: Overview) -> str:
    """The progress as the text of a JSON file."""
    return json.dumps(progress_json(overview), indent=2, ensure_ascii=False) + "\n"


def progress_json(overview: Overview) -> dict[str, Any]:
    """The progress as plain values. Moments are ISO 8601 in UTC, dates those of the learner's calendar."""
    active = overview.activity
    days = [{"date": day.isoformat(), **asdict(done)} for day, done in active.days.items()]
    return {
        "format": FORMAT,
        "version": __version__,
        "learner": overview.learner,
        "exported": _moment(overview.moment),
        "totals": asdict(overview.totals),
        "activity": {
            "today": active.today.isoformat(),
            "streak": active.streak,
            "longest": active.longest,
            "days": days,
        },
        "chapters": [_chapter(chapter, overview) for chapter in overview.course.chapters],
        "weak_spots": [_weak(spot) for spot in overview.weak],
        "events": [
            {"kind": event.kind, "exercise": event.exercise, "status": event.status, "moment": _moment(event.moment)}
            for event in overview.events
        ],
    }


def _chapter(chapter: Chapter, overview: Overview) -> dict[str, Any]:
    lessons = [_lesson(lesson, overview) for lesson in chapter.lessons]
    return {"id": chapter.id, "title": chapter.title, "lessons": lessons}


def _lesson(lesson: Lesson, overview: Overview) -> dict[str, Any]:
    stop = overview.stops[lesson.id]
    return {
        "id": lesson.id,
        "title": lesson.title,
        "state": str(stop.state),
        "waits_for": [item.id for item in stop.waits_for],
        "done": stop.stand.done,
        "points": stop.stand.points,
        "max_points": lesson.points,
        "minutes_left": stop.minutes,
        "exercises": [_exercise(exercise, overview) for exercise in lesson.exercises],
    }


def _exercise(exercise: Exercise, overview: Overview) -> dict[str, Any]:
    stand = overview.stand(exercise)
    return {
        "id": exercise.id,
        "title": exercise.title,
        "status": stand.status or NOT_STARTED,
        "ever_passed": stand.ever_passed,
        "points": stand.points,
        "max_points": exercise.points,
        "attempts": stand.attempts,
        "hints": stand.hints,
        "gave_up": stand.gave_up,
        "first_passed": _moment(stand.first_passed_at),
        "last_tried": _moment(stand.last_at),
    }


def _weak(spot: WeakSpot) -> dict[str, Any]:
    return {**asdict(spot), "exercise": spot.exercise.id}


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
