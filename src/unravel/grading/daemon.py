"""The warm server: one per user, started on demand, ends when idle. Everything works without it, only slower.

It speaks JSON lines over a private Unix socket. A request is one line; the answer is a line for each event, the last
of them `{"event": "done"}` or `{"event": "fault", "fault": ...}`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from unravel.errors import UnravelError

IDLE_SECONDS = 1800.0
MAX_REQUEST = 32 << 20
START_SECONDS = 10.0
DRAIN_SECONDS = 60.0


class Server:
    """Listens, grades one request at a time, and counts the seconds without one."""

    def __init__(self, path: Path, root: Path, idle: float):
        self._path = path
        self._idle = idle
        self._root = root
        self._grading = threading.Lock()
        self._last = time.monotonic()
        self._counting = threading.Lock()
        self._busy = 0
        self._stop = threading.Event()
        self._service: Any = None

    def run(self) -> None:
        """Serves until idle or told to stop. Returns at once when another server holds the socket."""
        with open(f"{self._path}.lock", "w") as lock:
            if not self._hold(lock):
                return
            self._path.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(os.fspath(self._path))
                os.chmod(self._path, 0o600)
                listener.listen(64)
                threading.Thread(target=self._warm_up, daemon=True).start()
                self._accept(listener)
                self._end(listener)

    def _hold(self, lock: IO[str]) -> bool:
        """Takes the lock; waits for a server that is about to end, which has no socket any more."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if self._path.exists() or time.monotonic() > end:
                    return False
                time.sleep(0.02)

    def _warm_up(self) -> None:
        with self._grading, contextlib.suppress(UnravelError):
            self._get_service().engine().prepare()
            import unravel.workspace.engine
            import unravel.workspace.models  # noqa: F401  (0.5 s that the first verdict need not wait for)

    def _get_service(self) -> Any:
        if self._service is None:
            from unravel.grading.service import Service

            self._service = Service(self._root)
        return self._service

    def _accept(self, listener: socket.socket) -> None:
        listener.settimeout(0.5)
        while not self._stop.is_set():
            if not self._busy and time.monotonic() - self._last > self._idle:
                break
            with contextlib.suppress(TimeoutError):
                self._welcome(listener)

    def _welcome(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._count(1)
        threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _end(self, listener: socket.socket) -> None:
        """Takes no more clients, and answers those who came before."""
        self._path.unlink(missing_ok=True)
        listener.settimeout(0)
        with contextlib.suppress(OSError):
            while True:
                self._welcome(listener)
        end = time.monotonic() + DRAIN_SECONDS
        while self._busy and time.monotonic() < end:
            time.sleep(0.02)
        if self._service is not None:
            self._service.close()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                if _is_mine(connection):
                    self._answer(connection)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self._busy += more
            self._last = time.monotonic()

    def _answer(self, connection: socket.socket) -> None:
        def emit(event: dict[str, Any]) -> None:
            connection.sendall(json.dumps(event).encode() + b"\n")

        connection.settimeout(60)
        try:
            request = json.loads(_line(connection))
            self._dispatch(request, emit)
            emit({"event": "done"})
        except UnravelError as fault:
            emit({"event": "fault", "fault": str(fault)})
        except OSError:
            raise
        except Exception as fault:  # the server outlives its own mistakes, and says what happened
            emit(
                {
                    "event": "fault",
                    "fault": f"The grader failed ({type(fault).__name__}: {fault}). Please report it.",
                }
            )

    def _dispatch(self, request: dict[str, Any], emit: Any) -> None:
        operation = request.pop("op", "")
        if operation == "status":
            emit({"event": "status", "pid": os.getpid(), "root": str(self._root), "busy": self._busy - 1})
        elif operation == "stop":
            self._stop.set()
        elif operation == "prepare":
            with self._grading:
                engine = self._get_service().engine()
                engine.prepare(engine.course.lesson(str(request["lesson"])))
        elif operation == "check":
            from unravel.grading.service import Request

            units = tuple((str(label), str(source)) for label, source in request.pop("units", ()))
            with self._grading:
                self._get_service().check(Request(**request, units=units), emit)
        else:
            raise UnravelError(f"The server doesn't know the request {operation!r}.", fix="Run `unravel daemon stop`.")


def _is_mine(connection: socket.socket) -> bool:
    """Whether the other end belongs to this user. The socket's mode says so already; where the system tells, ask."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", data)[1] == os.getuid())


def _line(connection: socket.socket) -> bytes:
    data = bytearray()
    while not data.endswith(b"\n"):
        part = connection.recv(1 << 16)
        if not part or len(data) > MAX_REQUEST:
            raise UnravelError("The request is cut off or too large.", fix="Check again.")
        data += part
    return bytes(data)


def start() -> None:
    """`unravel daemon start`."""
    from unravel.grading.client import connect

    connection = connect(start=True)
    if connection is None:
        raise UnravelError("The warm server can't be started here.", fix="Checks work without it, only slower.")
    connection.close()
    print("The warm server is running.")


def stop() -> None:
    """`unravel daemon stop`."""
    from unravel.grading.client import connect

    told, end = _tell("stop"), time.monotonic() + START_SECONDS
    while told is not None and time.monotonic() < end and (connection := connect(start=False)) is not None:
        connection.close()
        time.sleep(0.02)
    print("The warm server has ended." if told is not None else "There is no warm server.")


def status() -> None:
    """`unravel daemon status`."""
    found = _tell("status")
    if found is None:
        print("There is no warm server. The next check starts one.")
    else:
        print(f"The warm server runs as process {found['pid']}, for the course at {found['root']}.")


def _tell(operation: str) -> dict[str, Any] | None:
    """The first event of the server's answer, or {} when it has none; None without a server."""
    from unravel.grading.client import connect

    connection = connect(start=False)
    if connection is None:
        return None
    with connection, connection.makefile("rb") as lines:
        connection.sendall(json.dumps({"op": operation}).encode() + b"\n")
        first = lines.readline()
    found = json.loads(first) if first else {}
    return found if isinstance(found, dict) else {}


def main() -> None:
    """`python -m unravel.grading.daemon SOCKET ROOT`."""
    path, root = Path(sys.argv[1]), Path(sys.argv[2])
    idle = float(os.environ.get("UNRAVEL_DAEMON_IDLE", IDLE_SECONDS))
    Server(path, root, idle).run()


if __name__ == "__main__":
    main()
