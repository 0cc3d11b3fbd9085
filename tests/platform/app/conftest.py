"""The app without a browser and without a grader: Streamlit's own test runner, and reports made by hand."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the app's tests need `pip install unravel[app]`")

import streamlit as st
from streamlit.testing.v1 import AppTest

from unravel.course.load import load_course
from unravel.errors import UnravelError
from unravel.export.demos import run_demos
from unravel.grading import client
from unravel.grading.report import CheckResult, ExerciseResult, Report, Status, Tier
from unravel.workspace.workspace import Workspace

REPOSITORY = Path(__file__).parents[3]
TINY = REPOSITORY / "tests" / "platform" / "tiny_course"


@dataclass
class Grader:
    """Stands in for the grader: passes what contains `right`, else fails with `message`."""

    workspace: Workspace
    right: str = "return 2 * x"
    message: str = "double([1.0]) should be [2.0], not [3.0]."
    fault: UnravelError | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def check(self, request: dict[str, Any], on_event: Callable[[dict[str, Any]], None]) -> list[Report]:
        self.asked.append(request)
        if self.fault is not None:
            raise self.fault
        code = (self.workspace.path / "ch00_tiny" / "basics.py").read_text()
        passed = self.right in code
        report = self._report(request["name"], Status.PASSED if passed else Status.FAILED)
        check = report.to_json()["exercises"][0]["checks"][0]
        on_event({"event": "check", "exercise": request["name"], "check": check})
        self.workspace.store.record_report(report.to_json())
        return [report]

    def _report(self, exercise: str, status: Status) -> Report:
        passed = status is Status.PASSED
        message = "" if passed else self.message
        check = CheckResult("test_doubles", "Doubles each number", "Each is twice as large.", False, status, message)
        result = ExerciseResult(
            exercise, "Double a vector", "ch00_tiny", "basics", status, int(passed), 1, message, checks=(check,)
        )
        return Report(7, Tier.FULL, True, "2030-01-01T00:00:00+00:00", 0.1, "basics.py", "0" * 64, (result,))


@pytest.fixture(scope="session")
def demo_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: the demos run once, not in each."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def course_folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "course"))


@pytest.fixture
def workspace(tmp_path: Path, course_folder: Path, demo_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("UNRAVEL_COURSE", str(course_folder))
    monkeypatch.setenv("UNRAVEL_WORKSPACE", str(tmp_path / "work"))
    monkeypatch.setenv("UNRAVEL_CACHE", str(demo_cache))
    monkeypatch.setenv("UNRAVEL_DAEMON", "0")
    monkeypatch.setattr(sys, "argv", ["main.py"])
    return Workspace.create(tmp_path / "work", load_course(course_folder), learner="ann")


@pytest.fixture
def grader(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Grader:
    fake = Grader(workspace)
    monkeypatch.setattr(client, "check", fake.check)
    return fake


@pytest.fixture
def app(
    workspace: Workspace, course_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], AppTest]]:
    """Opens the app at a lesson, or at home."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "app"))
    st.cache_resource.clear()

    def open_app(lesson: str = "") -> AppTest:
        test = AppTest.from_file(str(REPOSITORY / "app" / "main.py"), default_timeout=60)
        test.session_state["plain-editor"] = True
        if lesson:
            with suppress(UnravelError):
                run_demos(load_course(course_folder).lesson(lesson))  # kept: so the page has them at once
            test.query_params["lesson"] = lesson
        return test.run()

    yield open_app
    st.cache_resource.clear()
    for name in [name for name in sys.modules if name.split(".")[0] in ("parts", "views")]:
        del sys.modules[name]
