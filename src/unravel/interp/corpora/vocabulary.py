"""The words of a corpus: a fixed list, a dictionary from word to number, and the same thing as a fast tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, UNK = SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
WORDS = r"'s|\w+|[^\w\s]"
SYMBOLS = r"\S+"
CLOSE = frozenset(".,!?:;)")


@dataclass(frozen=True)
class Vocabulary:
    """All tokens of a corpus, in order of their numbers.

    `prose` says that tokens are written as in a book: "park." holds two, and a token that begins with ## goes on the
    word before it. Otherwise tokens are separated by spaces.
    """

    tokens: tuple[str, ...]
    prose: bool = False

    @cached_property
    def index(self) -> dict[str, int]:
        """From a token to its number."""
        return {token: number for number, token in enumerate(self.tokens)}

    @property
    def pad(self) -> int:
        """Fills what is left of a row."""
        return self.index[PAD]

    @property
    def bos(self) -> int:
        """Begins a row."""
        return self.index[BOS]

    @property
    def eos(self) -> int:
        """Ends a document."""
        return self.index[EOS]

    @property
    def unk(self) -> int:
        """Stands for what the corpus does not know."""
        return self.index[UNK]

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of tokens. Much faster than the tokenizer, and equal to it."""
        index = self.index
        return [index[token] for token in tokens]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The tokens of numbers, without those that begin, end and fill."""
        return [self.tokens[number] for number in numbers if self.tokens[number] not in SPECIAL]

    def text(self, tokens: Sequence[str]) -> str:
        """The tokens as one would write them."""
        return write(tokens) if self.prose else " ".join(tokens)

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The same vocabulary as a tokenizer of `transformers`, which puts <bos> first."""
        return as_fast(self._rust())

    def _rust(self) -> object:
        from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

        model = models.WordPiece(dict(self.index), unk_token=UNK, max_input_chars_per_word=40)
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = normalizers.NFC()
        pattern = Regex(WORDS if self.prose else SYMBOLS)
        tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, behavior="removed", invert=True)
        tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=self.prose)
        first = f"{BOS} $A"
        tokenizer.post_processor = processors.TemplateProcessing(
            single=first, pair=f"{first} $B", special_tokens=[(BOS, self.bos)]
        )
        return tokenizer


SETTINGS = {
    "bos_token": BOS,
    "eos_token": EOS,
    "pad_token": PAD,
    "unk_token": UNK,
    "add_bos_token": True,
    "padding_side": "right",
    "clean_up_tokenization_spaces": False,
}


def as_fast(rust: object) -> PreTrainedTokenizerFast:
    """A tokenizer of `tokenizers` as one of `transformers`, with our special tokens."""
    from transformers import PreTrainedTokenizerFast

    settings: dict[str, Any] = {"tokenizer_object": rust, "name_or_path": "unravel", **SETTINGS}
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(**settings)  # type: ignore[no-untyped-call]
    return made


def words(text: str) -> tuple[str, ...]:
    """A list of words, written down as one writes words."""
    return tuple(text.split())


def write(tokens: Sequence[str]) -> str:
    """Tokens as prose: no space before a full stop or inside brackets and quotes, and name pieces joined."""
    out: list[str] = []
    glue, quoted = True, False
    for token in tokens:
        if token.startswith("##"):
            out.append(token[2:])
            continue
        closes = token in CLOSE or token == "'s" or (token == '"' and quoted)
        out.append(token if glue or closes else " " + token)
        if token == '"':
            quoted = not quoted
        glue = token == "(" or (token == '"' and quoted)
    return "".join(out)


def as_json(value: object) -> str:
    """JSON as it stands in our files: sorted, indented, ended by a newline."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
