"""Runs the demos of a lesson, in order, in a process of their own, and remembers what they gave.

The code is the course's own, so it is trusted; the process keeps torch and slow code out of the app.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from unravel.course.model import Demo, Lesson
from unravel.errors import UnravelError
from unravel.paths import PACKAGE
from unravel.workspace.atomic import write_atomic

SECONDS = 120.0
FORMAT = 1


@dataclass(frozen=True)
class DemoOutput:
    """What one demo gave. `figures` are plotly's JSON; `value` is the text of the last expression's value.

    `error` is empty, or says why there is no output.
    """

    code: str
    stdout: str = ""
    value: str = ""
    figures: tuple[str, ...] = ()
    error: str = ""


def run_demos(lesson: Lesson, *, seconds: float = SECONDS, folder: Path | None = None) -> list[DemoOutput]:
    """The outputs of a lesson's demos, from memory, from disk, or by running them. Never raises for a demo's fault."""
    cells = demo_codes(lesson)
    if not cells:
        return []
    folder = cache_folder() if folder is None else folder
    found = known_demos(lesson, folder=folder)
    if found is not None:
        return found
    outputs = _run(cells, seconds)
    if not any(output.error for output in outputs):
        _remember(folder / f"{digest(cells)}.json", outputs)
    return outputs


def known_demos(lesson: Lesson, *, folder: Path | None = None) -> list[DemoOutput] | None:
    """The outputs, if they are at hand without running anything."""
    cells = demo_codes(lesson)
    path = (cache_folder() if folder is None else folder) / f"{digest(cells)}.json"
    try:
        return list(_recall(path, path.stat().st_mtime_ns)) if cells else []
    except (OSError, ValueError, KeyError, TypeError):
        return None


def demo_codes(lesson: Lesson) -> tuple[str, ...]:
    """The code of each demo, in order."""
    return tuple(block.code for block in lesson.blocks if isinstance(block, Demo))


def digest(cells: tuple[str, ...]) -> str:
    """Names the outputs of these cells: it changes with the code, with Python, and with the library they import."""
    words = [f"{FORMAT} {sys.version}", *cells, _library()]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]


def cache_folder() -> Path:
    """Where outputs are kept for this user."""
    base = os.environ.get("UNRAVEL_CACHE") or os.environ.get("XDG_CACHE_HOME")
    home = Path(base) if base else Path.home() / ".cache"
    return home / "unravel" / "demos"


def _run(cells: tuple[str, ...], seconds: float) -> list[DemoOutput]:
    """Runs the cells; those that were reached before a crash or the deadline keep their outputs."""
    path = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    # What a page shows is the same for all who read it, whoever's workspace the server stands in.
    environment = {**os.environ, "PYTHONPATH": path, "UNRAVEL_LEARNER": ""}
    with tempfile.TemporaryDirectory(prefix="unravel-demos-") as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        command = [sys.executable, "-m", "unravel.export.demo_process", str(results)]
        why = ""
        try:
            done = subprocess.run(
                command,
                input=json.dumps(cells),
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=seconds,
                check=False,
            )
            if done.returncode:
                why = f"The demos' process ended with code {done.returncode}. {done.stderr.strip()[-500:]}".strip()
        except subprocess.TimeoutExpired:
            why = f"This demo took longer than {seconds:g} seconds, so it was stopped."
        except OSError as fault:
            why = f"The demos could not be started: {fault}."
        told = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    outputs = [_output(item) for item in told]
    for code in cells[len(outputs) :]:
        outputs.append(DemoOutput(code, error=why or "An earlier demo of this page failed, so this one was not run."))
        why = "An earlier demo of this page failed, so this one was not run."
    return outputs


def _output(item: dict[str, Any]) -> DemoOutput:
    return DemoOutput(**{**item, "figures": tuple(item["figures"])})


@lru_cache(maxsize=64)
def _recall(path: Path, stamp: int) -> tuple[DemoOutput, ...]:
    return tuple(_output(item) for item in json.loads(path.read_text(encoding="utf-8")))


def _remember(path: Path, outputs: list[DemoOutput]) -> None:
    with contextlib.suppress(UnravelError, OSError):  # a cache that can't be written costs time, nothing else
        write_atomic(path, json.dumps([asdict(output) for output in outputs]))


@cache
def _library() -> str:
    """A fingerprint of `unravel.interp` and of the versions of what demos import."""
    from importlib.metadata import PackageNotFoundError, version

    words = []
    for path in sorted((PACKAGE / "interp").rglob("*.py")):
        words.append(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    for name in ("torch", "plotly", "einops"):
        try:
            words.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            words.append(f"{name} missing")
    return "\n".join(words)
