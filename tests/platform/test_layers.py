"""A layer that imports a higher one fails the lint: the diagram of the design can't drift from the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = ["course", "workspace", "grading", "cohort", "export", "dev"]
WRONG = [
    *((low, high) for number, low in enumerate(ORDER) for high in [*ORDER[number + 1 :], "cli", "interp"]),
    *(("interp", name) for name in [*ORDER, "cli"]),
    *((name, other) for name in ("zoo", "playground") for other in [*ORDER, "cli"]),
    *((name, "playground") for name in [*ORDER, "interp", "zoo"]),
    ("playground", "zoo"),
]
RIGHT = [
    *((high, low) for number, high in enumerate(ORDER) for low in ORDER[:number]),
    *((name, base) for name in [*ORDER, "interp", "zoo", "playground"] for base in ("errors", "paths")),
]


def lint(layer: str, code: str) -> str:
    """What ruff says of `code` as a file of the layer."""
    name = ROOT / "src" / "unravel" / layer / "some_module.py"
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise"]
    done = subprocess.run(
        [*command, "--stdin-filename", str(name), "-"],
        input=code,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def codes(name: str) -> str:
    """Each way to import a layer, used, so that nothing but the layer is wrong."""
    return f'''\
"""A module."""

from __future__ import annotations

import unravel.{name}.thing
from unravel import {name}
from unravel.{name} import thing
from unravel.{name}.thing import part


def use() -> object:
    """Uses them, and imports late."""
    from unravel.{name}.late import late

    return unravel.{name}, {name}, thing, part, late
'''


@pytest.mark.parametrize(("layer", "name"), WRONG)
def test_wrong_import_fails_the_lint(layer: str, name: str) -> None:
    said = lint(layer, codes(name))
    lines = [line for line in said.splitlines() if "TID251" in line]
    assert {int(line.split(":")[1]) for line in lines} == {5, 6, 7, 8, 13, 15}, said  # 15: the use


@pytest.mark.parametrize(("layer", "name"), RIGHT)
def test_right_import_passes_the_lint(layer: str, name: str) -> None:
    assert lint(layer, codes(name)) == "All checks passed!\n"


@pytest.mark.parametrize("layer", [*ORDER, "interp", "zoo", "playground"])
def test_house_rules_hold_in_the_layers_too(layer: str) -> None:
    said = lint(layer, "from . import x\ndef f():\n    pass\n")
    assert "TID252" in said
    assert "D103" in said


def test_our_own_code_keeps_its_layers() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=TID251", "src"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout
