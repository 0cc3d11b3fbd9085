"""Prompts about three people that differ in one word and line up, so that activations can be averaged and swapped."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.corpora.names import NAMES, TRAINING, Names, fill
from unravel.interp.corpora.seeds import derive, dice
from unravel.interp.model.gpt import HookedGPT


@dataclass(frozen=True)
class Prompts:
    """Prompts of one template. A and B are named (in either order), then someone gives.

    `plain`: B gives, so A is asked for. `other`: a new person C gives, so C is. `swapped`: A gives. `undone`: as
    `plain`, but C is named in place of the first B, so that B is new. Positions are those of the columns.
    """

    plain: Int[Tensor, "batch pos"]
    other: Int[Tensor, "batch pos"]
    swapped: Int[Tensor, "batch pos"]
    undone: Int[Tensor, "batch pos"]
    a: Int[Tensor, " batch"]
    b: Int[Tensor, " batch"]
    c: Int[Tensor, " batch"]
    first_a: Int[Tensor, " batch"]
    first_b: Int[Tensor, " batch"]
    people: Int[Tensor, " name"]
    """The tokens of all names."""
    giver: int
    end: int

    @property
    def rows(self) -> Int[Tensor, " batch"]:
        """0, 1, 2, ..."""
        return torch.arange(len(self.a))

    def plain_difference(self, logits: Float[Tensor, "batch pos d_vocab"]) -> Float[Tensor, " batch"]:
        """A over B."""
        last = logits[:, self.end]
        return last[self.rows, self.a] - last[self.rows, self.b]

    def other_difference(self, logits: Float[Tensor, "batch pos d_vocab"]) -> Float[Tensor, " batch"]:
        """C over the mean of A and B."""
        last = logits[:, self.end]
        return last[self.rows, self.c] - (last[self.rows, self.a] + last[self.rows, self.b]) / 2


def prompts(corpus: Names, template: int, count: int = 100) -> Prompts:
    """Prompts of a template of the training, with pairs of names that training never has together."""
    line = TRAINING[template]
    known: dict[str, list[list[int]]] = {"plain": [], "other": [], "swapped": [], "undone": []}
    people: list[list[int]] = []
    for at in range(count):
        a, b, c = corpus.people(dice("evidence", template, at), 3, held=True)
        f, g = (a, b) if at % 2 else (b, a)
        names = {
            "plain": (f, g, b),
            "other": (f, g, c),
            "swapped": (f, g, a),
            "undone": (c if f == b else f, c if g == b else g, b),
        }
        for kind, (first, second, gives) in names.items():
            roll = dice("evidence words", template, at)  # the same in all four: they differ in names alone
            text = fill(line, roll, F=first, G=second, X=gives, Z=b)[:-2]
            known[kind].append([corpus.vocabulary.bos, *corpus.vocabulary.encode(text)])
        people.append(corpus.vocabulary.encode((a, b, c)))
    tokens = {kind: torch.tensor(rows) for kind, rows in known.items()}
    a_, b_, c_ = torch.tensor(people).T
    plain = tokens["plain"]
    giver = int((plain != tokens["other"]).int().argmax(-1)[0])
    first_a, first_b = ((plain == who[:, None]).int().argmax(-1) for who in (a_, b_))
    everyone, end = torch.tensor(corpus.vocabulary.encode(NAMES)), plain.shape[1] - 1
    places = {"first_a": first_a, "first_b": first_b, "giver": giver, "end": end}
    return Prompts(**tokens, a=a_, b=b_, c=c_, people=everyone, **places)  # type: ignore[arg-type]


def average_prompts(corpus: Names, template: int, count: int = 300) -> Int[Tensor, "batch pos"]:
    """Prompts of a template with any three people, to take means of: they say nothing of who gives to whom."""
    rows = []
    for at in range(count):
        roll = dice("evidence means", template, derive(at))
        f, g, x = corpus.people(roll, 3, held=False)
        text = fill(TRAINING[template], roll, F=f, G=g, X=x, Z=x)[:-2]
        rows.append([corpus.vocabulary.bos, *corpus.vocabulary.encode(text)])
    return torch.tensor(rows)


def direct(model: HookedGPT, tokens: Int[Tensor, "batch pos"], names: Tensor) -> Float[Tensor, "l h batch name"]:
    """What each head adds at the last position to the logit of each name, against the mean of all names."""
    _, cache = model.run_with_cache(tokens)
    scale = cache["ln_final.hook_scale"][:, -1]  # [batch, 1]
    directions = model.W_U[:, names] - model.W_U[:, names].mean(-1, keepdim=True)  # [d_model, name]
    gain = model.ln_final.w if model.config.normalization_type else 1.0
    out = []
    for layer in range(model.config.n_layers):
        z = cache[f"blocks.{layer}.attn.hook_z"][:, -1]  # [batch, head, d_head]
        wrote = torch.einsum("bhk,hkd->hbd", z, model.W_O[layer])
        wrote = wrote - wrote.mean(-1, keepdim=True)
        out.append((wrote / scale * gain) @ directions)
    return torch.stack(out)
