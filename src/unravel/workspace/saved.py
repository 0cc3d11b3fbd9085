"""What the learner works on: the lesson they saved last."""

from __future__ import annotations

from unravel.course.model import Course, Lesson
from unravel.errors import UnravelError
from unravel.workspace.delivered import Delivery, read_deliveries
from unravel.workspace.stubs import fingerprint
from unravel.workspace.workspace import Workspace


def last_saved(workspace: Workspace, course: Course) -> Lesson | None:
    """The lesson whose file was saved last, of those that are no longer as they were delivered.

    None when the learner has changed nothing yet: which file we wrote last says nothing about them.
    """
    try:
        deliveries = read_deliveries(workspace.delivered_file)
    except UnravelError:  # to be mended by an update; what is written may well be checked meanwhile
        deliveries = {}
    saved = [(mtime, lesson) for lesson in course.lessons() if (mtime := _saved(workspace, lesson, deliveries))]
    return max(saved, key=lambda item: item[0])[1] if saved else None


def _saved(workspace: Workspace, lesson: Lesson, deliveries: dict[str, Delivery]) -> int:
    """When the learner saved a lesson's file; 0 when they never did, or it is gone."""
    path = workspace.file(lesson)
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        mtime = path.stat().st_mtime_ns
    except OSError:
        return 0
    before = deliveries.get(workspace.name_of(path))
    untouched = before is not None and fingerprint(text, workspace.settings.format) == before.sha256
    return 0 if untouched else mtime
