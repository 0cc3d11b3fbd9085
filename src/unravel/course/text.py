"""Small things with text: reading a file of the course, a number with its noun."""

from __future__ import annotations

from pathlib import Path

from unravel.errors import ContentError


def read_text(path: Path) -> str:
    """The file's text, UTF-8, with `\\n` line ends. `ContentError` when it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContentError("This file is missing.", fix="Create it.", path=path) from None
    except UnicodeDecodeError:
        raise ContentError("This file is not UTF-8.", fix="Save it as UTF-8.", path=path) from None
    except OSError as error:
        raise ContentError(f"This file can't be read: {error.strerror}.", path=path) from None


def count(number: int, thing: str) -> str:
    """A number with its noun.

    >>> count(1, "point"), count(2, "point")
    ('1 point', '2 points')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"
