"""A saved model comes back as it was; of every damage one clear sentence is said."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import make, words
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp import files
from unravel.interp.model import HookedGPT, checkpoints, read_model, save_checkpoint, save_model


@pytest.fixture
def model() -> HookedGPT:
    model = make()
    model.tokenizer = words()
    return model


@pytest.fixture
def folder(model: HookedGPT, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "models" / "tiny")
    return tmp_path / "models" / "tiny"


def fails(folder: Path, said: str, checkpoint: Any = None) -> UnravelError:
    """Reading fails, in one paragraph that says where."""
    with pytest.raises(UnravelError, match=said) as caught:
        read_model(folder, checkpoint)
    assert str(folder) in str(caught.value)
    assert caught.value.fix
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attn_only": True, "normalization_type": None},
        {"positional": "rotary", "parallel_attn_mlp": True, "rotary_dim": 4},
    ],
)
def test_it_comes_back_exactly(changes: dict[str, Any], tokens: Tensor, tmp_path: Path) -> None:
    model = make(**changes)
    save_model(model, tmp_path)
    again = read_model(str(tmp_path))
    assert torch.equal(again(tokens), model(tokens))
    assert again.config == model.config
    assert again.tokenizer is None
    assert again.cfg.device == "cpu"
    again(tokens, "loss").backward()
    assert again.embed.W_E.grad is not None


def test_the_tokenizer_comes_back(model: HookedGPT, folder: Path) -> None:
    again = read_model(folder)
    assert torch.equal(again.to_tokens("the cat sat"), model.to_tokens("the cat sat"))
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(folder)
    assert theirs("the cat sat", add_special_tokens=False)["input_ids"] == model.words.encode("the cat sat")
    assert (theirs.bos_token, theirs.pad_token) == ("[BEGIN]", "[PAD]")


def test_half_precision_is_half_the_size(model: HookedGPT, folder: Path, tokens: Tensor) -> None:
    large = (folder / "model.safetensors").stat().st_size
    save_model(model, folder, dtype=torch.float16)
    assert (folder / "model.safetensors").stat().st_size < 0.65 * large
    again = read_model(folder)
    assert again.W_E.dtype == torch.float32
    assert (again(tokens) - model(tokens)).abs().max() < 0.05


def test_the_same_model_makes_the_same_bytes(model: HookedGPT, folder: Path, tmp_path: Path) -> None:
    save_model(model, tmp_path / "other")
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (folder / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_other_files_of_the_folder_stay(model: HookedGPT, folder: Path) -> None:
    (folder / "card.md").write_text("a card")
    save_model(model, folder)
    assert (folder / "card.md").read_text() == "a card"
    assert not list(folder.glob(".*")), "nothing half-written is left"


def test_checkpoints(model: HookedGPT, folder: Path, tokens: Tensor) -> None:
    assert checkpoints(folder) == []
    fails(folder, "no checkpoint of step 7. It has none", 7)
    last = model(tokens)
    for step in (0, 100, 1200000):
        save_checkpoint(model, folder, step)
        model.embed.W_E.data += 1.0
    assert checkpoints(folder) == [0, 100, 1200000]
    assert torch.equal(read_model(folder, 0)(tokens), last)
    assert not torch.equal(read_model(folder, 100)(tokens), last)
    fails(folder, "no checkpoint of step 99. It has 3; near it: 0, 100", 99)
    fails(folder, "no checkpoint of step -5", -5)


@pytest.mark.parametrize("keep", [0, 4, 100, -1, -500])
def test_truncated_weights(folder: Path, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    fails(folder, "can't be read: the file is truncated or no safetensors file")


def test_bytes_after_the_end(folder: Path) -> None:
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"more")
    fails(folder, "can't be read")


def change(folder: Path, edit: Any) -> None:
    """Writes the weights anew, after `edit`, as another tool might: without our metadata."""
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors")


def test_a_missing_weight(folder: Path) -> None:
    change(folder, lambda t: (t.pop("blocks.1.attn.W_O"), t.pop("unembed.W_U")))
    fails(folder, r"misses the weight 'blocks.1.attn.W_O' and 1 more")


def test_an_unknown_weight(folder: Path) -> None:
    change(folder, lambda t: t.update(extra=torch.zeros(2)))
    fails(folder, "an unknown weight 'extra'")


def test_a_wrong_shape(folder: Path) -> None:
    change(folder, lambda t: t.update({"embed.W_E": torch.zeros(29, 24)}))
    fails(folder, r"'embed.W_E' has shape \(29, 24\), not \(30, 24\)")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers(folder: Path, value: float) -> None:
    change(folder, lambda t: t["blocks.2.mlp.W_in"].__setitem__((3, 3), value))
    fails(folder, "'blocks.2.mlp.W_in' holds values that are no finite numbers")


def test_integers_are_no_weights(folder: Path) -> None:
    change(folder, lambda t: t.update({"embed.W_E": torch.zeros(30, 24, dtype=torch.int32)}))
    fails(folder, "no finite numbers")


def test_weights_of_another_model(folder: Path, tmp_path: Path) -> None:
    save_model(make(act_fn="relu"), tmp_path / "other")
    os.replace(tmp_path / "other" / "model.safetensors", folder / "model.safetensors")
    fails(folder, "belong to another model")


class Bomb:
    def __reduce__(self) -> Any:
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_a_pickle_is_never_opened(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Bomb()))
    fails(folder, "are a pickle, which can run any code")
    os.replace(folder / name, folder / "model.safetensors")
    fails(folder, "no safetensors file")
    assert not (folder / "exploded").exists()


def test_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    fails(folder, "The weights are missing")


def test_split_weights(folder: Path) -> None:
    os.rename(folder / "model.safetensors", folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text("{}")
    fails(folder, "split over several files")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "can't be read"),
        ('{"format": "unravel-gpt", "ver', "can't be read"),
        ("[1, 2]", "holds no table"),
        ("{}", "no config of an Unravel model"),
        ('{"format": "unravel-gpt", "version": 99}', "version 99 of the format; here it is 1"),
        ('{"format": "unravel-gpt", "version": 1}', "misses d_model, d_vocab, n_ctx, n_heads, n_layers"),
    ],
)
def test_a_damaged_config(folder: Path, text: str, said: str) -> None:
    (folder / "config.json").write_text(text)
    fails(folder, said)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("d_model", "wide", "d_model = 'wide'"), ("n_layers", 0, "n_layers = 0"), ("mood", 1, "does not know mood")],
)
def test_senseless_values_in_the_config(folder: Path, key: str, value: Any, said: str) -> None:
    about = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**about, key: value}))
    fails(folder, said)


def test_an_enormous_config_takes_no_memory(folder: Path) -> None:
    about = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**about, "d_vocab": 10**9, "d_vocab_out": 10**9}))
    fails(folder, "belong to another model")


def test_not_a_text(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    fails(folder, "can't be read")


def test_a_missing_config(tmp_path: Path) -> None:
    fails(tmp_path, r"This file is missing. Is this the folder of a model\?")


def test_a_missing_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    fails(folder, "tokenizer is missing. Put tokenizer.json back")


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_tokenizer(folder: Path, name: str) -> None:
    (folder / name).write_text((folder / name).read_text()[:40])
    fails(folder, "The tokenizer can't be read")


def test_a_full_disk_leaves_the_old_model(model: HookedGPT, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    model.embed.W_E.data += 1.0
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UnravelError, match=r"The disk is full, so nothing was changed\. Free some space"):
        save_model(model, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_where_the_folder_should_be(model: HookedGPT, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UnravelError, match="A file stands where a folder should be"):
        save_model(model, tmp_path / "taken")


def test_a_tokenizer_of_another_model(model: HookedGPT, tmp_path: Path) -> None:
    with pytest.raises(UnravelError, match="has 19 tokens, but the model knows 7"):
        HookedGPT(make(d_vocab=7).config, words())
