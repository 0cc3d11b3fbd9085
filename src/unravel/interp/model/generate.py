"""Writing on: one token after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from unravel.interp.model.gpt import HookedGPT


@torch.no_grad()
def generate(
    model: HookedGPT,
    input: Tensor | str,
    max_new_tokens: int = 10,
    *,
    temperature: float = 0.0,
    seed: int | None = None,
    stop_at_eos: bool = True,
    prepend_bos: bool | None = None,
) -> Tensor | str:
    """`input` with `max_new_tokens` more: the likeliest ones, or drawn at a `temperature` above 0 (with `seed`).

    Text comes back as text, without the marks for beginning and end; rows of tokens as rows. After the end token a
    row is filled with it; when all rows have ended, it stops early. A full context drops its oldest tokens.
    """
    draw = None if seed is None else torch.Generator(device=model.cfg.device).manual_seed(seed)
    tokens = model.as_tokens(input, prepend_bos)
    end = model.tokenizer.eos if stop_at_eos and model.tokenizer else None
    ended = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    for _ in range(max_new_tokens):
        logits = model(tokens[:, -model.cfg.n_ctx :])[:, -1]
        chosen = _choose(logits, temperature, draw)
        if end is not None:
            chosen = chosen.where(~ended, torch.tensor(end, device=chosen.device))
            ended |= chosen == end
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
        if bool(ended.all()):
            break
    return model.words.decode(tokens[0].tolist(), skip_special=True) if isinstance(input, str) else tokens


def _choose(logits: Tensor, temperature: float, draw: torch.Generator | None) -> Tensor:
    if temperature <= 0:
        return logits.argmax(-1)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=draw)[:, 0]
