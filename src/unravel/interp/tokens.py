"""A tokenizer that loads in milliseconds: tokenizer.json by the `tokenizers` library, without `transformers`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Engine

from unravel.errors import UnravelError

FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"
ROLES = ("bos_token", "eos_token", "pad_token", "unk_token")


class Tokenizer:
    """Text to ids and back. `special` names the tokens that mark beginning, end, padding and unknown words."""

    def __init__(self, engine: Engine, special: Mapping[str, str] | None = None):
        self.engine = engine
        self.special = {role: (special or {})[role] for role in ROLES if role in (special or {})}
        for role, token in self.special.items():
            if engine.token_to_id(token) is None:
                raise UnravelError(f"The {role} {token!r} is not in the vocabulary.", fix="Name one that is.")

    @classmethod
    def of(cls, tokenizer: Any) -> Tokenizer | None:
        """One of ours, of `tokenizers`' own, or a `PreTrainedTokenizerFast`."""
        if tokenizer is None or isinstance(tokenizer, cls):
            return tokenizer
        if isinstance(tokenizer, Engine):
            return cls(tokenizer)
        special = {role: getattr(tokenizer, role, None) for role in ROLES}
        return cls(tokenizer.backend_tokenizer, {role: str(token) for role, token in special.items() if token})

    @classmethod
    def read(cls, folder: Path, fallback: Mapping[str, int] | None = None) -> Tokenizer:
        """From `tokenizer.json` and `tokenizer_config.json`; `fallback` gives ids of roles that those don't name."""
        try:
            engine = Engine.from_str((folder / FILE).read_text(encoding="utf-8"))
            settings = folder / SETTINGS
            named = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
        except FileNotFoundError:
            raise UnravelError(
                "The tokenizer is missing.", fix=f"Put {FILE} beside the weights.", path=folder
            ) from None
        except Exception as error:  # `tokenizers` raises bare Exceptions
            raise UnravelError(
                f"The tokenizer can't be read ({str(error).splitlines()[0]}).",
                fix="Fetch its files again.",
                path=folder,
            ) from error
        special = {role: _text(named[role]) for role in ROLES if named.get(role)}
        for role, number in (fallback or {}).items():
            token = engine.id_to_token(number)
            if role not in special and token is not None:
                special[role] = token
        return cls(engine, special)

    def files(self) -> dict[str, str]:
        """The texts of the files that `read` and `transformers`' `PreTrainedTokenizerFast` read."""
        settings = {**self.special, "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        return {FILE: self.engine.to_str(pretty=True), SETTINGS: json.dumps(settings, indent=2) + "\n"}

    def encode(self, text: str) -> list[int]:
        """The ids of a text, and no marks around them."""
        ids: list[int] = self.engine.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int], skip_special: bool = False) -> str:
        """The text of ids."""
        return str(self.engine.decode(list(ids), skip_special_tokens=skip_special))

    def piece(self, token: int) -> str:
        """One token as a person would read it; spaces at its beginning are kept."""
        word = self.engine.id_to_token(token)
        return "" if word is None else self.decode([token])

    def id(self, token: str) -> int:
        """The id of a word of the vocabulary."""
        number = self.engine.token_to_id(token)
        if number is None:
            raise UnravelError(f"{token!r} is not in the vocabulary.", fix="Write it as the vocabulary does.")
        return int(number)

    def __len__(self) -> int:
        return int(self.engine.get_vocab_size(with_added_tokens=True))

    @property
    def bos(self) -> int | None:
        """The id that begins a text, if there is one."""
        return self._role("bos_token")

    @property
    def eos(self) -> int | None:
        """The id that ends a text, if there is one."""
        return self._role("eos_token")

    @property
    def pad(self) -> int | None:
        """The id that fills up short rows, if there is one."""
        return self._role("pad_token")

    @property
    def filler(self) -> int:
        """What to fill up short rows with: the padding, or the end, or 0."""
        return next((number for number in (self.pad, self.eos) if number is not None), 0)

    def _role(self, role: str) -> int | None:
        return self.id(self.special[role]) if role in self.special else None


def _text(token: Any) -> str:
    """A special token as tokenizer_config.json writes it: a string, or (older) a table with its content."""
    return str(token["content"] if isinstance(token, dict) else token)
