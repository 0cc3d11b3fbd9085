"""Warming the zygote: what a child would do first, and could not do inside the sandbox, is done before the fork."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from typing import cast

from unravel.grading.sandbox.birth import Target

# What learners' files import, and the parts of ours that `unravel.interp` needs: a child can't read those.
ALWAYS = ("numpy", "einops", "jaxtyping", "beartype", "unravel.interp", "unravel.errors", "unravel.paths")
# Threads that belong to a library and take no part after a fork; all others are a reason not to fork.
_HARMLESS = ("jemalloc_bg_thd",)


def load(target: str, preload: tuple[str, ...]) -> Target:
    """Imports everything, and returns the function that `module:name` names."""
    for name in (*ALWAYS, *preload):
        importlib.import_module(name)
    module, _, function = target.partition(":")
    found = cast(Target, getattr(importlib.import_module(module), function))
    # Fills the import system's listing of every folder on the path, which a child may not list any more.
    importlib.util.find_spec("unravel_has_no_such_module")
    return found


def warm() -> None:
    """Runs the parts of torch that start lazily: reading the processor's features, kernels, autograd, transforms."""
    if "torch" not in sys.modules:
        return
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0))
    layer = torch.nn.Linear(8, 8)
    layer(x).softmax(-1).sum().backward()
    layer.zero_grad()
    torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    torch.nn.functional.layer_norm(x, (8,))
    torch.nn.functional.cross_entropy(x[0], torch.zeros(4, dtype=torch.long))
    torch.linalg.svd(x[0])
    torch.linalg.eigh(x[0].T @ x[0])
    torch.einsum("bij,bkj->bik", x, x)
    torch.func.vmap(torch.func.grad(lambda v: v.pow(2).sum()))(x[0])
    torch.optim.AdamW(layer.parameters()).step()
    torch.testing.assert_close(x, x)
    torch.fft.rfft(x)
    repr(x)


def stop_threads() -> None:
    """Makes sure that this process may fork: a thread that another holds a lock for would leave it locked for ever.

    Raises OSError when a thread is running that nobody knows how to stop.
    """
    monitor = getattr(sys.modules.get("tqdm.std"), "tqdm", None)
    if getattr(monitor, "monitor", None) is not None:
        monitor.monitor.exit()  # type: ignore[union-attr]
        monitor.monitor = None  # type: ignore[union-attr]
    extra = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if extra:
        raise OSError(f"threads are running in the zygote: {', '.join(thread.name for thread in extra)}")
    strangers = [name for name in _thread_names()[1:] if name not in _HARMLESS]
    if strangers:
        raise OSError(f"threads are running in the zygote: {', '.join(strangers)}")


def _thread_names() -> list[str]:
    names = []
    try:
        for number in sorted(os.listdir("/proc/self/task"), key=int):
            with open(f"/proc/self/task/{number}/comm", encoding="utf-8", errors="replace") as file:
                names.append(file.read().strip())
    except OSError:
        return names or ["main"]
    return names
