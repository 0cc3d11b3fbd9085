"""Timing for the benchmarks: medians, and a table that shows each number beside its limit."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measured number, its unit, and the limit that it must keep: `at_most`, or at least when that is False."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_most: bool = True

    @property
    def kept(self) -> bool:
        if self.limit is None:
            return True
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def median_of(count: int, action: Callable[[], float | None]) -> float:
    """The median of `count` runs: of what `action` returns, or of the seconds it took when it returns None."""
    return statistics.median(_once(action) for _ in range(count))


def _once(action: Callable[[], float | None]) -> float:
    started = time.perf_counter()
    value = action()
    return time.perf_counter() - started if value is None else value


def shell(command: Sequence[str], **options: object) -> str:
    """Runs a command; its output. A failing command ends the benchmark with what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return str(done.stdout)


def show(rows: Sequence[Row]) -> int:
    """Prints the rows; 1 when a limit is not kept, else 0."""
    for row in rows:
        sign = "" if row.limit is None else f"  (limit: {'at most' if row.at_most else 'at least'} {row.limit:g})"
        print(f"{row.name:<62} {row.value:>9.3f} {row.unit:<3}{sign}{'' if row.kept else '  NOT KEPT'}")
    return 0 if all(row.kept for row in rows) else 1
