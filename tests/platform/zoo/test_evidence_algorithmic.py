"""The measurements of the algorithmic models, on rows and weights written by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unravel.interp.corpora import Corpus, load_corpus
from unravel.interp.corpora.base import IGNORE
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import attention, brackets, caesar, first_unique, palindromes, running_sum, sorting


def model_of(corpus: Corpus, n_layers: int = 1, **options: object) -> HookedGPT:
    values = {"d_model": 16, "n_heads": 2, "d_vocab": len(corpus.vocabulary), "n_ctx": corpus.n_ctx, **options}
    return HookedGPT(GPTConfig(n_layers=n_layers, **values), corpus.tokenizer, seed=0)  # type: ignore[arg-type]


def row(corpus: Corpus, text: str) -> Tensor:
    """A row of <bos> and symbols."""
    return torch.tensor([[corpus.vocabulary.bos, *corpus.vocabulary.encode(text.split())]])


def places(where: Tensor, query: int) -> list[int]:
    """The keys of the first row that are meant at a query."""
    return where[0, query].nonzero()[:, 0].tolist()


@pytest.fixture(scope="module")
def letters() -> tuple[HookedGPT, Tensor, Tensor]:
    corpus = load_corpus("first_unique")
    tokens, labels = next(corpus.labelled("test", 16))
    return model_of(corpus, 2), tokens, labels


@torch.no_grad()
def test_looks_at_everything_is_one_and_at_nothing_is_none(letters: tuple[HookedGPT, Tensor, Tensor]) -> None:
    model, tokens, _ = letters
    everything = torch.ones(*tokens.shape, tokens.shape[1], dtype=torch.bool)
    assert attention.looks(model, tokens, everything, 1) == {(1, head): pytest.approx(1) for head in (0, 1)}
    first = torch.zeros_like(everything)
    first[:, 3, 0] = True
    pattern = attention.heads.attention(model, tokens)[0]
    assert attention.looks(model, tokens, first, 0)[0, 1] == pytest.approx(float(pattern[:, 1, 3, 0].mean()))


@torch.no_grad()
def test_a_cut_hides_what_stands_there(letters: tuple[HookedGPT, Tensor, Tensor]) -> None:
    """With place 2 cut off in both layers, a change of its letter changes nothing later."""
    model, tokens, _ = letters
    where = torch.zeros(*tokens.shape, tokens.shape[1], dtype=torch.bool)
    assert torch.allclose(attention.cut(model, tokens, where, 0), model(tokens))
    where[:, 3:, 2] = True
    other = tokens.clone()
    other[:, 2] = tokens[:, 2].roll(1)
    one_layer = model_of(load_corpus("first_unique"))
    found = (attention.cut(one_layer, each, where, 0)[:, 3:] for each in (tokens, other))
    assert torch.allclose(*found, atol=1e-6)
    assert not torch.allclose(one_layer(tokens)[:, 3:], one_layer(other)[:, 3:], atol=1e-6)


@torch.no_grad()
def test_means_over_equal_rows_change_nothing(letters: tuple[HookedGPT, Tensor, Tensor]) -> None:
    model, tokens, labels = letters
    same = tokens[:1].expand(4, -1)
    assert torch.allclose(attention.with_mean_pattern(model, same, 0), model(same), atol=1e-6)
    assert torch.allclose(attention.without_head(model, same, (1, 0)), model(same), atol=1e-6)
    assert not torch.allclose(attention.without_head(model, tokens, (1, 0)), model(tokens), atol=1e-6)
    right = torch.nn.functional.one_hot(labels.clamp(min=0)).float()
    assert attention.accuracy(right, labels) == 1
    assert attention.accuracy(right.roll(1, dims=-1), labels) == 0


@torch.no_grad()
def test_steps_along_a_line_and_steps_that_are_not() -> None:
    corpus = load_corpus("running_sum")
    model = model_of(corpus, normalization_type=None, n_heads=1, d_model=16)
    steps = torch.tensor(corpus.vocabulary.encode(["-2", "-1", "0", "+1", "+2"]))
    assert running_sum.line_share(model, steps) < 0.8
    model.embed.W_E[steps] = torch.arange(5.0)[:, None] * torch.randn(16) + torch.randn(16)
    assert running_sum.line_share(model, steps) == pytest.approx(1)
    model.embed.W_E[steps] = (torch.arange(5.0) - 2).square()[:, None] * torch.ones(16)
    assert running_sum.line_share(model, steps) == pytest.approx(0, abs=1e-6)


@torch.no_grad()
def test_a_head_without_queries_looks_evenly() -> None:
    corpus = load_corpus("running_sum")
    model, tokens = model_of(corpus), next(corpus.labelled("test", 8))[0]
    assert running_sum.evenness(model, tokens) < 0.99
    model.blocks[0].attn.W_Q.zero_()
    assert running_sum.evenness(model, tokens) == pytest.approx(1)


def test_mirrors_and_faults() -> None:
    corpus = load_corpus("palindromes", length=6)
    tokens = row(corpus, "a b c c d a")
    where = palindromes.mirrors(corpus, tokens)  # type: ignore[arg-type]
    assert [places(where, query) for query in range(7)] == [[], [], [], [], [3], [2], [1]]
    assert palindromes.faults(corpus, tokens).tolist() == [[False, True, False]]  # type: ignore[arg-type]


def test_where_the_next_digit_stands() -> None:
    corpus = load_corpus("sorting", length=4)
    tokens = row(corpus, "3 1 3 0 = 0 1 3 3")
    labels = torch.full_like(tokens, IGNORE)
    labels[:, 5:9] = tokens[:, 6:]
    where = sorting.at_answer(tokens, labels)
    assert [places(where, query) for query in range(5, 10)] == [[4], [2], [1, 3], [1, 3], []]
    assert places(sorting.question(tokens, labels), 6) == [1, 2, 3, 4]


@torch.no_grad()
def test_attention_by_distance_of_a_head_that_looks_one_up() -> None:
    """Queries are digits shifted by one, so that each fits the next greater digit."""
    corpus = load_corpus("sorting")
    model = model_of(corpus, n_heads=1, d_model=18, d_head=18, normalization_type=None)
    size = len(corpus.vocabulary)
    model.embed.W_E[:] = torch.eye(size, 18)
    model.pos_embed.W_pos.zero_()
    model.blocks[0].attn.W_K[0] = 40 * torch.eye(18)
    model.blocks[0].attn.W_Q[0] = torch.eye(18).roll(1, dims=1)
    tokens, labels = next(corpus.labelled("test", 64))
    profile = sorting.by_distance(model, (0, 0), tokens, labels)
    assert max(profile, key=lambda distance: profile[distance]) == 1
    assert sorting.next_ratio(model, (0, 0), tokens, labels) > 1.5
    model.blocks[0].attn.W_K.zero_()
    assert sorting.next_ratio(model, (0, 0), tokens, labels) == pytest.approx(1, abs=0.05)


@torch.no_grad()
def test_a_head_that_copies() -> None:
    corpus = load_corpus("sorting")
    model = model_of(corpus, n_heads=1, d_model=32, d_head=32)
    digits = torch.tensor(corpus.vocabulary.encode([str(digit) for digit in range(10)]))
    model.pos_embed.W_pos.zero_()
    model.blocks[0].attn.W_V[0] = model.blocks[0].attn.W_O[0] = torch.eye(32)
    model.unembed.W_U[:] = model.W_E.T
    assert sorting.copied(model, (0, 0), digits) == 1
    model.blocks[0].attn.W_O[0] = -torch.eye(32)
    assert sorting.copied(model, (0, 0), digits) < 0.3


def test_copies_repeats_and_the_answer() -> None:
    corpus = load_corpus("first_unique", length=5)
    tokens = row(corpus, "a b a c a")
    copies = first_unique.earlier_copies(tokens)
    assert [places(copies, query) for query in range(6)] == [[], [], [], [1], [], [1, 3]]
    assert first_unique.is_repeat(tokens).tolist() == [[False, False, False, True, False, True]]
    labels = torch.tensor([[IGNORE, *corpus.vocabulary.encode(list("aabbb"))]])
    assert places(first_unique.at_repeats(tokens, labels), 4) == [3]
    assert places(first_unique.others(copies), 5) == [2, 4]


@torch.no_grad()
def test_heads_that_look_at_copies_and_heads_that_pass_over_them() -> None:
    corpus = load_corpus("first_unique")
    model = model_of(corpus, n_heads=1, d_head=16, normalization_type=None)
    model.embed.W_E[:] = torch.eye(len(corpus.vocabulary), 16)
    model.pos_embed.W_pos.zero_()
    model.blocks[0].attn.W_K[0] = 20 * torch.eye(16)
    tokens = next(corpus.labelled("test", 64))[0]
    for sign, low, high in ((1, 10, 1e9), (-1, 0, 0.1)):
        model.blocks[0].attn.W_Q[0] = sign * torch.eye(16)
        assert low < first_unique.copy_ratios(model, tokens)[0, 0] < high


def test_brackets_that_dip() -> None:
    corpus = load_corpus("brackets", length=8)
    tokens = row(corpus, "( ) ) ( ( )")
    assert brackets.depths(tokens).tolist() == [[0, 1, 0, -1, 0, 1, 0]]
    assert brackets.is_below(tokens).tolist() == [[False, False, False, True, True, False, False]]
    where = brackets.at_dips(tokens)
    assert [places(where, query) for query in range(7)] == [[], [], [], [], [], [], [3, 4]]


@torch.no_grad()
def test_a_neuron_that_fires_below_zero() -> None:
    """One that is on at the places below zero and nowhere else is found; dead ones are worth a half."""
    corpus = load_corpus("brackets")
    model, tokens = model_of(corpus, d_vocab_out=2, d_mlp=3, act_fn="relu"), next(corpus.labelled("test", 64))[0]
    model.blocks[0].mlp.W_in.zero_()
    model.blocks[0].mlp.b_in[:] = torch.tensor([-1.0, -1.0, -1.0])
    assert brackets.dip_neuron(model, tokens) == 0.5
    dips = brackets.is_below(tokens)
    model.blocks[0].mlp.hook_pre.add_hook(lambda pre, hook: pre + 2 * dips[..., None])
    assert brackets.dip_neuron(model, tokens) == 1


@torch.no_grad()
def test_every_pair_of_key_and_letter_and_another_rows_key() -> None:
    corpus = load_corpus("caesar")
    model = model_of(corpus)
    right, logits = caesar.table(model, corpus.vocabulary.bos)
    assert logits.shape == (676, 26)
    assert right[26 * 2 + 5] == 3  # the letter f under the key c is d
    tokens, labels = next(corpus.labelled("test", 64))
    assert places(caesar.at_key(tokens, labels), 4) == [1]
    same = tokens[:1].expand(64, -1), labels[:1].expand(64, -1)
    assert caesar.other_key(model, *same) == attention.accuracy(model(same[0]), same[1])
