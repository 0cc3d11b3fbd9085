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

from unravel.workspace.store import Store


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
        subprocess.run(
            ["pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True, user=who
        )
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
