"""Evidence of sorting: the head looks at the digit that comes next, and copies it."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp.corpora.base import IGNORE
from unravel.interp.model.gpt import HookedGPT
from unravel.zoo.evidence import heads, task
from unravel.zoo.evidence.attention import Where, accuracy, cut, looks, without_head
from unravel.zoo.evidence.claims import Claim, Trained


@torch.no_grad()
def measure(trained: Trained) -> list[Claim]:
    """Where the head looks from the places of the answer, and what it writes for what it sees."""
    model, vocabulary = trained.model, trained.recipe.data.vocabulary
    tokens, labels = next(trained.recipe.data.labelled("test", 512))
    right = at_answer(tokens, labels)
    head = heads.best(looks(model, tokens, right, 0))
    profile = by_distance(model, head, tokens, labels)
    digits = torch.tensor(vocabulary.encode([str(digit) for digit in range(10)]))
    name = f"L{head[0]}H{head[1]}"
    return [
        *task.measure(trained),
        Claim("just_above", f"attention of {name}, copy for copy, to digits one above the last digit of the answer, "
              "over that to those 4 below or 5 above", 2 * profile[1] / (profile[-4] + profile[5]), 2.5,
              any_seed=(2, None)),
        Claim("next", "its attention to one copy of the next digit of the answer, over that to a digit of the question "
              "in the mean", next_ratio(model, head, tokens, labels), 1.5, any_seed=(1.3, None)),
        Claim("no_next", "accuracy when it may not look at the next digit",
              accuracy(cut(model, tokens, right, 0), labels), at_most=0.3),
        Claim("copies", f"share of the digits whose own logit {name} raises most when it looks at them",
              copied(model, head, digits), 0.8, any_seed=(0.65, None)),
        Claim("without_head", f"accuracy without {name}",
              accuracy(without_head(model, tokens, head), labels), at_most=0.6),
    ]  # fmt: skip


def at_answer(tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]) -> Where:
    """For each place that is asked, the places of the question that hold the right digit."""
    return question(tokens, labels) & (tokens[:, None, :] == labels[:, :, None])


def by_distance(
    model: HookedGPT, head: heads.Head, tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]
) -> dict[int, float]:
    """The mean attention from a digit of the answer to a digit of the question, by how much greater that one is."""
    pattern, where = heads.attention(model, tokens)[0][:, head[1]], question(tokens, labels)
    where[torch.arange(len(tokens)), (labels != IGNORE).int().argmax(-1)] = False  # = has no distance
    distance = tokens[:, None, :] - tokens[:, :, None]
    return {each: float(pattern[where & (distance == each)].mean()) for each in range(-9, 10)}


def next_ratio(
    model: HookedGPT, head: heads.Head, tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]
) -> float:
    """The mean attention to a place that holds the right digit, over that to any place of the question."""
    pattern = heads.attention(model, tokens)[0][:, head[1]]
    return float(pattern[at_answer(tokens, labels)].mean() / pattern[question(tokens, labels)].mean())


def copied(model: HookedGPT, head: heads.Head, digits: Int[Tensor, " digit"]) -> float:
    """How often the OV circuit, applied to a digit's embedding (at a place in the middle), raises that digit most."""
    place = model.config.n_ctx // 4
    rows = digits[:, None].expand(-1, place + 1)
    _, cache = model.run_with_cache(rows, names_filter=["blocks.0.attn.hook_v"])
    wrote = cache["blocks.0.attn.hook_v"][:, place, head[1]] @ model.W_O[head]
    gain = cast(Tensor, model.ln_final.w)
    scores: Float[Tensor, "seen raised"] = (wrote * gain) @ model.W_U[:, digits]
    scores = scores - scores.mean(0)  # what it raises whatever it sees
    return float((scores.argmax(-1) == torch.arange(len(digits))).float().mean())


def question(tokens: Int[Tensor, "batch pos"], labels: Int[Tensor, "batch pos"]) -> Where:
    """Queries that have a label, and keys of the question: those before the first query."""
    asked = labels != IGNORE
    first = asked.int().argmax(-1)
    question = torch.arange(tokens.shape[1])[None] < first[:, None]
    question[:, 0] = False
    return asked[:, :, None] & question[:, None, :]
