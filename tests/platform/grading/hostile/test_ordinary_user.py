"""The same battery as an ordinary user, when the tests are run by root: another user's rights are another sandbox."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
NOBODY = 65534
SECONDS = 400


def closed_above(place: Path) -> Path | None:
    """The topmost folder on the way to `place` that a stranger can't enter; None when the way is free."""
    return next((folder for folder in [*reversed(place.parents), place] if not folder.stat().st_mode & 0o001), None)


def opened(places: list[Path]) -> str:
    """Shell lines that let everybody read `places`: each closed folder is covered by an empty one that holds them.

    To be run in a mount namespace of its own, so that nothing changes for anybody else.
    """
    lines, closed = ["set -e", "hold=$(mktemp -d)", "mount -t tmpfs tmpfs $hold"], dict[Path, list[Path]]()
    for place in places:
        above = closed_above(place)
        if above is not None:
            closed.setdefault(above, []).append(place)
    for above, inside in closed.items():
        for number, place in enumerate(inside):
            lines += [f"mkdir $hold/{number}", f"mount --bind {shlex.quote(str(place))} $hold/{number}"]
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(above))}")
        for number, place in enumerate(inside):
            where = shlex.quote(str(place))
            lines += [f"mkdir -p {where}", f"mount --bind $hold/{number} {where}", f"mount -o remount,ro,bind {where}"]
    return "\n".join(lines)


def as_nobody(command: list[str]) -> list[str]:
    """`command`, run by nobody, with the interpreter and the checkout readable."""
    places = list(dict.fromkeys(Path(place).resolve() for place in (sys.base_prefix, sys.prefix, ROOT)))
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    script = f"{opened(places)}\nexec {shlex.join([*drop, *command])}"
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run(command: list[str], home: Path, seconds: int, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), **more}
    where = {"env": environment, "cwd": "/", "capture_output": True, "text": True}
    return subprocess.run(as_nobody(command), timeout=seconds, check=False, **where)  # type: ignore[call-overload,no-any-return]


def battery(home: Path, selection: str, tiers: str) -> None:
    """Runs the battery and the tests of the sandbox as nobody; skips, with the reason, where that can't be."""
    if os.geteuid() != 0:
        pytest.skip("these tests are run by an ordinary user already")
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("unshare and setpriv (util-linux) are needed to become an ordinary user")
    trial = run([sys.executable, "-c", "import unravel, torch"], home, 100)
    if trial.returncode != 0:
        pytest.skip(f"this system can't run the interpreter as an ordinary user: {trial.stderr[-500:]}")
    tests = [str(Path(__file__).parent / "test_hostile.py"), str(Path(__file__).parents[1] / "test_sandbox.py")]
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(ROOT),
        "-m",
        selection,
    ]
    found = run([*command, *tests], home, SECONDS, UNRAVEL_HOSTILE_TIERS=tiers)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    assert " passed" in found.stdout


@pytest.mark.timeout(SECONDS)
def test_the_walls_hold_for_nobody(home: Path) -> None:
    battery(home, "not slow", "full")


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_everything_holds_for_nobody(home: Path) -> None:
    battery(home, "slow or not slow", "full partial")
