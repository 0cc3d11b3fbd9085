"""Unsaved text outlives the tab that it was written in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.workspace.drafts import MAX_TEXT, drop_draft, keep_draft, kept_draft
from unravel.workspace.excerpt import Excerpt, open_excerpt, save_excerpt
from unravel.workspace.workspace import Workspace

TINY = Path(__file__).parents[1] / "tiny_course"
Place = tuple[Workspace, Excerpt]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    course = load_course(TINY)
    workspace = Workspace.create(tmp_path / "work", course, learner="ann")
    lesson = next(iter(course.lessons()))
    return workspace, open_excerpt(workspace.file(lesson), lesson, lesson.exercises[0])


def test_what_was_kept_comes_back(place: Place) -> None:
    workspace, excerpt = place
    assert kept_draft(workspace, excerpt) is None
    keep_draft(workspace, excerpt, "x = 'é'\n")
    found = kept_draft(workspace, excerpt)
    assert found is not None
    assert (found.text, found.stale) == ("x = 'é'\n", False)


def test_saved_or_dropped_text_does_not(place: Place) -> None:
    workspace, excerpt = place
    keep_draft(workspace, excerpt, "x = 1\n")
    assert kept_draft(workspace, save_excerpt(excerpt, "x = 1\n")) is None
    drop_draft(workspace, excerpt)
    drop_draft(workspace, excerpt)
    assert kept_draft(workspace, excerpt) is None


def test_text_over_an_older_file_is_stale(place: Place) -> None:
    workspace, excerpt = place
    keep_draft(workspace, excerpt, "x = 1\n")
    found = kept_draft(workspace, save_excerpt(excerpt, "x = 2\n"))
    assert found is not None
    assert found.stale


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"text": 3, "over": ""}', json.dumps({"text": "x"})])
def test_a_damaged_copy_counts_as_none(place: Place, damage: str) -> None:
    workspace, excerpt = place
    keep_draft(workspace, excerpt, "x = 1\n")
    (path,) = (workspace.inner / "drafts").iterdir()
    path.write_text(damage)
    assert kept_draft(workspace, excerpt) is None


def test_endless_text_is_not_kept(place: Place) -> None:
    workspace, excerpt = place
    keep_draft(workspace, excerpt, "x" * (MAX_TEXT + 1))
    assert kept_draft(workspace, excerpt) is None
