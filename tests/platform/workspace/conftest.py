"""Reports to record, and a PostgreSQL server of our own where one is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unravel.course.code import read_code
from unravel.course.model import Chapter, Course, Exercise, Lesson
from unravel.workspace.store import Store
from unravel.workspace.workspace import Workspace

TENSORS = '''"""Tensors."""

import torch


# Rows first.
@torch.no_grad()
def softmax(x: list[float]) -> list[float]:
    """Example: [0] becomes [1]."""
    ### BEGIN SOLUTION
    return [1.0 for _ in x]
    ### END SOLUTION


SCALE = 2  # given


# LAYERS: how many layers has the model?
### BEGIN SOLUTION
LAYERS: int = 2
### END SOLUTION


class Bag:
    """Example: Bag().size() is 0."""

    def size(self) -> int:
        ### BEGIN SOLUTION
        return 0
        ### END SOLUTION
'''
TOKENS = '''"""Tokens."""


def split(text: str) -> list[str]:
    """Example: "a b" becomes ["a", "b"]."""
    ### BEGIN SOLUTION
    return text.split()
    ### END SOLUTION
'''
Sources = dict[str, str]


def make_course(root: Path, sources: Sources, needs: dict[str, tuple[str, ...]] | None = None) -> Course:
    """A course of one chapter with these solution files; each exercise is worth 3 points and has two hints."""
    lessons = tuple(_lesson(root, name, source, needs or {}) for name, source in sources.items())
    facts = {"title": "Basics", "summary": "", "goals": (), "prerequisites": (), "hours": 1.0}
    return Course(root, (Chapter(id="ch00_basics", lessons=lessons, path=root, **facts),))


def _lesson(root: Path, name: str, source: str, needs: dict[str, tuple[str, ...]]) -> Lesson:
    path = root / f"{name}.py"
    path.write_text(source)
    facts = {"difficulty": 1, "minutes": 5, "points": 3, "statement": "", "hints": ("Look.", "Think."), "line": 1}
    none = {"checks": (), "mistakes": (), "alternatives": ()}
    place = {"chapter": "ch00_basics", "lesson": name}
    exercises = tuple(
        Exercise(
            id=code.id,
            title=code.id.title(),
            kind=code.kind,
            needs=needs.get(code.id, ()),
            code_line=code.line,
            **place,
            **facts,
            **none,
        )
        for code in read_code(path).exercises
    )
    files = {"page": path, "stub": path, "solution": path, "tests": path}
    return Lesson(
        id=name, chapter="ch00_basics", title=name.title(), blocks=(), exercises=exercises, imports=(), **files
    )


@pytest.fixture
def sources() -> Sources:
    return {"tensors": TENSORS, "tokens": TOKENS}


@pytest.fixture
def remake(tmp_path: Path) -> Callable[..., Course]:
    """Makes the course of the given sources, in the place of the one before."""
    root = tmp_path / "course"
    root.mkdir()
    return lambda sources, needs=None: make_course(root, sources, needs)


@pytest.fixture
def course(remake: Callable[..., Course], sources: Sources) -> Course:
    return remake(sources, {"split": ("softmax",), "Bag": ("LAYERS",)})


@pytest.fixture
def workspace(tmp_path: Path, course: Course) -> Workspace:
    return Workspace.create(tmp_path / "mine", course, "ann")


@pytest.fixture(scope="session")
def result() -> Callable[..., dict[str, Any]]:
    """Makes one exercise's result, as the grader gives it, cut down to what the store reads."""

    def make(exercise: str, status: str = "passed", points: int = 3) -> dict[str, Any]:
        earned = points if status == "passed" else 0
        return {"id": exercise, "status": status, "points": earned, "max_points": points, "duration": 0.1}

    return make


@pytest.fixture(scope="session")
def report() -> Callable[..., dict[str, Any]]:
    """Makes a report of the given results."""

    def make(*results: dict[str, Any], seed: int = 1) -> dict[str, Any]:
        head = {
            "seed": seed,
            "tier": "full",
            "official": True,
            "started": "",
            "duration": 0.2,
            "source": "a.py",
        }
        return {**head, "sha256": "0" * 64, "exercises": list(results)}

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "progress.db", "ann")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a server that lives as long as the tests."""
    pytest.importorskip("psycopg")
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("no PostgreSQL server is installed")
    # Not under pytest's folder: a socket's path has a limit of about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    data, who = folder / "data", _owner(folder)
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    subprocess.run(
        ["initdb", "-D", data, "-U", "unravel", "-A", "trust", "-N"],
        check=True,
        capture_output=True,
        user=who,
    )
    start = ["pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"]
    subprocess.run(start, check=True, capture_output=True, user=who)
    try:
        yield f"postgresql://unravel@/postgres?host={folder}"
    finally:
        subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True, user=who)
        shutil.rmtree(folder)


def _owner(folder: Path) -> int | None:
    """The user that the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        who = pwd.getpwnam("postgres").pw_uid
    except KeyError:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres")
    os.chown(folder, who, -1)
    return who
