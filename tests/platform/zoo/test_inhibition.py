"""S-inhibition is found where it is known to be, and not where names are suppressed in the logits."""

from __future__ import annotations

import pytest
import torch

from unravel.errors import UnravelError
from unravel.interp.corpora import load_corpus
from unravel.interp.model.config import GPTConfig
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.model.load import load_model
from unravel.interp.suites import Suite
from unravel.interp.truth import load_truth
from unravel.zoo.evidence.claims import Claim
from unravel.zoo.evidence.inhibition import Gifts, Liar, claims, gifts
from unravel.zoo.recipes import find_recipe


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_corpus("names").suites["ioi"]


@pytest.fixture(scope="module")
def told(suite: Suite) -> Gifts:
    return gifts(suite, 40)


def found(name: str, suite: Suite) -> dict[str, Claim]:
    return {claim.name: claim for claim in claims(load_model(name), suite, 16)}


def test_prompts_line_up(told: Gifts) -> None:
    assert torch.equal(told.plain[told.rows, told.at_receiver], told.receiver)
    for place in (told.at_first, told.at_giver):
        assert torch.equal(told.plain[told.rows, place], told.giver)
    assert (told.at_first < told.at_giver).all()
    assert (told.at_giver < told.end).all()
    assert ((told.plain != told.swapped).sum(-1) == 1).all()
    assert torch.equal(told.swapped[told.rows, told.at_giver], told.receiver)


def test_a_suite_without_a_giver_of_the_two_is_told() -> None:
    suite = load_corpus("names").suites["conditional"]
    with pytest.raises(UnravelError, match="No prompt of the suite 'conditional'"):
        gifts(suite)


@torch.no_grad()
def test_who_speaks_to_the_logits_is_not_taken_for_one_who_speaks_to_queries(told: Gifts) -> None:
    """The second layer looks everywhere alike and gathers nothing: all that the first says goes to the logits."""
    config = GPTConfig(2, 16, 1, len(load_corpus("names").vocabulary), 24, attn_only=True)
    model = HookedGPT(config, seed=0)
    for name in ("W_Q", "W_K", "W_V"):
        getattr(model.blocks[1].attn, name).zero_()
    liar = Liar(model, told)
    assert liar.misled((0, 0), "logits") == pytest.approx(1, abs=1e-3)
    assert [liar.misled((0, 0), part) for part in "qkv"] == pytest.approx([0, 0, 0], abs=1e-3)


@torch.no_grad()
def test_what_a_head_says_reaches_queries_through_an_mlp(told: Gifts) -> None:
    """The second layer's queries read nothing but what the first layer's MLP makes of the head's words."""
    config = GPTConfig(2, 16, 1, len(load_corpus("names").vocabulary), 24)
    liar = Liar(HookedGPT(config, seed=0), told)
    silent = HookedGPT(config, seed=0)
    silent.blocks[0].mlp.W_out.zero_()
    with_mlp, without = (each.lies((0, 0))["blocks.1.hook_resid_pre"] for each in (liar, Liar(silent, told)))
    assert not torch.allclose(with_mlp, without, atol=1e-6)
    before_it = liar.lies((0, 0))["blocks.0.hook_resid_pre"]
    assert torch.equal(before_it, torch.zeros_like(before_it))


@torch.no_grad()
def test_heads_that_are_known_are_found(suite: Suite) -> None:
    """In the model that was written by hand, it is one of the heads that have the role."""
    truth, measured = load_truth("ioi-constructed"), found("ioi-constructed", suite)
    roles = {f"L{node.head[0]}H{node.head[1]}": node.role for node in truth.nodes}
    assert roles[measured["inhibitor_q"].says.split()[2]].startswith("S-inhibition")
    assert roles[measured["mover_right"].says.split(",")[0]].startswith("name mover")
    assert all(measured[f"inhibitor_{part}"].holds() for part in ("q", "k", "v", "logits"))


def test_a_trained_model_has_it(suite: Suite) -> None:
    recipe, measured = find_recipe("ioi-3l")[0], found("ioi-3l", suite)
    assert [claim.name for claim in measured.values() if not claim.holds()] == []
    inhibitors = [f"L{head.replace('.', 'H')}" for head in recipe.circuit["S-inhibition"]]
    assert measured["inhibitor_q"].says.split()[2] in inhibitors
