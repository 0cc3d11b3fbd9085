"""Puts the model together: embedding, the heads by the plan, unembedding."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from unravel.interp.corpora import Corpus
from unravel.interp.corpora.names import NAMES
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.tokens import Tokenizer
from unravel.zoo.constructed.circuit import HEADS, IDLE
from unravel.zoo.constructed.codes import codes
from unravel.zoo.constructed.stream import Stream, config_for
from unravel.zoo.constructed.writer import HeadWriter

ASKS = "to"


@torch.no_grad()
def construct(corpus: Corpus) -> HookedGPT:
    """The model for a corpus of sentences about names: always the same weights."""
    model = HookedGPT(config_for(corpus), Tokenizer.of(corpus.tokenizer), seed=0)
    for weight in model.parameters():
        weight.zero_()
    stream = Stream(corpus.n_ctx)
    names = corpus.vocabulary.encode(NAMES)
    model.W_E.data.copy_(embedding(corpus, stream))
    model.W_pos.data[:, stream["position"]] = torch.eye(corpus.n_ctx)
    model.W_U.data[stream["said"], names] = codes(len(names)).T
    for (layer, head), (_, write) in {**HEADS, **IDLE}.items():
        write(HeadWriter(model.blocks[layer].attn, head, stream))
    return model


def embedding(corpus: Corpus, stream: Stream) -> Float[Tensor, "d_vocab d_model"]:
    """A code for each name, in the space of names; one for each other word, where nothing that matters reads it."""
    words = corpus.vocabulary
    names = words.encode(NAMES)
    others = [number for number in range(len(words)) if number not in set(names)]
    out = torch.zeros(len(words), stream.d_model)
    out[names, stream["name"]] = codes(len(names))
    out[others, stream["idle"]] = codes(len(others))
    out[names, stream["is_name"]] = 1
    out[words.bos, stream["is_first"]] = 1
    out[words.index[ASKS], stream["asks"]] = 1
    return out
