"""How much faster the cache of the lesson `generation` makes writing, at the size of GPT-2 small.

    python bench/generation.py [--tokens 256] [--quick]

The solution's `forward_cached` against its own `forward`, which reads the whole text again for each token: greedy, from
one token to a text of 256, one text, random weights. Both must write the same tokens. Exits with 1 when the limit is
not kept.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from _timing import Row, show

from unravel.course.load import load_course

if TYPE_CHECKING:
    from torch import Tensor

SMALL = {"layers": 12, "heads": 12, "d_model": 768, "d_vocab": 50257}
QUICK = {"layers": 2, "heads": 4, "d_model": 64, "d_vocab": 1000}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=256, help="length of the text in the end")
    parser.add_argument("--quick", action="store_true", help="a small model, to see that it works; limits don't count")
    given = parser.parse_args()
    return show(measure(QUICK if given.quick else SMALL, given.tokens)) and not given.quick


def measure(sizes: dict[str, int], length: int) -> list[Row]:
    """Seconds with and without the cache, and their ratio."""
    import torch

    lesson: Any = solution()
    weights = random_weights(**sizes, n_ctx=length)
    start = torch.zeros(1, 1, dtype=torch.int64)
    with torch.inference_mode():
        for warm_up in (without, with_cache):
            warm_up(lesson, weights, start, 3)
        cached, fast = timed(lambda: with_cache(lesson, weights, start, length))
        plain, slow = timed(lambda: without(lesson, weights, start, length))
    if not torch.equal(cached, plain):
        raise SystemExit("The two wrote different texts: there is nothing to compare.")
    return [
        Row(f"greedy to {length} tokens: the whole text again for each", slow, "s"),
        Row(f"greedy to {length} tokens: with the cache", fast, "s"),
        Row("without / with", slow / fast, "x", 5.0, at_most=False),
    ]


def without(lesson: Any, weights: dict[str, Tensor], tokens: Tensor, length: int) -> Tensor:
    """Runs the whole text for each token."""
    import torch

    while tokens.shape[1] < length:
        tokens = torch.cat([tokens, lesson.forward(weights, tokens)[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokens


def with_cache(lesson: Any, weights: dict[str, Tensor], tokens: Tensor, length: int) -> Tensor:
    """Runs each token once."""
    import torch

    new, cache = tokens, None
    while tokens.shape[1] < length:
        logits, cache = lesson.forward_cached(weights, new, cache)
        new = logits[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, new], dim=1)
    return tokens


def timed(action: Any) -> tuple[Tensor, float]:
    started = time.perf_counter()
    return action(), time.perf_counter() - started


def random_weights(layers: int, heads: int, d_model: int, d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """GPT-2's weights by name, drawn anew from one seed."""
    import torch

    draw = torch.Generator().manual_seed(0)
    d_head, d_mlp = d_model // heads, 4 * d_model
    shapes = {"embed.W_E": (d_vocab, d_model), "pos_embed.W_pos": (n_ctx, d_model), "ln_final.w": (d_model,)}
    shapes |= {"ln_final.b": (d_model,), "unembed.W_U": (d_model, d_vocab), "unembed.b_U": (d_vocab,)}
    for at in (f"blocks.{layer}" for layer in range(layers)):
        for name in "QKV":
            shapes |= {f"{at}.attn.W_{name}": (heads, d_model, d_head), f"{at}.attn.b_{name}": (heads, d_head)}
        shapes |= {f"{at}.attn.W_O": (heads, d_head, d_model), f"{at}.attn.b_O": (d_model,)}
        shapes |= {f"{at}.{norm}.{part}": (d_model,) for norm in ("ln1", "ln2") for part in "wb"}
        shapes |= {f"{at}.mlp.W_in": (d_model, d_mlp), f"{at}.mlp.b_in": (d_mlp,)}
        shapes |= {f"{at}.mlp.W_out": (d_mlp, d_model), f"{at}.mlp.b_out": (d_model,)}
    weights = {name: 0.02 * torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    return {name: weight + 1 if name.endswith(".w") else weight for name, weight in weights.items()}


def solution() -> Any:
    """The lesson's solution as a module."""
    from unravel.grading.reference import load_module

    return load_module(load_course().lesson("generation").solution)


if __name__ == "__main__":
    raise SystemExit(main())
