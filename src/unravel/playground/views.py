"""The views of the playground: what each is called, how to read it, and which lesson explains it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """One way to look at a run. `lessons` are ids, the best explanation first; a course need not have them."""

    id: str
    title: str
    reading: str
    lessons: tuple[str, ...]


VIEWS = (
    View(
        "next",
        "Next token",
        "What the model expects after the prompt. A logit is any number; softmax makes probabilities of all of them.",
        ("probabilities",),
    ),
    View(
        "attention",
        "Attention",
        "Each row is a position that looks, each column one that is looked at. A row sums to one.",
        ("attention_patterns", "reading_attention", "attention"),
    ),
    View(
        "lens",
        "Logit lens",
        "What the model would say if it stopped early: the stream at each layer, read out with the last norm and the "
        "unembedding. The colour is the probability of the answer.",
        ("logit_attribution", "logits_taken_apart", "logit_lens"),
    ),
    View(
        "attribution",
        "Attribution",
        "What each head adds directly to the score at the last position. LayerNorm's scale is held at what it was, and "
        "then all parts sum to the score.",
        ("logit_attribution", "logits_taken_apart", "direct_logit_attribution"),
    ),
    View(
        "ablation",
        "Ablation",
        "The prompt runs again while the chosen heads write what they write on average (mean), or nothing (zero).",
        ("ablation", "ablations", "knock_outs"),
    ),
    View(
        "patching",
        "Patching",
        "The corrupted prompt runs, but one place is given what it held in the clean run. 1: the score is as good as "
        "on the clean prompt; 0: no better than on the corrupted one.",
        ("activation_patching", "patching"),
    ),
)
"""In the order in which they are offered."""


def find_view(name: str | None) -> View:
    """The view of that name, else the first."""
    return next((view for view in VIEWS if view.id == name), VIEWS[0])
