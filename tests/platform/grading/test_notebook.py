"""`check` in a notebook: what the kernel ran is what is checked, and the report shows in the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unravel.course.load import load_course
from unravel.course.notebook import build_notebook
from unravel.grading.client import connect
from unravel.grading.notebook import _definitions, _units

pytest.importorskip("IPython")

SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell, found = InteractiveShell.instance(), []
for cell in json.load(sys.stdin):
    with capture_output() as captured:
        shell.run_cell(cell, store_history=True)
    found.append([captured.stdout, [output.data.get("text/html", "") for output in captured.outputs]])
print(json.dumps(found))
"""


@pytest.fixture
def env(tmp_path: Path, tiny_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The variables of a course and a server of its own."""
    (tmp_path / "run").mkdir()
    variables = {
        "UNRAVEL_RUNTIME": "run",
        "UNRAVEL_COURSE": "course",
        "UNRAVEL_CACHE": "cache",
        "IPYTHONDIR": "ipython",
    }
    for name, folder in variables.items():
        monkeypatch.setenv(name, os.fspath(tmp_path / folder))
    for name in ("UNRAVEL_DAEMON", "UNRAVEL_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    yield dict(os.environ)
    connection = connect(start=False)
    if connection is not None:
        with connection:
            connection.sendall(b'{"op": "stop"}\n')


def run(cells: list[str], env: dict[str, str], cwd: Path) -> list[tuple[str, list[str]]]:
    """What each cell printed and displayed in a real IPython shell."""
    command = [sys.executable, "-c", SHELL]
    done = subprocess.run(
        command, input=json.dumps(cells), env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [(text, shown) for text, shown in json.loads(done.stdout.splitlines()[-1])]


def test_a_session_in_a_real_shell(env: dict[str, str], tmp_path: Path):
    cells = {
        "import": "from unravel import check\nimport torch\nfrom torch import nn",
        "not run": 'check("double")',
        "stub": "raise NotImplementedError()",
        "not started": 'check("ANSWER")',
        "wrong": "%%time\ndef double(x):\n    print('seen')\n    return x + 2",
        "failed": 'check("double", seed=5)',
        "demo": "from pathlib import Path\nfor i in range(3):\n    Path('ran').write_text(str(i))\n1 / 0",
        "right": "%matplotlib inline\ndef double(x):\n    y = !echo\n    return 2 * x",
        "later": "def double(x):\n    return 2 * x\n\ndouble(torch.ones(2))",
        "broken": "def double(x:",
        "passed": 'check("double")',
        "line": "def mean_square(x):\n    return x.nothing",
        "error": 'check("mean_square")',
        "unknown": 'check("duble")',
    }
    found = dict(zip(cells, run(list(cells.values()), env, tmp_path), strict=True))

    def page(name: str) -> str:
        _, shown = found[name]
        assert len(shown) == 1, found[name]
        return shown[0]

    assert "No cell that you ran defines" in page("not run")
    assert "not started" in page("not started")
    assert "You added 2 to each number" in page("failed")
    assert "passed" in page("passed")
    assert "In [12]:2" in page("error")
    assert "x.nothing" in page("error")
    assert "called 'duble'. Did you mean double?" in found["unknown"][0]
    assert all("Traceback" not in text for text, _ in (found["failed"], found["unknown"], found["not run"]))


def test_only_definitions_are_sent_and_lines_stay():
    text = "import torch\nprint('a')\n@decorated\ndef f(x):\n    return x\nf(3)\nX: int = 3\nfor i in y:\n    Z = i"
    assert _definitions(text + "\nclass A: pass").split("\n") == [
        "import torch",
        "",
        "@decorated",
        "def f(x):",
        "    return x",
        "",
        "X: int = 3",
        "",
        "",
        "class A: pass",
    ]


def test_cells_that_define_nothing_are_left_out():
    cells = ["", "import torch", "1 + 1", "def f(:", "  ", "x = 1"]
    assert _units(cells) == [("In [1]", "import torch"), ("In [5]", "x = 1")]


@pytest.mark.parametrize("cell", ["(" * 5000, "x = " + "-" * 5000 + "1", "\x00", "%%bash\nrm -rf /"])
def test_a_cell_that_can_not_be_parsed_is_left_out(cell: str):
    assert _units([cell, "x = 1"])[-1] == ("In [1]", "x = 1")


@pytest.mark.slow
def test_a_built_notebook_runs_from_top_to_bottom(env: dict[str, str], tmp_path: Path, tiny_copy: Path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    course = load_course(tiny_copy)
    book: Any = nbformat.reads(build_notebook(course.lesson("basics"), solution=True), as_version=4)
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": os.fspath(tmp_path)}}).execute()
    shown = {
        cell.source: "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
        for cell in book.cells
        if cell.cell_type == "code" and cell.source.startswith("check(")
    }
    assert len(shown) >= 4
    assert all("passed" in page for page in shown.values()), shown
