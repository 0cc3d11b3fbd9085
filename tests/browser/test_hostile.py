"""Hostile text wherever a learner meets some: in names, prose, titles, hints, code and output. Shown, never run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.test_app import (
    TINY,
    Server,
    browser,  # noqa: F401  a fixture
    card,
    new_page,
    picture,
    pytestmark,  # noqa: F401  skips, loudly, where there is no browser
    stands,
    stop_grader,
)

from unravel.course.load import load_course
from unravel.workspace.workspace import Workspace

EVIL = "<img src=x onerror=window.evil=1><script>window.evil=1</script>"
CODE = f'''def count_up(n: int) -> list[int]:
    """{EVIL}"""
    print({EVIL!r})
    raise ValueError({EVIL!r})
'''


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Server]:
    """A course and a workspace full of it."""
    course = Path(shutil.copytree(TINY, tmp_path / "course"))
    page = course / "chapters" / "ch00_tiny" / "more.md"
    text = page.read_text()
    for before in ("This lesson has", "Count up", "`range` stops"):
        text = text.replace(before, f"{EVIL} {before}", 1)
    page.write_text(text + f"\n[a link](javascript:window.evil=1) and {EVIL}\n")
    workspace = Workspace.create(tmp_path / "work", load_course(course), learner="ann")
    settings = workspace.inner / "workspace.toml"
    settings.write_text(settings.read_text().replace('"ann"', f"'{EVIL}'"))
    file = workspace.path / "ch00_tiny" / "more.py"
    file.write_text(f'"""More."""\n\n\n{CODE}')
    server = Server(workspace.path, course, tmp_path)
    server.start()
    yield server
    server.stop()
    stop_grader(course)


def test_it_is_shown_and_never_run(hostile: Server, browser: Any) -> None:  # noqa: F811
    page, foreign = new_page(browser, hostile)
    page.goto(f"{hostile.url}/?lesson=more")
    exercise = card(page, "count_up")
    exercise.get_by_role("button", name="Hint 1 of 1").click()
    exercise.get_by_text("stops before its end").wait_for()
    exercise.get_by_role("button", name="Check").click()
    stands(exercise, "Error")
    report = exercise.locator(".u-report").inner_text()
    assert EVIL in report
    picture(page, "hostile-light")
    for place in ("", "your-progress", "search?q=count"):
        assert page.evaluate("window.evil") is None, page.url
        page.goto(f"{hostile.url}/{place}")
        page.get_by_text(EVIL).first.wait_for()
        page.wait_for_timeout(300)
    assert page.evaluate("window.evil") is None
    assert page.locator("img[onerror]").count() == 0
    assert foreign == []
