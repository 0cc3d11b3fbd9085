"""One loop: the same weights each time, also when it was killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from unravel.errors import UnravelError
from unravel.interp.model.store import checkpoints, read_model
from unravel.zoo import state
from unravel.zoo.recipes import Recipe
from unravel.zoo.train import finish, read_log, train

KILLED = """
import os, signal, sys
from pathlib import Path
from unravel.zoo.recipes import find_recipe
from unravel.zoo.train import train

def watch(step, entry):
    if step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

train(find_recipe("tiny")[0], Path(sys.argv[1]), watch=watch)
"""


class Stop(Exception):
    """Stands in for a key press."""


def stop_at(at: int):
    def watch(step: int, entry: object) -> None:
        if step == at:
            raise Stop

    return watch


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_same(one: Path, other: Path) -> None:
    assert weights(one).keys() == weights(other).keys()
    for name, tensor in weights(one).items():
        assert torch.equal(tensor, weights(other)[name]), name
    assert (one / "log.jsonl").read_text() == (other / "log.jsonl").read_text()
    assert checkpoints(one) == checkpoints(other) == [0, 15, 40]
    for step in checkpoints(one):
        name = f"checkpoints/step-{step:06d}.safetensors"
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_killed_with_nine_it_ends_with_the_same_weights(tiny: Recipe, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(tiny, whole)
    for at in (17, 33):
        command = [sys.executable, "-c", KILLED, str(broken), str(at)]
        done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not (broken / "model.safetensors").exists()
    went_on: list[int] = []
    train(tiny, broken, watch=lambda step, entry: went_on.append(step))
    assert went_on[0] == 30, "it went on from the last state, not from the beginning"
    assert_same(whole, broken)


@pytest.mark.parametrize("at", [0, 10, 25, 40])
def test_stopped_anywhere_it_ends_with_the_same_weights(tiny: Recipe, tmp_path: Path, at: int) -> None:
    train(tiny, tmp_path / "whole")
    with pytest.raises(Stop):
        train(tiny, tmp_path / "broken", watch=stop_at(at))
    train(tiny, tmp_path / "broken")
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_another_seed_gives_other_weights_and_the_same_seed_the_same(tiny: Recipe, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tiny, tmp_path / name, seed=seed)
    assert_same(tmp_path / "a", tmp_path / "b")
    assert not torch.equal(weights(tmp_path / "a")["embed.W_E"], weights(tmp_path / "c")["embed.W_E"])


def test_it_learns_and_logs_it(tiny: Recipe, tmp_path: Path) -> None:
    train(tiny, tmp_path, steps=200)
    log = read_log(tmp_path)
    assert [entry["step"] for entry in log] == list(range(0, 201, 10))
    assert log[-1]["train_loss"] < 0.75 < log[0]["train_loss"]
    assert {"test_loss", "test_accuracy", "unseen_rows_top1"} <= log[0].keys()


def test_checkpoints_are_of_their_step(tiny: Recipe, tmp_path: Path) -> None:
    train(tiny, tmp_path)
    first, last = read_model(tmp_path, 0), read_model(tmp_path, 40)
    torch.testing.assert_close(last.W_E, read_model(tmp_path).W_E, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(first.W_E, last.W_E, atol=1e-2)
    assert load_file(tmp_path / "checkpoints/step-000015.safetensors")["embed.W_E"].dtype == torch.float16


def test_the_number_of_threads_is_put_back(tiny: Recipe, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    with pytest.raises(Stop):
        train(tiny, tmp_path, watch=stop_at(3))
    assert torch.get_num_threads() == before


def test_what_was_trained_is_left_alone(tiny: Recipe, tmp_path: Path) -> None:
    train(tiny, tmp_path)
    finish(tmp_path)
    assert not (tmp_path / state.FILE).exists()
    before = weights(tmp_path)
    with pytest.raises(UnravelError, match=r"A trained model lies here.*--fresh"):
        train(tiny, tmp_path, seed=5)
    assert torch.equal(before["embed.W_E"], weights(tmp_path)["embed.W_E"])
    train(tiny, tmp_path, seed=5, fresh=True)
    assert not torch.equal(before["embed.W_E"], weights(tmp_path)["embed.W_E"])


def test_another_run_does_not_take_over(tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        train(tiny, tmp_path, watch=stop_at(25))
    with pytest.raises(UnravelError, match=r"Another training was begun here.*--seed"):
        train(tiny, tmp_path, seed=9)


@pytest.mark.parametrize("damage", ["cut", "garbage", "no_progress", "no_weights"])
def test_a_damaged_state_says_so(tiny: Recipe, tmp_path: Path, damage: str) -> None:
    from safetensors.torch import save_file

    with pytest.raises(Stop):
        train(tiny, tmp_path, watch=stop_at(25))
    path = tmp_path / state.FILE
    run = tiny.fingerprint(0, 40)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "garbage":
        path.write_bytes(b"\x00" * 50)
    elif damage == "no_progress":
        save_file({"weight/x": torch.ones(2)}, path)
    else:
        save_file({"weight/x": torch.ones(2)}, path, {"progress": json.dumps({"run": run, "seed": 0, "steps": 40})})
    with pytest.raises(UnravelError, match=r"state of this training.*--fresh"):
        train(tiny, tmp_path)
    train(tiny, tmp_path, fresh=True)


def test_no_room_for_the_state_is_a_sentence(tiny: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnravelError, match="A file stands where a folder should be"):
        train(tiny, tmp_path / "file")


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (20, 1.0), (30, 0.5), (40, 0.05)])
def test_the_learning_rate_warms_up_and_decays(tiny: Recipe, step: int, rate: float) -> None:
    assert tiny.training.rate(step, 40) == pytest.approx(rate * 1e-2)
