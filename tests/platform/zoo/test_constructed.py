"""The model that is written by hand is what its truth says, and the truth can be read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from transformer_lens import patching

from unravel.cli import main
from unravel.errors import UnravelError
from unravel.interp import (
    HookedGPT,
    as_bridge,
    load_corpus,
    load_model,
    load_truth,
    model_variant,
    read_model,
    variant_map,
)
from unravel.interp.model.config import GPTConfig
from unravel.interp.places import content
from unravel.interp.truth import FILE, Truth
from unravel.zoo.constructed import circuit
from unravel.zoo.constructed.build import construct
from unravel.zoo.constructed.codes import codes, times
from unravel.zoo.constructed.stream import SPACES, Stream
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.constructed import Setting
from unravel.zoo.evidence.paths import Cutter, all_paths

NAME = "ioi-constructed"
FOLDER = content("models") / NAME


@pytest.fixture(scope="module")
def model() -> HookedGPT:
    return load_model(NAME)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(NAME)


@pytest.fixture(scope="module")
def setting(model: HookedGPT) -> Setting:
    with torch.no_grad():
        return Setting.of(model, load_corpus("names"), 0, 4)  # type: ignore[arg-type]


def test_codes_are_nearly_at_right_angles() -> None:
    assert times(2, 16) == 5
    products = codes(1024) @ codes(1024).T
    assert set((4 * products).round(decimals=4).unique().tolist()) == {-1.0, 0.0, 1.0, 4.0}
    assert torch.equal(products.round(decimals=4) == 1, torch.eye(1024).bool())
    with pytest.raises(UnravelError, match="1024 codes, not 1025"):
        codes(1025)


def test_the_spaces_fill_the_stream() -> None:
    stream = Stream(24)
    taken = [at for name in SPACES for at in range(*stream[name].indices(stream.d_model))]
    assert taken == list(range(stream.d_model))


def test_the_shipped_files_are_what_the_code_writes(model: HookedGPT, truth: Truth) -> None:
    written = construct(load_corpus("names")).state_dict()
    shipped = model.state_dict()
    assert set(written) == set(shipped)
    assert all(torch.equal(written[name].half(), shipped[name].half()) for name in written)
    assert truth == circuit.truth(NAME)


def test_every_head_of_the_model_has_a_role_or_is_idle(model: HookedGPT, truth: Truth) -> None:
    assert set(heads.all_heads(model)) == set(circuit.HEADS) | set(circuit.IDLE)
    assert not set(circuit.HEADS) & set(circuit.IDLE)
    assert truth.heads("name mover") == [(3, 0), (3, 3)]
    assert set(truth.heads()) - set(truth.heads(standby=False)) == set(truth.heads("backup name mover"))


@torch.no_grad()
def test_s_inhibition_acts_through_queries_alone(setting: Setting, truth: Truth) -> None:
    cutter = Cutter(setting.model, setting.each.plain, setting.means)
    for sender in truth.heads("S-inhibition (token)", "S-inhibition (place)"):
        for mover in truth.heads("name mover"):
            assert setting.cut((sender, mover, "q"), cutter) > 0.3
            assert setting.cut((sender, mover, "k"), cutter) == pytest.approx(0, abs=1e-5)
            assert setting.cut((sender, mover, "v"), cutter) == pytest.approx(0, abs=1e-5)


@torch.no_grad()
def test_a_look_alike_is_no_part_of_the_circuit(setting: Setting) -> None:
    assert setting.looks((2, 1), "END", "S2") > 0.9
    assert setting.gone((2, 1)) == pytest.approx(0, abs=1e-5)


@torch.no_grad()
def test_backups_wake_when_the_movers_are_gone(setting: Setting, truth: Truth) -> None:
    gone = heads.ablated(truth.heads("name mover"), setting.means)
    for backup in truth.heads("backup name mover"):
        assert setting.looks(backup, "END", "END") > 0.9
        assert setting.looks(backup, "END", "IO", gone) > 0.9


@torch.no_grad()
def test_all_paths_cut_at_once_are_an_ablation() -> None:
    """A law of any model: what a head writes reaches later heads by Q, K and V, and the logits."""
    drawn = HookedGPT(GPTConfig(3, 16, 2, 30, 8, attn_only=True, normalization_type=None), seed=1)
    tokens = torch.randint(30, (5, 8), generator=torch.Generator().manual_seed(2))
    means = heads.mean_z(drawn, tokens)
    for head in heads.all_heads(drawn):
        cut = Cutter(drawn, tokens, means).without(*(path for path in all_paths(drawn) if path[0] == head))
        gone = drawn.run_with_hooks(tokens, fwd_hooks=heads.ablated([head], means))
        torch.testing.assert_close(cut, gone, rtol=1e-4, atol=1e-5)
        assert (cut - drawn(tokens)).abs().max() > 1e-3


@torch.no_grad()
def test_patching_of_the_library_finds_the_heads_and_equals_the_bridge(setting: Setting, truth: Truth) -> None:
    each, found = setting.each, []
    for one in (setting.model, as_bridge(setting.model)):
        _, clean = one.run_with_cache(each.plain)
        effect = patching.get_act_patch_attn_head_out_all_pos(
            one, each.undone, clean, lambda logits: each.plain_difference(logits).mean()
        )
        found.append(effect - each.plain_difference(one(each.undone)).mean())
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)
    matters = {(layer, head) for layer, head in heads.all_heads(setting.model) if abs(found[0][layer, head]) > 0.05}
    assert {*truth.heads("duplicate token", "name mover", "S-inhibition (token)")} <= matters <= {*truth.heads()}


@torch.no_grad()
def test_a_variant_has_the_truth_at_other_indices(setting: Setting, truth: Truth) -> None:
    model = setting.model
    other, moved = model_variant(model, "ada"), truth.variant(variant_map(model, "ada"))
    assert moved.heads() != truth.heads()
    assert len(moved.links()) == len(truth.links())
    torch.testing.assert_close(other(setting.each.plain), model(setting.each.plain), rtol=1e-4, atol=1e-4)
    mapped = Setting(other, setting.each, heads.mean_z(other, setting.each.plain))
    for node in moved.nodes:
        assert mapped.looks(node.head, node.query, node.key) > 0.9


def test_a_wrong_name_or_role_is_a_sentence(truth: Truth) -> None:
    with pytest.raises(UnravelError, match=r"No circuit is known of 'ioi-constructd'.*Did you mean 'ioi-constructed'"):
        load_truth("ioi-constructd")
    with pytest.raises(UnravelError, match=r"No circuit is known of 'induction-2l'"):
        load_truth("induction-2l")
    with pytest.raises(UnravelError, match="No head has the role 'mover'"):
        truth.heads("mover")


@pytest.mark.parametrize("damage", [
    lambda values: values["nodes"].pop(),
    lambda values: values["edges"][0].update(input="z"),
    lambda values: values["edges"][0].update(receiver=None),
    lambda values: values["edges"][0].update(position="S3"),
    lambda values: values["nodes"][0].update(head=[1]),
    lambda values: values.pop("positions"),
])  # fmt: skip
def test_a_damaged_circuit_is_a_sentence(tmp_path: Path, damage) -> None:
    values = json.loads((FOLDER / FILE).read_text())
    damage(values)
    (tmp_path / FILE).write_text(json.dumps(values))
    with pytest.raises(UnravelError, match="circuit is damaged"):
        load_truth(tmp_path)


def test_train_writes_it_and_says_so(tmp_path: Path, easy: None) -> None:
    args = ["models", "train", NAME, "--out", str(tmp_path)]
    refused = CliRunner().invoke(main, [*args, "--seed", "3"])
    assert refused.exit_code == 2
    assert "is written by code, not trained" in refused.output
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)  # it is written anew without a question
    (tmp_path / FILE).unlink()
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    assert "is not trained: unravel.zoo.constructed writes its weights." in done.output
    assert load_truth(tmp_path) == load_truth(NAME)
    ours, shipped = read_model(tmp_path).state_dict(), load_model(NAME).state_dict()
    assert all(torch.equal(ours[name], shipped[name]) for name in shipped)
    assert "written by `unravel.zoo.constructed`".lower() in (tmp_path / "card.md").read_text().lower()
