"""Killed at any moment, a writer loses nothing that it acknowledged and leaves nothing half-written."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from unravel.workspace.store import Store

store = Store(Path(sys.argv[1]), "ann")
head = {"seed": 1, "tier": "full", "official": True, "started": "", "duration": 0.2, "sha256": ""}
result = {"status": "passed", "points": 1, "max_points": 1, "duration": 0.1, "stdout": "x" * 20_000}
number = int(sys.argv[2])
while True:
    pair = [{**result, "id": f"left {number}"}, {**result, "id": f"right {number}"}]
    store.record_report({**head, "exercises": pair})
    store.record_hint(f"left {number}", 1)
    print(number, flush=True)
    number += 1
"""
ROUNDS = 12


def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "progress.db"
    acknowledged: list[int] = []
    chance = random.Random(7)
    for number in range(ROUNDS):
        # The first writers are killed while they create the tables, the later ones while they write.
        early = number < ROUNDS // 2
        seconds = 0.3 + 0.3 * number + chance.uniform(0, 0.1) if early else chance.uniform(0, 0.8)
        acknowledged += _write_and_kill(path, number * 100_000, seconds, wait=not early)
    assert len(acknowledged) > ROUNDS // 2, "the later writers were not killed at work"
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        attempts = dict(plain.execute("SELECT exercise, report FROM attempts"))
        hints = {row[0] for row in plain.execute("SELECT exercise FROM hints")}
    for number in acknowledged:
        assert {f"left {number}", f"right {number}"} <= attempts.keys()
        assert f"left {number}" in hints
    for name, text in attempts.items():
        side, number = name.split()
        assert json.loads(text)["exercises"][0]["id"] == name
        assert f"{'right' if side == 'left' else 'left'} {number}" in attempts, "half of a report was recorded"


def _write_and_kill(path: Path, first: int, seconds: float, *, wait: bool) -> list[int]:
    """The numbers that the writer acknowledged before SIGKILL. `wait`: the seconds run from the first of them."""
    command = [sys.executable, "-c", WRITER, str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        begun = writer.stdout.readline() if wait else ""
        time.sleep(seconds)
        stopped = writer.poll() is not None
        writer.kill()
        # Not by communicate(), which would miss what readline() had read ahead.
        said, complaint = begun + writer.stdout.read(), writer.stderr.read()
    assert not stopped, complaint
    return [int(line) for line in said.split("\n")[:-1]]
