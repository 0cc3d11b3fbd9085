"""Recipes: all that a model is made from, as `models/NAME/recipe.toml` says it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from unravel.errors import UnravelError
from unravel.interp.corpora import Corpus, load_corpus
from unravel.interp.model.config import GPTConfig
from unravel.zoo.blinkers import Blinkers
from unravel.zoo.shelf import FILE, find_folder

T = TypeVar("T")
UNTRAINED = {"steps": 0, "learning_rate": 0.0, "batch": 1}
"""What stands for the training of a model that has none: its log holds one entry, of the model as it is."""


@dataclass(frozen=True)
class Training:
    """How the weights are found: AdamW, a warm-up, and at the end a linear decay of the learning rate."""

    steps: int
    learning_rate: float
    seed: int = 0
    """Decides the first weights and the order of the data. What the corpus is about has a seed of its own."""
    batch: int = 0
    """Rows in a step; 0: all of the training split in each step."""
    weight_decay: float = 0.01
    beta2: float = 0.98
    warmup: int = 50
    decay_from: float = 1.0
    """The part of the steps after which the learning rate falls; 1: never."""
    decay_to: float = 0.05
    """What is left of the learning rate at the end of the decay."""
    log_every: int = 50
    checkpoints: tuple[int, ...] = ()
    threads: int = 1
    """More than one gains nothing with small matrices, and sums would depend on their number."""
    bfloat16: bool = False
    """Whether matrices are multiplied in bfloat16 while training: three times as fast where the CPU can do it."""

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, of `steps` in all."""
        left = (1 - step / steps) / max(1 - self.decay_from, 1e-9)
        return self.learning_rate * min(1.0, (step + 1) / max(self.warmup, 1)) * max(self.decay_to, min(1.0, left))


@dataclass(frozen=True)
class Retraining:
    """How the model is trained anew from other seeds, to see how far its claims depend on one."""

    seeds: tuple[int, ...] = (11, 12, 13)
    steps: int = 0
    """0: as many as the shipped one."""
    exempt: str = ""
    """Why it is not trained anew, for the card; empty if it is."""
    few: str = ""
    """Why it is trained anew from fewer seeds than others, for the card."""


@dataclass(frozen=True)
class Recipe:
    """A model of the course before it is trained."""

    name: str
    phenomenon: str
    """One line: what is to be seen in it."""
    about: str
    """What the card says of it in words; numbers come from the evidence."""
    evidence: str
    """Which measurements hold for it: a module of `unravel.zoo.evidence`."""
    corpus: dict[str, Any]
    model: dict[str, Any]
    training: Training
    constructed: bool = False
    """Whether `unravel.zoo.constructed` writes the weights, and says what shape the model has: no table of training."""
    circuit: dict[str, list[str]] = field(default_factory=dict)
    """The heads that play each role, as "layer.head"."""
    spread: Retraining = Retraining()
    blinkers: Blinkers = field(default_factory=Blinkers)
    """What attention may not see at first."""

    @cached_property
    def data(self) -> Corpus:
        """The corpus that it is trained on."""
        options = {key: value for key, value in self.corpus.items() if key != "name"}
        return load_corpus(self.corpus["name"], **options)

    @cached_property
    def config(self) -> GPTConfig:
        """The model's shape; the corpus gives the size of vocabulary and row. TOML has no None: it says "none"."""
        if self.constructed:
            from unravel.zoo.constructed.stream import config_for

            return config_for(self.data)
        sizes: dict[str, Any] = {"d_vocab": len(self.data.vocabulary), "n_ctx": self.data.n_ctx}
        sizes |= {key: None if value == "none" else value for key, value in self.model.items()}
        return GPTConfig(**sizes)

    @property
    def plan(self) -> list[dict[str, Any]]:
        """The blinkers, for names of the recipe's contents: nothing where there are none."""
        return [dataclasses.asdict(self.blinkers)] if self.blinkers.until else []

    def fingerprint(self, seed: int, steps: int) -> str:
        """Names a training run: another recipe, seed or number of steps has another."""
        parts = [self.name, self.corpus, self.model, dataclasses.asdict(self.training), seed, steps, *self.plan]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def find_recipe(name: str | Path) -> tuple[Recipe, Path]:
    """The recipe called `name` (or in the folder `name`), and the folder that it lies in."""
    folder = find_folder(name)
    return read_recipe(folder), folder


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a folder. What is missing, unknown or of the wrong kind in it is an `UnravelError`."""
    path = folder / FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnravelError(f"This recipe can't be read ({error}).", fix="Put it back as it was.", path=path) from None
    if values.get("constructed") is True:
        values = {"model": {}, **values, "training": UNTRAINED}
    tables: dict[str, Any] = {"training": _fill(Training, _table(values, "training", path), path)}
    tables["spread"] = _fill(Retraining, _table(values, "spread", path), path)
    tables["blinkers"] = _fill(Blinkers, _table(values, "blinkers", path), path)
    values.setdefault("name", folder.name)
    recipe = _fill(Recipe, {**values, **tables}, path)
    try:
        _ = recipe.config
    except (UnravelError, TypeError, KeyError) as error:
        raise UnravelError(f"This recipe makes no model: {error}", fix="Put it back as it was.", path=path) from None
    return recipe


def _table(values: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    """A table of the recipe, its lists as tuples."""
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise UnravelError(f"`{name}` must be a table.", fix="Put it back as it was.", path=path)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _fill(kind: type[T], values: dict[str, Any], path: Path) -> T:
    fields = {each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    strange = sorted(set(values) - set(fields))
    if strange:
        raise UnravelError(f"A recipe has no {strange[0]!r}.", fix=f"It knows: {', '.join(fields)}.", path=path)
    needed = {name for name, each in fields.items() if each.default is each.default_factory is dataclasses.MISSING}
    if needed - set(values):
        raise UnravelError(f"This recipe lacks {min(needed - set(values))!r}.", fix="Add it.", path=path)
    kinds = {"bool": bool, "int": int, "float": (int, float), "str": str, "dict[str, Any]": dict}
    for name, value in values.items():
        if not isinstance(value, kinds.get(str(fields[name].type), object)):  # type: ignore[arg-type]
            fault = f"{name} = {value!r} must be of type {fields[name].type}."
            raise UnravelError(fault, fix="Put it right in the recipe.", path=path)
        if isinstance(value, (int, float)) and value < 0:
            raise UnravelError(f"{name} = {value!r} is below 0.", fix="Put it right in the recipe.", path=path)
    return kind(**values)
