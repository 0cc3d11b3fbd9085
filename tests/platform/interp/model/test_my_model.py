"""Whose model `my_model` gives: the grader's word, then the variable, then the workspace around the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from unravel.interp import current_learner, load_model, model_variant, my_model
from unravel.interp.learner import tell_learner


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.delenv("UNRAVEL_LEARNER", raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    tell_learner(None)


def settings(folder: Path, text: str) -> None:
    (folder / ".unravel").mkdir()
    (folder / ".unravel" / "workspace.toml").write_text(text)


def test_nobody_has_the_model_as_it_is_shipped() -> None:
    assert current_learner() == ""
    assert torch.equal(my_model("induction-2l").W_Q, load_model("induction-2l").W_Q)


def test_the_workspace_above_the_folder_says_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(tmp_path, 'learner = "ada"\nformat = "py"\n')
    (tmp_path / "ch00" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "ch00" / "deep")
    assert current_learner() == "ada"
    expected = model_variant(load_model("storybook-4l"), "ada")
    assert torch.equal(my_model("storybook-4l").W_Q, expected.W_Q)
    assert not torch.equal(expected.W_Q, load_model("storybook-4l").W_Q)


@pytest.mark.parametrize("text", ["learner = 7", "learner = ", "format = 'py'"])
def test_damaged_settings_name_nobody(tmp_path: Path, text: str) -> None:
    settings(tmp_path, text)
    assert current_learner() == ""


def test_the_variable_goes_before_the_workspace_and_the_grader_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(tmp_path, 'learner = "ada"')
    monkeypatch.setenv("UNRAVEL_LEARNER", "bob")
    assert current_learner() == "bob"
    tell_learner("carol")
    assert current_learner() == "carol"
    tell_learner("")
    assert current_learner() == ""
    tell_learner(None)
    assert current_learner() == "bob"


def test_another_ones_model_can_be_asked_for() -> None:
    tell_learner("ada")
    assert torch.equal(
        my_model("storybook-4l", learner="bob").W_Q, model_variant(load_model("storybook-4l"), "bob").W_Q
    )
    assert not torch.equal(my_model("storybook-4l").W_Q, my_model("storybook-4l", learner="bob").W_Q)
