"""Search and glossary in a real browser, on the course itself: from a lesson to a term, and back to a lesson."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.test_app import (
    REPOSITORY,
    SLOW,
    TINY,
    Server,
    browser,  # noqa: F401  a fixture
    new_page,
    picture,
    playwright,
    pytestmark,  # noqa: F401  skips, loudly, where there is no browser
)

from unravel.course.load import load_course
from unravel.workspace.workspace import Workspace

HOSTILE = "<img src=x onerror=document.title='run'>"
# The script of the key is there, and the page has come to rest.
READY = "window.unravelSearch && document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The miniature course with the real glossary, as far as it fits: without what it says of real lessons."""
    root = Path(shutil.copytree(TINY, tmp_path / "course"))
    shutil.copytree(REPOSITORY / "glossary", root / "glossary")
    for path in (root / "glossary").glob("[0-9]*.toml"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("lessons = ")))
    workspace = Workspace.create(tmp_path / "work", load_course(root), learner="ann")
    server = Server(workspace.path, root, tmp_path)
    server._environment["UNRAVEL_DAEMON"] = "0"  # nothing is checked here
    server.start()
    yield server
    server.stop()


def ask(page: Any, query: str) -> None:
    """Types into the box, reached by the keyboard alone."""
    page.wait_for_function(READY)
    page.locator("h1").first.click()
    page.keyboard.press("/")
    box = page.get_by_role("searchbox", name="Search the course")
    playwright.expect(box).to_be_focused(timeout=SLOW)
    box.fill(query)
    box.press("Enter")


def test_from_a_lesson_to_a_term_and_on_to_a_place(server: Server, browser: Any) -> None:  # noqa: F811
    page, foreign = new_page(browser, server)
    page.goto(f"{server.url}/basics")
    page.get_by_role("heading", name="The basics", level=1).wait_for()
    ask(page, "inducton head")
    page.get_by_text("occurs nowhere").wait_for()
    assert page.url.endswith("/search?q=inducton+head")
    picture(page, "search-light")
    page.locator(".st-key-hit-0").get_by_role("link", name="induction head").click()
    page.get_by_role("heading", name="induction head").wait_for()
    assert page.url.endswith("/glossary?term=induction-head")
    picture(page, "term-light")
    page.get_by_role("link", name="previous-token head").click()
    page.get_by_role("heading", name="previous-token head").wait_for()

    ask(page, "module that scales")
    page.locator(".st-key-hit-0").get_by_role("link", name="A module that scales").click()
    title = page.locator(".st-key-card-Scale").get_by_role("heading", name="A module that scales")
    playwright.expect(title).to_be_in_viewport(timeout=SLOW)
    page.go_back()
    page.locator(".st-key-hit-0").wait_for()
    playwright.expect(page.get_by_role("searchbox", name="Search the course")).to_have_value("module that scales")
    assert foreign == []


def test_the_glossary_and_a_hostile_query(server: Server, browser: Any) -> None:  # noqa: F811
    page, foreign = new_page(browser, server, "dark")
    page.goto(f"{server.url}/glossary")
    page.get_by_role("heading", name="superposition", exact=True).wait_for()
    page.get_by_role("link", name="Probability and loss").click()
    playwright.expect(page.get_by_role("heading", name="logits", exact=True)).to_be_in_viewport(timeout=SLOW)
    picture(page, "glossary-dark")
    page.get_by_role("link", name="Lessons and papers").first.click()
    page.get_by_role("link", name="All terms").wait_for()
    assert page.url.endswith("/glossary?term=transformer")
    ask(page, HOSTILE)
    page.get_by_text(HOSTILE).first.wait_for()
    assert page.title() != "run"
    assert page.locator("img[src=x]").count() == 0
    picture(page, "search-dark")
    assert foreign == []
