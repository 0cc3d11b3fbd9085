"""Recipes: what is wrong in one is said with its path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unravel.errors import UnravelError
from unravel.zoo.recipes import Recipe, find_recipe, read_recipe
from unravel.zoo.shelf import recipe_names


def test_corpus_gives_the_sizes(tiny: Recipe) -> None:
    assert (tiny.config.d_vocab, tiny.config.n_ctx) == (len(tiny.data.vocabulary), tiny.data.n_ctx)
    assert tiny.training.checkpoints == (0, 15, 40)


def test_found_by_name_and_by_folder(course: Path) -> None:
    assert recipe_names() == ["tiny"]
    assert find_recipe("tiny")[0] == find_recipe(course / "tiny")[0]
    with pytest.raises(UnravelError, match=r"no recipe for 'tinny'.*Did you mean 'tiny'\?.*There are: tiny"):
        find_recipe("tinny")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 40", "", "lacks 'steps'"),
        ("steps = 40", "steps = 40\nspeed = 3", "A recipe has no 'speed'"),
        ("steps = 40", 'steps = "many"', "steps = 'many' must be of type int"),
        ("n_layers = 1", "n_layers = 0", "n_layers = 0"),
        ("n_layers = 1", "layers = 1", "makes no model"),
        ("n_layers = 1", "n_layers = ", "can't be read"),
        ('name = "palindromes"', 'name = "limericks"', "no corpus named 'limericks'"),
        ('name = "palindromes"', "", "makes no model"),
        ("length = 4", "width = 4", "makes no model"),
        ("[training]", "[[training]]", "must be a table"),
        ("[training]", "[spread]\nseed = 3\n\n[training]", "A recipe has no 'seed'"),
        ("[training]", "[blinkers]\nlength = 4\n\n[training]", "A recipe has no 'length'"),
        ("[training]", "[blinkers]\nwindow = -7\n\n[training]", "window = -7 is below 0"),
        ("steps = 40", "steps = -40", "steps = -40 is below 0"),
    ],
)
def test_a_bad_recipe_says_what_and_where(course: Path, old: str, new: str, said: str) -> None:
    path = course / "tiny" / "recipe.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UnravelError, match=re.escape(said)) as fault:
        read_recipe(path.parent)
    assert str(path) in str(fault.value)


def test_another_recipe_seed_or_length_is_another_run(tiny: Recipe, course: Path) -> None:
    assert tiny.fingerprint(0, 40) == find_recipe("tiny")[0].fingerprint(0, 40)
    path = course / "tiny" / "recipe.toml"
    path.write_text(path.read_text().replace("d_model = 8", "d_model = 16"))
    others = {find_recipe("tiny")[0].fingerprint(0, 40), tiny.fingerprint(1, 40), tiny.fingerprint(0, 41)}
    assert len(others | {tiny.fingerprint(0, 40)}) == 4
