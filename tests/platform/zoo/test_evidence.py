"""The measurements themselves, where the answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from unravel.errors import UnravelError
from unravel.interp.corpora import load_corpus
from unravel.interp.corpora.names import TRAINING
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import Claim, Trained, claims_of, grokking, heads, ioi, people, roles, routes
from unravel.zoo.evidence.brackets import linear_r2
from unravel.zoo.recipes import Recipe


@pytest.mark.parametrize(
    ("value", "low", "high", "good"),
    [
        (1, 0.9, None, True),
        (0.8, 0.9, None, False),
        (1, None, 0.9, False),
        (1, 0.5, 2, True),
        (math.nan, None, 1, False),
        (math.inf, 0, 5, False),
        (3, None, None, True),
    ],
)
def test_a_claim_holds_within_its_bounds(value: float, low: float | None, high: float | None, good: bool) -> None:
    assert Claim("x", "x", value, low, high).holds() is good


def test_other_seeds_have_bounds_of_their_own() -> None:
    claim = Claim("x", "x", 0.6, 0.9, any_seed=(0.5, None))
    assert (claim.holds(), claim.holds(shipped=False)) == (False, True)
    assert (claim.bound_text(), claim.bound_text(shipped=False)) == ("≥ 0.9", "≥ 0.5")


def test_unknown_evidence(tiny: Recipe, tmp_path) -> None:
    import dataclasses

    recipe = dataclasses.replace(tiny, evidence="hearsay")
    with pytest.raises(UnravelError, match="no evidence called 'hearsay'"):
        claims_of(Trained(recipe, tmp_path, None, []))  # type: ignore[arg-type]


def test_linear_r2() -> None:
    x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0)).double()
    assert linear_r2(x, x @ torch.arange(5.0).double() + 2) == pytest.approx(1)
    assert linear_r2(x, torch.randn(400, generator=torch.Generator().manual_seed(1)).double()) < 0.1


class Waves(torch.nn.Module):
    """Answers sums modulo 7 with one wave of frequency 2, and nothing else."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        turn = (tokens[:, 0] + tokens[:, 1])[:, None] - torch.arange(7)[None]
        return (10 * torch.cos(2 * torch.pi * 2 * turn / 7))[:, None]


def test_waves_explain_what_is_made_of_them() -> None:
    assert grokking.logit_waves(Waves(), 7, [1])[0] == pytest.approx(1)  # type: ignore[arg-type]
    without = grokking.logit_waves(Waves(), 7, [1])[1]  # type: ignore[arg-type]
    assert without == pytest.approx(math.log(7), abs=1e-3)
    assert grokking.logit_waves(Waves(), 7, [0])[0] == pytest.approx(0, abs=1e-6)  # type: ignore[arg-type]


def test_power_of_an_embedding_of_one_frequency() -> None:
    model = HookedGPT(GPTConfig(1, 4, 1, 7, 3, attn_only=True))
    angle = 2 * torch.pi * 3 * torch.arange(7) / 7
    model.embed.W_E.data = torch.stack([angle.cos(), angle.sin(), angle.cos(), angle.sin()], dim=1)
    assert float(grokking.frequency_power(model, 7)[2]) == pytest.approx(1)


@pytest.fixture(scope="module")
def names() -> HookedGPT:
    corpus = load_corpus("names")
    config = GPTConfig(2, 16, 2, len(corpus.vocabulary), corpus.n_ctx, attn_only=True)
    return HookedGPT(config, corpus.tokenizer, seed=0)


@pytest.mark.parametrize("template", range(len(TRAINING)))
def test_prompts_line_up(template: int) -> None:
    corpus = load_corpus("names")
    each = people.prompts(corpus, template, 20)  # type: ignore[arg-type]
    for kind, giver in (("plain", each.b), ("other", each.c), ("swapped", each.a), ("undone", each.b)):
        assert torch.equal(getattr(each, kind)[:, each.giver], giver)
    assert torch.equal(each.plain[each.rows, each.first_a], each.a)
    assert torch.equal(each.plain[each.rows, each.first_b], each.b)
    assert torch.equal(each.undone[each.rows, each.first_b], each.c)
    for kind in ("other", "swapped", "undone"):
        assert ((getattr(each, kind) != each.plain).sum(-1) == 1).all()
    assert (corpus.vocabulary.index["to"] == each.plain[:, each.end]).all()
    both = {
        frozenset(pair) for pair in zip(*(corpus.vocabulary.decode(x.tolist()) for x in (each.a, each.b)), strict=True)
    }
    assert both <= corpus.held_pairs  # type: ignore[attr-defined]


@torch.no_grad()
def test_all_heads_keep_everything_and_none_keep_less(names: HookedGPT) -> None:
    bench = ioi.Bench(names, load_corpus("names"), 10)  # type: ignore[arg-type]
    kept = bench.kept(heads.all_heads(names))
    assert (kept.plain, kept.other) == (1, 1)
    assert bench.kept([]).plain != 1


@torch.no_grad()
def test_patching_where_nothing_differs_restores_nothing(names: HookedGPT) -> None:
    each = people.prompts(load_corpus("names"), 0, 10)  # type: ignore[arg-type]
    assert routes.recovered(names, each, each.swapped, (1, 0), 1) == pytest.approx(0, abs=1e-5)  # before any change


@torch.no_grad()
def test_a_lie_goes_nowhere_from_the_last_layer_and_somewhere_from_the_first(names: HookedGPT) -> None:
    each = people.prompts(load_corpus("names"), 0, 10)  # type: ignore[arg-type]
    assert routes.misled(names, each, each.swapped, (1, 0), "q") == pytest.approx(0, abs=1e-6)
    assert abs(routes.misled(names, each, each.swapped, (0, 0), "v")) > 1e-6
    assert not names.cfg.use_split_qkv_input


@torch.no_grad()
def test_direct_effects_add_up_to_the_logits(names: HookedGPT) -> None:
    """What the heads add and what the embedding adds make the logits of the names, up to their mean."""
    each = people.prompts(load_corpus("names"), 0, 5)  # type: ignore[arg-type]
    added = people.direct(names, each.plain, each.people).sum((0, 1))
    logits, cache = names.run_with_cache(each.plain)
    start = cache["blocks.0.hook_resid_pre"][:, -1]
    start = (start - start.mean(-1, keepdim=True)) / cache["ln_final.hook_scale"][:, -1] * names.ln_final.w
    wanted = logits[:, -1, each.people]
    direction = names.W_U[:, each.people]
    found = added + start @ (direction - direction.mean(-1, keepdim=True))
    torch.testing.assert_close(found, wanted - wanted.mean(-1, keepdim=True), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_closed_way_takes_the_attention_away(names: HookedGPT) -> None:
    each = people.prompts(load_corpus("names"), 0, 5)  # type: ignore[arg-type]
    assert torch.allclose(routes.closed(names, each, [], each.end, 3), names(each.plain))
    assert not torch.allclose(routes.closed(names, each, [0], each.end, 3), names(each.plain), atol=1e-6)
    same = torch.full_like(each.a, 3)  # a position for each row, here the same one
    assert torch.equal(routes.closed(names, each, [0], each.end, same), routes.closed(names, each, [0], each.end, 3))


@torch.no_grad()
def test_nothing_before_the_giver_is_touched_when_the_way_to_the_name_before_is_closed(names: HookedGPT) -> None:
    each = people.prompts(load_corpus("names"), 0, 5)  # type: ignore[arg-type]
    changed = routes.closed(names, each, [0, 1], each.giver, each.first_b) - names(each.plain)
    assert changed[:, : each.giver].abs().max() < 1e-5  # each row of a pattern is divided by its sum
    assert (changed[:, each.giver].abs().amax(-1) > 1e-4).all()


@torch.no_grad()
@pytest.mark.parametrize("role", roles.ROLES)
def test_no_head_of_a_fresh_model_plays_a_role(names: HookedGPT, role: str) -> None:
    each = people.prompts(load_corpus("names"), 0, 10)  # type: ignore[arg-type]
    for head in heads.all_heads(names):
        claims = roles.ROLES[role](names, each, head)
        assert len({claim.name for claim in claims}) == len(claims)
        assert not all(claim.holds() for claim in claims)


def test_a_circuit_knows_its_roles(names: HookedGPT) -> None:
    with pytest.raises(UnravelError, match="no role 'hero'"):
        ioi.check_roles({"relay": ["0.0"], "hero": ["1.0"]})
    ioi.check_roles({"relay": ["0.0"], "helper": ["1.0"]})
