"""What a report advises: the line to mend, hints only where they help, what failed without being noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unravel.grading.engine import Engine
from unravel.grading.render import render_html, render_report
from unravel.grading.report import Report, Status
from unravel.grading.source import Source

DOUBLE = "def double(x):\n    return 2 * x\n"


def check(engine: Engine, code: str, name: str = "double") -> Report:
    return engine.check(Source.text(code, "basics.py"), [name], seed=1)


def test_a_file_that_can_not_be_read_is_to_be_mended_at_its_line(engine: Engine):
    report = check(engine, DOUBLE + "\ndef mean_square(x)\n    return x\n")
    assert report.exercises[0].next == "Mend line 4, then check again."
    assert report.notes == ()


def test_a_cell_that_can_not_be_read_is_named(engine: Engine, tmp_path: Path):
    cells = [{"cell_type": "code", "metadata": {}, "source": text} for text in ("import torch", "def double(:\n  x")]
    (tmp_path / "basics.ipynb").write_text(json.dumps({"cells": cells}))
    report = engine.check(Source.read(tmp_path / "basics.ipynb"), ["double"], seed=1)
    assert report.exercises[0].next == "Mend line 1 of cell 2, then check again."


def test_a_file_that_ends_the_process_gets_no_hint(engine: Engine):
    assert check(engine, "import os\nos._exit(0)").exercises[0].next == "Mend the file, then check again."


def test_a_failure_points_to_the_hints_without_counting_them(engine: Engine):
    next_ = check(engine, "def double(x):\n    return x + 1\n").exercises[0].next
    assert next_ == "Mend it and check again. `unravel hint double` helps."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import numpyy", "ModuleNotFoundError: No module named 'numpyy'"),
        ("assert 1 == 2, 'not so'", "AssertionError: not so"),
        ("exit(3)", "SystemExit: 3"),
    ],
)
def test_a_line_that_failed_beside_a_right_answer_is_noted(engine: Engine, line: str, told: str):
    report = check(engine, f"import torch\n{line}\n{DOUBLE}")
    assert report.exercises[0].status is Status.PASSED
    assert len(report.notes) == 1
    assert report.notes[0].startswith(f"Line 2 of basics.py failed when the file was loaded: {told}")
    for shown in (render_report(report, color=False, width=200), render_html(report)):
        assert "Line 2 of basics.py failed" in shown


def test_untouched_stubs_and_what_is_told_already_are_not_noted(engine: Engine):
    report = check(engine, f"{DOUBLE}raise NotImplementedError()\nANSWER = 6 * seven\n")
    assert report.notes == ()


def test_notes_are_few(engine: Engine):
    report = check(engine, "1 / 0\n" * 9 + DOUBLE)
    assert len(report.notes) == 4
    assert report.notes[-1] == "6 further lines failed too."


def test_frames_that_repeat_are_told_once_with_their_count(engine: Engine):
    first = check(engine, "def double(x):\n    return double(x)\n").exercises[0].checks[0]
    (frame,) = first.frames
    text, _, count = frame.text.partition("  ... the same ")
    assert (text, frame.line, frame.function) == ("return double(x)", 2, "double")
    assert 100 < int(count.removesuffix(" times")) <= 1000


def test_frames_that_differ_are_all_told(engine: Engine):
    code = "def inner(x):\n    return x.nothing\n\ndef double(x):\n    return inner(x)\n"
    first = check(engine, code).exercises[0].checks[0]
    assert [frame.text for frame in first.frames] == ["return inner(x)", "return x.nothing"]


def test_a_breakpoint_in_a_check_is_told_of_debug(engine: Engine):
    first = check(engine, "def double(x):\n    breakpoint()\n    return 2 * x\n").exercises[0].checks[0]
    assert first.status is Status.ERROR
    assert "`breakpoint()`" in first.message
    assert "--debug" in first.message
