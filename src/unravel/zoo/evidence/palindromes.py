"""Evidence of the palindromes: one layer compares a letter with its mirror, the next looks at what differs."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unravel.interp.corpora.algorithmic import Palindromes
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads, task
from unravel.zoo.evidence.attention import Where, accuracy, cut, looks
from unravel.zoo.evidence.claims import Claim, Trained


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Where the heads look, and what is lost when they may not."""
    model, corpus = trained.model, cast(Palindromes, trained.recipe.data)
    tokens, labels = next(corpus.labelled("test", 1024))
    mirror = mirrors(corpus, tokens)
    same = tokens[:, :, None] == tokens[:, None, :]
    if_same, if_other = looks(model, tokens, mirror & same, 0), looks(model, tokens, mirror & ~same, 0)
    early = heads.best(if_same)
    at_fault, at_others = fault_attention(model, corpus, tokens)
    return [
        *task.measure(trained),
        Claim("mirror", f"attention of L{early[0]}H{early[1]}, in the second half, to the mirror place if the same "
              "letter stands there", if_same[early], 0.7, any_seed=(0.4, None)),
        Claim("mirror_other", "the same if another letter stands there", if_other[early], at_most=0.2),
        Claim("no_mirror", "accuracy when layer 0 may not look there",
              accuracy(cut(model, tokens, mirror, 0), labels), at_most=0.75),
        Claim("fault", "attention of layer 1, from the last letter, to the one letter that differs from its mirror",
              at_fault, 0.8, any_seed=(0.5, None)),
        Claim("others", "the same to each letter before it in the second half that does not differ",
              at_others, at_most=0.1),
    ]  # fmt: skip


def mirrors(corpus: Palindromes, tokens: Int[Tensor, "batch pos"]) -> Where:
    """For each letter of the second half, the place that mirrors it."""
    where = torch.zeros(corpus.n_ctx, corpus.n_ctx, dtype=torch.bool)
    for query in second_half(corpus):
        where[query, corpus.n_ctx - query] = True
    return where.expand(len(tokens), -1, -1)


def second_half(corpus: Palindromes) -> range:
    """The positions of the second half, <bos> being position 0."""
    return range(corpus.n_ctx - corpus.half, corpus.n_ctx)


def faults(corpus: Palindromes, tokens: Int[Tensor, "batch pos"]) -> Bool[Tensor, "batch half"]:
    """Which letters of the second half differ from their mirror."""
    letters = tokens[:, 1:]
    differ: Tensor = (letters != letters.flip(-1))[:, -corpus.half :]
    return differ


def fault_attention(model: HookedGPT, corpus: Palindromes, tokens: Int[Tensor, "batch pos"]) -> tuple[float, float]:
    """Of rows with one fault before the last letter: the attention of layer 1 to it, and to each other letter."""
    differ = faults(corpus, tokens)
    chosen = (differ.sum(-1) == 1) & ~differ[:, -1]
    pattern = heads.attention(model, tokens[chosen])[1].amax(1)[:, -1, -corpus.half : -1]
    wrong = differ[chosen, :-1]
    return float(pattern[wrong].mean()), float(pattern[~wrong].mean())
