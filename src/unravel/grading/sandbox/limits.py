"""What a child may use: memory, processor time, files. Enforced by the kernel, on every Unix."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

_MB = 1 << 20
_STACK = 8 * _MB
_THREADS = 64
_SLACK = 512


@dataclass(frozen=True)
class Limits:
    """The limits of one child. `memory_mb` counts from the size of the zygote, which the child shares."""

    memory_mb: int = 2048
    cpu_seconds: int = 30
    file_mb: int = 0
    open_files: int = 64


def address_space() -> int:
    """Bytes of address space of this process; 0 where the system doesn't tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return 0


def apply(limits: Limits, *, threads: int = 0) -> None:
    """Sets the limits on this process, soft and hard, so that it can't raise them. `threads`: 0 for no limit."""
    wanted = {
        "RLIMIT_AS": address_space() + limits.memory_mb * _MB,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_FSIZE": limits.file_mb * _MB,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_STACK": _STACK,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NICE": 0,
        "RLIMIT_RTPRIO": 0,
    }
    if threads:
        wanted["RLIMIT_NPROC"] = threads
    for name, value in wanted.items():
        if hasattr(resource, name):
            _lower(getattr(resource, name), value)


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def thread_limit(own_namespace: bool) -> int:
    """How many threads RLIMIT_NPROC should allow. It counts per user: in a user namespace only this child's own.

    Outside of one it counts everything that the user runs, so that the limit must leave room for all of it; 0 where
    the system doesn't tell. It never binds the real root user.
    """
    if own_namespace:
        return _THREADS
    try:
        return _running_threads() + _SLACK
    except OSError:
        return 0


def _running_threads() -> int:
    mine, total = os.getuid(), 0
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdigit():
                continue
            try:
                if entry.stat().st_uid == mine:
                    total += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:  # it ended meanwhile
                continue
    return total
