"""The playground in a real browser: a prompt is typed, a head is ablated by a click, a prompt is corrupted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.browser.test_app import (
    REPOSITORY,
    SLOW,
    Server,
    browser,  # noqa: F401  a fixture
    course,  # noqa: F401  a fixture
    new_page,
    picture,
    playwright,
    pytestmark,  # noqa: F401  skips, loudly, where there is no browser
    server,  # noqa: F401  a fixture
)

PROMPT = "ba da ki po ve zi ba da ki"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def models(course: Path) -> None:  # noqa: F811
    """Gives the miniature course a model to play with."""
    kept = shutil.ignore_patterns("checkpoints")
    place = course / "models" / "induction-2l"
    shutil.copytree(REPOSITORY / "models" / "induction-2l", place, ignore=kept, dirs_exist_ok=True)


def view(page: Any, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def write(page: Any, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Control+Enter")


@pytest.mark.usefixtures("models")
def test_a_head_is_ablated_by_a_click(server: Server, browser: Any) -> None:  # noqa: F811
    page, foreign = new_page(browser, server)
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(f"{server.url}/playground")
    page.get_by_text("The code that makes it").wait_for()

    write(page, "Prompt", HOSTILE)
    page.get_by_text("induction-2l doesn't know").wait_for()
    page.get_by_text("onerror=alert(1)>", exact=True).first.wait_for()
    assert page.locator("img[src='x']").count() == 0

    write(page, "Prompt", PROMPT)
    first = page.locator(".u-guesses tbody tr").first
    playwright.expect(first).to_contain_text("po", timeout=SLOW)
    picture(page, "playground-next-light")

    view(page, "Attribution")
    page.get_by_text("All parts together").wait_for()
    figure = page.locator(".js-plotly-plot").first
    figure.locator(".heatmaplayer image").first.wait_for()
    picture(page, "playground-attribution-light")
    figure.scroll_into_view_if_needed()
    cells = figure.locator(".heatmaplayer image").first.bounding_box()
    page.mouse.click(cells["x"] + 0.9 * cells["width"], cells["y"] + 0.75 * cells["height"])  # far from the middle
    chosen = page.locator("[data-testid=stMultiSelect]")
    chosen.get_by_text("L1H1", exact=True).wait_for()
    playwright.expect(page.locator(".u-guesses tbody")).to_contain_text("po", timeout=SLOW)
    scores = page.locator(".u-facts", has_text="before").inner_text()
    before, after = map(float, re.findall(r"[-+]\d+\.\d+", scores))
    assert after < 0.5 * before  # this is the head that copies
    picture(page, "playground-ablation-light")
    assert "view=ablation" in page.url
    assert foreign == []
    assert alerts == []


@pytest.mark.usefixtures("models")
def test_a_link_opens_the_patching_map(server: Server, browser: Any) -> None:  # noqa: F811
    page, foreign = new_page(browser, server, "dark")
    page.goto(f"{server.url}/playground?model=induction-2l&prompt={PROMPT.replace(' ', '+')}&view=patching")
    page.get_by_text("Change a word of the corrupted prompt").wait_for()
    write(page, "Corrupted prompt", PROMPT.replace("po", "te"))
    page.get_by_text("Most comes back").wait_for()
    page.locator(".js-plotly-plot .heatmaplayer image").first.wait_for()
    playwright.expect(page.get_by_role("radio", name="Patching", exact=True)).to_be_checked(timeout=SLOW)
    page.locator(".js-plotly-plot").scroll_into_view_if_needed()
    picture(page, "playground-patching-dark")
    assert foreign == []
