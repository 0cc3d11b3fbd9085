"""One hostile submission: what it is called, its source, and what may become of it."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Attack:
    """A submission for `exercise` of the tiny course. `fates` are the statuses that its exercise may end with."""

    name: str
    fates: frozenset[str]
    code: str
    exercise: str = "double"


def attack(name: str, fates: str, code: str, exercise: str = "double") -> Attack:
    """`fates` is a list of words; `not_started` stands for "not started"."""
    words = frozenset(word.replace("_", " ") for word in fates.split())
    return Attack(name, words, dedent(code).strip() + "\n", exercise)


def body(name: str, fates: str, code: str, exercise: str = "double") -> Attack:
    """The same, for code that stands in the body of `double` and returns a wrong answer where it gets so far."""
    lines = "\n".join("    " + line for line in dedent(code).strip().splitlines())
    return attack(name, fates, f"import torch\n\ndef double(x):\n{lines}\n    return x * 0 + 3\n", exercise)
