"""Evidence of the model that was written by hand: that it works, and that its circuit is the one it was written by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import cast

import torch
from torch import Tensor

from unravel.interp.corpora.names import Names
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import evaluate
from unravel.interp.truth import LOGITS, Head, Node, Truth, load_truth
from unravel.zoo.constructed import circuit
from unravel.zoo.evidence import heads, paths
from unravel.zoo.evidence.claims import Claim, Trained
from unravel.zoo.evidence.heads import Hook
from unravel.zoo.evidence.paths import Cutter, Path
from unravel.zoo.evidence.people import Prompts, average_prompts, prompts

TEMPLATES = (0, 4)
"""Of the training: those where the least and the most words lie between the second name and the giver."""
EFFECT = 0.02
"""What a cut of a true edge must take from the logit difference, or add to it; of the others' none may a twentieth."""


@dataclass(frozen=True)
class Setting:
    """Prompts of one template, and what the model does on them."""

    model: HookedGPT
    each: Prompts
    means: dict[int, Tensor]

    @classmethod
    def of(cls, model: HookedGPT, corpus: Names, template: int, count: int = 16) -> Setting:
        """`count` prompts of a template of the training."""
        return cls(model, prompts(corpus, template, count), heads.mean_z(model, average_prompts(corpus, template)))

    @cached_property
    def whole(self) -> float:
        """The logit difference of the whole model."""
        return float(self.each.plain_difference(self.model(self.each.plain)).mean())

    def position(self, name: str) -> Tensor | int:
        """Where S1, S1+1, IO, S2 or END is."""
        each = self.each
        known: dict[str, Tensor | int] = {
            "S1": each.first_b,
            "S1+1": each.first_b + 1,
            "IO": each.first_a,
            "S2": each.giver,
            "END": each.end,
        }
        return known[name]

    def looks(self, head: Head, query: str, key: str, under: Iterable[Hook] = ()) -> float:
        """The attention of a head from one position to another."""
        with self.model.hooks(list(under)):
            pattern = heads.attention(self.model, self.each.plain)[head[0]]
        return float(pattern[self.each.rows, head[1], self.position(query), self.position(key)].mean())

    def gone(self, *ablated: Head) -> float:
        """The part of the logit difference that is lost when the means stand for heads; below 0 if it grows."""
        logits = self.model.run_with_hooks(self.each.plain, fwd_hooks=heads.ablated(ablated, self.means))
        return 1 - float(self.each.plain_difference(logits).mean()) / self.whole

    def cut(self, way: Path, cutter: Cutter) -> float:
        """The part that is lost when a path is cut."""
        before, after = (self.each.plain_difference(logits).mean() for logits in (cutter.logits, cutter.without(way)))
        return float(before - after) / self.whole

    def kept(self, keep: Collection[Head]) -> tuple[float, float]:
        """The parts of both logit differences, plain and conditional, that a circuit keeps alone."""
        hooks = heads.ablated(set(heads.all_heads(self.model)) - set(keep), self.means)
        each, run = self.each, self.model.run_with_hooks
        plain = each.plain_difference(run(each.plain, fwd_hooks=hooks)).mean() / self.whole
        other = each.other_difference(run(each.other, fwd_hooks=hooks)).mean()
        return float(plain), float(other / each.other_difference(self.model(each.other)).mean())


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Accuracies; the circuit alone; each head of it; each edge of it; and all that are no edges."""
    model, truth = trained.model, load_truth(trained.folder)
    settings = [Setting.of(model, cast(Names, trained.recipe.data), template) for template in TEMPLATES]
    return [
        *suites(trained),
        *alone(settings, truth),
        *(claim for node in truth.nodes for claim in role(settings, node)),
        *takeover(settings, truth),
        *edges(settings, truth),
    ]


def suites(trained: Trained) -> list[Claim]:
    """Accuracy and logit difference on each evaluation set."""
    claims = []
    for name, suite in trained.recipe.data.suites.items():
        found = evaluate(trained.model, suite)
        claims += [
            Claim(name, f"accuracy on `{name}`", found.accuracy, 0.99),
            Claim(f"{name}_difference", f"logit difference on `{name}`", found.logit_diff, 4, 15),
        ]
    return claims


def alone(settings: list[Setting], truth: Truth) -> list[Claim]:
    """How much the circuit without its backups does, with the means in place of all other heads."""
    plain, other = zip(*(each.kept(truth.heads(standby=False)) for each in settings), strict=True)
    says = "logit difference that the circuit keeps alone (without the backups)"
    return [
        Claim("kept_plain", f"{says}, IOI", fmean(plain), 0.97, 1.03),
        Claim("kept_other", "the same, conditional control", fmean(other), 0.97, 1.03),
    ]


def role(settings: list[Setting], node: Node) -> list[Claim]:
    """That a head looks where its role says, and what is lost without it."""
    name = label(node.head)
    looks = fmean(each.looks(node.head, node.query, node.key) for each in settings)
    lost = fmean(each.gone(node.head) for each in settings)
    bounds = {
        circuit.MOVER: (0.1, 0.5),
        circuit.NEGATIVE: (None, -0.2),
        circuit.BACKUP: (-0.01, 0.01),
    }
    low, high = bounds.get(node.role, (0.5, None))
    return [
        Claim(f"{name}_looks", f"{name}, {node.role}: attention from {node.query} to {node.key}", looks, 0.8),
        Claim(f"{name}_lost", f"{name}: logit difference lost without it", lost, low, high),
    ]


def takeover(settings: list[Setting], truth: Truth) -> list[Claim]:
    """That the backups move the name when the movers are gone, and not before."""
    movers, backups = truth.heads(circuit.MOVER), truth.heads(circuit.BACKUP)
    without = [heads.ablated(movers, each.means) for each in settings]
    looks = [each.looks(head, "END", "IO", hooks) for each, hooks in zip(settings, without, strict=True)
             for head in backups]  # fmt: skip
    one = fmean(each.gone(movers[0]) for each in settings)
    alone = fmean(each.gone(movers[0], *backups) for each in settings)
    return [
        Claim("backups_look", "attention of the backups from END to IO without the movers", min(looks), 0.8),
        Claim("one_mover", "logit difference lost without one mover", one, at_most=0.35),
        Claim("one_mover_no_backups", "the same without the backups too", alone, 0.5),
    ]


def edges(settings: list[Setting], truth: Truth) -> list[Claim]:
    """That a cut of any true edge shows (of those on standby, once a mover is gone), and of no other edge."""
    every = set(paths.all_paths(settings[0].model))
    standby = truth.links() - truth.links(standby=False)
    found = cuts(settings, truth.links(standby=False)) | cuts(settings, standby, truth.heads(circuit.MOVER)[:1])
    spare = cuts(settings[:1], every - truth.links())
    movers = truth.heads(circuit.MOVER, circuit.NEGATIVE)
    wrong = [way for way in spare if way[0] in truth.heads(circuit.TOKEN, circuit.PLACE) and way[1] in movers]
    return [
        *(_edge(link, [found[way] for way in _ways(truth, *link[:3])]) for link in circuit.LINKS + circuit.STANDBY),
        Claim("wrong_inputs", f"most that is lost or won when S-inhibition is cut from K or V of a mover ({len(wrong)} "
              "edges)", max(abs(spare[way]) for way in wrong), at_most=EFFECT / 20),
        Claim("no_edges", f"the same of all {len(spare)} edges that are not in the circuit ({len(truth.links())} are)",
              max(map(abs, spare.values())), at_most=EFFECT / 20),
    ]  # fmt: skip


def _edge(link: tuple[str, str, str, str], lost: list[float]) -> Claim:
    """The weakest edge between two roles. What speaks against the answer, or holds the backups off, is won by a cut."""
    sender, receiver, part, _ = link
    ends = f"{sender} -> {receiver}" + ("" if receiver == LOGITS else f" ({part.upper()})")
    waits = ", one mover gone" if link in circuit.STANDBY else ""
    says = f"logit difference lost when one edge {ends} is cut{waits}"
    if link in circuit.AGAINST:
        return Claim(f"cut {ends}", says, max(lost), at_most=-EFFECT)
    return Claim(f"cut {ends}", says, min(lost), EFFECT)


def cuts(settings: list[Setting], ways: Collection[Path], gone: Collection[Head] = ()) -> dict[Path, float]:
    """What the cut of each edge takes in the mean, with the means in place of the heads that are `gone`."""
    found: dict[Path, list[float]] = {way: [] for way in ways}
    for each in settings:
        cutter = Cutter(each.model, each.each.plain, each.means, heads.ablated(gone, each.means))
        for way in ways:
            found[way].append(each.cut(way, cutter))
    return {way: fmean(values) for way, values in found.items()}


def label(head: Head) -> str:
    """As in L0H1."""
    return f"L{head[0]}H{head[1]}"


def _ways(truth: Truth, sender: str, receiver: str, part: str) -> list[Path]:
    """The edges between the heads of two roles."""
    to: list[Head | None] = [None] if receiver == LOGITS else [*truth.heads(receiver)]
    return [(one, other, part) for one in truth.heads(sender) for other in to]
