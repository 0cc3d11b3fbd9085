"""Embeddings and the residual stream: how tokens become vectors, and vectors become logits.

Run me with a model: `python embeddings.py --model gpt2` (or the name of a model of the course, or a folder).
"""

import argparse
import copy
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MODEL = "storybook-4l"
PROMPT = "Karen and Ursula went to the shop. Ursula gave the ring to"


def embed(
    tokens: Int[Tensor, "batch pos"], W_E: Float[Tensor, "d_vocab d_model"], W_pos: Float[Tensor, "n_ctx d_model"]
) -> Float[Tensor, "batch pos d_model"]:
    """The residual stream before the first layer: each token's row of `W_E` plus its position's row of `W_pos`.

    Positions are counted from 0 in each row of `tokens`. There are at most n_ctx of them.

    Example: `W_E = [[1, 0], [0, 1]]`, `W_pos = [[10, 10], [20, 20]]`: tokens `[[1, 1]]` give `[[[10, 11], [20, 21]]]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


class LayerNorm(nn.Module):
    """Takes each vector's mean away, divides by its standard deviation, then scales by `w` and shifts by `b`.

    Each vector along the last axis by itself. The variance is the mean of the squared distances from the mean
    (divide by d_model, not by d_model - 1), and `eps` is added to the variance before the root is taken.
    `w` (ones at first) and `b` (zeros at first) are parameters of shape [d_model].

    Example: `LayerNorm(2, eps=5.0)` makes `[0, 4]` into `[-2/3, 2/3]`: the mean is 2, the variance 4, the root 3.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The normalised vectors."""
        # YOUR CODE HERE
        raise NotImplementedError()


def rms_norm(
    x: Float[Tensor, "*batch d_model"], w: Float[Tensor, "d_model"], eps: float = 1e-5
) -> Float[Tensor, "*batch d_model"]:
    """Divides each vector by its root mean square, `sqrt(mean(x^2) + eps)`, then scales by `w`.

    Nothing is subtracted, and nothing is added at the end.

    Example: `[1, 7]` has the mean square 25. With `w = [10, 5]` and eps 0 it becomes `[2, 7]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def unembed(
    resid: Float[Tensor, "*batch d_model"],
    norm: Callable[[Tensor], Tensor],
    W_U: Float[Tensor, "d_model d_vocab"],
    b_U: Float[Tensor, "d_vocab"],
) -> Float[Tensor, "*batch d_vocab"]:
    """Given: the logits that the stream `resid` stands for: final norm, then the map `W_U`, then the bias `b_U`.

    Logits, not probabilities. `norm` is a module (or any function) that takes and returns tensors [... d_model].

    Example: if `norm` doubles, `W_U = [[1], [1]]` and `b_U = [5]`, then `[3, 4]` gives `[19]`.
    """
    return norm(resid) @ W_U + b_U


def fold_layer_norm(
    w: Float[Tensor, "d_model"],
    b: Float[Tensor, "d_model"],
    W: Float[Tensor, "d_model *out"],
    bias: Float[Tensor, "*out"],
) -> tuple[Float[Tensor, "d_model *out"], Float[Tensor, "*out"]]:
    """The map that reads from a LayerNorm *without* `w` and `b` what `W` and `bias` read from one that has them.

    Returns the new matrix and the new bias. `W` maps d_model to any number of axes. Each of its outputs ignores the
    mean of what it reads: in the new matrix, the entries along d_model sum to zero. No argument is changed.

    Example: `w = [2, 2]`, `b = [1, 0]`, `W = [[3], [1]]`, `bias = [10]` give `[[2], [-2]]` and `[13]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def logit_shares(
    parts: Float[Tensor, "part batch d_model"],
    norm: Any,
    W_U: Float[Tensor, "d_model d_vocab"],
    b_U: Float[Tensor, "d_vocab"],
    right: Int[Tensor, "batch"],
    wrong: Int[Tensor, "batch"],
) -> Float[Tensor, "part+1 batch"]:
    """What each part of the stream contributes to `logit[right] - logit[wrong]`; the last row is the biases' share.

    The parts sum to the final residual stream at one position of each prompt. It goes through `norm` (a LayerNorm,
    with its `norm.w`, `norm.b` and `norm.eps`), `W_U` and `b_U`. All parts are divided by the *same* number, the
    one by which the norm divides the whole stream, so that the rows of the result sum to the logit difference.
    The last row holds what is the same for every stream: the part that `norm.b` and `b_U` play.

    Example: `parts = [[[3, 1]], [[1, -1]]]`, `w = [1, 1]`, `b = [0, 7]`, eps 0, `W_U` the identity, `b_U = [0, 0]`,
    right 0, wrong 1: the stream is `[4, 0]`, it is divided by 2, and the shares are `[[1], [1], [-7]]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# --- given: a real model, taken apart with the functions above ------------------------------------------------------


@torch.no_grad()
def stream_parts(model: Any, tokens: Int[Tensor, "batch pos"]) -> dict[str, Float[Tensor, "batch pos d_model"]]:
    """What each part of the model wrote into the stream, by its name; they sum to the final residual stream."""
    _, cache = model.run_with_cache(tokens)
    parts = {"tokens": cache["hook_embed"], "positions": cache["hook_pos_embed"]}
    for layer in range(model.cfg.n_layers):
        parts[f"attention {layer}"] = cache[f"blocks.{layer}.hook_attn_out"]
        if not model.cfg.attn_only:
            parts[f"MLP {layer}"] = cache[f"blocks.{layer}.hook_mlp_out"]
    return parts


@torch.no_grad()
def fold_model(model: Any) -> Any:
    """The same function with bare norms: `w` and `b` folded into what reads the stream, and all writers centred."""
    folded = copy.deepcopy(model)
    readers = [(folded.ln_final, folded.unembed, "U")]
    for block in folded.blocks:
        readers += [(block.ln1, block.attn, name) for name in "QKV"]
        if not model.cfg.attn_only:
            readers.append((block.ln2, block.mlp, "in"))
    for norm, module, name in readers:
        W, bias = getattr(module, f"W_{name}"), getattr(module, f"b_{name}")
        by_head = W.ndim == 3  # [head d_model d_head]: the axis that is read goes first
        new_W, new_bias = fold_layer_norm(norm.w, norm.b, W.transpose(0, 1) if by_head else W, bias)
        W.copy_(new_W.transpose(0, 1) if by_head else new_W)
        bias.copy_(new_bias)
    for norm, _, _ in readers:
        norm.w.fill_(1.0)
        norm.b.fill_(0.0)
    writers = [folded.embed.W_E, folded.pos_embed.W_pos]
    for block in folded.blocks:
        writers += [block.attn.W_O, block.attn.b_O]
        if not model.cfg.attn_only:
            writers += [block.mlp.W_out, block.mlp.b_out]
    for writer in writers:
        writer.sub_(writer.mean(-1, keepdim=True))  # what is written has mean zero, and so has the stream
    return folded


@torch.no_grad()
def main() -> None:
    """Takes a model apart: its stream, its logits, its folded twin, and each part's share in one prediction."""
    from unravel.interp import load_model

    reader = argparse.ArgumentParser(description=main.__doc__)
    reader.add_argument("--model", default=MODEL, help="gpt2, the name of a model of the course, or a folder")
    reader.add_argument("--prompt", default=PROMPT)
    given = reader.parse_args()
    try:
        model = load_model(given.model)
        tokens = model.to_tokens(given.prompt)
    except Exception as fault:  # no weights, or words that this model doesn't know: the error says what to do
        raise SystemExit(str(fault)) from None
    if model.cfg.positional != "standard":
        raise SystemExit(f"{given.model} has no table of positions: choose a model that has one, as GPT-2 does.")
    logits, cache = model.run_with_cache(tokens)
    norm = LayerNorm(model.cfg.d_model, model.cfg.eps)
    norm.load_state_dict(model.ln_final.state_dict())
    resid = embed(tokens, model.W_E, model.W_pos)
    print(f"embed: {(resid - cache['blocks.0.hook_resid_pre']).abs().max():.1e} from the model's own")
    parts = stream_parts(model, tokens)
    ours = unembed(sum(parts.values()), norm, model.W_U, model.b_U)
    print(f"logits of the summed parts: {(ours - logits).abs().max():.1e} from the model's own")
    folded = fold_model(model)
    print(f"logits of the folded model: {(folded(tokens) - logits).abs().max():.1e} away")
    ones = torch.ones(model.cfg.d_model)
    for norm_module in [folded.ln_final, *(m for block in folded.blocks for m in block.children())]:
        if hasattr(norm_module, "hook_normalized"):
            norm_module.forward = lambda x: rms_norm(x, ones, model.cfg.eps)
    print(f"the same, with RMSNorm for LayerNorm: {(folded(tokens) - logits).abs().max():.1e} away")
    right, wrong = logits[:, -1].topk(2).indices.T
    last = torch.stack([part[:, -1] for part in parts.values()])
    shares = logit_shares(last, norm, model.W_U, model.b_U, right, wrong)[:, 0]
    difference = (logits[0, -1, right] - logits[0, -1, wrong]).item()
    print(f"{model.to_string(right)!r} against {model.to_string(wrong)!r}: a logit difference of {difference:.3f}")
    for name, share in zip([*parts, "biases"], shares.tolist(), strict=True):
        print(f"{share:+8.3f}  {name}")
    print(f"{shares.sum():+8.3f}  together")


if __name__ == "__main__":
    main()
