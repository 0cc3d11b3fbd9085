"""The residual stream of a constructed model: which of its dimensions hold what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from unravel.interp.corpora import Corpus
from unravel.interp.model.config import GPTConfig
from unravel.zoo.constructed.codes import SIZE

LAYERS, HEADS = 5, 4
PLACES = ("position", "first_place", "avoid_place")
"""Spaces with one dimension for each position; the flags have one, and the others hold codes."""
FLAGS = ("is_name", "is_first", "asks")
SPACES = {
    "name": "the name that stands here (nothing where no name stands)",
    "is_name": "1 where a name stands",
    "is_first": "1 at <bos>, where heads look that find nothing",
    "asks": "1 at the word `to`, after which a name is asked for",
    "position": "where we are",
    "previous": "the name just before",
    "before": "the name that stands here, if it stood before: the token signal",
    "first_place": "where it stood before: the position signal",
    "avoid": "the name that movers shall not look at",
    "avoid_place": "the positions that movers shall not look at",
    "said": "the answer; the unembedding reads this alone",
    "idle": "the other words, and what idle heads write; nothing that matters reads it",
}


@dataclass(frozen=True)
class Stream:
    """Names of subspaces, and the slice of the stream that each one is."""

    n_ctx: int

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Each space's dimensions, one after the other."""
        out: dict[str, slice] = {}
        start = 0
        for name in SPACES:
            out[name] = slice(start, start + self.size(name))
            start += self.size(name)
        return out

    def __getitem__(self, name: str) -> slice:
        return self.slices[name]

    def size(self, name: str) -> int:
        """How many dimensions a space has."""
        return self.n_ctx if name in PLACES else 1 if name in FLAGS else SIZE

    @property
    def d_model(self) -> int:
        """All of them."""
        return sum(map(self.size, SPACES))


def config_for(corpus: Corpus) -> GPTConfig:
    """The shape of the model: no head compares more than a code, a position and two single numbers."""
    return GPTConfig(
        n_layers=LAYERS,
        n_heads=HEADS,
        d_model=Stream(corpus.n_ctx).d_model,
        d_head=SIZE + corpus.n_ctx + 2,
        d_vocab=len(corpus.vocabulary),
        n_ctx=corpus.n_ctx,
        attn_only=True,
        normalization_type=None,
    )
