"""The wheel, in an environment of its own: it carries the course, grades, and keeps its solutions to itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

THIEF = """
import pathlib, unravel

def causal_mask(n_pos):
    root = pathlib.Path(unravel.__file__).parent / "_content"
    return (root / "solutions" / "ch00_foundations" / "tensors.py").read_text()
"""


def run(*command: str, cwd: Path, ok: tuple[int, ...] = (0,)) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UNRAVEL", "PYTHON"))}
    environment["UNRAVEL_RUNTIME"] = str(cwd)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in ok, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def unravel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment that holds nothing but the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT), cwd=folder)
    run(sys.executable, "-m", "venv", str(folder / "env"), cwd=folder)
    pinned = ("-c", str(ROOT / "constraints.txt"))
    fresh = (str(folder / "env/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *pinned)
    run(*fresh, "torch==2.13.0", cwd=folder)
    run(*fresh, str(next(folder.glob("*.whl"))), cwd=folder)
    return folder / "env/bin/unravel"


def test_a_learner_starts_from_the_wheel_alone(unravel: Path, tmp_path: Path):
    run(str(unravel), "init", "course", cwd=tmp_path)
    work = tmp_path / "course"
    assert "causal_mask" in run(str(unravel), "next", cwd=work)
    stub = work / "ch00_foundations/tensors.py"
    stub.write_text((ROOT / "solutions/ch00_foundations/tensors.py").read_text())
    report = json.loads(run(str(unravel), "check", "tensors", "--json", cwd=work))
    assert {item["status"] for item in report["exercises"]} == {"passed"}
    run(str(unravel), "daemon", "stop", cwd=work)


def test_a_submission_cannot_read_the_course_that_the_wheel_carries(unravel: Path, tmp_path: Path):
    run(str(unravel), "init", "course", cwd=tmp_path)
    (tmp_path / "thief.py").write_text(THIEF)
    asked = ("check", "causal_mask", "--file", "../thief.py", "--json")
    output = run(str(unravel), *asked, cwd=tmp_path / "course", ok=(0, 1))
    report = json.loads(output)
    assert report["exercises"][0]["status"] == "forbidden"
    assert "BEGIN SOLUTION" not in output
    run(str(unravel), "daemon", "stop", cwd=tmp_path)
