"""Evidence of S-inhibition: a head reads who gives, and name movers hear of it in their queries and nowhere else.

What Wang et al. found in GPT-2 (Interpretability in the Wild, 2022), measured by lying to a model: one head writes what
it would write if the other person gave, and one input of the later heads, or the logits, alone get to see that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.model.gpt import HookedGPT
from unravel.interp.suites import Suite
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.claims import Claim
from unravel.zoo.evidence.heads import Head, Hook

READERS = {"q": "queries", "k": "keys", "v": "values"}


@dataclass(frozen=True)
class Gifts:
    """Prompts of a suite in which two people are named once, and then one of them gives. They may differ in length.

    `swapped` is the same with the other one giving, so that the answer is the other name. Positions are by row.
    """

    plain: Int[Tensor, "batch pos"]
    swapped: Int[Tensor, "batch pos"]
    receiver: Int[Tensor, " batch"]
    """The tokens of the names: first who receives in `plain`, then who gives."""
    giver: Int[Tensor, " batch"]
    at_receiver: Int[Tensor, " batch"]
    at_first: Int[Tensor, " batch"]
    """Where the giver was named before giving."""
    at_giver: Int[Tensor, " batch"]
    end: Int[Tensor, " batch"]

    @property
    def rows(self) -> Int[Tensor, " batch"]:
        """0, 1, 2, ..."""
        return torch.arange(len(self.plain))

    def difference(self, logits: Float[Tensor, "batch pos d_vocab"]) -> float:
        """The receiver's logit over the giver's, in the mean."""
        last = logits[self.rows, self.end]
        return float((last[self.rows, self.receiver] - last[self.rows, self.giver]).mean())


def gifts(suite: Suite, count: int = 100) -> Gifts:
    """The first prompts of a suite that name the right person once and the wrong one twice."""
    right, wrong = (part.reshape(len(suite), -1)[:, 0] for part in (suite.right, suite.wrong))
    read = torch.arange(suite.prompts.shape[1]) <= suite.position[:, None]
    of_right, of_wrong = ((suite.prompts == who[:, None]) & read for who in (right, wrong))
    fit = ((of_right.sum(-1) == 1) & (of_wrong.sum(-1) == 2)).nonzero()[:count, 0]
    if not len(fit):
        fix = "Take one in which one of two people gives to the other."
        raise UnravelError(f"No prompt of the suite {suite.name!r} names its people as IOI does.", fix=fix)
    end, length = suite.position[fit], int(suite.position[fit].max()) + 1
    plain, receiver, giver = suite.prompts[fit, :length], right[fit], wrong[fit]
    first = of_wrong[fit].int().argmax(-1)
    again = length - 1 - of_wrong[fit, :length].flip(-1).int().argmax(-1)
    swapped = plain.clone()
    swapped[torch.arange(len(fit)), again] = receiver
    return Gifts(plain, swapped, receiver, giver, of_right[fit].int().argmax(-1), first, again, end)


class Liar:
    """Runs a model on plain prompts while one head says what it says on the swapped ones."""

    def __init__(self, model: HookedGPT, told: Gifts):
        self.model, self.told = model, told
        self.logits, self.cache = model.run_with_cache(told.plain)
        other, self.other = model.run_with_cache(told.swapped, names_filter=lambda name: name.endswith("hook_z"))
        self.start, self.goal = told.difference(self.logits), told.difference(other)

    def lies(self, head: Head) -> dict[str, Float[Tensor, "batch pos d_model"]]:
        """What the lie changes in the stream before each layer and after the last, by no other head than this one.

        MLPs hear of it and pass it on, as in Wang et al.; every other head goes on with what it gathered before.
        """
        found: dict[str, Tensor] = {}

        def keep(z: Tensor, hook: Any) -> Tensor:
            z = self.cache[hook.name].clone()
            if hook.name == heads.z_hook(head):
                z[:, :, head[1]] = self.other[hook.name][:, :, head[1]]
            return z

        def note(stream: Tensor, hook: Any) -> None:
            found[hook.name] = stream - self.cache[hook.name]

        def streams(name: str) -> bool:
            return name.endswith(("hook_resid_pre", "hook_resid_post"))

        hooks: list[Hook] = [(lambda name: name.endswith("hook_z"), keep), (streams, note)]
        self.model.run_with_hooks(self.told.plain, fwd_hooks=hooks)
        return found

    def hooks(self, head: Head, reader: str) -> list[Hook]:
        """The lie in the q, k or v inputs of all later heads alone, or in what becomes the `logits`."""
        lies, last = self.lies(head), self.model.config.n_layers - 1

        def tell(layer: int) -> Hook:
            lie = lies[f"blocks.{layer}.hook_resid_pre"][:, :, None]
            return f"blocks.{layer}.hook_{reader}_input", lambda streams, hook: streams + lie

        if reader == "logits":
            end = f"blocks.{last}.hook_resid_post"
            return [(end, lambda stream, hook: stream + lies[end])]
        return [tell(layer) for layer in range(head[0] + 1, last + 1)]

    def run(self, head: Head, reader: str) -> tuple[Tensor, list[Tensor]]:
        """Logits and attention patterns under the lie."""
        patterns: list[Tensor] = []
        keep: Hook = (lambda name: name.endswith("hook_pattern"), lambda pattern, hook: patterns.append(pattern))
        self.model.set_use_split_qkv_input(True)
        try:
            logits = self.model.run_with_hooks(self.told.plain, fwd_hooks=[*self.hooks(head, reader), keep])
        finally:
            self.model.set_use_split_qkv_input(False)
        return logits, patterns

    def misled(self, head: Head, reader: str) -> float:
        """How far the lie takes the logit difference: 0 for nowhere, 1 for where it is if the other one gives."""
        return (self.told.difference(self.run(head, reader)[0]) - self.start) / (self.goal - self.start)

    def pattern(self, head: Head) -> Float[Tensor, "batch head query key"]:
        """Where the heads of a head's layer look without a lie."""
        found: Tensor = self.cache[f"blocks.{head[0]}.attn.hook_pattern"]
        return found

    def looks(self, head: Head, pattern: Float[Tensor, "batch head query key"], *keys: Int[Tensor, " batch"]) -> float:
        """The attention of a head from the end to positions, together, in the mean."""
        row = pattern[self.told.rows, head[1], self.told.end]
        return float(sum(row[self.told.rows, key].mean() for key in keys))

    def adds(self, head: Head) -> float:
        """What a head adds to the receiver's logit, over what it adds to the giver's."""
        z = self.cache[heads.z_hook(head)][self.told.rows, self.told.end, head[1]]
        wrote = z @ self.model.W_O[head]
        if self.model.config.normalization_type:
            scale = self.cache["ln_final.hook_scale"][self.told.rows, self.told.end]
            wrote = (wrote - wrote.mean(-1, keepdim=True)) / scale * self.model.ln_final.w
        direction = self.model.W_U[:, self.told.receiver] - self.model.W_U[:, self.told.giver]  # [d_model, batch]
        return float((wrote * direction.T).sum(-1).mean())


@torch.no_grad()
def claims(model: HookedGPT, suite: Suite, count: int = 60) -> list[Claim]:
    """The head that inhibits most through queries, and the one that moves names most: no index is taken as known."""
    liar = Liar(model, gifts(suite, count))
    inhibitor = heads.best({head: liar.misled(head, "q") for head in _near(liar)})
    mover = heads.best({head: liar.adds(head) for head in heads.all_heads(model)})
    one, two = (f"L{layer}H{head}" for layer, head in (inhibitor, mover))
    says = f"how far {one} leads astray when it says in the {{}} that the other one gives"
    looks = liar.looks(inhibitor, liar.pattern(inhibitor), liar.told.at_giver)
    return [
        Claim("inhibitor_looks", f"{one}, S-inhibition: attention from the end to the giver", looks, 0.5),
        Claim("inhibitor_q", says.format("queries of later heads alone"), liar.misled(inhibitor, "q"), 0.4),
        *(Claim(f"inhibitor_{part}", says.format(f"{name} alone"), liar.misled(inhibitor, part), at_most=0.15)
          for part, name in READERS.items() if part != "q"),
        Claim("inhibitor_logits", says.format("logits alone"), liar.misled(inhibitor, "logits"), at_most=0.2),
        *_moves(liar, inhibitor, mover, two),
    ]  # fmt: skip


def _near(liar: Liar, count: int = 4) -> list[Head]:
    """The heads, but for the last layer's, that look most from the end at the giver."""
    early = heads.all_heads(liar.model)[: -liar.model.config.n_heads]
    looks = {head: liar.looks(head, liar.pattern(head), liar.told.at_giver) for head in early}
    return sorted(early, key=lambda head: -looks[head])[:count]


def _moves(liar: Liar, inhibitor: Head, mover: Head, name: str) -> list[Claim]:
    """Where the name mover looks, and where when its queries and those before hear the lie."""
    told, plain = liar.told, liar.pattern(mover)
    lied = liar.run(inhibitor, "q")[1][mover[0]]
    giver = (told.at_first, told.at_giver)
    return [
        Claim("mover_right", f"{name}, name mover: attention from the end to the receiver",
              liar.looks(mover, plain, told.at_receiver), 0.3),
        Claim("mover_wrong", "the same, to the giver's name, at both places",
              liar.looks(mover, plain, *giver), at_most=0.15),
        Claim("mover_right_misled", "the first, when queries hear that the other one gives",
              liar.looks(mover, lied, told.at_receiver), at_most=0.3),
        Claim("mover_wrong_misled", "the second, likewise", liar.looks(mover, lied, *giver), 0.3),
    ]  # fmt: skip
