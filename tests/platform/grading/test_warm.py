"""The zygote and its children: born fast, small, killed for sure, gone when the grader is."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sandbox_kit import Inside, start

from unravel.errors import UnravelError
from unravel.grading import warmth
from unravel.grading.sandbox.readable import carve
from unravel.grading.warm import Exit, Limits, Process, Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

LIGHT: dict[str, Any] = {
    "preload": (),
    "target": "unravel.grading.sandbox.proof:linger",
}  # without torch it is warm in a second
ONE = "def probe():\n    return 1\n"


def gone(*pids: int, seconds: float = 5.0) -> bool:
    """Whether all these processes end in time. A zombie has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def answers(process: Process) -> bool:
    """Whether a light child lives."""
    process.sock.settimeout(5)
    process.sock.sendall(b"hello")
    return process.sock.recv(5) == b"hello"


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_children_are_born_fast_and_small(warm: Warm) -> None:
    times, sizes = [], []
    for _ in range(20):
        time.sleep(0.05)  # as between two submissions; the spare is forked meanwhile
        begin = time.perf_counter()
        process = warm.spawn()
        Inside(process).run(ONE)
        times.append(time.perf_counter() - begin)
        sizes.append(process.memory_mb())
        process.kill()
    assert statistics.median(times) < 0.06  # about 5 ms on an idle machine; this one may be busy
    assert 0 < statistics.median(sizes) < 30


def test_memory_is_seen_as_it_grows(inside: Inside) -> None:
    code = "import torch\nkept = []\ndef probe():\n    kept.append(torch.ones(100 * 2**18))\n    return 1\n"
    before = inside.process.memory_mb()
    inside.run(code)
    assert 90 < inside.process.memory_mb() - before < 160
    inside.process.kill()
    assert inside.process.memory_mb() == 0.0


@pytest.mark.parametrize(
    "code", ["bytearray(2 << 30)", "torch.ones(2 << 28)", "[0] * (1 << 28)", "mmap.mmap(-1, 2 << 30)"]
)
def test_memory_beyond_the_limit_is_refused(inside: Inside, code: str) -> None:
    source = f"""
import mmap, torch
def probe():
    try:
        {code}
    except (MemoryError, RuntimeError, OSError) as fault:
        return "refused"
"""
    assert inside.run(source) == "refused"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("os._exit(0)", Exit(0, None)),
        ("os._exit(7)", Exit(7, None)),
        ("os.abort()", Exit(None, signal.SIGSEGV)),
        ("ctypes.string_at(0)", Exit(None, signal.SIGSEGV)),
    ],
)
def test_the_end_of_a_child_is_told_as_it_was(inside: Inside, code: str, expected: Exit) -> None:
    with pytest.raises((EOFError, OSError)):
        inside.run(f"import os, ctypes\ndef probe():\n    {code}\n")
    assert inside.process.kill() == expected
    assert inside.process.kill() == expected


def test_kill_ends_what_ignores_every_signal(warm: Warm) -> None:
    code = """
import signal, threading
for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
def spin():
    while True:
        pass
for _ in range(4):
    threading.Thread(target=spin).start()
def probe():
    spin()
"""
    process = warm.spawn()
    with pytest.raises(TimeoutError):
        Inside(process).run(code, seconds=1.0)
    begin = time.monotonic()
    assert process.kill() == Exit(None, signal.SIGKILL)
    assert time.monotonic() - begin < 2.0
    assert gone(process.pid, seconds=0.5)


def test_processor_time_is_limited(warm: Warm) -> None:
    process = warm.spawn(Limits(cpu_seconds=1))
    with pytest.raises((EOFError, OSError)):
        Inside(process).run("def probe():\n    while True: pass\n", seconds=20.0)
    assert process.kill() == Exit(None, signal.SIGKILL, oom=False, cpu=True)


def test_threads_are_bounded(inside: Inside) -> None:
    code = """
import threading
threading.stack_size(32768)
def probe():
    stop, count = threading.Event(), 0
    try:
        for count in range(20000):
            threading.Thread(target=stop.wait, daemon=True).start()
    except RuntimeError:
        return count
    finally:
        stop.set()
    return count
"""
    if os.geteuid() == 0:
        pytest.skip("the limit on processes doesn't bind root; time and memory do")
    assert inside.run(code) < 2000


def test_children_do_not_meet(warm: Warm) -> None:
    first, second = warm.spawn(), warm.spawn()
    assert Inside(first).run("kept = 'mine'\ndef probe():\n    return kept\n") == "mine"
    assert Inside(second).run("def probe():\n    return 'kept' in globals()\n") is False
    first.kill()
    assert Inside(second).run(ONE) == 1
    second.kill()


def test_many_threads_of_the_grader_may_spawn(warm: Warm) -> None:
    found: list[int] = []

    def work() -> None:
        for _ in range(3):
            process = warm.spawn()
            found.append(Inside(process).run(ONE))
            process.kill()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [1] * 12


def test_no_process_and_no_descriptor_is_left() -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    before, files = family(), open_files()
    warm = start("auto", **LIGHT)
    for _ in range(5):
        process = warm.spawn()
        assert answers(process)
        process.kill()
    left = warm.spawn()
    during = family() - before
    assert left.pid in during
    warm.close()
    warm.close()
    assert gone(*during)
    assert not warm.alive()
    assert left.kill() == Exit(None, signal.SIGKILL)
    assert open_files() == files


@pytest.fixture
def own() -> Iterator[Warm]:
    warm = start("auto", **LIGHT)
    yield warm
    warm.close()


def test_a_killed_zygote_takes_its_children_and_is_replaced(own: Warm) -> None:
    process = own.spawn()
    before = family()
    zygote = _zygote_of(process.pid)
    os.kill(zygote, signal.SIGKILL)
    assert gone(process.pid)
    assert process.kill() == Exit(None, signal.SIGKILL)
    again = own.spawn()
    assert answers(again)
    again.kill()
    assert gone(*(before - family()))


def test_a_zygote_that_hangs_is_replaced_within_ten_seconds(own: Warm) -> None:
    process = own.spawn()
    os.kill(_zygote_of(process.pid), signal.SIGSTOP)
    begin = time.monotonic()
    again = own.spawn()
    assert time.monotonic() - begin < 15
    assert answers(again)
    assert gone(process.pid)
    assert process.kill().signal == signal.SIGKILL


def _zygote_of(pid: int) -> int:
    parent = psutil.Process(pid).parent()
    assert parent is not None
    return parent.pid


def test_a_zygote_outlives_the_thread_that_started_it() -> None:
    warm = Warm(**LIGHT)
    thread = threading.Thread(target=warm.start)
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert answers(warm.spawn())
    warm.close()


GRADER = """
import sys, time
from unravel.grading.warm import Warm
warm = Warm(preload=(), target="unravel.grading.sandbox.proof:linger", isolation=sys.argv[1])
warm.start()
print(warm.spawn().pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("tier", ["full", "partial"])
def test_everything_dies_with_a_grader_that_is_killed(tier: str) -> None:
    start(tier, **LIGHT).close()
    with subprocess.Popen([sys.executable, "-c", GRADER, tier], stdout=subprocess.PIPE, text=True) as grader:
        assert grader.stdout is not None
        child = int(grader.stdout.readline())
        everyone = {process.pid for process in psutil.Process(grader.pid).children(recursive=True)}
        assert child in everyone
        grader.kill()
    assert gone(*everyone)


def open_files(pid: int) -> list[str]:
    """What a process has open. It goes on running: one that it closes meanwhile is none."""
    held = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            held.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return held


def test_the_zygote_holds_nothing_of_the_grader(own: Warm, tmp_path: Path) -> None:
    process = own.spawn()
    zygote = psutil.Process(_zygote_of(process.pid))
    (tmp_path / "open.txt").write_text("x")
    with open(tmp_path / "open.txt"), socket.socket(socket.AF_UNIX) as listener:
        assert zygote.environ()["HF_HUB_OFFLINE"] == "1"
        assert not {"UNRAVEL_TEST_SECRET", "PYTHONPATH", "UNRAVEL_WORKSPACE"} & set(zygote.environ())
        held = open_files(zygote.pid)
        assert listener.fileno() >= 0
    assert [name for name in held if "open.txt" in name or name.endswith((".db", ".py"))] == []
    assert zygote.num_threads() == 1


def test_an_impossible_target_is_told() -> None:
    warm = Warm(preload=(), target="unravel.grading.nowhere:serve")
    with pytest.raises(UnravelError, match="nowhere"):
        warm.start()
    assert not warm.alive()


def test_an_unknown_isolation_is_told() -> None:
    with pytest.raises(UnravelError, match="'strong'"):
        Warm(isolation="strong")


def test_without_fork_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(UnravelError, match="fork"):
        Warm()


def test_a_zygote_with_threads_does_not_fork() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="a-stranger")
    thread.start()
    try:
        with pytest.raises(OSError, match="a-stranger"):
            warmth.stop_threads()
    finally:
        stop.set()
        thread.join()


def test_carving_leaves_out_holes_and_what_leads_out(tmp_path: Path) -> None:
    root = (tmp_path / "packages").resolve()
    for name in ("torch/lib", "unravel/_content/tests", "other"):
        (root / name).mkdir(parents=True)
    (root / "torch/lib/x.so").touch()
    (root / "unravel/__init__.py").touch()
    (root / "unravel-1.dist-info").mkdir()
    (root / "leads_out").symlink_to(tmp_path)
    holes = frozenset({root / "unravel", root / "unravel-1.dist-info"})
    assert set(carve(root, holes)) == {root / "torch", root / "other"}
    assert set(carve(root / "torch", holes)) == {root / "torch"}
    assert set(carve(root / "unravel" / "_content", holes)) == set()


def test_tier_none_limits_and_kills_with_all_that_is_left() -> None:
    warm = start("none", preload=())
    code = """
import os, time
def probe():
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    return os.getpid()
"""
    try:
        before = family()
        process = warm.spawn(Limits(cpu_seconds=5))
        assert Inside(process).run(code) == process.pid
        strays = family() - before
        assert len(strays) >= 2
        process.kill()
        Inside(warm.spawn()).run(ONE)
        assert gone(process.pid)
    finally:
        warm.close()
    assert gone(*strays)


@pytest.mark.slow
def test_a_heavy_library_may_be_preloaded() -> None:
    warm = start("auto", preload=("torch", "transformer_lens"))
    code = """
import torch
from transformer_lens import HookedRootModule

def probe():
    return torch.softmax(torch.randn(4, 4), -1).sum().item() > 3.9
"""
    try:
        process = warm.spawn()
        assert Inside(process).run(code) is True
        assert process.memory_mb() < 60
    finally:
        warm.close()
