"""The GPT-2 that learners write, at the size of GPT-2 small, against `transformers` in the same process.

    python bench/gpt2.py [--rounds 15] [--quick]

The weights are random and the same in both; `transformers` runs its eager attention and keeps no cache. Forward passes
take turns, and each row is a median over them. Memory is measured in a process of its own for each model. Exits with 1
when a limit is not kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _timing import Row, shell, show

from unravel.course.load import load_course

BATCH, POS = 8, 128
SMALL = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_inner": 3072, "vocab_size": 50257, "n_positions": 1024}
QUICK = {"n_layer": 2, "n_head": 4, "n_embd": 64, "n_inner": 256, "vocab_size": 1000, "n_positions": 256}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="a small model, to see that it works; limits don't count")
    parser.add_argument("--memory-of", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = QUICK if given.quick else SMALL
    if given.memory_of:
        print(json.dumps(memory(given.memory_of, sizes)))
        return 0
    rows = [*forward(sizes, given.rounds), *footprint(given.quick)]  # generation's rows go behind these
    return show(rows) and not given.quick


def forward(sizes: dict[str, int], rounds: int) -> list[Row]:
    """Seconds of one forward pass, and the ratio, which is the median of the rounds' own ratios."""
    import torch

    theirs = peer(sizes)
    ours = model_of(theirs.state_dict(), sizes)
    tokens = torch.randint(0, sizes["vocab_size"], (BATCH, POS), generator=torch.Generator().manual_seed(0))
    ask: dict[str, Callable[[], Any]] = {"ours": lambda: ours(tokens), "theirs": lambda: logits_of(theirs, tokens)}
    with torch.inference_mode():
        torch.testing.assert_close(ask["ours"](), ask["theirs"](), rtol=1e-4, atol=1e-4)  # else no race
        taken: dict[str, list[float]] = {name: [] for name in ask}
        for turn in range(rounds):
            for name in sorted(ask, reverse=bool(turn % 2)):  # neither is always the first
                started = time.perf_counter()
                ask[name]()
                taken[name].append(time.perf_counter() - started)
    ratios = [mine / other for mine, other in zip(taken["ours"], taken["theirs"], strict=True)]
    return [
        Row(f"forward, {BATCH} x {POS} tokens: the lesson's GPT2", statistics.median(taken["ours"]), "s"),
        Row("forward: transformers' GPT2LMHeadModel, eager attention", statistics.median(taken["theirs"]), "s"),
        Row("forward: ours / transformers", statistics.median(ratios), "x", 1.15),
    ]


def footprint(quick: bool) -> list[Row]:
    """Peak memory of weights and one forward pass."""
    found: dict[str, dict[str, float]] = {}
    for name in ("ours", "theirs"):
        command = [sys.executable, str(Path(__file__).resolve()), "--memory-of", name, *(["--quick"] if quick else [])]
        found[name] = json.loads(shell(command).splitlines()[-1])
    ours, theirs = found["ours"], found["theirs"]
    return [
        Row("peak memory, weights and one forward: the lesson's GPT2", ours["peak"], "MB"),
        Row("peak memory: transformers", theirs["peak"], "MB"),
        Row("peak memory: ours / transformers", ours["peak"] / theirs["peak"], "x", 1.3),
        Row("what the forward pass alone adds: the lesson's GPT2", ours["added"], "MB"),
        Row("what the forward pass alone adds: transformers", theirs["added"], "MB"),
    ]


def memory(name: str, sizes: dict[str, int]) -> dict[str, float]:
    """Peak resident MB of one forward pass over those before the model was there, and over those before the pass."""
    import torch

    tokens = torch.zeros(BATCH, POS, dtype=torch.int64)
    with torch.inference_mode():
        logits_of(peer(QUICK), tokens)  # libraries, their buffers and the thread pool are in memory from here on
        before = resident("VmRSS")
        theirs = peer(sizes)
        ours = model_of(theirs.state_dict(), sizes) if name == "ours" else None  # shares its weights with `theirs`
        loaded = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        logits = logits_of(theirs, tokens) if ours is None else ours(tokens)
        peak = resident("VmHWM")
    assert logits.shape == (BATCH, POS, sizes["vocab_size"])
    return {"peak": peak - before, "added": peak - loaded}


def resident(field: str) -> float:
    """VmRSS (now) or VmHWM (the peak) of this process, in MB. Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return float(line.split()[1]) / 1024
    raise SystemExit(f"/proc/self/status has no {field}: memory is measured on Linux only.")


def peer(sizes: dict[str, int]) -> Any:
    """A `GPT2LMHeadModel` with random weights, ready to run."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(**sizes, attn_implementation="eager")).eval()


def logits_of(theirs: Any, tokens: Any) -> Any:
    """Its logits, without the cache of keys and values that it would keep by default."""
    return theirs(tokens, use_cache=False).logits


def model_of(state: dict[str, Any], sizes: dict[str, int]) -> Any:
    """The lesson's own `GPT2` with these weights, through its own `convert_weights`."""
    import torch

    lesson = solution("transformer")
    names = ("n_layer", "n_head", "n_embd", "n_inner", "vocab_size", "n_positions")
    with torch.device("meta"):  # no weights are drawn: they are replaced at once
        model = lesson.GPT2(*(sizes[name] for name in names))
    model.load_state_dict(lesson.convert_weights(state, sizes["n_head"]), assign=True)
    return model


def solution(lesson: str) -> Any:
    """A lesson's solution as a module."""
    from unravel.grading.reference import load_module

    return load_module(load_course().lesson(lesson).solution)


if __name__ == "__main__":
    raise SystemExit(main())
