"""`unravel search` and `unravel glossary`: what they print, on the course itself, without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from unravel import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _course(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRAVEL_COURSE", str(ROOT))


def run(*words: str) -> str:
    done = CliRunner().invoke(cli.main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_search_tells_what_and_where() -> None:
    said = run("search", "causal", "mask")
    assert said.startswith("causal mask  glossary, Attention and heads\n")
    assert "exercise causal_mask in tensors" in said
    assert "this is for softmax." in run("search", "sofmax")
    assert "Nothing was found for '\\x1b[31mzzqq'" in run("search", "\x1b[31mzzqq")


def test_glossary_lists_and_explains() -> None:
    assert "induction head" in run("glossary")
    said = run("glossary", "causal", "attention")
    assert said.startswith("causal mask  also: causal attention\n")
    assert "practised in  Who may look at whom (tensors, causal_mask)" in said
    assert '"Attention Is All You Need", NeurIPS, 2017' in said


def test_an_unknown_term_is_a_fault_with_near_names() -> None:
    done = CliRunner().invoke(cli.main, ["glossary", "sofmax"])
    assert done.exit_code == 2
    assert "Did you mean softmax" in done.stderr


@pytest.mark.parametrize("words", [["search", "softmax"], ["glossary"], ["glossary", "softmax"]])
def test_neither_needs_torch(words: list[str]) -> None:
    code = f"import sys\nfrom unravel.cli import main\nmain({words!r}, standalone_mode=False)"
    code += "\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False"
