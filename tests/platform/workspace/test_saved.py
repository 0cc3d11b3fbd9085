"""The lesson at hand is the one that the learner saved last, not the one that we wrote last."""

import os

import pytest

from unravel.workspace.saved import last_saved


@pytest.fixture
def files(workspace, course):
    return {lesson.id: workspace.file(lesson) for lesson in course.lessons()}


def save(path, moment, text="# mine\n"):
    path.write_text(path.read_text() + text)
    os.utime(path, (moment, moment))


def test_nothing_is_at_hand_before_anything_was_saved(workspace, course, files):
    os.utime(files["tokens"])
    assert last_saved(workspace, course) is None


def test_it_is_the_one_saved_last(workspace, course, files):
    save(files["tokens"], 2_000_000_000)
    assert last_saved(workspace, course).id == "tokens"
    save(files["tensors"], 2_000_000_100)
    assert last_saved(workspace, course).id == "tensors"


def test_what_an_update_wrote_does_not_count(workspace, course, files):
    save(files["tensors"], 1_000_000_000)
    assert last_saved(workspace, course).id == "tensors"
    files["tensors"].unlink()
    assert last_saved(workspace, course) is None


def test_without_a_list_of_deliveries_any_file_may_be_the_learners(workspace, course, files):
    workspace.delivered_file.write_text("{")
    os.utime(files["tokens"], (2_000_000_000, 2_000_000_000))
    assert last_saved(workspace, course).id == "tokens"
