"""The app in a real browser: what a newcomer does in the first ten minutes.

Needs Chromium (`apt-get install chromium`, or $CHROMIUM) and the Python package `playwright`; without them every test
here is skipped, and says so.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unravel.course.load import load_course
from unravel.serve import command
from unravel.workspace.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "tests" / "platform" / "tiny_course"
PICTURES = REPOSITORY / "artefacts"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW = 60_000  # milliseconds: the first check starts the warm server, which imports torch

playwright = pytest.importorskip(
    "playwright.sync_api", reason="THE BROWSER TESTS WERE NOT RUN: `pip install playwright` is missing"
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="THE BROWSER TESTS WERE NOT RUN: there is no chromium"),
    pytest.mark.timeout(300),
]


class Server:
    """The app on a port of its own, that can be stopped and started again."""

    def __init__(self, workspace: Path, course: Path, folder: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {**environment(course), "UNRAVEL_WORKSPACE": str(workspace)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            line = command(self.port, browser=False)
            self._process = subprocess.Popen(line, env=self._environment, cwd=self._folder, stdout=log, stderr=log)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                assert self._process.poll() is None, (self._folder / "server.log").read_text()
                time.sleep(0.1)
        raise AssertionError("The app did not start within two minutes.")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The miniature course in a folder of its own, with one warm server of checks for all tests."""
    folder = tmp_path_factory.mktemp("browser")
    root = Path(shutil.copytree(TINY, folder / "course"))
    yield root
    stop_grader(root)


def stop_grader(course: Path) -> None:
    """Ends the warm server of checks of a course."""
    stop = [sys.executable, "-m", "unravel.cli", "daemon", "stop"]
    subprocess.run(stop, env=environment(course), capture_output=True, check=False)


def environment(course: Path) -> dict[str, str]:
    own = {
        "UNRAVEL_COURSE": str(course),
        "UNRAVEL_CACHE": str(course.parent / "cache"),
        "UNRAVEL_RUNTIME": str(course.parent),
        "PYTHONPATH": str(REPOSITORY / "src"),
    }
    return {**os.environ, **own}


@pytest.fixture
def server(tmp_path: Path, course: Path) -> Iterator[Server]:
    workspace = Workspace.create(tmp_path / "work", load_course(course), learner="ann")
    server = Server(workspace.path, course, tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def new_page(browser: Any, server: Server, scheme: str = "light") -> tuple[Any, list[str]]:
    """A page, and the list of what it asks of other machines: to be empty."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1366, "height": 768})
    page.set_default_timeout(SLOW)
    foreign: list[str] = []
    own = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    return page, foreign


def card(page: Any, exercise: str) -> Any:
    return page.locator(f".st-key-card-{exercise}")


def stands(where: Any, words: str) -> None:
    """Waits until the card's head says so."""
    where.locator(".u-facts").get_by_text(words, exact=True).wait_for()


def write_last_line(page: Any, exercise: str, code: str) -> None:
    """Replaces the last line of the exercise's code, as one does by hand."""
    card(page, exercise).frame_locator("iframe").locator(".ace_content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Shift+Home")
    page.keyboard.type(code)


def picture(page: Any, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def test_a_newcomers_first_exercise(server: Server, browser: Any) -> None:
    page, foreign = new_page(browser, server)
    page.goto(server.url)
    page.get_by_role("button", name="Start: Double a vector").click()
    double = card(page, "double")
    stands(double, "Not started")

    write_last_line(page, "double", "return 3 * x")
    double.get_by_role("button", name="Check").click()
    double.locator(".u-report").wait_for()
    report = double.locator(".u-report").inner_text()
    assert "✗" in report
    stands(double, "Not right yet")
    picture(page, "wrong-light")

    double.get_by_role("button", name="Hint 1 of 2").click()
    double.get_by_text("A tensor times a number is a tensor.").wait_for()

    write_last_line(page, "double", "return 2 * x")
    double.get_by_role("button", name="Check").click()
    stands(double, "Passed")
    assert "✗" not in double.locator(".u-report").inner_text()
    picture(page, "right-light")
    assert foreign == []

    server.stop()
    server.start()
    page, foreign = new_page(browser, server, "dark")
    page.goto(f"{server.url}/?lesson=basics")
    double = card(page, "double")
    stands(double, "Passed")
    double.get_by_text("A tensor times a number is a tensor.").wait_for()
    double.get_by_role("button", name="Edit").click()
    double.frame_locator("iframe").get_by_text("return 2 * x").wait_for()
    double.get_by_text("2 attempts so far").wait_for()
    picture(page, "restarted-dark")
    page.get_by_role("link", name="Progress").click()
    page.get_by_text("1 of 5").wait_for()
    picture(page, "progress-dark")
    assert foreign == []


def test_a_link_leads_to_its_exercise(server: Server, browser: Any) -> None:
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/basics#Scale")
    title = card(page, "Scale").get_by_role("heading", name="A module that scales")
    playwright.expect(title).to_be_in_viewport(timeout=SLOW)
    page.locator(".st-key-contents").get_by_role("link", name="Double a vector").click()
    first = card(page, "double").get_by_role("heading", name="Double a vector")
    playwright.expect(first).to_be_in_viewport(timeout=SLOW)
    playwright.expect(title).not_to_be_in_viewport()
    page.get_by_role("link", name="A little more").first.click()
    playwright.expect(page.get_by_role("heading", name="A little more", level=1)).to_be_in_viewport(timeout=SLOW)
    page.go_back()
    page.get_by_role("heading", name="The basics", level=1).wait_for()


def test_text_that_comes_late_is_what_is_checked(server: Server, browser: Any) -> None:
    """The editor sends its text a moment after the last key: a check asked for in between must not miss it."""
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/?lesson=more")
    count_up = card(page, "count_up")
    write_last_line(page, "count_up", "return list(range(1, n + 1))")
    count_up.get_by_role("button", name="Check").click(no_wait_after=True)
    stands(count_up, "Passed")
    count_up.get_by_text("1 attempt so far").wait_for()  # the old text was not checked first


def test_a_change_elsewhere_is_never_overwritten(server: Server, browser: Any, tmp_path: Path) -> None:
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/?lesson=more")
    count_up = card(page, "count_up")
    write_last_line(page, "count_up", "return [n]")
    playwright.expect(count_up.get_by_role("button", name="Save")).to_be_enabled(timeout=SLOW)
    file = tmp_path / "work" / "ch00_tiny" / "more.py"
    theirs = "# written elsewhere\n" + file.read_text()
    file.write_text(theirs)
    count_up.get_by_role("button", name="Save").click()
    count_up.get_by_text("changed elsewhere").first.wait_for()
    assert file.read_text() == theirs
    count_up.get_by_role("button", name="Keep what is here").wait_for()
    picture(page, "conflict-light")
    count_up.get_by_role("button", name="Keep what is here").click()
    count_up.get_by_text("changed elsewhere").first.wait_for(state="detached")
    count_up.get_by_role("button", name="Save").click()
    playwright.expect(count_up.get_by_role("button", name="Save")).to_be_disabled(timeout=SLOW)
    assert "return [n]" in file.read_text()
    assert "# written elsewhere" in file.read_text()


def test_ctrl_enter_checks_from_within_the_editor(server: Server, browser: Any) -> None:
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/?lesson=more")
    count_up = card(page, "count_up")
    write_last_line(page, "count_up", "return list(range(1, n + 1))")
    page.keyboard.press("Control+Enter")
    stands(count_up, "Passed")
    count_up.get_by_text("1 attempt so far").wait_for()
