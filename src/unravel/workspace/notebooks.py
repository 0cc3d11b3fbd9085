"""The same as `pieces`, for the cells of a learner's notebook. Outputs and metadata stay as they are."""

from __future__ import annotations

import json
from typing import Any

from unravel.workspace.pieces import find_piece, replace_piece, where_to_write


def replace_in_notebook(text: str, name: str, stub: str) -> str:
    """The notebook with the definition of `name` replaced by `stub`; a cell is added when no cell has one.

    Raises ValueError when the text is not a notebook.
    """
    book, cells = _read(text)
    owner = _owner(cells, name)
    if owner is not None:
        _set_source(owner, replace_piece(_source(owner), name, stub))
    elif not any(stub.strip() in _source(cell) for cell in cells):
        made: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        if (book.get("nbformat"), book.get("nbformat_minor")) >= (4, 5):
            made["id"] = f"reset-{name}"[:64]
        _set_source(made, stub)
        book["cells"].append(made)
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def cell_to_write(text: str, name: str) -> int | None:
    """The number (from 1, over all cells) of the cell where the work on `name` goes on."""
    book, _ = _read(text)
    for number, cell in enumerate(book["cells"], 1):
        if cell.get("cell_type") == "code" and where_to_write(_source(cell), name) is not None:
            return number
    return None


def _read(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    book = json.loads(text)
    if not isinstance(book, dict) or not isinstance(book.get("cells"), list):
        raise ValueError("it is not a notebook")
    return book, [cell for cell in book["cells"] if cell.get("cell_type") == "code"]


def _owner(cells: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The last cell that defines `name`: the one that counts when the notebook is run from top to bottom."""
    return next((cell for cell in reversed(cells) if _has(cell, name)), None)


def _has(cell: dict[str, Any], name: str) -> bool:
    try:
        return find_piece(_source(cell), name) is not None
    except SyntaxError:
        return False


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _set_source(cell: dict[str, Any], source: str) -> None:
    cell["source"] = source.rstrip("\n").splitlines(keepends=True)
