"""Bad learner files: each is refused in one clear paragraph, or graded right."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unravel.errors import UnravelError
from unravel.grading.engine import Engine
from unravel.grading.report import Report, Status
from unravel.grading.source import Source

GOOD = "import torch\n\ndef double(x):\n    return 2 * x\n"


def refused(path: Path) -> str:
    """What the learner reads when the file can't be used."""
    with pytest.raises(UnravelError) as caught:
        Source.read(path)
    fault = caught.value
    assert fault.path == path
    assert fault.fix
    assert "\n" not in str(fault)
    assert str(fault).startswith(str(path))
    return str(fault)


def graded(engine: Engine, path: Path, *names: str) -> Report:
    return engine.check(Source.read(path), names or ("double",), seed=1)


def notebook(path: Path, *cells: Any) -> Path:
    """A notebook; a string is a code cell, a dict is a cell as it is."""
    made = [
        cell
        if not isinstance(cell, str)
        else {"cell_type": "code", "metadata": {}, "source": cell.splitlines(keepends=True)}
        for cell in cells
    ]
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


BAD_TEXT = {
    "latin-1": ("# caf\xe9\n" + GOOD).encode("latin-1"),
    "utf-16": GOOD.encode("utf-16"),
    "utf-16 without mark": GOOD.encode("utf-16-le"),
    "empty": b"",
    "white space": b" \n\t\n\n",
    "only a mark": b"\xef\xbb\xbf",
    "binary": bytes(range(256)) * 4,
    "50 MB": GOOD.encode() + b"#" * (50 << 20),
}
SAYS = {
    "latin-1": "UTF-8",
    "utf-16": "binary",
    "utf-16 without mark": "binary",
    "empty": "empty",
    "white space": "empty",
    "only a mark": "empty",
    "binary": "binary",
    "50 MB": "too large",
}


@pytest.mark.parametrize("name", BAD_TEXT)
@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, name: str, suffix: str):
    path = tmp_path / f"basics{suffix}"
    path.write_bytes(BAD_TEXT[name])
    assert SAYS[name] in refused(path)


def test_the_line_of_a_wrong_encoding_is_named(tmp_path: Path):
    path = tmp_path / "basics.py"
    path.write_bytes(b"import torch\n\n# caf\xe9\n")
    assert str(path) + ":3:" in refused_at(path)


def refused_at(path: Path) -> str:
    with pytest.raises(UnravelError) as caught:
        Source.read(path)
    return str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    assert "no such file" in refused(tmp_path / "basics.py")
    (tmp_path / "more.py").mkdir()
    assert "folder" in refused(tmp_path / "more.py")


def test_a_file_of_another_kind_is_refused(tmp_path: Path):
    (tmp_path / "basics.txt").write_text(GOOD)
    assert ".py" in refused(tmp_path / "basics.txt")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path):
    path = tmp_path / "basics.py"
    path.write_text(GOOD)
    path.chmod(0)
    assert "can't be read" in refused(path)


def test_a_pipe_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "basics.py")
    assert refused(tmp_path / "basics.py")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: "# \u4f60\u597d \U0001f600\n" + text,
        lambda text: text.rstrip("\n"),
        lambda text: "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n" + text,
        lambda text: "from __future__ import annotations\n" + text,
    ],
    ids=["CRLF", "CR", "BOM", "beyond ASCII", "no last newline", "shebang", "future"],
)
def test_odd_but_right_files_are_graded(engine: Engine, tmp_path: Path, damage: Callable[[str], str]):
    path = tmp_path / "basics.py"
    path.write_bytes(damage(GOOD).encode())
    assert graded(engine, path).exercises[0].status is Status.PASSED


def test_a_syntax_error_names_the_line_and_says_why_nothing_is_checked(engine: Engine, tmp_path: Path):
    path = tmp_path / "basics.py"
    path.write_text(GOOD + "\ndef mean_square(x)\n    return x\n")
    result = graded(engine, path).exercises[0]
    assert result.status is Status.ERROR
    assert result.message.startswith("basics.py, line 6: SyntaxError: expected ':'.")
    assert "Nothing can be checked" in result.message
    assert "def mean_square(x)" in result.message


def test_wrong_indentation_is_told_as_such(engine: Engine, tmp_path: Path):
    path = tmp_path / "basics.py"
    path.write_text("def double(x):\nreturn 2 * x\n")
    result = graded(engine, path).exercises[0]
    assert result.message.startswith("basics.py, line 2: IndentationError")


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "x = " + "-" * 50_000 + "1\n" + GOOD, "x = " + "+".join("1" * 20_000)], ids=["(", "-", "+"]
)
def test_source_that_breaks_the_parser_breaks_nothing_else(engine: Engine, tmp_path: Path, text: str):
    path = tmp_path / "basics.py"
    path.write_text(text)
    result = graded(engine, path).exercises[0]
    assert result.status in (Status.ERROR, Status.MEMORY, Status.CRASHED)
    assert result.message
    path.write_text(GOOD)
    assert graded(engine, path).exercises[0].status is Status.PASSED


# Notebooks.

BROKEN_NOTEBOOKS = {
    "not JSON": "def double(x): ...",
    "a list": "[]",
    "a number": "7",
    "no cells": '{"metadata": {}}',
    "cells that are no list": '{"cells": 3}',
    "cells that are no cells": '{"cells": ["print()"]}',
    "a cell without source": '{"cells": [{"cell_type": "code", "metadata": {}}]}',
    "a cell without a type": '{"cells": [{"metadata": {}, "source": ""}]}',
    "source that is a number": '{"cells": [{"cell_type": "code", "metadata": {}, "source": 3}]}',
    "source lines that are numbers": '{"cells": [{"cell_type": "code", "metadata": {}, "source": [3]}]}',
    "metadata that is a list": '{"cells": [{"cell_type": "code", "metadata": [], "source": ""}]}',
    "our metadata that is a list": '{"cells": [{"cell_type": "code", "metadata": {"unravel": []}, "source": ""}]}',
    "a kind that is a list": '{"cells": [{"cell_type": "code", "metadata": {"unravel": {"kind": []}}, "source": ""}]}',
    "nbformat 3": '{"worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}], "nbformat": 3}',
    "cut off": '{"cells": [{"cell_type": "code", "metadata": {}, "source": "x',
    "nested without end": "[" * 200_000,
}


@pytest.mark.parametrize("name", BROKEN_NOTEBOOKS)
def test_a_damaged_notebook_is_refused(tmp_path: Path, name: str):
    path = tmp_path / "basics.ipynb"
    path.write_text(BROKEN_NOTEBOOKS[name])
    assert "damaged" in refused(path)


def test_a_notebook_without_code_is_refused(tmp_path: Path):
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "# Only words"}
    assert "no code" in refused(notebook(tmp_path / "basics.ipynb", markdown))
    assert "no code" in refused(notebook(tmp_path / "basics.ipynb"))


def test_magics_and_shell_cells_are_left_out(engine: Engine, tmp_path: Path):
    path = notebook(
        tmp_path / "basics.ipynb",
        "%matplotlib inline\n!pip list\nimport torch\ntorch.ones?\n?torch.ones",
        "%%bash\nexit 1\nrm -rf /",
        "%load_ext autoreload\ndef double(x):\n    %time y = 2 * x\n    !ls\n    return 2 * x\n",
        "%%time\ndef later(x):\n    return x",
    )
    result = graded(engine, path).exercises[0]
    assert result.status is Status.PASSED, result.message


def test_code_under_a_timing_magic_counts(engine: Engine, tmp_path: Path):
    path = notebook(tmp_path / "basics.ipynb", "import torch", "%%time\ndef double(x):\n    return 2 * x\n")
    assert graded(engine, path).exercises[0].status is Status.PASSED


def test_a_percent_sign_that_continues_a_line_is_no_magic(engine: Engine, tmp_path: Path):
    path = notebook(tmp_path / "basics.ipynb", "SIZE = (7\n% 5)", "def double(x):\n    return SIZE * x\n")
    assert graded(engine, path).exercises[0].status is Status.PASSED


def test_demo_cells_are_left_out_and_exercise_cells_are_not(engine: Engine, tmp_path: Path):
    demo = {"cell_type": "code", "metadata": {"unravel": {"kind": "demo"}}, "source": "raise SystemExit"}
    mine = {"cell_type": "code", "metadata": {"unravel": {"kind": "exercise"}}, "source": "def double(x): return 2 * x"}
    assert graded(engine, notebook(tmp_path / "basics.ipynb", demo, mine)).exercises[0].status is Status.PASSED


def test_one_broken_cell_does_not_hide_the_others(engine: Engine, tmp_path: Path):
    path = notebook(tmp_path / "basics.ipynb", "import torch", "def mean_square(:", "def double(x): return 2 * x")
    double, mean_square = graded(engine, path, "double", "mean_square").exercises
    assert double.status is Status.PASSED
    assert mean_square.status is Status.ERROR
    assert "SyntaxError" in mean_square.message
    assert mean_square.checks[0].frames[0].file == "cell 2"


def test_lines_are_counted_within_their_cell(engine: Engine, tmp_path: Path):
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "words"}
    path = notebook(
        tmp_path / "basics.ipynb", "import torch", markdown, "%time\ndef double(x):\n    return x.nothing\n"
    )
    frame = graded(engine, path).exercises[0].checks[0].frames[0]
    assert (frame.file, frame.line, frame.function, frame.text) == ("cell 3", 3, "double", "return x.nothing")


def test_the_hash_is_that_of_the_bytes(tmp_path: Path):
    import hashlib

    path = tmp_path / "basics.py"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert Source.read(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_exercise_cell_goes_by_its_name(tmp_path):
    """Jupyter shows no cell numbers, so a traceback names the exercise."""
    import json

    cell = {"cell_type": "code", "source": "x = 1", "metadata": {"unravel": {"kind": "exercise", "exercise": "double"}}}
    path = tmp_path / "basics.ipynb"
    path.write_text(json.dumps({"cells": [cell, {**cell, "metadata": {"unravel": {"exercise": "a b"}}}]}))
    assert [unit.label for unit in Source.read(path).units] == ["cell 1 (double)", "cell 2"]
