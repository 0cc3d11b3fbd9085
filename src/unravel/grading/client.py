"""Asks for a check: of the warm server when there is one or one can be started, else in this process.

Imports nothing heavy: with a warm server this is the whole of what `unravel check` loads.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unravel.errors import UnravelError
from unravel.grading.report import Report, Status
from unravel.paths import content_root

START_SECONDS = 10.0
Event = dict[str, Any]


def events(request: Event) -> Iterator[Event]:
    """The events of one check, as they come; the last of each submission is its report. Raises `UnravelError`."""
    connection = connect(start=True) if os.environ.get("UNRAVEL_DAEMON", "1") != "0" else None
    if connection is None:
        yield from _here(request)
        return
    with connection:
        yield from _ask(connection, {"op": "check", **request})


def check(request: Event, on_event: Callable[[Event], None] = lambda event: None) -> list[Report]:
    """The reports of one check, with `on_event` called as it goes."""
    reports = []
    for event in events(request):
        on_event(event)
        if event["event"] == "report":
            reports.append(Report.from_json(event["report"]))
    return reports


def prepare(lesson: str) -> None:
    """Lets the warm server load what the checks of a lesson need, ahead of the first. Comes back when it has.

    Where that fails, nothing is lost: the first check does it, and says what is wrong.
    """
    with contextlib.suppress(UnravelError, OSError):
        connection = connect(start=True)
        if connection is not None:
            with connection:
                list(_ask(connection, {"op": "prepare", "lesson": lesson}))


def connect(*, start: bool) -> socket.socket | None:
    """A connection to the warm server, started if need be; None where there can be none."""
    if not hasattr(socket, "AF_UNIX") or not hasattr(os, "getuid"):
        return None
    from unravel.grading.sockets import socket_path

    try:
        path = socket_path(content_root())
    except (UnravelError, OSError):
        return None
    found = _try(path)
    if found is not None or not start:
        return found
    return _launch(path)


def _try(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(os.fspath(path))
    except OSError:
        connection.close()
        return None
    return connection


def _end_outdated(path: Path) -> None:
    """Asks servers that run older code to end: nobody will call them again."""
    from unravel.grading.sockets import outdated

    for other in outdated(path):
        connection = _try(other)
        if connection is not None:
            with connection, contextlib.suppress(OSError):
                connection.sendall(b'{"op": "stop"}\n')


def _launch(path: Path) -> socket.socket | None:
    _end_outdated(path)
    _tell_start()
    command = [sys.executable, "-m", "unravel.grading.daemon", str(path), str(content_root())]
    try:
        log = open(path.with_suffix(".log"), "wb")  # noqa: SIM115  (handed to the process)
        with log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
    except OSError:
        return None
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        found = _try(path)
        if found is not None:
            return found
        if process.poll() not in (None, 0):
            return None
        time.sleep(0.02)
    return None


def _tell_start() -> None:
    """Says what the seconds until the first report go into, where somebody waits for it."""
    if sys.stderr.isatty():
        print("Starting the grader ...", file=sys.stderr)


def _ask(connection: socket.socket, request: Event) -> Iterator[Event]:
    try:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                event = json.loads(line)
                if event["event"] == "fault":
                    raise UnravelError(event["fault"])
                if event["event"] == "done":
                    return
                yield event
    except (OSError, ValueError) as fault:
        raise UnravelError(f"The warm server hung up ({fault}).", fix="Check again; a new one starts.") from None
    raise UnravelError("The warm server ended before it answered.", fix="Check again; a new one starts by itself.")


def _here(request: Event) -> Iterator[Event]:
    """The same, in this process."""
    from unravel.grading.service import Request, Service

    _tell_start()
    found: list[Event] = []
    service = Service(content_root())
    try:
        service.check(Request(**request), found.append)
    finally:
        service.close()
    yield from found


def run_check(name: str | None, file: Path | None, seed: int | None, json: bool, debug: bool) -> int:
    """`unravel check`: prints the reports and returns 0 when all passed, else 1."""
    if name is not None and file is None:
        name, file = name_or_file(name)
    request: Event = {"cwd": os.getcwd(), "name": name, "file": str(file) if file else None, "seed": seed}
    request["workspace"] = os.environ.get("UNRAVEL_WORKSPACE")
    if debug:
        from unravel.grading.debug import run_debug

        return run_debug(request)
    reports = check(request)
    for report in reports:
        _print(report, json)
    return 0 if all(result.status is Status.PASSED for report in reports for result in report.exercises) else 1


def name_or_file(word: str) -> tuple[str | None, Path | None]:
    """A name as it is; a path, as `unravel next` prints it (`ch00_tiny/basics.py:12`), as a file.

    A file's bare name stands for its lesson, wherever the command is given.
    """
    path = Path(re.sub(r":\d+$", "", word))
    if path.suffix not in (".py", ".ipynb"):
        return word, None
    if path.is_file():
        return None, path
    from unravel.workspace.workspace import Workspace

    with contextlib.suppress(UnravelError):
        inside = Workspace.find().path / path
        if inside.is_file():
            return None, inside
    return (path.stem, None) if path.parent == Path() else (None, path)


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
        return
    from unravel.grading.render import render_report

    print(render_report(report, color=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
