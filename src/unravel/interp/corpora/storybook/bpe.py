"""`storybook` in pieces of words: 2000 byte-pair tokens, trained on its own text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unravel.errors import UnravelError
from unravel.interp.corpora.base import filled, next_token
from unravel.interp.corpora.seeds import Integers
from unravel.interp.corpora.storybook.corpus import Storybook
from unravel.interp.corpora.vocabulary import BOS, SPECIAL, Vocabulary, as_fast, write
from unravel.interp.suites import Suite
from unravel.paths import content_root

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SIZE = 2000
DOCUMENTS = 20_000


def train_bpe() -> Any:
    """The tokenizer, trained on the first documents of `storybook`. Takes some seconds."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=list(SPECIAL), initial_alphabet=sorted(letters), show_progress=False
    )
    tokenizer.train_from_iterator(Storybook().documents("train", DOCUMENTS), trainer)
    number = tokenizer.token_to_id(BOS)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, number)]
    )
    return tokenizer


class StorybookBPE(Storybook):
    """The same documents in byte-pair tokens. Its suites are the word-level corpus's alone."""

    def __init__(self, *, seed: int = 0, n_ctx: int = 64, packed: bool = True) -> None:
        super().__init__(seed=seed, n_ctx=n_ctx, packed=packed)
        self.rust = _read(content_root() / "datasets" / self.name / "bpe" / "tokenizer.json")
        numbers = self.rust.get_vocab()
        self.vocabulary = Vocabulary(tuple(sorted(numbers, key=numbers.__getitem__)))

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The trained tokenizer."""
        return as_fast(self.rust)

    def rows(self, split: str, count: int, seed: int) -> tuple[Integers, Integers]:
        """Packed documents, or one in each row."""
        texts = self._texts(split, seed)
        tokens = filled([self._row(texts) for _ in range(count)], self.n_ctx, self.vocabulary.pad)
        return tokens, next_token(tokens, self.vocabulary.pad)

    def make_suites(self) -> list[Suite]:
        """None: they ask for words."""
        return []

    def describe(self, tokens: Integers, labels: Integers) -> str:
        """The text of a row."""
        return str(self.rust.decode(tokens.tolist()))

    def _documents(self, split: str, seed: int) -> Iterator[str]:
        return map(write, self.token_documents(split, None, seed))

    def _texts(self, split: str, seed: int) -> Iterator[list[int]]:
        """The documents in numbers, tokenised some at a time."""
        author = self.author(split, seed)
        while True:
            some = [write(author.document()) for _ in range(16)]
            for encoded in self.rust.encode_batch(some):
                yield [*encoded.ids, self.vocabulary.eos]

    def _row(self, texts: Iterator[list[int]]) -> list[int]:
        row = list(next(texts))
        while self.packed and len(row) < self.n_ctx:
            row += next(texts)
        return row


def storybook(*, tokens: str = "words", **options: Any) -> Storybook:
    """`storybook` in whole words, or with `tokens="bpe"` in pieces of words."""
    kinds: dict[str, type[Storybook]] = {"words": Storybook, "bpe": StorybookBPE}
    if tokens not in kinds:
        raise UnravelError(f"storybook has no tokens {tokens!r}.", fix=f"Choose from: {', '.join(kinds)}.")
    return kinds[tokens](**options)


def _read(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as fault:  # the library raises plain Exception for every fault
        raise UnravelError(
            "The trained tokenizer of storybook can't be read.",
            fix="Make it anew with `python datasets/make.py storybook`, or reinstall Unravel.",
            path=path,
        ) from fault
