"""A debug run stops where the learner says, shows the line, ends when they quit, and says plainly what can't be run."""

from __future__ import annotations

import io
import os
import pdb
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import v4 as book

from unravel.course.load import load_course
from unravel.errors import UnravelError
from unravel.grading.debug import NOTICE, run_debug
from unravel.workspace.workspace import Workspace

BODY = "    # YOUR CODE HERE\n    raise NotImplementedError()"


@pytest.fixture
def workspace(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("UNRAVEL_COURSE", os.fspath(tiny))
    # What `breakpoint()` does; pytest puts a debugger of its own in place.
    monkeypatch.setattr(sys, "breakpointhook", lambda: pdb.Pdb().set_trace(sys._getframe(1)))
    return Workspace.create(tmp_path / "work", load_course(tiny))


@pytest.fixture
def debug(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Debugs `double` with this body, and these commands typed."""

    def run(body: str, typed: str = "", name: str = "double") -> int:
        path = workspace.path / "ch00_tiny/basics.py"
        path.write_text(path.read_text().replace(BODY, body, 1))
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return run_debug({"cwd": os.fspath(workspace.path), "name": name, "seed": 1})

    return run


def test_the_debugger_shows_the_file_and_the_line(debug: Callable[..., int], workspace: Workspace, capsys):
    assert debug("    breakpoint()\n    return 2 * x", "p len(x) > 0\nl\nc\nc\n") == 0
    said = capsys.readouterr().out
    assert f"{workspace.path}/ch00_tiny/basics.py(15)double()" in said
    assert "-> return 2 * x" in said
    assert "True" in said
    assert "breakpoint()" in said, "`l` shows the lines around"
    assert "double: passed (not graded)" in said
    assert said.count(NOTICE) == 1


def test_quitting_ends_the_run(debug: Callable[..., int], capsys):
    assert debug("    breakpoint()\n    return 2 * x", "q\n", name="basics") == 1
    said = capsys.readouterr().out
    assert said.count("-> return 2 * x") == 1
    assert "You left the debugger" in said
    assert "double:" not in said


def test_quitting_while_the_file_is_loaded_ends_the_run(debug: Callable[..., int], capsys):
    assert debug("    return 2 * x\n\nbreakpoint()", "q\n") == 1
    assert "You left the debugger" in capsys.readouterr().out


def test_a_syntax_error_is_a_plain_fault_with_its_place(debug: Callable[..., int], workspace: Workspace):
    with pytest.raises(UnravelError) as caught:
        debug("    return 2 * x +")
    assert str(caught.value).startswith(f"{workspace.path}/ch00_tiny/basics.py:14: SyntaxError: ")


def test_an_error_shows_the_lines_that_led_to_it(debug: Callable[..., int], capsys):
    assert debug("    return x.nothing") == 1
    assert "basics.py:14  return x.nothing" in capsys.readouterr().out


def test_a_cell_of_a_notebook_is_shown_too(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys):
    path = workspace.path / "basics.ipynb"
    cell = book.new_code_cell("def double(x):\n    breakpoint()\n    return 2 * x")
    path.write_text(book.writes(book.new_notebook(cells=[cell])))
    monkeypatch.setattr(sys, "stdin", io.StringIO("c\nc\n"))
    request = {"cwd": os.fspath(workspace.path), "name": "double", "file": os.fspath(path), "seed": 1}
    assert run_debug(request) == 0
    assert "> <cell 1>(3)double()\n-> return 2 * x" in capsys.readouterr().out
