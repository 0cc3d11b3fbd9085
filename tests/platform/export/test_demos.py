"""Demos: run in order, in a process of their own, remembered, and never a reason for a page to fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from unravel.course.load import load_course
from unravel.course.model import Demo, Lesson
from unravel.export import demos
from unravel.export.demos import DemoOutput, known_demos, run_demos

TINY = Path(__file__).parents[1] / "tiny_course"


def lesson(*codes: str) -> Lesson:
    return replace(load_course(TINY).lesson("more"), blocks=tuple(Demo(code, 1) for code in codes))


def test_cells_share_names_and_show_their_last_value(tmp_path: Path) -> None:
    outputs = run_demos(lesson("x = 2\nprint('hello')", "x + 1", "x = 5"), folder=tmp_path)
    assert [(output.stdout, output.value, output.error) for output in outputs] == [
        ("hello\n", "", ""),
        ("", "3", ""),
        ("", "", ""),
    ]


def test_a_figure_comes_as_json(tmp_path: Path) -> None:
    code = "from unravel.interp import plots\nplots.bars({'a': 1, 'b': 2})"
    (output,) = run_demos(lesson(code), folder=tmp_path)
    assert output.value == ""
    assert json.loads(output.figures[0])["data"][0]["type"] == "bar"


def test_after_a_failure_the_rest_is_not_run(tmp_path: Path) -> None:
    outputs = run_demos(lesson("1 + 1", "x = 1\n1 / 0", "2 + 2"), folder=tmp_path)
    assert outputs[0].value == "2"
    assert "ZeroDivisionError: division by zero" in outputs[1].error
    assert "line 2" in outputs[1].error
    assert "earlier demo" in outputs[2].error
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_hangs_is_stopped(tmp_path: Path) -> None:
    outputs = run_demos(lesson("1 + 1", "while True: pass"), seconds=3, folder=tmp_path)
    assert outputs[0].value == "2"
    assert "longer than 3 seconds" in outputs[1].error


def test_a_demo_that_ends_the_process_is_told(tmp_path: Path) -> None:
    (output,) = run_demos(lesson("import os\nos._exit(3)"), folder=tmp_path)
    assert "ended with code 3" in output.error


def test_outputs_are_remembered_until_the_code_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_demos(lesson("40 + 2"), folder=tmp_path) is None
    first = run_demos(lesson("40 + 2"), folder=tmp_path)
    monkeypatch.setattr(demos, "_run", lambda cells, seconds: [DemoOutput(cells[0], value="ran again")])
    assert run_demos(lesson("40 + 2"), folder=tmp_path) == first
    assert known_demos(lesson("40 + 2"), folder=tmp_path) == first
    assert run_demos(lesson("40 + 3"), folder=tmp_path)[0].value == "ran again"


def test_a_damaged_memory_is_made_anew(tmp_path: Path) -> None:
    run_demos(lesson("6 * 7"), folder=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text("[{")
    assert run_demos(lesson("6 * 7"), folder=tmp_path)[0].value == "42"


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert run_demos(lesson("6 * 7"), folder=blocked)[0].value == "42"


def test_a_lesson_without_demos_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demos, "_run", lambda cells, seconds: pytest.fail("started a process"))
    assert run_demos(lesson()) == []
