"""What each role in a circuit of indirect objects means, as something that can be measured of a head."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads
from unravel.zoo.evidence.claims import Claim
from unravel.zoo.evidence.heads import Head
from unravel.zoo.evidence.people import Prompts, direct
from unravel.zoo.evidence.routes import misled, recovered


def label(head: Head) -> str:
    """As in L0H1."""
    return f"L{head[0]}H{head[1]}"


def duplicate_token(model: HookedGPT, each: Prompts, head: Head) -> list[Claim]:
    """At the giver's name it looks at that name where it stood before; later heads see the mark in their keys."""
    name = label(head)
    return [
        Claim(f"{name}_looks", f"{name}, duplicate token: attention from the giver to the same name before",
              looks(model, each, each.plain, head, each.giver, each.first_b), 0.5),
        Claim(f"{name}_decides", f"{name}: patched at the giver, how much of the difference between a name that came "
              "before and one that didn't it restores", recovered(model, each, each.undone, head, each.giver), 0.5),
        Claim(f"{name}_keys", f"{name}: how far it leads astray when it says in the keys of later heads alone that the "
              "giver is new", misled(model, each, each.undone, head, "k"), 0.5),
    ]  # fmt: skip


def s_inhibition(model: HookedGPT, each: Prompts, head: Head) -> list[Claim]:
    """At the end it reads who gives, and tells the queries of later heads whom not to look at."""
    name = label(head)
    says = f"{name}: how far it leads astray when it says in the {{}} of later heads alone that the other one gives"
    return [
        Claim(f"{name}_looks", f"{name}, S-inhibition: attention from the end to the giver",
              looks(model, each, each.plain, head, each.end, each.giver), 0.5),
        Claim(f"{name}_queries", says.format("queries"), misled(model, each, each.swapped, head, "q"), 0.4),
        Claim(f"{name}_values", says.format("values"), misled(model, each, each.swapped, head, "v"), at_most=0.15),
    ]  # fmt: skip


def name_mover(model: HookedGPT, each: Prompts, head: Head) -> list[Claim]:
    """At the end it looks at the right name, not at the giver's, and copies it."""
    name, (right, wrong) = label(head), (each.first_a, each.first_b)
    added = direct(model, each.plain, each.people)[head]
    return [
        Claim(f"{name}_right", f"{name}, name mover: attention from the end to the receiver",
              looks(model, each, each.plain, head, each.end, right), 0.2),
        Claim(f"{name}_wrong", "the same, to the giver's name, at both places",
              sum(looks(model, each, each.plain, head, each.end, at) for at in (wrong, each.giver)), at_most=0.1),
        Claim(f"{name}_new", "the same, to a giver who is new, and so receives",
              looks(model, each, each.other, head, each.end, each.giver), 0.5),
        _writes_receiver(name, each, added),
    ]  # fmt: skip


def _writes_receiver(name: str, each: Prompts, added: Tensor) -> Claim:
    says = f"{name}: what it adds to the receiver's logit, over what it adds to the giver's"
    return Claim(f"{name}_writes", says, own(added, each, each.a) - own(added, each, each.b), 2.0)


def suppressor(model: HookedGPT, each: Prompts, head: Head) -> list[Claim]:
    """At the end it looks at the giver, and writes against that name."""
    name, added = label(head), direct(model, each.plain, each.people)[head]
    return [
        Claim(f"{name}_looks", f"{name}, suppressor: attention from the end to the giver",
              looks(model, each, each.plain, head, each.end, each.giver), 0.5),
        Claim(f"{name}_writes", f"{name}: what it adds to the logit of the giver's name",
              own(added, each, each.b), at_most=-1.0),
        Claim(f"{name}_decides", f"{name}: patched at the end, how much of the difference between one giver and the "
              "other it restores", recovered(model, each, each.swapped, head, each.end), 0.5),
    ]  # fmt: skip


def finder(model: HookedGPT, each: Prompts, head: Head) -> list[Claim]:
    """At the giver it looks at the other name of the two, not at the giver's own; if the giver is new, at both."""
    name = label(head)
    both = [looks(model, each, each.other, head, each.giver, at) for at in (each.first_a, each.first_b)]
    return [
        Claim(f"{name}_other", f"{name}, finder: attention from the giver to the receiver's name",
              looks(model, each, each.plain, head, each.giver, each.first_a), 0.5),
        Claim(f"{name}_own", "the same, to the giver's own name, before and where it stands",
              sum(looks(model, each, each.plain, head, each.giver, at) for at in (each.first_b, each.giver)),
              at_most=0.2),
        Claim(f"{name}_new", "the same from a giver who is new, to that of the two names that it looks at less",
              min(both), 0.3),
    ]  # fmt: skip


def relay(model: HookedGPT, each: Prompts, head: Head) -> list[Claim]:
    """At the end it looks at the giver, and writes the name that was found there: the receiver's."""
    name, added = label(head), direct(model, each.plain, each.people)[head]
    return [
        Claim(f"{name}_looks", f"{name}, relay: attention from the end to the giver",
              looks(model, each, each.plain, head, each.end, each.giver), 0.5),
        _writes_receiver(name, each, added),
    ]  # fmt: skip


ROLES: dict[str, Callable[[HookedGPT, Prompts, Head], list[Claim]]] = {
    "duplicate token": duplicate_token,
    "S-inhibition": s_inhibition,
    "name mover": name_mover,
    "suppressor": suppressor,
    "finder": finder,
    "relay": relay,
}


def looks(model: HookedGPT, each: Prompts, tokens: Tensor, head: Head, query: int, key: int | Tensor) -> float:
    """The mean attention of a head from one position to another, which may differ from row to row."""
    return float(heads.attention(model, tokens)[head[0]][each.rows, head[1], query, key].mean())


def own(added: Tensor, each: Prompts, who: Tensor) -> float:
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
            "giver->A": float(row[each.rows, each.giver, each.first_a].mean()),
            "giver->B": float(row[each.rows, each.giver, each.first_b].mean()),
            "before->A,B": sum(float(row[each.rows, each.giver - 1, at].mean()) for at in (each.first_a, each.first_b)),
            "adds A": own(added[layer, head], each, each.a),
            "adds B": own(added[layer, head], each, each.b),
            "swap@end": recovered(model, each, each.swapped, (layer, head), each.end),
            "undo@end": recovered(model, each, each.undone, (layer, head), each.end),
            "undo@giver": recovered(model, each, each.undone, (layer, head), each.giver),
        }
        lines.append(label((layer, head)) + "  " + "  ".join(f"{key} {value:5.2f}" for key, value in numbers.items()))
    return "\n".join(lines)
