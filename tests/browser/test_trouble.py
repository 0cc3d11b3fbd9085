"""Troubles in a real browser: the grader killed in the middle of a check, a full disk, a workspace that is gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.browser.test_app import (
    SLOW,
    Server,
    browser,  # noqa: F401  a fixture
    card,
    course,  # noqa: F401  a fixture
    new_page,
    picture,
    playwright,
    pytestmark,  # noqa: F401  skips, loudly, where there is no browser
    server,  # noqa: F401  a fixture
    stands,
    write_last_line,
)

from unravel.course.load import load_course
from unravel.workspace.workspace import Workspace

ASLEEP = "return __import__('time').sleep(4) or 2 * x"
RIGHT = "return 2 * x"


def daemon(course: Path) -> psutil.Process:  # noqa: F811
    """The warm server of checks."""
    for path in course.parent.rglob("*.sock"):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            try:
                link.connect(os.fspath(path))
            except OSError:
                continue
            link.sendall(b'{"op": "status"}\n')
            return psutil.Process(json.loads(link.makefile().readline())["pid"])
    raise AssertionError("There is no warm server.")


def checked(page: Any, code: str) -> Any:
    """Writes an answer, has it checked, and waits for the verdict."""
    double = card(page, "double")
    write_last_line(page, "double", code)
    double.get_by_role("button", name="Check").click()
    return double


@pytest.fixture
def lesson(server: Server, browser: Any) -> Any:  # noqa: F811
    """A lesson on which one check has been run, so that the warm server is there."""
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/?lesson=basics")
    stands(checked(page, "return 3 * x"), "Not right yet")
    return page


def in_the_middle(lesson: Any, course: Path, tmp_path: Path, whom: Callable[[psutil.Process], psutil.Process]) -> Any:  # noqa: F811
    """Has a slow answer checked, and kills somebody meanwhile."""
    grader = daemon(course)
    file = tmp_path / "work" / "ch00_tiny" / "basics.py"
    double = checked(lesson, ASLEEP)
    end = time.monotonic() + 30
    while "sleep(4)" not in file.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.7)
    os.kill(whom(grader).pid, signal.SIGKILL)
    assert "sleep(4)" in file.read_text()
    return double


def test_the_grader_is_killed_in_the_middle(lesson: Any, course: Path, tmp_path: Path) -> None:  # noqa: F811
    double = in_the_middle(lesson, course, tmp_path, lambda grader: grader)
    double.get_by_text("The warm server ended before it answered.").wait_for()
    double.get_by_text("a new one starts by itself").wait_for()
    picture(lesson, "grader-killed-light")
    double.frame_locator("iframe").get_by_text("sleep(4)").wait_for()
    stands(checked(lesson, RIGHT), "Passed")


def test_the_process_that_runs_submissions_is_killed(lesson: Any, course: Path, tmp_path: Path) -> None:  # noqa: F811
    double = in_the_middle(lesson, course, tmp_path, lambda grader: grader.children()[0])
    said = double.locator(".u-report, .u-bad[role=alert]").last
    playwright.expect(said).to_contain_text("The process that ran your code died", timeout=SLOW)
    double.frame_locator("iframe").get_by_text("sleep(4)").wait_for()
    stands(checked(lesson, RIGHT), "Passed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("NO FULL DISK WAS TRIED: nothing can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(path: Path) -> None:
    """Writes until there is no room."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk(small_disk: Path, browser: Any, course: Path, tmp_path: Path) -> None:  # noqa: F811
    workspace = Workspace.create(small_disk / "work", load_course(course), learner="ann")
    server = Server(workspace.path, course, tmp_path)  # noqa: F811
    server.start()
    try:
        page, _ = new_page(browser, server)
        page.goto(f"{server.url}/?lesson=basics")
        double = card(page, "double")
        double.frame_locator("iframe").locator(".ace_content").first.wait_for()
        filled = small_disk / "filled"
        fill(filled)
        checked(page, RIGHT)
        double.get_by_text("The disk is full").first.wait_for()
        double.frame_locator("iframe").get_by_text(RIGHT).wait_for()
        picture(page, "full-disk-light")
        filled.unlink()
        double.get_by_role("button", name="Check").click()
        stands(double, "Passed")
    finally:
        server.stop()


def test_a_deleted_workspace(server: Server, browser: Any, tmp_path: Path) -> None:  # noqa: F811
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/?lesson=basics")
    write_last_line(page, "double", "return 7 * x")
    playwright.expect(card(page, "double").get_by_role("button", name="Save")).to_be_enabled(timeout=SLOW)
    shutil.move(tmp_path / "work", tmp_path / "away")
    page.get_by_text("is in no workspace").wait_for()
    page.get_by_text("What you wrote").wait_for()
    assert "return 7 * x" in page.locator(".stMain").inner_text()
    picture(page, "no-workspace-light")
    shutil.move(tmp_path / "away", tmp_path / "work")
    page.get_by_role("button", name="Try again").click()
    card(page, "double").frame_locator("iframe").get_by_text("return 7 * x").wait_for()
