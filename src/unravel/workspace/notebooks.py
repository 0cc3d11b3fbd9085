"""The same as `pieces`, for the cells of a learner's notebook. Outputs and metadata stay as they are."""

from __future__ import annotations

import json
from typing import Any

from unravel.workspace.pieces import find_piece, replace_piece


def replace_in_notebook(text: str, name: str, stub: str) -> str:
    """The notebook with the definition of `name` replaced by `stub`; a cell is added when no cell has one.

    Raises ValueError when the text is not a notebook.
    """
    book, cells = _read(text)
    cell = _owner(cells, name)
    if cell is None:
        cell = _new_cell(name, (book.get("nbformat", 4), book.get("nbformat_minor", 0)) >= (4, 5))
        book["cells"].append(cell)
    try:
        source = replace_piece(_source(cell), name, stub)
    except SyntaxError:  # an exercise's cell holds nothing else that would be lost
        source = stub
    cell["source"] = source.rstrip("\n").splitlines(keepends=True)
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def cell_to_write(text: str, name: str) -> int | None:
    """The number (from 1, over all cells) of the cell where the work on `name` goes on."""
    book, cells = _read(text)
    owner = _owner(cells, name)
    return None if owner is None else 1 + next(i for i, cell in enumerate(book["cells"]) if cell is owner)


def _read(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    book = json.loads(text)
    if not isinstance(book, dict) or not isinstance(book.get("cells"), list):
        raise ValueError("it is not a notebook")
    return book, [cell for cell in book["cells"] if cell.get("cell_type") == "code"]


def _owner(cells: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The cell that was delivered for `name`, else the last one that defines it: there that one counts."""
    marked = (cell for cell in cells if _mark(cell).get("kind") == "exercise" and _mark(cell).get("exercise") == name)
    return next(marked, None) or next((cell for cell in reversed(cells) if _has(cell, name)), None)


def _mark(cell: dict[str, Any]) -> dict[str, Any]:
    mark = cell.get("metadata", {}).get("unravel")
    return mark if isinstance(mark, dict) else {}


def _new_cell(name: str, with_id: bool) -> dict[str, Any]:
    """A cell marked as the exercise's, which is how the grader finds it."""
    mark = {"unravel": {"exercise": name, "kind": "exercise"}}
    made: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": mark, "outputs": []}
    return {**made, "id": f"exercise-{name}"[:64]} if with_id else made


def _has(cell: dict[str, Any], name: str) -> bool:
    try:
        return find_piece(_source(cell), name) is not None
    except SyntaxError:
        return False


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
