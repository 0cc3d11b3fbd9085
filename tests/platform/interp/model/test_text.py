"""Text to tokens and back, and writing on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import make, words
from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers, trainers
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model import HookedGPT
from unravel.interp.tokens import Tokenizer


@pytest.fixture
def model() -> HookedGPT:
    model = make()
    model.tokenizer = words()
    return model


def byte_level() -> Tokenizer:
    """GPT-2's kind of tokenizer, trained on two sentences."""
    engine = Engine(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    engine.train_from_iterator(["the cat sat on the mat", "the dog sat on the cat"] * 10, trainer)
    return Tokenizer(engine, {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"})


def test_texts_begin_with_their_mark(model: HookedGPT) -> None:
    assert model.to_tokens("the cat sat").tolist() == [[0, 4, 5, 6]]
    assert model.to_tokens("the cat sat", prepend_bos=False).tolist() == [[4, 5, 6]]
    assert make(default_prepend_bos=False).config.default_prepend_bos is False
    assert model.to_tokens(["the cat sat", "the"]).tolist() == [[0, 4, 5, 6], [0, 4, 2, 2]]
    assert model.to_tokens("the unheard cat", prepend_bos=False).tolist() == [[4, 3, 5]]
    assert model.to_tokens("").tolist() == [[0]]
    assert model.to_tokens("the " * 50).shape == (1, 12)


def test_tokens_to_text(model: HookedGPT) -> None:
    assert model.to_string(torch.tensor([4, 5])) == "the cat"
    assert model.to_string(torch.tensor([[4, 5], [6, 7]])) == ["the cat", "sat on"]
    assert model.to_string(5) == "cat"
    assert model.to_str_tokens("the cat") == ["[BEGIN]", "the", "cat"]
    assert model.to_str_tokens(torch.tensor([[4, 5]])) == ["the", "cat"]
    assert model.to_str_tokens(["the cat", "it"], prepend_bos=False) == [["the", "cat"], ["it"]]
    assert (model.to_single_token("cat"), model.to_single_str_token(5)) == (5, "cat")
    with pytest.raises(UnravelError, match=r"'the cat' is 2 tokens: \['the', 'cat'\]"):
        model.to_single_token("the cat")
    with pytest.raises(UnravelError, match="takes one row"):
        model.to_str_tokens(torch.zeros(2, 3, dtype=torch.long))


def test_text_goes_in_directly(model: HookedGPT) -> None:
    assert torch.equal(model("the cat"), model(model.to_tokens("the cat")))
    assert torch.equal(model("the cat", prepend_bos=False), model(torch.tensor([[4, 5]])))
    direction = model.tokens_to_residual_directions("cat")
    assert torch.equal(direction, model.W_U[:, 5])
    _, cache = model.run_with_cache("the cat sat")
    assert cache.logit_attrs(cache.decompose_resid(), "cat", "sat").shape == (8, 1, 4)


def test_spaces_of_byte_level_tokens_are_kept() -> None:
    tokenizer = byte_level()
    ids = tokenizer.encode("the cat sat é")
    assert "".join(tokenizer.piece(number) for number in ids[:3]) == "the cat sat"
    assert tokenizer.decode(ids) == "the cat sat é"
    assert tokenizer.piece(ids[1]) == " cat"


def test_reading_what_transformers_writes(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast(tokenizer_object=byte_level().engine, bos_token="<|endoftext|>")
    theirs.save_pretrained(tmp_path)
    ours = Tokenizer.read(tmp_path)
    assert ours.encode("the dog é") == theirs("the dog é")["input_ids"]
    assert (ours.bos, ours.eos) == (0, None)
    assert Tokenizer.read(tmp_path, {"eos_token": 0}).eos == 0
    wrapped = Tokenizer.of(theirs)
    assert wrapped is not None
    assert (wrapped.encode("the dog"), wrapped.bos) == (ours.encode("the dog"), 0)
    assert Tokenizer.of(byte_level().engine).bos is None  # type: ignore[union-attr]


def test_older_files_write_special_tokens_as_tables(tmp_path: Path) -> None:
    for name, text in byte_level().files().items():
        (tmp_path / name).write_text(text)
    (tmp_path / "tokenizer_config.json").write_text(
        '{"bos_token": {"__type": "AddedToken", "content": "<|endoftext|>"}}'
    )
    assert Tokenizer.read(tmp_path).bos == 0


def test_a_mark_that_is_no_token() -> None:
    with pytest.raises(UnravelError, match="'<s>' is not in the vocabulary"):
        Tokenizer(words().engine, {"bos_token": "<s>"})
    with pytest.raises(UnravelError, match="'xylophone' is not in the vocabulary"):
        words().id("xylophone")


def test_no_mark_to_begin_with(model: HookedGPT) -> None:
    model.tokenizer = Tokenizer(words().engine)
    assert model.to_tokens("the cat").tolist() == [[4, 5]]
    with pytest.raises(UnravelError, match="no token for the beginning"):
        model.to_tokens("the cat", prepend_bos=True)


def test_the_light_parts_import_no_torch() -> None:
    code = (
        "import sys, unravel.interp.tokens, unravel.interp.model, unravel.interp.places; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_greedy_takes_the_likeliest_each_time(model: HookedGPT, tokens: Tensor) -> None:
    prompt = tokens[:, :3]
    written = model.generate(prompt, 5, stop_at_eos=False)
    assert isinstance(written, Tensor)
    assert torch.equal(written[:, :3], prompt)
    for place in range(3, 8):
        assert torch.equal(model(written[:, :place])[:, -1].argmax(-1), written[:, place])
    long = model.generate(prompt, 15, stop_at_eos=False)
    assert long.shape == (4, 18), "a full context drops its oldest tokens"
    assert torch.equal(model(long[:, 5:17])[:, -1].argmax(-1), long[:, 17])


def test_a_temperature_draws(model: HookedGPT, tokens: Tensor) -> None:
    def write(**changes: Any) -> Any:
        return model.generate(tokens[:, :3], 6, stop_at_eos=False, **changes)

    assert torch.equal(write(temperature=2.0, seed=1), write(temperature=2.0, seed=1))
    assert not torch.equal(write(temperature=2.0, seed=1), write(temperature=2.0, seed=2))
    assert torch.equal(write(temperature=1e-4, seed=1), write())


def test_the_end_token_ends(model: HookedGPT) -> None:
    with torch.no_grad():
        model.unembed.b_U.zero_()
        model.unembed.b_U[1] = 1000.0
    assert model.generate(torch.tensor([[4, 5]]), 8).tolist() == [[4, 5, 1]]
    assert model.generate("the cat", 8) == "the cat"
    assert model.generate(torch.tensor([[4, 5]]), 3, stop_at_eos=False).tolist() == [[4, 5, 1, 1, 1]]
