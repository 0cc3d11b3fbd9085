"""`load_model`: by name, by folder, from the hub's cache, and never from the network by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import hf_gpt2, hf_neox, make, stir, words
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model import hub, load_model, model_checkpoints, model_names, save_checkpoint, save_model
from unravel.interp.places import content

HASH = "0000000000000000000000000000000000000001"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache and no course but those that a test makes."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path / "course"))
    (tmp_path / "course" / "models").mkdir(parents=True)


def snapshot(tmp_path: Path, repository: str) -> Path:
    """An empty snapshot folder in the layout of the hub's cache."""
    base = tmp_path / "hf" / "hub" / f"models--{repository.replace('/', '--')}"
    (base / "refs").mkdir(parents=True)
    (base / "refs" / "main").write_text(HASH)
    (base / "snapshots" / HASH).mkdir(parents=True)
    return base / "snapshots" / HASH


def test_a_model_of_the_course(tmp_path: Path, tokens: Tensor) -> None:
    model = make()
    save_model(model, tmp_path / "course" / "models" / "tiny-2l")
    save_checkpoint(model, tmp_path / "course" / "models" / "tiny-2l", 50)
    assert model_names() == ["tiny-2l"]
    assert model_checkpoints("tiny-2l") == [50]
    assert torch.equal(load_model("tiny-2l")(tokens), model(tokens))
    assert torch.equal(load_model("tiny-2l", device="cpu", checkpoint=50)(tokens), model(tokens))
    with pytest.raises(UnravelError, match="no checkpoint of step 51"):
        load_model("tiny-2l", checkpoint=51)


def test_a_folder_of_ours_and_of_theirs(tmp_path: Path, tokens: Tensor) -> None:
    model, theirs = make(), hf_gpt2()
    save_model(model, tmp_path / "mine")
    theirs.save_pretrained(tmp_path / "theirs")
    assert torch.equal(load_model(tmp_path / "mine")(tokens), model(tokens))
    with torch.no_grad():
        torch.testing.assert_close(load_model(str(tmp_path / "theirs"))(tokens), theirs(tokens).logits)


def test_a_neox_folder(tmp_path: Path, tokens: Tensor) -> None:
    theirs = hf_neox()
    theirs.save_pretrained(tmp_path / "theirs")
    with torch.no_grad():
        torch.testing.assert_close(load_model(tmp_path / "theirs")(tokens), theirs(tokens).logits)


def test_files_as_the_hub_really_has_them(tmp_path: Path, tokens: Tensor) -> None:
    """The hub's gpt2 has no `transformer.` before its names, holds masks, and its tokenizer names no marks."""
    from safetensors.torch import load_file, save_file

    place, theirs = snapshot(tmp_path, "gpt2"), hf_gpt2()
    theirs.save_pretrained(place)
    old = {name.removeprefix("transformer."): value for name, value in load_file(place / "model.safetensors").items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 12, 12)
    old["h.0.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(old, place / "model.safetensors")
    about = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**about, "n_ctx": 12, "bos_token_id": 0, "eos_token_id": 0}))
    (place / "tokenizer.json").write_text(words().files()["tokenizer.json"])
    (place / "tokenizer_config.json").write_text('{"model_max_length": 12}')
    model = load_model("gpt2")
    with torch.no_grad():
        torch.testing.assert_close(model(tokens), theirs(tokens).logits)
    assert model.to_str_tokens("the cat") == ["[BEGIN]", "the", "cat"]


def test_pythia_as_the_hub_really_has_it(tmp_path: Path, tokens: Tensor) -> None:
    """Half precision, masks and frequencies beside the weights, `embed_out`, and the older words for rotation."""
    from safetensors.torch import load_file, save_file

    place, theirs = snapshot(tmp_path, "EleutherAI/pythia-70m"), hf_neox(rotary_pct=0.25)
    theirs.save_pretrained(place)
    old = {name: value.half() for name, value in load_file(place / "model.safetensors").items()}
    if "lm_head.weight" in old:
        old["embed_out.weight"] = old.pop("lm_head.weight")
    for layer in range(3):
        prefix = f"gpt_neox.layers.{layer}.attention"
        old[f"{prefix}.bias"] = torch.ones(1, 1, 12, 12, dtype=torch.bool)
        old[f"{prefix}.masked_bias"] = torch.tensor(-1e4)
        old[f"{prefix}.rotary_emb.inv_freq"] = torch.ones(1)
    save_file(old, place / "model.safetensors")
    about = json.loads((place / "config.json").read_text())
    about.pop("rope_parameters")
    (place / "config.json").write_text(json.dumps({**about, "rotary_pct": 0.25, "rotary_emb_base": 10000}))
    with torch.no_grad():
        expected = theirs.half().float()(tokens).logits
        torch.testing.assert_close(load_model("pythia-70m")(tokens), expected, rtol=1e-4, atol=1e-4)


def test_a_snapshot_without_weights_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snapshot(tmp_path, "gpt2") / "config.json").write_text("{}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnravelError, match="not on this machine"):
        load_model("gpt2")


@pytest.mark.parametrize("name", sorted(hub.REPOSITORIES))
def test_offline_both_ways_are_named_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.monotonic()
    for offline in ("1", ""):
        monkeypatch.setenv("HF_HUB_OFFLINE", offline)
        with pytest.raises(UnravelError) as caught:
            load_model(name)
        said = str(caught.value)
        assert f"The model '{name}' is not on this machine" in said
        assert "connection to the internet" in said
        assert "bring a folder with config.json, model.safetensors, tokenizer.json" in said
        assert "\n" not in said
    assert time.monotonic() - start < 5


def test_a_hub_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 0.1)
    monkeypatch.setattr(hub.urllib.request, "urlopen", lambda *args, **kwargs: time.sleep(60))
    start = time.monotonic()
    with pytest.raises(UnravelError, match="the hub can't be reached"):
        load_model("gpt2")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("works", [True, False])
def test_online_it_is_fetched(works: bool, tmp_path: Path, tokens: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def fetch(repository: str, allow_patterns: list[str]) -> str:
        if not works:
            raise ConnectionResetError("the line broke\nin the middle")
        assert repository == "openai-community/gpt2"
        assert not any(pattern.endswith(".bin") for pattern in allow_patterns)
        hf_gpt2().save_pretrained(tmp_path / "fetched")
        return str(tmp_path / "fetched")

    monkeypatch.setattr(hub, "reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    if works:
        assert load_model("gpt2")(tokens).shape == (4, 10, 30)
    else:
        with pytest.raises(UnravelError, match=r"fetching it failed \(the line broke\). Either call"):
            load_model("gpt2")


def test_any_answer_means_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise hub.urllib.error.HTTPError("", 405, "no HEAD here", None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(hub.urllib.request, "urlopen", refuse)
    assert hub.reachable()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt3", r"There is no model 'gpt3'. Did you mean 'gpt2'\?"),
        ("./nowhere", "There is no model './nowhere'"),
        ("", "There is no model ''"),
        ("xyz", "There are: gpt2, gpt2-medium"),
    ],
)
def test_a_name_of_nothing(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnravelError, match=said if name else r"There is no model|holds no model"):
        load_model(name)


def test_a_folder_of_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnravelError, match=r"holds no model: it has no config\.json"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UnravelError, match=r"of another kind \(llama\)"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "n_embd": 24}')
    with pytest.raises(UnravelError, match=r"GPT-2 config misses 'n_layer'"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt_neox"}')
    with pytest.raises(UnravelError, match="GPT-NeoX config misses 'hidden_size'"):
        load_model(tmp_path)


def test_damage_in_a_folder_of_theirs(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    hf_gpt2().save_pretrained(tmp_path)
    with pytest.raises(UnravelError, match="This model has no checkpoints"):
        load_model(tmp_path, checkpoint=3)
    whole = load_file(tmp_path / "model.safetensors")
    for edit, said in (
        (lambda t: t.pop("transformer.h.1.attn.c_proj.bias"), "the weight 'h.1.attn.c_proj.bias' is missing"),
        (lambda t: t.update({"transformer.wpe.weight": torch.zeros(5, 24)}), r"shape \(5, 24\), not \(12, 24\)"),
        (lambda t: t.update(adapter=torch.zeros(1)), "the weight 'adapter' is unknown"),
    ):
        changed = dict(whole)
        edit(changed)
        save_file(changed, tmp_path / "model.safetensors")
        with pytest.raises(UnravelError, match=said):
            load_model(tmp_path)
    shutil.move(tmp_path / "model.safetensors", tmp_path / "pytorch_model.bin")
    with pytest.raises(UnravelError, match="are a pickle"):
        load_model(tmp_path)


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "xpu"])
def test_a_device_that_is_not_there(device: str, tmp_path: Path) -> None:
    save_model(make(), tmp_path / "mine")
    with pytest.raises(UnravelError, match=f"This machine has no device '{device}'"):
        load_model(tmp_path / "mine", device=device)


def test_a_course_without_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path))
    assert model_names() == []
    with pytest.raises(UnravelError, match="The course's models were not found"):
        content("models")


OFFLINE = """
import socket, sys
def forbidden(*args, **kwargs):
    raise SystemExit(f"network access: {args}")
socket.getaddrinfo = forbidden
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, forbidden)
from unravel.interp import load_model
for name in sys.argv[1:]:
    model = load_model(name)
    print(name, tuple(model("the cat").shape))
"""


def test_no_sockets_at_all(tmp_path: Path) -> None:
    """A fresh process that can't open one loads a shipped model, a folder, and gpt2 from the cache."""
    model = make()
    model.tokenizer = words()
    save_model(model, tmp_path / "course" / "models" / "tiny-2l")
    place = snapshot(tmp_path, "openai-community/gpt2")
    hf_gpt2(bos_token_id=0).save_pretrained(place)
    for name, text in words().files().items():
        (place / name).write_text(text)
    names = ["tiny-2l", str(tmp_path / "course" / "models" / "tiny-2l"), "gpt2"]
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, *names], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} (1, 3, 30)" for name in names]


@pytest.mark.slow
def test_gpt2_in_full_size_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """124 million random weights in the hub's layout: logits equal to transformers' to 1e-4."""
    from transformers import GPT2Config, GPT2LMHeadModel

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    theirs = stir(GPT2LMHeadModel(GPT2Config()), scale=0.05)
    theirs.save_pretrained(snapshot(tmp_path, "gpt2"))
    start = time.monotonic()
    model = load_model("gpt2")
    assert time.monotonic() - start < 30
    rows = torch.randint(0, 50257, (2, 64))
    with torch.no_grad():
        logits, expected = model(rows), theirs(rows).logits
    assert expected.std() > 1
    assert (logits - expected).abs().max() < 1e-4


def test_loading_leaves_torchs_compiler_alone(tmp_path: Path) -> None:
    """It takes over a second of processor time to import, in each lesson, check and page that loads a model first."""
    save_model(make(), tmp_path / "tiny")
    code = "import sys; from unravel.interp import load_model; load_model(sys.argv[1]); "
    code += "print('torch._dynamo' in sys.modules)"
    command = [sys.executable, "-c", code, str(tmp_path / "tiny")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=110)
    assert done.stdout.strip() == "False"
