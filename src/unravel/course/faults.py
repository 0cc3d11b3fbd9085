"""Reading on after a fault: the same readers stop at the first one, or gather all that they can."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from unravel.errors import ContentError


class Faults:
    """Where the readers of the course put the content errors they meet.

    With `gather=False`, the first error is raised; with `gather=True`, errors are kept in `found` and reading
    goes on with the next part that can be judged without the broken one.
    """

    def __init__(self, *, gather: bool = False):
        self.gather = gather
        self.found: list[ContentError] = []

    def add(self, error: ContentError) -> None:
        """Keeps the error, or raises it."""
        if not self.gather:
            raise error
        self.found.append(error)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part whose first fault ends it, but not the reading of what follows."""
        try:
            yield
        except ContentError as error:
            self.add(error)


def near(name: str, known: Iterable[str], *, listing: bool = True) -> str:
    """Says "Did you mean ...?" for a misspelt name; else (with `listing`) names what is known; else nothing."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(f'`{item}`' for item in close)}?"
    if listing and 0 < len(names) <= 12:
        return f"Known here: {', '.join(f'`{item}`' for item in names)}."
    return ""
