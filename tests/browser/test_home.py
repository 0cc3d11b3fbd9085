"""Home and progress in a real browser: the map, the way to an exercise, and the exports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
)

from unravel.workspace.store import Store

SCHEMA = Path(__file__).parents[2] / "src" / "unravel" / "export" / "progress.schema.json"
PHONE = {"width": 390, "height": 844}
Record = Callable[[str, str], None]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Records one attempt, as the grader does."""
    store = Store(tmp_path / "work" / ".unravel" / "progress.db", "ann")

    def record(exercise: str, status: str) -> None:
        result = {"id": exercise, "status": status, "points": int(status == "passed"), "max_points": 1}
        head = {"seed": 1, "tier": "full", "official": True, "sha256": "0" * 64}
        store.record_report({**head, "exercises": [{**result, "duration": 0.1, "diagnosis": "<b>you added</b>"}]})

    return record


def at_the_top(page: Any, exercise: str) -> None:
    """Waits until the exercise's card is in view, and sees that it stays there while the rest of the page arrives."""
    title = card(page, exercise).locator("h3")
    playwright.expect(title).to_be_in_viewport(timeout=SLOW)
    card(page, exercise).get_by_role("button", name="Check").wait_for()
    page.wait_for_timeout(3000)
    playwright.expect(title).to_be_in_viewport()
    assert 0 < title.bounding_box()["y"] < 300


def test_continue_leads_to_the_exercise(server: Server, browser: Any, record: Record) -> None:  # noqa: F811
    for exercise in ("double", "mean_square"):
        record(exercise, "passed")
    page, foreign = new_page(browser, server)
    page.goto(server.url)
    page.get_by_text("2 of 5 exercises done").wait_for()
    page.get_by_role("img", name="Activity of the last 16 weeks: 1 active day, 2 exercises passed.").wait_for()
    page.get_by_text("In progress").first.wait_for()
    page.get_by_role("link", name="Home").wait_for()
    picture(page, "home-light")
    page.get_by_role("button", name="Continue: ").click()
    at_the_top(page, "ANSWER")
    assert page.url.endswith("/basics#ANSWER")
    picture(page, "continue-light")
    assert foreign == []


@pytest.mark.parametrize("link", ["/basics#Scale", "/?exercise=Scale"])
def test_a_link_to_an_exercise_lands_there_on_the_first_load(server: Server, browser: Any, link: str) -> None:  # noqa: F811
    page, _ = new_page(browser, server)
    page.goto(server.url + link)
    at_the_top(page, "Scale")
    assert page.url.endswith("/basics#Scale")
    # The reader's own scrolling is left alone.
    page.mouse.move(350, 400)
    page.mouse.wheel(0, -5000)
    playwright.expect(page.get_by_role("heading", name="The basics", level=1)).to_be_in_viewport(timeout=SLOW)
    page.wait_for_timeout(1000)
    playwright.expect(page.get_by_role("heading", name="The basics", level=1)).to_be_in_viewport()


def test_the_exports_download(server: Server, browser: Any, record: Record, tmp_path: Path) -> None:  # noqa: F811
    jsonschema = pytest.importorskip("jsonschema")
    for _ in range(3):
        record("double", "failed")
    page, foreign = new_page(browser, server, "dark")
    page.goto(f"{server.url}/your-progress")
    page.get_by_role("heading", name="What was hard").wait_for()
    page.get_by_text("3 failed attempts").wait_for()
    page.get_by_text("<b>you added</b>").wait_for()
    page.get_by_role("link", name="Home").wait_for()
    picture(page, "progress-history-dark")
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    download.value.save_as(tmp_path / "progress.json")
    data = json.loads((tmp_path / "progress.json").read_text())
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    assert (data["learner"], data["totals"]["attempts"]) == ("ann", 3)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report to print").click()
    download.value.save_as(tmp_path / "report.html")
    assert foreign == []

    report = browser.new_page(viewport={"width": 800, "height": 1100})
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto((tmp_path / "report.html").as_uri())
    report.get_by_role("heading", name="Progress of ann").wait_for()
    report.get_by_text("<b>you added</b>").wait_for()
    assert len(asked) == 1
    picture(report, "report")

    page.get_by_role("link", name="Double a vector").first.click()
    at_the_top(page, "double")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_home_fits_a_phone(server: Server, browser: Any, record: Record, scheme: str) -> None:  # noqa: F811
    record("double", "passed")
    page, _ = new_page(browser, server, scheme)
    page.set_viewport_size(PHONE)
    for place, words in (("", "The course"), ("/your-progress", "Every exercise")):
        page.goto(server.url + place)
        page.get_by_role("heading", name=words).wait_for()
        page.wait_for_timeout(1000)
        wide = "document.querySelector('[data-testid=stMain]').scrollWidth"
        assert page.evaluate(wide) <= PHONE["width"]
        picture(page, f"{'progress' if place else 'home'}-phone-{scheme}")
