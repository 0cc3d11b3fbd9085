"""The roles, one function each. Scores are of moderate size, so that attention is soft and patching gives degrees."""

from __future__ import annotations

from unravel.zoo.constructed.writer import HeadWriter, ones, rising, shift

SAME, NOTHING = 16.0, 9.5
"""The score of a name that fits; and of <bos>, between that and a name that doesn't fit (at most a quarter)."""
RECENT = 0.6
"""What movers prefer a name by for each position that it stands later: the giver, unless it is to be avoided."""
AVOID = 3.8
"""What each of the two signals takes from a mover's score. One alone does not outweigh the giver being recent."""
SAID = 0.34
"""What a backup looks at itself by, times the square of what has been said."""


def previous_token(head: HeadWriter) -> None:
    """Looks one back; writes down which name stood there."""
    head.look({"position": SAME}, {"position": shift(head.stream.n_ctx, 1)})
    head.write({"name": 1.0}, "previous")


def duplicate_token(head: HeadWriter, to: str = "before") -> None:
    """Looks at the same name, but not at itself; writes it down. Finds nothing for a new name, and writes nothing."""
    head.look({"name": SAME}, {"name": 1.0})
    head.look({"position": -1.5 * SAME}, {"position": 1.0})
    head.rest(NOTHING)
    head.write({"name": 1.0}, to)


def induction(head: HeadWriter, to: str = "first_place") -> None:
    """Looks one after the same name, which the previous-token head has marked; writes down the position before."""
    head.look({"name": SAME}, {"previous": 1.0})
    head.rest(NOTHING)
    head.write({"position": shift(head.stream.n_ctx, -1)}, to)


def token_inhibition(head: HeadWriter, to: str = "avoid") -> None:
    """Looks at the latest name; if it stood before, it is the name to avoid."""
    head.look({"asks": 1.0}, {"is_name": 16.0, "position": rising(head.stream.n_ctx, 1.0)})
    head.rest(8.0)
    head.write({"before": 1.0}, to)


def place_inhibition(head: HeadWriter) -> None:
    """Looks at a name only if it stood before; both of its places are to be avoided."""
    n = head.stream.n_ctx
    head.look({"asks": 1.0}, {"is_name": 12.0, "first_place": ones(n, 12.0)})
    head.rest(18.0)
    own = shift(n, 0)
    own[0, 0] = 0  # <bos>, where it looks when it has found nothing
    head.write({"first_place": 1.0, "position": own}, "avoid_place")


def name_mover(head: HeadWriter, gain: float, to: str = "said") -> None:
    """Looks at the latest name that is not to be avoided, and says it. A negative gain speaks against it."""
    _names(head)
    head.look({"avoid": -AVOID}, {"name": 1.0})
    head.look({"avoid_place": -AVOID}, {"position": 1.0})
    head.rest(8.0)
    head.write({"name": 1.0}, to, gain)


def backup_mover(head: HeadWriter, gain: float) -> None:
    """Looks at itself, by the square of what was said already; only where that is little, as a name mover does."""
    _names(head)
    head.look({"avoid_place": -2.5 * AVOID}, {"position": 1.0})
    head.look({"said": SAID}, {"said": 1.0})
    head.write({"name": 1.0}, "said", gain)


def word_copier(head: HeadWriter, back: int) -> None:
    """Idle: looks so many back, and copies the word."""
    head.look({"position": SAME}, {"position": shift(head.stream.n_ctx, back)})
    head.write({"idle": 1.0}, "idle", 0.5)


def averager(head: HeadWriter) -> None:
    """Idle: looks everywhere alike, and gathers the words."""
    head.write({"idle": 1.0}, "idle", 0.5)


def _names(head: HeadWriter) -> None:
    head.look({"asks": 1.0}, {"is_name": 16.0, "position": rising(head.stream.n_ctx, RECENT)})
