"""Small, safe additions to a Python file that a person wrote: imports, list items, text at the end."""

from __future__ import annotations

import ast
from pathlib import Path

from unravel.errors import ContentError


def append(source: str, text: str) -> str:
    """`text` after the source, whose blank lines at the end are dropped."""
    return source.rstrip("\n") + "\n" + text


def add_imports(source: str, wanted: dict[str, str]) -> str:
    """Adds, below the last import (or the docstring), the lines of the wanted names that the file doesn't have.

    >>> add_imports("import math\\n\\nx = 1\\n", {"math": "import math", "torch": "import torch"})
    'import math\\nimport torch\\n\\nx = 1\\n'
    """
    body = ast.parse(source).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    bound = {alias.asname or alias.name for node in imports for alias in node.names}
    missing = [line for name, line in wanted.items() if name not in bound]
    if not missing:
        return source
    lines = source.split("\n")
    if imports:
        place = imports[-1].end_lineno or 0
        return "\n".join([*lines[:place], *missing, *lines[place:]])
    place = (body[0].end_lineno or 0) if body and _is_docstring(body[0]) else 0
    return "\n".join([*lines[:place], *([""] if place else []), *missing, *lines[place:]])


def add_items(source: str, name: str, items: str, path: Path) -> str:
    """Adds the lines `items` at the end of the top-level list called `name`; makes the list when there is none."""
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            if isinstance(value, ast.List):
                return _into(source, value, items)
            fix = f"Write `{name} = [...]`."
            raise ContentError(f"`{name}` is not a list.", fix=fix, path=path, line=node.lineno)
    return append(source, f"\n{name} = [\n{items}]\n")


def _into(source: str, value: ast.List, items: str) -> str:
    """Before the bracket that ends the list. Columns of the syntax tree count bytes, hence the encoding."""
    lines = source.encode().split(b"\n")
    row, column = (value.end_lineno or 0) - 1, (value.end_col_offset or 0) - 1
    before = b"\n".join([*lines[:row], lines[row][:column]]).decode().rstrip()
    after = b"\n".join([lines[row][column:], *lines[row + 1 :]]).decode()
    if not before.endswith(("[", ",")):
        before += ","
    return f"{before}\n{items}{after}"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
