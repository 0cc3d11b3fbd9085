"""The warm server: started on demand, shared, private, and never missed when it dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unravel.course.load import load_course
from unravel.errors import UnravelError
from unravel.grading import client, daemon
from unravel.grading.report import Report, Status
from unravel.grading.sockets import runtime_folder, socket_path
from unravel.workspace.workspace import Workspace

TINY = Path(__file__).parents[1] / "tiny_course"


class Place:
    """A course, a workspace and a runtime folder of their own."""

    def __init__(self, base: Path):
        self.runtime = base / "run"
        self.runtime.mkdir()
        ignore = shutil.ignore_patterns("__pycache__", "conftest.py")
        self.course = Path(shutil.copytree(TINY, base / "course", ignore=ignore))
        self.workspace = Workspace.create(base / "work", load_course(self.course))
        self.file = base / "work/ch00_tiny/basics.py"
        shutil.copy(self.course / "solutions/ch00_tiny/basics.py", self.file)

    def check(self, name: str = "double", **more: Any) -> Report:
        (report,) = client.check({"cwd": os.fspath(self.workspace.path), "name": name, **more})
        return report

    def pid(self) -> int | None:
        """The process of the server, or None."""
        found = daemon._tell("status")
        return int(found["pid"]) if found else None

    def stop(self) -> None:
        """Ends the server for sure, with its zygote."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not alive(pid))


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def at(base: Path) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        place = Place(base)
        patch.setenv("UNRAVEL_RUNTIME", os.fspath(place.runtime))
        patch.setenv("UNRAVEL_COURSE", os.fspath(place.course))
        patch.setenv("UNRAVEL_CACHE", os.fspath(base / "cache"))
        for name in ("UNRAVEL_DAEMON", "UNRAVEL_WORKSPACE", "UNRAVEL_DAEMON_IDLE"):
            patch.delenv(name, raising=False)
        yield place
        place.stop()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server that most tests share; those that end it leave it to the next check to start another."""
    yield from at(tmp_path_factory.mktemp("d"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Place]:
    """A place of the test's own, without a server."""
    yield from at(tmp_path)


def test_it_starts_on_demand_and_serves_the_next_check_too(place: Place):
    assert place.pid() is None
    assert place.check().exercises[0].status is Status.PASSED
    pid = place.pid()
    assert pid is not None
    begun = time.monotonic()
    assert place.check().exercises[0].status is Status.PASSED
    assert time.monotonic() - begun < 3
    assert place.pid() == pid


def test_it_can_be_told_what_will_be_needed(place: Place):
    client.prepare("basics")
    pid = place.pid()
    assert pid is not None
    client.prepare("no such lesson")  # the first check says so; this is only ahead of it
    assert place.check().exercises[0].status is Status.PASSED
    assert place.pid() == pid


def test_attempts_are_recorded(place: Place):
    before = len(place.workspace.store.attempts("double"))
    place.check()
    assert len(place.workspace.store.attempts("double")) == before + 1


def test_two_clients_at_once_are_both_answered_by_one_server(place: Place):
    reports: list[Report] = []
    names = ("double", "ANSWER", "Scale", "double")
    threads = [threading.Thread(target=lambda name=name: reports.append(place.check(name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(report.exercises[0].id for report in reports) == sorted(names)
    assert {report.exercises[0].status for report in reports} == {Status.PASSED}
    assert len(list(place.runtime.glob("*/*.sock"))) == 1


def test_events_come_while_it_grades(place: Place):
    found = list(client.events({"cwd": os.fspath(place.workspace.path), "name": "basics"}))
    kinds = [event["event"] for event in found]
    assert kinds[0] == "check"
    assert kinds[-1] == "report"
    assert kinds.count("exercise") == 4


def test_code_may_come_with_the_request(place: Place):
    units = [["In [1]", "def double(x): return x + x"]]
    (report,) = client.check({"cwd": "/", "name": "double", "units": units})
    assert report.exercises[0].status is Status.PASSED


def test_the_server_takes_the_course_as_it_is_now(place: Place):
    pid = place.pid()
    path = place.course / "tests/exercises/ch00_tiny/test_basics.py"
    before = path.read_text()
    try:
        path.write_text(before.replace("sum([6] * 7)", "sum([6] * 8)"))
        assert place.check("ANSWER").exercises[0].message == "ANSWER should be 48, not 42."
        path.write_text("def (")
        with pytest.raises(UnravelError, match=r"test_basics\.py:1: Not valid Python"):
            place.check("ANSWER")
    finally:
        path.write_text(before)
    assert place.check("ANSWER").exercises[0].status is Status.PASSED
    assert place.pid() == pid


def test_a_file_that_can_not_be_read_is_reported_and_recorded(place: Place):
    before, attempts = place.file.read_bytes(), len(place.workspace.store.attempts("double"))
    try:
        place.file.write_bytes(b"\xff\xfe")
        report = place.check()
    finally:
        place.file.write_bytes(before)
    assert report.exercises[0].status is Status.ERROR
    assert "UTF-8" in report.exercises[0].message
    assert len(place.workspace.store.attempts("double")) == attempts + 1


def test_what_a_store_could_not_hold_is_recorded_all_the_same(place: Place):
    before, attempts = place.file.read_text(), len(place.workspace.store.attempts("double"))
    try:
        place.file.write_text("def double(x):\n    print('\\ud800')\n    raise ValueError('\\ud800\\x00\\x1b[2J')\n")
        report = place.check()
    finally:
        place.file.write_text(before)
    assert report.exercises[0].status is Status.ERROR
    assert not report.notes
    assert len(place.workspace.store.attempts("double")) == attempts + 1


def test_faults_come_over_as_sentences(place: Place):
    with pytest.raises(UnravelError, match=r"no .* called 'doubel'\. Did you mean double\?"):
        place.check("doubel")
    with pytest.raises(UnravelError, match="in no workspace"):
        client.check({"cwd": "/", "name": "double"})


def raw(data: bytes) -> list[dict[str, Any]]:
    """What the server answers to these bytes."""
    connection = client.connect(start=True)
    assert connection is not None
    with connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b'{"op": "launch missiles"}\n',
        b"{}\n",
        b'{"op": "check"}\n',
        b'{"op": "check", "cwd": 3}\n',
        b'{"op": "check", "cwd": "/", "units": 7}\n',
        b'{"op": "check", "cwd": "/", "name": "double", "surprise": 1}\n',
        b'{"op": "check", "cwd": "/"',
        b"",
    ],
)
def test_a_malformed_request_is_answered_with_a_fault_and_harms_nothing(place: Place, data: bytes):
    answer = raw(data)
    assert [event["event"] for event in answer] == ["fault"]
    assert place.check().exercises[0].status is Status.PASSED


def test_a_client_that_leaves_in_the_middle_harms_nothing(place: Place):
    for _ in range(3):
        connection = client.connect(start=True)
        assert connection is not None
        connection.sendall(
            json.dumps({"op": "check", "cwd": str(place.workspace.path), "name": "basics"}).encode() + b"\n"
        )
        connection.close()
    assert place.check().exercises[0].status is Status.PASSED


def test_the_socket_is_private(place: Place):
    place.check()
    folder = runtime_folder()
    path = socket_path(place.course)
    assert folder.parent == place.runtime
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_is_turned_away(place: Place):
    """Even one for whom the modes of folder and socket were opened."""
    place.check()
    path = socket_path(place.course)
    script = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        's.sendall(b\'{"op": "status"}\\n\'); s.settimeout(5); print(s.recv(100))'
    )
    opened = [path, *path.parents][:-2]
    modes = [item.stat().st_mode for item in opened]
    try:
        for item in opened:
            item.chmod(0o777)
        done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    finally:
        for item, mode in zip(opened, modes, strict=True):
            item.chmod(stat.S_IMODE(mode))
    assert "pid" not in done.stdout
    assert done.stdout == "b''\n" or "Broken pipe" in done.stderr or "reset" in done.stderr, done


@pytest.mark.parametrize("spoil", [lambda folder: folder.chmod(0o755), lambda folder: os.chown(folder, 65534, -1)])
def test_a_folder_that_others_can_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
):
    monkeypatch.setenv("UNRAVEL_RUNTIME", os.fspath(tmp_path))
    folder = runtime_folder()
    try:
        spoil(folder)
    except PermissionError:
        pytest.skip("only root can give a folder away")
    with pytest.raises(UnravelError, match="doesn't belong to you alone"):
        runtime_folder()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNRAVEL_RUNTIME", os.fspath(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"unravel-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnravelError, match="doesn't belong to you alone"):
        runtime_folder()


def test_each_course_has_a_server_of_its_own(place: Place, tmp_path: Path):
    assert socket_path(place.course) != socket_path(tmp_path)
    assert socket_path(place.course) == socket_path(place.course / "chapters" / "..")


def test_a_server_killed_in_the_middle_of_a_check_is_told_and_the_next_check_works(place: Place):
    before = place.file.read_text()
    place.check()
    pid = place.pid()
    assert pid is not None
    assert zygotes_of(pid)
    try:
        place.file.write_text("def double(x):\n    while True: pass\n")
        threading.Timer(1.0, os.kill, (pid, signal.SIGKILL)).start()
        begun = time.monotonic()
        with pytest.raises(UnravelError, match="Check again"):
            place.check()
        assert time.monotonic() - begun < 4
    finally:
        place.file.write_text(before)
    wait_until(lambda: not zygotes_of(pid))
    assert socket_path(place.course).exists(), "what it left behind must not be taken for a server"
    assert place.check().exercises[0].status is Status.PASSED
    assert place.pid() not in (None, pid)


def test_stop_ends_it_but_not_the_check_under_way(place: Place, capsys: pytest.CaptureFixture[str]):
    before = place.file.read_text()
    place.check()
    pid = place.pid()
    assert pid is not None
    reports: list[Report] = []
    try:
        place.file.write_text("import time\ndef double(x):\n    time.sleep(1.5)\n    return 2 * x\n")
        thread = threading.Thread(target=lambda: reports.append(place.check()))
        thread.start()
        time.sleep(0.7)
        daemon.stop()
        assert capsys.readouterr().out == "The warm server has ended.\n"
        assert place.pid() is None
        thread.join(20)
    finally:
        place.file.write_text(before)
    assert reports[0].exercises[0].status is Status.PASSED
    wait_until(lambda: not alive(pid))
    daemon.stop()
    daemon.status()
    assert capsys.readouterr().out.splitlines() == [
        "There is no warm server.",
        "There is no warm server. The next check starts one.",
    ]


def test_it_ends_by_itself_when_nobody_asks(own: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNRAVEL_DAEMON_IDLE", "1")
    daemon.start()
    pid = own.pid()
    assert pid is not None
    assert alive(pid)
    wait_until(lambda: not alive(pid), 20)
    assert not socket_path(own.course).exists()
    assert zygotes_of(pid) == []


def zygotes_of(pid: int) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(b"unravel.grading.zygote" in word for word in words) and f'"grader": {pid}'.encode() in b" ".join(words):
            found.append(entry.parent.name)
    return found


def test_without_the_server_it_works_too(own: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNRAVEL_DAEMON", "0")
    assert own.check().exercises[0].status is Status.PASSED
    assert own.pid() is None
    assert len(own.workspace.store.attempts("double")) == 1


def test_where_no_server_can_be_the_check_runs_here(own: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNRAVEL_RUNTIME", "/nonexistent")
    assert client.connect(start=True) is None
    ran: list[Any] = []
    monkeypatch.setattr(client, "_here", lambda request: ran.append(request) or iter(()))
    assert client.check({"cwd": "/", "name": "double"}) == []
    assert ran == [{"cwd": "/", "name": "double"}]
