"""From what somebody typed to tokens that the model knows, or a sentence that says what to change."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from unravel.errors import UnravelError
from unravel.interp.tokens import Tokenizer
from unravel.playground.subject import Subject

LONGEST = 128
"""Tokens; more could neither be drawn nor computed while somebody waits."""
NAMED = 5
"""So many unknown words are named in the message."""


@dataclass(frozen=True)
class Prompt:
    """A text as the model reads it."""

    text: str
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    """The tokens as a person reads them, the beginning included."""
    at: int
    """The position whose prediction is asked: the last one, or the first where the model sees both ways."""

    def __len__(self) -> int:
        return len(self.ids)


def limit(subject: Subject) -> int:
    """The most tokens that a prompt may have."""
    return min(subject.model.config.n_ctx, LONGEST)


def read_prompt(subject: Subject, text: str) -> Prompt:
    """The text as tokens. `UnravelError` when it is empty, too long, or has words that the model doesn't know."""
    tokenizer = subject.tokenizer
    unknown = unknown_words(tokenizer, text)
    if unknown:
        raise _strange(subject, unknown)
    ids = [tokenizer.bos] if subject.bos and tokenizer.bos is not None else []
    ids += tokenizer.encode(text)
    most = limit(subject)
    if not tokenizer.encode(text):
        raise UnravelError("The prompt is empty.", fix="Type some words, or choose an example.")
    if len(ids) > most:
        begin = ", the one for the beginning included" if subject.bos else ""
        raise UnravelError(
            f"The prompt has {len(ids)} tokens{begin}; {subject.name} is shown at most {most} here.",
            fix=f"Take {len(ids) - most} away.",
        )
    pieces = tuple(tokenizer.piece(number) for number in ids)
    return Prompt(text, tuple(ids), pieces, len(ids) - 1 if subject.model.config.causal else 0)


def unknown_words(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words of a text that the vocabulary lacks, each once, as they were typed."""
    unknown = tokenizer.special.get("unk_token")
    if unknown is None:
        return []
    found = tokenizer.engine.encode(text, add_special_tokens=False)
    number = tokenizer.id(unknown)
    spans = (span for token, span in zip(found.ids, found.offsets, strict=True) if token == number)
    return list(dict.fromkeys(text[start:end] for start, end in spans))


def known_words(subject: Subject) -> list[str]:
    """Every token of the vocabulary that can be typed, in the order of their numbers."""
    tokenizer = subject.tokenizer
    special = set(tokenizer.special.values())
    tokens = (tokenizer.engine.id_to_token(number) for number in range(len(tokenizer)))
    return [token for token in tokens if token is not None and token not in special]


def near_words(subject: Subject, word: str, count: int = 3) -> list[str]:
    """Words of the vocabulary that look like this one, whatever the case of their letters."""
    known = [token for token in known_words(subject) if not token.startswith("##")]
    by_small: dict[str, list[str]] = {}
    for token in known:
        by_small.setdefault(token.lower(), []).append(token)
    near = difflib.get_close_matches(word.lower(), list(by_small), n=count, cutoff=0.5)
    return [token for small in near for token in by_small[small]][:count]


def _strange(subject: Subject, unknown: list[str]) -> UnravelError:
    named = unknown[:NAMED]
    more = f" and {len(unknown) - len(named)} more" if len(unknown) > len(named) else ""
    count = len(known_words(subject))
    hints = [f"for {_quoted(word)} it has {', '.join(map(_quoted, near))}" for word, near in _hints(subject, named)]
    fix = f"It knows {count} words, and was never shown another." + (f" Near: {'; '.join(hints)}." if hints else "")
    return UnravelError(f"{subject.name} doesn't know {', '.join(map(_quoted, named))}{more}.", fix=fix)


def _hints(subject: Subject, words: list[str]) -> list[tuple[str, list[str]]]:
    found = ((word, near_words(subject, word)) for word in words)
    return [(word, near) for word, near in found if near]


def _quoted(word: str) -> str:
    """The word between backticks, which it must not hold itself, and not longer than can be read."""
    return f"`{word.replace('`', chr(0x2019))[:40]}`"
