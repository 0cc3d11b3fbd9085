"""A lesson as a notebook, in Jupyter's own page: its pictures are alive, and nothing is asked of other machines."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.browser.test_app import (
    browser,  # noqa: F401  a fixture
    new_page,
    picture,
    pytestmark,  # noqa: F401  skips, loudly, where there is no browser
)

from unravel.course.load import load_course
from unravel.course.notebook import build_notebook

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("notebook", reason="JUPYTER WAS NOT TRIED: `pip install 'unravel[nbgrader]'` is missing")


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Jupyter, with the first picture of a lesson in the notebook `lesson.ipynb`."""
    book: Any = nbformat.reads(build_notebook(load_course().lesson("by_hand")), as_version=4)
    drawn = [cell for cell in book.cells if cell.cell_type == "code" and "\nplots." in cell.source]
    book.cells = drawn[:1]  # Jupyter takes what is out of sight out of its page, so a second one may not be there
    nbclient.NotebookClient(book, timeout=120).execute()
    nbformat.write(book, tmp_path / "lesson.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    options = ["--no-browser", "--allow-root", f"--port={url.rpartition(':')[2]}", "--IdentityProvider.token="]
    line = [sys.executable, "-m", "notebook", *options, f"--ServerApp.root_dir={tmp_path}"]
    with (tmp_path / "jupyter.log").open("wb") as log:
        server = subprocess.Popen(line, stdout=log, stderr=log, cwd=tmp_path)
    try:
        _wait(url, server, tmp_path / "jupyter.log")
        yield SimpleNamespace(url=url)
    finally:
        server.terminate()
        server.wait(60)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/api/status", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError("Jupyter did not start within two minutes.")


def test_a_picture_is_alive_in_a_notebook(jupyter: SimpleNamespace, browser: Any) -> None:  # noqa: F811
    page, foreign = new_page(browser, jupyter)
    page.goto(f"{jupyter.url}/notebooks/lesson.ipynb")
    figure = page.locator(".js-plotly-plot").first
    figure.locator(".main-svg").first.wait_for()
    figure.scroll_into_view_if_needed()
    figure.locator(".nsewdrag").first.hover(force=True)
    figure.locator(".hoverlayer .hovertext").first.wait_for()
    picture(page, "notebook-light")
    assert not foreign
