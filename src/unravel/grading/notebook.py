"""`from unravel import check` in a notebook: checks what the kernel has run so far, and shows the report there."""

from __future__ import annotations

import ast
import os
from typing import Any

from unravel.errors import UnravelError
from unravel.grading.client import check as ask
from unravel.grading.loading import RAN
from unravel.grading.magics import without_magics
from unravel.grading.report import Report

# What defines something, and the stub of a constant. Expressions, loops and plots are left out: no check needs them.
_KEEP = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.Raise,
)


def check(name: str, *, seed: int | None = None) -> None:
    """Checks an exercise, lesson or chapter as `unravel check` does. In a notebook the code is what its cells ran."""
    shell = _shell()
    units = _units(shell.history_manager.input_hist_raw) if shell is not None else []
    request: dict[str, Any] = {"cwd": os.getcwd(), "name": name, "seed": seed, "units": units}
    request["workspace"] = os.environ.get("UNRAVEL_WORKSPACE")
    try:
        reports = ask(request)
    except UnravelError as fault:
        print(fault)
        return
    for report in reports:
        _show(report, shell is not None)


def _shell() -> Any:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _units(cells: list[str]) -> list[tuple[str, str]]:
    """The definitions of each cell that was run, in order. Later ones replace earlier ones, as in the kernel."""
    kept = [(f"{RAN} [{number}]", _definitions(text)) for number, text in enumerate(cells) if text.strip()]
    return [(label, text) for label, text in kept if text.strip()]


def _definitions(text: str) -> str:
    """The cell with all but its definitions blanked, so that line numbers stay."""
    lines = without_magics(text).split("\n")
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    keep: set[int] = set()
    for node in tree.body:
        if isinstance(node, _KEEP):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            keep.update(range(first, (node.end_lineno or node.lineno) + 1))
    return "\n".join(line if number in keep else "" for number, line in enumerate(lines, 1))


def _show(report: Report, rich: bool) -> None:
    from unravel.grading.render import render_html, render_report

    if not rich:
        print(render_report(report, color=False))
        return
    from IPython.display import HTML, display

    display(HTML(render_html(report)))  # type: ignore[no-untyped-call]
