"""How long a learner waits for the app in a real browser: alone, and with nine others on the same server.

    python bench/app.py [--runs 5] [--learners 10] [--quick]

Needs Chromium (`$CHROMIUM`, or `chromium` on the path). Run it on an otherwise idle machine. Each learner is a browser
context of its own. Exits with 1 when a limit is not kept. There is no peer: no other course has such an app.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from _app_server import AppServer, chromium
from _timing import Row, show
from playwright.async_api import Browser, Page, async_playwright

from unravel.course.load import load_course
from unravel.workspace.workspace import Workspace

LIMITS = {"first page": 2.5, "lesson": 0.8, "verdict": 0.7, "playground view": 1.0}
CROWD = 3.0
"""With ten learners at once, the 95th percentile may be so many times the limit."""
LESSON, EXERCISE = "tensors", "causal_mask"
SLOW = 60_000
Times = dict[str, list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--learners", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="one run and two learners, to see that it works")
    given = parser.parse_args()
    runs, learners = (1, 2) if given.quick else (given.runs, given.learners)
    with tempfile.TemporaryDirectory() as name:
        os.environ["UNRAVEL_RUNTIME"] = name
        workspace = Workspace.create(Path(name) / "work", load_course(), learner="bench")
        with AppServer(workspace.path, Path(name)) as server:
            return show(asyncio.run(measure(server, runs, learners)))


async def measure(server: AppServer, runs: int, learners: int) -> list[Row]:
    """All rows of the table. The first visit of all is the newcomer's: nothing is warm."""
    alone: Times = defaultdict(list)
    crowd: Times = defaultdict(list)
    async with async_playwright() as engine:
        browser = await engine.chromium.launch(executable_path=chromium(), args=["--headless", "--no-sandbox"])
        await visit(browser, server.url, alone)
        newcomer = alone["first page"].pop()
        await asyncio.sleep(25)  # the warm server of checks starts, and the demos run ahead
        alone.clear()
        for _ in range(runs):
            await visit(browser, server.url, alone)
        await asyncio.gather(*(visit(browser, server.url, crowd) for _ in range(learners)))
        await browser.close()
    rows = [Row("first page, the newcomer's, from the server being up", newcomer, "s", LIMITS["first page"])]
    rows += [
        Row(f"{name}, alone, median", statistics.median(alone[name]), "s", limit) for name, limit in LIMITS.items()
    ]
    return rows + [
        Row(f"{name}, {learners} learners at once, 95th percentile", percentile(crowd[name]), "s", CROWD * limit)
        for name, limit in LIMITS.items()
    ]


async def visit(browser: Browser, url: str, times: Times) -> None:
    """What a learner does: open the app, open a lesson, have an exercise checked, look into a model."""
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(SLOW)
    began = time.perf_counter()
    await page.goto(url)
    await page.get_by_role("button", name="Start:").or_(page.get_by_role("button", name="Continue:")).first.wait_for()
    times["first page"].append(time.perf_counter() - began)
    await lesson(page, times)
    await verdict(page, times)
    await playground(page, times)
    await page.context.close()


async def lesson(page: Page, times: Times) -> None:
    """From the click on a lesson until its first exercise can be read."""
    link = page.locator(f'.st-key-navigation a[href$="{LESSON}"]')
    await link.wait_for()
    began = time.perf_counter()
    await link.click()
    await page.locator(f".st-key-card-{EXERCISE}").get_by_role("button", name="Check").wait_for()
    times["lesson"].append(time.perf_counter() - began)


async def verdict(page: Page, times: Times) -> None:
    """From the click on Check until the report is there: the report of this click, not of an earlier one."""
    card = page.locator(f".st-key-card-{EXERCISE}")
    await page.wait_for_timeout(1500)
    began = time.perf_counter()
    await card.get_by_role("button", name="Check").click()
    await card.locator(".u-report").wait_for()
    times["verdict"].append(time.perf_counter() - began)


async def playground(page: Page, times: Times) -> None:
    """From the choice of another view until its picture is drawn."""
    await page.locator('.st-key-navigation a[href$="playground"]').click()
    await page.get_by_text("The code that makes it").wait_for()
    await page.wait_for_timeout(1500)
    began = time.perf_counter()
    await page.get_by_role("radio", name="Attention", exact=True).click()
    await page.locator(".js-plotly-plot").first.wait_for()
    times["playground view"].append(time.perf_counter() - began)


def percentile(values: list[float], share: float = 0.95) -> float:
    """The least value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    sys.exit(main())
