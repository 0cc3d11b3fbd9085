"""The reference GPT-2 of the lesson `transformer` against `transformers` and `HookedGPT`, through its own loader."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from unravel.interp import from_hf, save_model

ROOT = Path(__file__).parents[3]
TINY = {"n_layer": 3, "n_embd": 12, "n_head": 3, "n_inner": 50, "vocab_size": 31, "n_positions": 16}


@pytest.fixture(scope="module")
def lesson() -> ModuleType:
    """The solution, as a module."""
    path = ROOT / "solutions" / "ch01_gpt2" / "transformer.py"
    spec = importlib.util.spec_from_file_location("solution_transformer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checkpoint(sizes: dict[str, Any], tied: bool = True) -> Any:
    """A `GPT2LMHeadModel` whose every weight is random: with biases of 0 half of the mistakes would not show."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    names = {"bos_token_id": None, "eos_token_id": None, "tie_word_embeddings": tied}
    model = GPT2LMHeadModel(GPT2Config(**sizes, **names, attn_implementation="eager")).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return model


def learned(lesson: ModuleType, theirs: Any) -> Any:
    """The lesson's model with the checkpoint's weights."""
    c = theirs.config
    model = lesson.GPT2(c.n_layer, c.n_head, c.n_embd, c.n_inner or 4 * c.n_embd, c.vocab_size, c.n_positions)
    model.load_state_dict(lesson.convert_weights(theirs.state_dict(), c.n_head), assign=True)
    return model


def largest_gap(model: Any, theirs: Any, batch: int, pos: int) -> float:
    """Between the two models' logits on random tokens."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, theirs.config.vocab_size, (batch, pos), generator=generator)
    with torch.inference_mode():
        return float((model(tokens) - theirs(tokens).logits).abs().max())


@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_transformers(lesson: ModuleType, tied: bool) -> None:
    theirs = checkpoint(TINY, tied)
    model = learned(lesson, theirs)
    assert largest_gap(model, theirs, 2, 16) < 1e-4
    assert largest_gap(model, theirs, 3, 1) < 1e-4


def test_every_activation_is_that_of_the_library(lesson: ModuleType) -> None:
    theirs = checkpoint(TINY)
    hooked = from_hf(theirs)
    tokens = torch.randint(0, 31, (2, 16), generator=torch.Generator().manual_seed(2))
    mine = lesson.activations(learned(lesson, theirs), tokens)
    logits, cache = hooked.run_with_cache(tokens)
    reference = {name: cache[name] for name in mine if name != "logits"} | {"logits": logits}
    assert len(reference) == 3 + 12 * TINY["n_layer"]
    for name, value in reference.items():
        torch.testing.assert_close(mine[name].expand_as(value), value, rtol=1e-4, atol=1e-5, msg=name)


def test_a_loading_mistake_is_found_where_it_is(lesson: ModuleType) -> None:
    theirs = checkpoint(TINY)
    model, wrong = learned(lesson, theirs), learned(lesson, theirs)
    wrong.blocks[1].attn.W_O.data = wrong.blocks[1].attn.W_O.data.flip(0)
    tokens = torch.randint(0, 31, (2, 9), generator=torch.Generator().manual_seed(3))
    mine, reference = lesson.activations(wrong, tokens), lesson.activations(model, tokens)
    assert lesson.first_difference(mine, reference) == "blocks.1.hook_attn_out"
    assert lesson.first_difference(reference, reference) is None


def test_the_program_compares_and_predicts(
    lesson: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from unravel.interp import load_corpus

    tokenizer = load_corpus("repeats").tokenizer
    hooked = from_hf(checkpoint({**TINY, "vocab_size": len(tokenizer)}), tokenizer)
    hooked.unembed.b_U.data.normal_()  # as the course's own models have it
    save_model(hooked, tmp_path)
    prompt = hooked.to_string(torch.tensor([5, 6, 7]))
    monkeypatch.setattr(sys, "argv", ["transformer.py", "--model", str(tmp_path), "--prompt", prompt])
    lesson.main()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "All activations agree with the library's."
    best = hooked(prompt)[0, -1].argmax()
    assert len(said) == 6
    assert said[1].endswith(repr(hooked.to_string(best[None])))


def test_a_model_that_is_not_there_takes_one_sentence(lesson: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["transformer.py", "--model", "no-such-model"])
    with pytest.raises(SystemExit, match="There is no model 'no-such-model'"):
        lesson.main()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", "/nonexistent")
    monkeypatch.setattr(sys, "argv", ["transformer.py", "--model", "gpt2"])
    with pytest.raises(SystemExit, match="'gpt2' is not on this machine"):
        lesson.main()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_full_size_checkpoint_from_disk(lesson: ModuleType, tmp_path: Path) -> None:
    from transformers import GPT2LMHeadModel

    sizes = {"n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
    checkpoint(sizes).save_pretrained(tmp_path)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path, attn_implementation="eager").eval()
    assert largest_gap(learned(lesson, theirs), theirs, 1, 64) < 1e-4
