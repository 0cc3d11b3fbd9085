"""A submission as text: read from a `.py` or `.ipynb` file, bounded, decoded, cut into units. Never run here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unravel.errors import UnravelError
from unravel.grading.loading import Unit
from unravel.grading.magics import without_magics

MAX_FILE = 2 << 20
MAX_NOTEBOOK = 20 << 20
_SKIP = {"demo", "prose", "check"}


@dataclass(frozen=True)
class Source:
    """The learner's code. `name` is what reports call it; `sha256` is of the file's bytes."""

    name: str
    units: tuple[Unit, ...]
    sha256: str

    @staticmethod
    def text(code: str, name: str = "submission.py") -> Source:
        """A submission that is already in memory."""
        data = code.encode("utf-8", "surrogatepass")
        return Source(name, (Unit(name, code),), hashlib.sha256(data).hexdigest())

    @staticmethod
    def read(path: Path | str) -> Source:
        """The submission in a file. Raises `UnravelError` when it is missing, too large, or not what its name says."""
        path = Path(path)
        notebook = path.suffix == ".ipynb"
        data = _bytes(path, MAX_NOTEBOOK if notebook else MAX_FILE)
        units = _cells(data, path) if notebook else (Unit(path.name, _decode(data, path)),)
        return Source(path.name, units, hashlib.sha256(data).hexdigest())


def _bytes(path: Path, limit: int) -> bytes:
    if path.suffix not in (".py", ".ipynb"):
        raise UnravelError("This is neither a .py nor an .ipynb file.", fix="Give the lesson's own file.", path=path)
    try:
        if not path.is_file():
            raise _no_file(path)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as fault:
        raise UnravelError(
            f"The file can't be read: {fault.strerror}.", fix="Look at its permissions.", path=path
        ) from None
    if len(data) > limit:
        raise UnravelError(
            f"The file is larger than {limit >> 20} MB, too large for a lesson.",
            fix="Take out data or output that was pasted into it.",
            path=path,
        )
    return data


def _no_file(path: Path) -> UnravelError:
    if path.exists():
        return UnravelError("This is a folder or a device, not a file.", fix="Give the lesson's own file.", path=path)
    return UnravelError("There is no such file.", fix="`unravel update` brings back files that are missing.", path=path)


def _decode(data: bytes, path: Path) -> str:
    if b"\x00" in data:
        raise UnravelError("This is a binary file, not Python text.", fix="Save it as plain text (UTF-8).", path=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise UnravelError(
            "The file isn't UTF-8 text.", fix="Save it again with the encoding UTF-8.", path=path, line=line
        ) from None
    if not text.strip():
        raise UnravelError("The file is empty.", fix="`unravel reset` brings the stub back.", path=path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cells(data: bytes, path: Path) -> tuple[Unit, ...]:
    broken = "Open it in Jupyter and save it again, or `unravel reset` it."
    text = _decode(data, path)
    try:
        cells = json.loads(text)["cells"]
        found = [_cell(i, cell) for i, cell in enumerate(cells, 1) if _wanted(cell)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        why = f" ({fault})" if isinstance(fault, json.JSONDecodeError) else ""
        raise UnravelError(
            f"The notebook is damaged: it isn't in Jupyter's format{why}.", fix=broken, path=path
        ) from None
    if not found:
        raise UnravelError("The notebook has no code cell.", fix=broken, path=path)
    return tuple(found)


def _wanted(cell: dict[str, Any]) -> bool:
    kind = cell.get("metadata", {}).get("unravel", {}).get("kind", "")
    return cell["cell_type"] == "code" and kind not in _SKIP


def _cell(number: int, cell: dict[str, Any]) -> Unit:
    text = cell["source"]
    exercise = str(cell.get("metadata", {}).get("unravel", {}).get("exercise") or "")
    # Jupyter doesn't number its cells on the screen, so an exercise's cell goes by its name.
    label = f"cell {number} ({exercise})" if exercise.isidentifier() else f"cell {number}"
    return Unit(label, without_magics(text if isinstance(text, str) else "".join(text)))
