"""Evidence of indirect objects: accuracy on what was held out, and the circuit that does it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from statistics import fmean
from typing import cast

import torch
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.corpora.names import TRAINING, Names
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import evaluate
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.claims import Claim, Trained
from unravel.zoo.evidence.heads import Head
from unravel.zoo.evidence.people import average_prompts, prompts
from unravel.zoo.evidence.roles import ROLES
from unravel.zoo.evidence.routes import accuracy_closed

KEEPS = 0.8
HELPER = "helper"
"""What a head is called that the circuit needs and that plays none of the roles."""


@dataclass(frozen=True)
class Kept:
    """What is left of the logit difference, and the accuracy, with the means in place of all other heads."""

    plain: float
    other: float
    plain_accuracy: float
    other_accuracy: float

    @property
    def least(self) -> float:
        """The worse of the two tasks: one alone can be had by a head that always suppresses the last name."""
        return min(self.plain, self.other)


class Bench:
    """Prompts of every template, with what the whole model does on them and the means of its heads."""

    def __init__(self, model: HookedGPT, corpus: Names, count: int = 60):
        self.model = model
        self.sets = [prompts(corpus, at, count) for at in range(len(TRAINING))]
        self.means = [heads.mean_z(model, average_prompts(corpus, at)) for at in range(len(TRAINING))]

    def kept(self, circuit: Collection[Head]) -> Kept:
        """How much `circuit` does alone, over all templates."""
        plain, other = self.differences(circuit)
        whole_plain, whole_other = self.differences(heads.all_heads(self.model))
        return Kept(
            float(plain.mean() / whole_plain.mean()),
            float(other.mean() / whole_other.mean()),
            float((plain > 0).float().mean()),
            float((other > 0).float().mean()),
        )

    def differences(self, circuit: Collection[Head]) -> tuple[Tensor, Tensor]:
        """The logit differences of both tasks, where the means stand for all heads but `circuit`."""
        rest = set(heads.all_heads(self.model)) - set(circuit)
        plain, other = [], []
        for each, means in zip(self.sets, self.means, strict=True):
            hooks = heads.ablated(rest, means)
            plain.append(each.plain_difference(self.model.run_with_hooks(each.plain, fwd_hooks=hooks)))
            other.append(each.other_difference(self.model.run_with_hooks(each.other, fwd_hooks=hooks)))
        return torch.cat(plain), torch.cat(other)

    def smallest(self) -> list[Head]:
        """Few heads that keep most on both tasks: the least missed is taken away, as long as that goes well."""
        circuit = heads.all_heads(self.model)
        while len(circuit) > 1:
            tries = {head: self.kept([other for other in circuit if other != head]).least for head in circuit}
            spare = heads.best(tries)
            if tries[spare] < KEEPS:
                break
            circuit.remove(spare)
        return circuit


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Accuracy on all four suites; the card's circuit, or where there is none the smallest that is found."""
    corpus = cast(Names, trained.recipe.data)
    check_roles(trained.recipe.circuit)
    bench = Bench(trained.model, corpus)
    named = [heads.head_named(head) for group in trained.recipe.circuit.values() for head in group]
    shipped = trained.is_shipped and bool(named)
    circuit = named if shipped else bench.smallest()
    kept = bench.kept(circuit)
    low = (0.5, None)
    return [
        *_accuracies(trained),
        Claim("circuit_heads", f"heads of {len(heads.all_heads(trained.model))} in the circuit", len(circuit),
              at_most=len(heads.all_heads(trained.model)) - 1, any_seed=(None, None)),
        Claim("kept_plain", "logit difference that the circuit keeps alone, IOI", kept.plain, 0.8, 1.2, low),
        Claim("kept_other", "the same, conditional control", kept.other, 0.8, 1.2, low),
        Claim("kept_plain_accuracy", "accuracy of the circuit alone, IOI", kept.plain_accuracy, 0.95, any_seed=low),
        Claim("kept_other_accuracy", "the same, conditional control", kept.other_accuracy, 0.95, any_seed=low),
        *(_ways(trained, bench) if shipped or trained.recipe.blinkers.until else []),
        *(_roles(trained, bench) if shipped else []),
    ]  # fmt: skip


def check_roles(circuit: Collection[str]) -> None:
    """An `UnravelError` where a circuit holds a role that nobody can measure."""
    known = [*ROLES, HELPER]
    for role in set(circuit) - set(known):
        raise UnravelError(f"A circuit has no role {role!r}.", fix=f"There are: {', '.join(known)}.")


def _accuracies(trained: Trained) -> list[Claim]:
    says = {
        "ioi": ("accuracy on IOI, held-out pairs of names", 0.99, 0.9),
        "conditional": ("accuracy on the conditional control, held-out pairs of names", 0.99, 0.9),
        "ioi_templates": ("accuracy on IOI, held-out templates", 0.95, 0.6),
        "conditional_templates": ("accuracy on the conditional control, held-out templates", 0.95, 0.6),
    }
    suites = trained.recipe.data.suites
    return [
        Claim(name, text, evaluate(trained.model, suites[name]).accuracy, low, any_seed=(lower, None))
        for name, (text, low, lower) in says.items()
    ]


def _roles(trained: Trained, bench: Bench) -> list[Claim]:
    """That each head of the card's circuit does what its role says: the mean over the templates."""
    claims = []
    for role, named in trained.recipe.circuit.items():
        for head in named if role != HELPER else []:
            found = [ROLES[role](trained.model, each, heads.head_named(head)) for each in bench.sets]
            claims += [
                replace(same[0], value=fmean(claim.value for claim in same)) for same in zip(*found, strict=True)
            ]
    return claims


WAYS = {
    "duplicate": ("when no head can look from the giver to the same name before", "duplicate token", 0.5),
    "finder": ("when none can look from the giver to the receiver's name", "finder", 0.5),
    "movers": ("when none can look from the end to the receiver's name", "name mover", 0.75),
}
"""What is closed, in words; the role that needs it, and what is left then at most. Other circuits do well without."""


def _ways(trained: Trained, bench: Bench) -> list[Claim]:
    """The ways that the card's circuit needs, and those of the other circuit, which it must not need."""
    claims = []
    for way, (text, role, left) in WAYS.items():
        found = accuracy_closed(trained.model, bench.sets, way)
        low, high = (None, left) if role in trained.recipe.circuit else (0.9, None)
        claims.append(Claim(f"without_{way}", f"accuracy on IOI {text}", found, low, high))
    return claims
