"""Prompts that show what a model can do, from its corpus' evaluation sets; each with a corrupted partner."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.suites import Suite
from unravel.playground.prompt import Prompt, read_prompt
from unravel.playground.subject import Subject

OWN = {
    "gpt2": (
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
    ),
}
"""For models whose corpus is not ours: a clean and a corrupted prompt."""
OTHERS = "gpt2"
"""Whose prompts do for the others of the hub."""
STRIDE = 151
"""From one example to the next: a prime, so that neighbours, which may be alike, lie far apart."""
USUAL = 0.9
LOOKED_AT = 40
"""Rows of a suite that are looked through for one that can be typed."""


@dataclass(frozen=True)
class Example:
    """A prompt, the answer and what speaks against it, and a prompt of equal length with another answer."""

    text: str
    right: int | None = None
    wrong: int | None = None
    corrupted: str = ""


def kinds(subject: Subject) -> dict[str, str]:
    """The kinds of examples that there are for a model, each with a sentence about it."""
    if subject.corpus is None:
        return {"ioi": "One of two people gives; the other one is the answer."}
    return {name: suite.description for name, suite in subject.corpus.suites.items()}


@lru_cache(maxsize=256)
def example(subject: Subject, kind: str, number: int = 0) -> Example:
    """An example of a kind; another `number` gives another one."""
    if kind not in kinds(subject):
        fix = f"Choose from: {', '.join(kinds(subject))}."
        raise UnravelError(f"There are no examples {kind!r} for {subject.name}.", fix=fix)
    if subject.corpus is None:
        text, corrupted = OWN.get(subject.name, OWN[OTHERS])
        return Example(text, corrupted=corrupted)
    suite = subject.corpus.suites[kind]
    for offset in range(LOOKED_AT):
        row = ((number + 1) * STRIDE + offset) % len(suite)
        clean = _typed(subject, _ids(subject, suite, row))
        if clean is not None:
            return _complete(subject, suite, row, clean)
    raise UnravelError(f"No prompt of {kind!r} can be typed.", fix="Choose another kind.")


def _complete(subject: Subject, suite: Suite, row: int, clean: Prompt) -> Example:
    """The example with its partner, if one is found, and the answers that set the two apart."""
    right = _answers(suite.right, row)
    wrong = [answer for answer in _answers(suite.wrong, row) if answer not in right]
    for ids, answer in _partners(subject, suite, row):
        typed = _typed(subject, ids)
        if typed is not None and len(typed) == len(clean) and typed.ids != clean.ids:
            return Example(clean.text, right[0], answer, typed.text)
    return Example(clean.text, right[0], wrong[0] if wrong else None)


def _partners(subject: Subject, suite: Suite, row: int) -> list[tuple[list[int], int]]:
    """Prompts that differ from this one in little and have another answer, with that answer; the best first."""
    ids, right = _ids(subject, suite, row), _answers(suite.right, row)[0]
    wrong = _answers(suite.wrong, row)
    firsts = [_answers(suite.right, other)[0] for other in range(len(suite))]
    copied = right in ids and _copied(subject, suite.name)
    if copied and len(wrong) == 1 and ids.count(wrong[0]) > 1:  # the giver changes: so does who receives
        at = len(ids) - 1 - ids[::-1].index(wrong[0])
        return [([*ids[:at], right, *ids[at + 1 :]], wrong[0])]
    if copied:  # the answer stands in the prompt: another of its kind in its place
        others = dict.fromkeys(other for other in firsts if other not in ids)
        return [([other if number == right else number for number in ids], other) for other in others][:LOOKED_AT]
    rows = [_ids(subject, suite, other) for other in range(len(suite))]
    equal = [at for at, other in enumerate(rows) if len(other) == len(ids) and firsts[at] != right]
    equal.sort(key=lambda at: sum(one != other for one, other in zip(rows[at], ids, strict=True)))
    return [(rows[at], firsts[at]) for at in equal[:LOOKED_AT]]


def _ids(subject: Subject, suite: Suite, row: int) -> list[int]:
    """A prompt of a suite up to where it is asked; all of it where the model sees both ways."""
    assert subject.corpus is not None
    ids: list[int] = suite.prompts[row].tolist()
    if subject.model.config.causal:
        return ids[: int(suite.position[row]) + 1]
    return [number for number in ids if number != subject.corpus.vocabulary.pad]


def _typed(subject: Subject, ids: list[int]) -> Prompt | None:
    """The prompt as one would type it, if typing it gives the same tokens."""
    assert subject.corpus is not None
    vocabulary = subject.corpus.vocabulary
    try:
        prompt = read_prompt(subject, vocabulary.text(vocabulary.decode(ids)))
    except UnravelError:
        return None
    return prompt if list(prompt.ids) == ids else None


def _answers(column: Tensor, row: int) -> list[int]:
    return [number for number in column[row].reshape(-1).tolist() if number >= 0]


@lru_cache(maxsize=64)
def _copied(subject: Subject, kind: str) -> bool:
    """Whether the answers of a suite stand in its prompts, as a rule and not by chance."""
    assert subject.corpus is not None
    suite = subject.corpus.suites[kind]
    found = sum(_answers(suite.right, row)[0] in _ids(subject, suite, row) for row in range(len(suite)))
    return found > USUAL * len(suite)
