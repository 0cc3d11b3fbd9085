"""What `unravel check` checks: what is named, by name or by path, else what the learner works on."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.course.model import Course
from unravel.errors import UnravelError
from unravel.grading import client
from unravel.grading.client import name_or_file
from unravel.grading.service import Request, resolve
from unravel.workspace.workspace import Workspace


@pytest.fixture
def workspace(tiny_course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("UNRAVEL_WORKSPACE", raising=False)
    made = Workspace.create(tmp_path / "work", tiny_course)
    monkeypatch.chdir(made.path)
    return made


def unnamed(course: Course, workspace: Workspace) -> list[str]:
    request = Request(os.fspath(workspace.path))
    return [exercise.id for job in resolve(course, workspace, request) for exercise in job.exercises]


def passed(workspace: Workspace, course: Course, *lessons: str) -> None:
    results = [
        {"id": item.id, "status": "passed", "points": 1, "max_points": 1, "duration": 0.1}
        for item in course.exercises()
        if item.lesson in lessons
    ]
    workspace.store.record_report({"seed": 1, "tier": "full", "official": True, "sha256": "", "exercises": results})


def test_a_fresh_workspace_checks_the_lesson_that_next_shows(tiny_course: Course, workspace: Workspace):
    os.utime(workspace.path / "ch00_tiny/more.py", (2_000_000_000, 2_000_000_000))
    assert unnamed(tiny_course, workspace) == ["double", "mean_square", "ANSWER", "Scale"]
    passed(workspace, tiny_course, "basics")
    assert unnamed(tiny_course, workspace) == ["count_up"]
    passed(workspace, tiny_course, "more")
    assert unnamed(tiny_course, workspace)[0] == "double"


def test_the_lesson_saved_last_is_checked(tiny_course: Course, workspace: Workspace):
    with (workspace.path / "ch00_tiny/more.py").open("a") as file:
        file.write("# mine\n")
    assert unnamed(tiny_course, workspace) == ["count_up"]


def test_a_workspace_without_files_says_the_way_out(tiny_course: Course, workspace: Workspace):
    for lesson in load_course(tiny_course.root).lessons():
        workspace.file(lesson).unlink()
    with pytest.raises(UnravelError, match="unravel update"):
        unnamed(tiny_course, workspace)


def test_a_path_is_a_file_and_a_name_is_a_name(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    inside = Path("ch00_tiny/basics.py")
    assert name_or_file("double") == ("double", None)
    assert name_or_file(str(inside)) == (None, inside)
    assert name_or_file(f"{inside}:15") == (None, inside)
    assert name_or_file("basics.py") == ("basics", None)
    assert name_or_file("elsewhere/basics.py") == (None, Path("elsewhere/basics.py"))
    monkeypatch.chdir(workspace.path / "ch00_tiny")
    assert name_or_file(str(inside)) == (None, workspace.path / inside)
    monkeypatch.chdir(tmp_path)
    assert name_or_file(str(inside)) == (None, inside)


def test_a_path_given_as_a_name_reaches_the_request(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(client, "check", lambda request: asked.append(request) or [])
    client.run_check("ch00_tiny/basics.py:15", None, None, False, False)
    client.run_check("double", Path("other.py"), None, False, False)
    assert [(request["name"], request["file"]) for request in asked] == [
        (None, os.path.join("ch00_tiny", "basics.py")),
        ("double", "other.py"),
    ]


class Screen(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


def test_starting_the_grader_is_told_on_a_terminal_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*given: object, **more: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(client.subprocess, "Popen", refuse)
    for screen, told in ((Screen(), "Starting the grader ...\n"), (io.StringIO(), "")):
        monkeypatch.setattr(client.sys, "stderr", screen)
        assert client._launch(tmp_path / "some.sock") is None
        assert screen.getvalue() == told
