"""A shipped model whose behaviour is known, and small random ones of every make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from unravel.interp import GPTConfig, HookedGPT
from unravel.interp.places import content
from unravel.interp.tokens import Tokenizer
from unravel.playground.prompt import Prompt
from unravel.playground.subject import Subject, load_subject

MAKES: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "attention only": {"attn_only": True},
    "no norm": {"normalization_type": None, "act_fn": "relu"},
    "neox": {"positional": "rotary", "parallel_attn_mlp": True},
    "both ways": {"causal": False, "d_vocab_out": 5},
}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """More gain nothing with small matrices, and on a busy machine they wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def induction() -> Subject:
    return load_subject("induction-2l")


@pytest.fixture(params=MAKES)
def random(request: pytest.FixtureRequest) -> Subject:
    """A random model with biases and a norm that do something."""
    tokenizer = Tokenizer.read(content("datasets") / "names")
    config = GPTConfig(n_layers=3, d_model=16, n_heads=4, d_vocab=len(tokenizer), n_ctx=24, **MAKES[request.param])
    model = HookedGPT(config, tokenizer, seed=0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=draw)
    return Subject("random", model)


@pytest.fixture
def ask() -> Callable[..., Prompt]:
    """A prompt of given tokens."""

    def make(subject: Subject, *ids: int) -> Prompt:
        at = len(ids) - 1 if subject.model.config.causal else 0
        return Prompt("", ids, tuple(map(str, ids)), at)

    return make
