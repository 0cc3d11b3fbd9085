"""What nbgrader's own `ClearSolutions` makes of a solution file: the second opinion on every stub."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _preprocessor() -> Any:
    from nbgrader.preprocessors import ClearSolutions

    return ClearSolutions()


def available() -> bool:
    """Whether nbgrader is installed (it comes with the extras `dev` and `nbgrader`)."""
    import importlib.util

    return importlib.util.find_spec("nbgrader") is not None


def clear_solutions(source: str) -> str:
    """The source of a one-cell notebook after `ClearSolutions`, with nbgrader's default settings."""
    from nbformat.v4 import new_code_cell, new_notebook

    cell = new_code_cell(source)  # type: ignore[no-untyped-call]
    cell.metadata["nbgrader"] = {
        "solution": True,
        "grade": False,
        "locked": False,
        "grade_id": "a",
        "schema_version": 3,
    }
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[cell], metadata={"kernelspec": spec})  # type: ignore[no-untyped-call]
    cleared, _ = _preprocessor().preprocess(notebook, {})
    return str(cleared.cells[0].source)
