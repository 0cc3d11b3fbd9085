"""Which head plays which role, and what is sent between them: the plan that weights, circuit.json and card are made by.

The roles are those that Wang et al. found in GPT-2 small ("Interpretability in the Wild", 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from unravel.interp.truth import LOGITS, Edge, Head, Node, Truth
from unravel.zoo.constructed import heads
from unravel.zoo.constructed.writer import HeadWriter

POSITIONS = {
    "S1": "the first time that the giver is named",
    "S1+1": "the word after it",
    "IO": "the other name: the answer",
    "S2": "the giver, named again",
    "END": "the word `to`, after which the answer comes",
}
PREVIOUS, DUPLICATE, INDUCTION = "previous token", "duplicate token", "induction"
TOKEN, PLACE = "S-inhibition (token)", "S-inhibition (place)"
MOVER, NEGATIVE, BACKUP = "name mover", "negative name mover", "backup name mover"

ROLES = {
    PREVIOUS: ("S1+1", "S1", "writes down which name stood just before"),
    DUPLICATE: ("S2", "S1", "writes down the name that came before: the token signal"),
    INDUCTION: ("S2", "S1+1", "writes down where it stood before: the position signal"),
    TOKEN: ("END", "S2", "passes the token signal on to the movers' queries"),
    PLACE: ("END", "S2", "passes on both places of the giver, S1 and S2"),
    MOVER: ("END", "IO", "copies the latest name that is not to be avoided"),
    NEGATIVE: ("END", "IO", "looks as the movers do, and speaks against that name"),
    BACKUP: ("END", "END", "looks at END while a name is being said; else moves a name"),
}
"""Where each role looks from and to, and what it does."""

Write = Callable[[HeadWriter], None]
HEADS: dict[Head, tuple[str, Write]] = {
    (0, 1): (DUPLICATE, heads.duplicate_token),
    (0, 2): (PREVIOUS, heads.previous_token),
    (1, 3): (INDUCTION, heads.induction),
    (2, 0): (PLACE, heads.place_inhibition),
    (2, 2): (TOKEN, heads.token_inhibition),
    (3, 0): (MOVER, partial(heads.name_mover, gain=7.0)),
    (3, 1): (NEGATIVE, partial(heads.name_mover, gain=-4.0)),
    (3, 3): (MOVER, partial(heads.name_mover, gain=7.0)),
    (4, 1): (BACKUP, partial(heads.backup_mover, gain=3.0)),
    (4, 2): (BACKUP, partial(heads.backup_mover, gain=2.0)),
}
IDLE: dict[Head, tuple[str, Write]] = {
    (0, 0): ("averages all words", heads.averager),
    (0, 3): ("looks as the duplicate-token head does", partial(heads.duplicate_token, to="idle")),
    (1, 0): ("copies the word before", partial(heads.word_copier, back=1)),
    (1, 1): ("copies the word two before", partial(heads.word_copier, back=2)),
    (1, 2): ("looks as the induction head does", partial(heads.induction, to="idle")),
    (2, 1): ("looks as the S-inhibition head does", partial(heads.token_inhibition, to="idle")),
    (2, 3): ("copies the word three before", partial(heads.word_copier, back=3)),
    (3, 2): ("looks as the name movers do", partial(heads.name_mover, gain=1.0, to="idle")),
    (4, 0): ("looks as the name movers do", partial(heads.name_mover, gain=-1.0, to="idle")),
    (4, 3): ("averages all words", heads.averager),
}
"""Heads that change no logit, however they look: they write where nothing that matters reads."""

LINKS: list[tuple[str, str, str, str]] = [
    (PREVIOUS, INDUCTION, "k", "S1+1"),
    (DUPLICATE, TOKEN, "v", "S2"),
    (INDUCTION, PLACE, "k", "S2"),
    (INDUCTION, PLACE, "v", "S2"),
    (TOKEN, MOVER, "q", "END"),
    (PLACE, MOVER, "q", "END"),
    (TOKEN, NEGATIVE, "q", "END"),
    (PLACE, NEGATIVE, "q", "END"),
    (MOVER, BACKUP, "q", "END"),
    (MOVER, BACKUP, "k", "END"),
    (MOVER, LOGITS, LOGITS, "END"),
    (NEGATIVE, LOGITS, LOGITS, "END"),
]
STANDBY: list[tuple[str, str, str, str]] = [
    (NEGATIVE, BACKUP, "q", "END"),
    (NEGATIVE, BACKUP, "k", "END"),
    (PLACE, BACKUP, "q", "END"),
    (BACKUP, LOGITS, LOGITS, "END"),
]
"""What matters only once a mover is gone."""

AGAINST = [link for link in LINKS if NEGATIVE in link or link[:2] == (MOVER, BACKUP)]
"""What makes the answer weaker: the negative mover, and that movers hold the backups off."""


def truth(model: str) -> Truth:
    """The circuit as it is written into the weights."""
    nodes = [Node(head, role, *ROLES[role], role == BACKUP) for head, (role, _) in HEADS.items()]
    edges = [
        Edge(sender, receiver, input, position, link in STANDBY)
        for link in LINKS + STANDBY
        for role, to, input, position in [link]
        for sender in of(role)
        for receiver in ([None] if to == LOGITS else of(to))
    ]
    return Truth(model, POSITIONS, tuple(nodes), tuple(edges))


def of(role: str) -> list[Head]:
    """The heads that play a role."""
    return [head for head, (other, _) in HEADS.items() if other == role]
