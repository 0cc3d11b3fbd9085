"""Every kind of page, in light and dark, before the eyes of axe-core: no serious violation; and a picture of each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.browser.test_app import (
    REPOSITORY,
    Server,
    browser,  # noqa: F401  a fixture
    card,
    course,  # noqa: F401  a fixture
    new_page,
    picture,
    pytestmark,  # noqa: F401  skips, loudly, where there is no browser
    server,  # noqa: F401  a fixture
)

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="AXE WAS NOT RUN: `pip install axe-playwright-python` is missing"
)
SERIOUS = ("serious", "critical")
PAGES = (
    "",
    "basics",
    "your-progress",
    "glossary",
    "glossary?term=logit",
    "search?q=softmax",
    "playground",
    "no-such-page",
)


@pytest.fixture
def models(course: Path) -> None:  # noqa: F811
    """Gives the miniature course a model to play with, and the glossary."""
    kept = shutil.ignore_patterns("checkpoints")
    place = course / "models" / "induction-2l"
    shutil.copytree(REPOSITORY / "models" / "induction-2l", place, ignore=kept, dirs_exist_ok=True)
    shutil.copytree(REPOSITORY / "glossary", course / "glossary", dirs_exist_ok=True)


def faults(page: Any) -> list[str]:
    """What axe-core calls serious, each with the first element that it is about."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]}"
        for fault in found
        if fault["impact"] in SERIOUS
    ]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault(server: Server, browser: Any, scheme: str) -> None:  # noqa: F811
    page, foreign = new_page(browser, server, scheme)
    wrong = {}
    for path in PAGES:
        page.goto(f"{server.url}/{path}")
        page.locator(".st-key-navigation a").first.wait_for()
        page.wait_for_function('!document.querySelector(\'[data-testid="stSkeleton"], [data-testid="stSpinner"]\')')
        page.wait_for_timeout(500)
        picture(page, f"page-{path.split('?')[0] or 'home'}{'-one' if '?' in path else ''}-{scheme}")
        if found := faults(page):
            wrong[path] = found
    assert wrong == {}
    assert foreign == []


def test_a_lesson_with_a_verdict_and_an_open_solution_has_none(server: Server, browser: Any) -> None:  # noqa: F811
    page, _ = new_page(browser, server)
    page.goto(f"{server.url}/?lesson=basics")
    double = card(page, "double")
    double.get_by_role("button", name="Check").click()
    double.locator(".u-report").wait_for()
    double.get_by_role("button", name="Solution").click()
    page.get_by_role("button", name="Give up and show it").click()
    double.get_by_text("Beside yours").wait_for()
    page.wait_for_timeout(500)
    picture(page, "solution-light")
    assert faults(page) == []
