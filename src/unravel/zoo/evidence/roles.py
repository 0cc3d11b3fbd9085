"""What each role in a circuit of indirect objects means, as something that can be measured of a head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.claims import Claim
from unravel.zoo.evidence.heads import Head, Hook
from unravel.zoo.evidence.people import Prompts, direct


def label(head: Head) -> str:
    """As in L0H1."""
    return f"L{head[0]}H{head[1]}"


def duplicate_token(model: HookedGPT, each: Prompts, named: list[Head]) -> list[Claim]:
    """At the giver's name it looks at that name where it stood before, and what it finds there decides."""
    pattern = heads.attention(model, each.plain)
    claims = []
    for head in named:
        looks = pattern[head[0]][each.rows, head[1], each.giver, each.first_b].mean()
        moved = recovered(model, each, each.undone, head, each.giver)
        claims += [
            Claim(f"{label(head)}_looks", f"{label(head)}, duplicate token: attention from the giver to the same name "
                  "before", float(looks), 0.5),
            Claim(f"{label(head)}_decides", f"{label(head)}: patched at the giver, how much of the difference between "
                  "a name that came before and one that didn't it restores", moved, 0.5),
        ]  # fmt: skip
    return claims


def suppressor(model: HookedGPT, each: Prompts, named: list[Head]) -> list[Claim]:
    """At the end it looks at the giver, and writes against that name."""
    pattern, added = heads.attention(model, each.plain), direct(model, each.plain, each.people)
    claims = []
    for head in named:
        looks = pattern[head[0]][:, head[1], each.end, each.giver].mean()
        against = _own(added[head], each, each.b)
        claims += [
            Claim(f"{label(head)}_looks", f"{label(head)}, suppressor: attention from the end to the giver",
                  float(looks), 0.5),
            Claim(f"{label(head)}_writes", f"{label(head)}: what it adds to the logit of the giver's name",
                  against, at_most=-1.0),
            Claim(f"{label(head)}_decides", f"{label(head)}: patched at the end, how much of the difference between "
                  "one giver and the other it restores", recovered(model, each, each.swapped, head, each.end), 0.5),
        ]  # fmt: skip
    return claims


def name_mover(model: HookedGPT, each: Prompts, named: list[Head]) -> list[Claim]:
    """At the end it looks at names and copies them."""
    pattern, added = heads.attention(model, each.plain), direct(model, each.plain, each.people)
    claims = []
    for head in named:
        row = pattern[head[0]][each.rows, head[1], each.end]
        looks = sum(row[each.rows, at].mean() for at in (each.first_a, each.first_b))
        claims += [
            Claim(f"{label(head)}_looks", f"{label(head)}, name mover: attention from the end to the two names",
                  float(looks), 0.4),
            Claim(f"{label(head)}_writes", f"{label(head)}: what it adds to the logit of the right name",
                  _own(added[head], each, each.a), 0.5),
        ]  # fmt: skip
    return claims


def relay(model: HookedGPT, each: Prompts, named: list[Head]) -> list[Claim]:
    """Cut off from the word before the giver, where the names were gathered, the model fails."""
    whole = float((each.plain_difference(model(each.plain)) > 0).float().mean())
    layers = {head[0] for head in named}
    cut = each.plain_difference(cut_attention(model, each, layers, each.end, each.giver - 1))
    names = "/".join(label(head) for head in named)
    return [
        Claim("relay_whole", "accuracy of the whole model on the first template", whole, 0.97),
        Claim("relay_cut", f"the same when {names} and the heads beside them can't look from the end at the word "
              "before the giver, where both names were gathered", float((cut > 0).float().mean()), at_most=0.5),
    ]  # fmt: skip


def collector(model: HookedGPT, each: Prompts, named: list[Head]) -> list[Claim]:
    """At the word before the giver it looks at both names."""
    pattern = heads.attention(model, each.plain)
    claims = []
    for head in named:
        row = pattern[head[0]][each.rows, head[1], each.giver - 1]
        looks = sum(row[each.rows, at].mean() for at in (each.first_a, each.first_b))
        says = f"{label(head)}, collector: attention from the word before the giver to the two names"
        claims.append(Claim(f"{label(head)}_looks", says, float(looks), 0.5))
    return claims


ROLES: dict[str, Callable[[HookedGPT, Prompts, list[Head]], list[Claim]]] = {
    "duplicate token": duplicate_token,
    "suppressor": suppressor,
    "name mover": name_mover,
    "collector": collector,
    "relay": relay,
}


def recovered(model: HookedGPT, each: Prompts, other: Tensor, head: Head, at: int) -> float:
    """Run on `other` prompts with one head's z at one position from the plain ones: how much of the way back."""
    _, clean = model.run_with_cache(each.plain, names_filter=[heads.z_hook(head)])

    def patch(z: Tensor, hook: Any) -> Tensor:
        z = z.clone()
        z[:, at, head[1]] = clean[heads.z_hook(head)][:, at, head[1]]
        return z

    good, bad = (each.plain_difference(model(tokens)).mean() for tokens in (each.plain, other))
    patched = each.plain_difference(model.run_with_hooks(other, fwd_hooks=[(heads.z_hook(head), patch)])).mean()
    return float((patched - bad) / (good - bad))


def cut_attention(model: HookedGPT, each: Prompts, layers: set[int], query: int, key: int) -> Tensor:
    """Logits when no head of the layers can look from `query` to `key`; the rest of each row grows to sum to one."""

    def cut(pattern: Tensor, hook: Any) -> Tensor:
        pattern = pattern.clone()
        pattern[:, :, query, key] = 0
        return pattern / pattern.sum(-1, keepdim=True).clamp_min(1e-9)

    hooks: list[Hook] = [(f"blocks.{layer}.attn.hook_pattern", cut) for layer in layers]
    logits: Tensor = model.run_with_hooks(each.plain, fwd_hooks=hooks)
    return logits


def _own(added: Tensor, each: Prompts, who: Tensor) -> float:
    """The mean, over the prompts, of what was added to a person of each prompt."""
    column = (each.people[None] == who[:, None]).int().argmax(-1)
    return float(added[each.rows, column].mean())


@torch.no_grad()
def overview(model: HookedGPT, each: Prompts) -> str:
    """One line for each head, to find roles by: where it looks, what it writes, what patching it does."""
    pattern, added = heads.attention(model, each.plain), direct(model, each.plain, each.people)
    lines = []
    for layer, head in heads.all_heads(model):
        row = pattern[layer][each.rows, head]
        end = [float(row[each.rows, each.end, at].mean()) for at in (each.first_a, each.first_b)]
        numbers = {
            "end->A": end[0],
            "end->B": end[1],
            "end->giver": float(row[:, each.end, each.giver].mean()),
            "end->before": float(row[:, each.end, each.giver - 1].mean()),
            "giver->B": float(row[each.rows, each.giver, each.first_b].mean()),
            "before->A,B": sum(float(row[each.rows, each.giver - 1, at].mean()) for at in (each.first_a, each.first_b)),
            "adds A": _own(added[layer, head], each, each.a),
            "adds B": _own(added[layer, head], each, each.b),
            "swap@end": recovered(model, each, each.swapped, (layer, head), each.end),
            "undo@end": recovered(model, each, each.undone, (layer, head), each.end),
            "undo@giver": recovered(model, each, each.undone, (layer, head), each.giver),
        }
        lines.append(label((layer, head)) + "  " + "  ".join(f"{key} {value:5.2f}" for key, value in numbers.items()))
    return "\n".join(lines)
