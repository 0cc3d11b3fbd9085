"""How long a learner waits for the app in a real browser: alone, and with nine others on the same server.

    python bench/app.py [--runs 5] [--learners 10] [--quick]

Needs Chromium (`$CHROMIUM`, or `chromium` on the path). Run it on an otherwise idle machine: it says how busy it was.
Exits with 1 when a limit is not kept. There is no peer: no other course has such an app.

With ten learners, one has a browser; the others speak the app's protocol (`_crowd.py`), because ten browsers on the
server's own two cores would measure the browsers. All ten do each step in the same moment. They share a workspace, as
one server serves one: so they read and check, and none of them writes.
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
from collections.abc import Awaitable, Callable
from pathlib import Path

from _app_server import AppServer, chromium
from _crowd import Learner
from _timing import Row, show
from playwright.async_api import Browser, Locator, Page, async_playwright
from streamlit.proto.Delta_pb2 import Delta

from unravel.course.load import load_course
from unravel.workspace.excerpt import open_excerpt, save_excerpt
from unravel.workspace.workspace import Workspace

LIMITS = {"first page": 2.5, "lesson": 0.8, "verdict": 0.7, "playground view": 1.0}
CROWD = 3.0
"""With ten learners at once, the 95th percentile may be so many times the limit."""
LESSON, EXERCISE = "tensors", "causal_mask"
ANSWERS = ("torch.ones(n_pos, n_pos).triu().bool()", "torch.ones(n_pos, n_pos).tril().bool()")
"""A wrong one, which is told what is wrong with it, and a right one, after which the whole page is drawn anew."""
SLOW = 60_000
CALM = 1.5
"""Seconds that a page is left alone before the next click, so that what it still draws is not measured again."""
WATCH = """(wanted) => {
  window.bench = new Promise((resolve) => {
    let began = 0;
    window.addEventListener('click', (event) => { began = event.timeStamp; }, { capture: true, once: true });
    const look = () => {
      if (began && document.querySelector(wanted)) resolve((performance.now() - began) / 1000);
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
"""Takes the time in the page: from the press of the button, as the browser has it, to the frame in which it shows."""
Times = dict[str, list[float]]
Ready = Callable[[], Awaitable[object]]
"""Waited for before each click: until all learners are there."""


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
        busy = os.getloadavg()[0]
        with AppServer(workspace.path, Path(name)) as server:
            rows = asyncio.run(measure(server, workspace, runs, learners))
    print(f"Processes that wanted a core: {busy:.1f} before, {os.getloadavg()[0]:.1f} at the end, of {os.cpu_count()}.")
    return show(rows)


async def measure(server: AppServer, workspace: Workspace, runs: int, learners: int) -> list[Row]:
    """All rows of the table. The first visit of all is the newcomer's: nothing is warm."""
    newcomer: Times = defaultdict(list)
    alone: Times = defaultdict(list)
    beside: Times = defaultdict(list)
    answers: Times = defaultdict(list)
    async with async_playwright() as engine:
        browser = await engine.chromium.launch(executable_path=chromium(), args=["--headless", "--no-sandbox"])
        await visit(browser, server.url, newcomer)
        await asyncio.sleep(25)  # the warm server of checks starts, and the demos run ahead
        for number in range(runs):
            write(workspace, ANSWERS[number % 2])
            await visit(browser, server.url, alone)
        for number in range(runs):
            write(workspace, ANSWERS[number % 2])
            meeting = asyncio.Barrier(learners)
            async with asyncio.TaskGroup() as group:
                group.create_task(visit(browser, server.url, beside, meeting.wait))
                for _ in range(learners - 1):
                    group.create_task(ask(server.url, answers, meeting.wait))
        await browser.close()
    others = f"{learners - 1} others at once"
    rows = [Row("first page, the newcomer's, from the server being up", newcomer["first page"][0], "s", 2.5)]
    rows += [Row(f"{name}, alone, median", statistics.median(alone[name]), "s", most) for name, most in LIMITS.items()]
    for name, most in LIMITS.items():
        rows.append(Row(f"{name}, {others}, 95th percentile", percentile(beside[name]), "s", CROWD * most))
        worst = percentile(answers[name])
        rows.append(Row(f"  the server's answer to the {others}, 95th percentile", worst, "s", CROWD * most))
    return rows


def write(workspace: Workspace, answer: str) -> None:
    """Puts the answer into the learner's file."""
    lesson = load_course().lesson(LESSON)
    exercise = next(item for item in lesson.exercises if item.id == EXERCISE)
    excerpt = open_excerpt(workspace.file(lesson), lesson, exercise)
    save_excerpt(excerpt, f'def {EXERCISE}(n_pos: int) -> Bool[Tensor, "query key"]:\n    return {answer}\n')


async def at_once() -> None:
    """Nobody else is waited for."""


async def ask(url: str, times: Times, ready: Ready) -> None:
    """What a learner does, without a browser."""
    await ready()
    began = time.perf_counter()
    async with Learner(url) as learner:
        await learner.open("", "continue")
        times["first page"].append(time.perf_counter() - began)
        await ready()
        times["lesson"].append(await learner.open(LESSON, f"check-{EXERCISE}"))
        await ready()
        times["verdict"].append(await learner.click(f"check-{EXERCISE}", is_report))
        await ready()
        await learner.open("playground", "play-view")
        await ready()
        times["playground view"].append(await learner.choose("play-view", "Attention", is_picture))


def is_report(delta: Delta) -> bool:
    """Whether this part of a page is a verdict."""
    return "u-report" in delta.new_element.html.body


def is_picture(delta: Delta) -> bool:
    """Whether it is a figure."""
    return delta.new_element.WhichOneof("type") == "plotly_chart"


async def visit(browser: Browser, url: str, times: Times, ready: Ready = at_once) -> None:
    """What a learner does: open the app, open a lesson, have an exercise checked, look into a model."""
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(SLOW)
    await ready()
    began = time.perf_counter()
    await page.goto(url)
    await page.get_by_role("button", name="Start:").or_(page.get_by_role("button", name="Continue:")).first.wait_for()
    times["first page"].append(time.perf_counter() - began)
    await lesson(page, times, ready)
    await verdict(page, times, ready)
    await playground(page, times, ready)
    await page.context.close()


async def lesson(page: Page, times: Times, ready: Ready) -> None:
    """From the click on a lesson until its first exercise can be read."""
    link = page.locator(f'.stMain [class*="st-key-chapter-"] a[href$="{LESSON}"]').first
    times["lesson"].append(await clicked(page, link, f".st-key-check-{EXERCISE} button", ready))


async def verdict(page: Page, times: Times, ready: Ready) -> None:
    """From the click on Check until the report is there. The page has none of before: its session is new."""
    check = page.locator(f".st-key-check-{EXERCISE} button")
    times["verdict"].append(await clicked(page, check, f".st-key-card-{EXERCISE} .u-report", ready))


async def playground(page: Page, times: Times, ready: Ready) -> None:
    """From the choice of another view until its picture is drawn."""
    await ready()
    await page.locator('.st-key-navigation a[href$="playground"]').click()
    await page.get_by_text("The code that makes it").wait_for()
    view = page.get_by_role("radio", name="Attention", exact=True)
    times["playground view"].append(await clicked(page, view, ".js-plotly-plot .main-svg", ready))


async def clicked(page: Page, what: Locator, wanted: str, ready: Ready) -> float:
    """The seconds from a click until something is there that `wanted` selects."""
    await asyncio.sleep(CALM)
    await what.scroll_into_view_if_needed()
    await ready()
    await page.evaluate(WATCH, wanted)
    await what.click()
    return float(await page.evaluate("window.bench"))


def percentile(values: list[float], share: float = 0.95) -> float:
    """The least value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    sys.exit(main())
