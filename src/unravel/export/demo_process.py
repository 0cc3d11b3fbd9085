"""The process in which demos run: cells come in on standard input, one line of JSON goes out for each."""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

MAX_TEXT = 20_000


def main() -> None:
    """Runs the cells in one namespace, and stops after the first that fails."""
    if hasattr(os, "nice"):
        os.nice(5)  # the page that shows them, and a check, come first
    results, cells = Path(sys.argv[1]), json.load(sys.stdin)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with results.open("a", encoding="utf-8") as out:
        for number, code in enumerate(cells, 1):
            output = run_cell(code, namespace, f"demo {number}")
            out.write(json.dumps(output) + "\n")
            out.flush()
            if output["error"]:
                return


def run_cell(code: str, namespace: dict[str, Any], name: str) -> dict[str, Any]:
    """Runs one cell as a notebook would: what it prints, and the value of its last expression."""
    printed = io.StringIO()
    value, error = None, ""
    try:
        with redirect_stdout(printed):
            value = _evaluate(code, namespace, name)
    except Exception as fault:
        last = traceback.extract_tb(fault.__traceback__)[-1]
        error = f"{type(fault).__name__}: {fault} ({last.name}, line {last.lineno})"
    figure = _figure(value)
    return {
        "code": code,
        "stdout": printed.getvalue()[:MAX_TEXT],
        "value": "" if value is None or figure is not None else repr(value)[:MAX_TEXT],
        "figures": [] if figure is None else [figure],
        "error": error,
    }


def _evaluate(code: str, namespace: dict[str, Any], name: str) -> Any:
    tree = ast.parse(code, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, name, "exec"), namespace)
        return None
    exec(compile(ast.Module(tree.body[:-1], []), name, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace)


def _figure(value: Any) -> str | None:
    """The value as plotly's JSON, if it is a figure. Plotly is not imported for those who drew nothing."""
    plotly = sys.modules.get("plotly.basedatatypes")
    return str(value.to_json()) if plotly is not None and isinstance(value, plotly.BaseFigure) else None


if __name__ == "__main__":
    main()
