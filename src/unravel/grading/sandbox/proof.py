"""The proof that a tier holds here: run inside a trial child, before any learner's code gets one."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import unravel


def prove(sock: socket.socket) -> None:
    """Tries what must fail, and sends the list of what did not."""
    secret = str(Path(unravel.__path__[0]) / "__init__.py")
    must_fail: dict[str, Callable[[], object]] = {
        "open a network socket": socket.socket,
        "start a process": os.fork,
        "signal the parent process": lambda: os.kill(os.getppid() or 1, 0),
        "read the course's own files": lambda: os.open(secret, os.O_RDONLY),
        "read /etc/passwd": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "list /proc": lambda: os.listdir("/proc"),
        "write a file": lambda: os.open("/tmp/unravel-proof", os.O_WRONLY | os.O_CREAT, 0o600),
    }
    held = [what for what, attempt in must_fail.items() if not _refused(attempt)]
    sock.sendall(json.dumps(held).encode() + b"\n")


def linger(sock: socket.socket) -> None:
    """Echoes until the other side hangs up: a child that lives and does nothing else, for trials of life and death."""
    while data := sock.recv(4096):
        sock.sendall(data)


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False
