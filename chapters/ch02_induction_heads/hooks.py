"""Hooks and caches: your own hook points, then transformer-lens' on the course's models."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unravel.interp import HookedGPT, load_model

MODEL = "induction-2l"  # the model that `python hooks.py` takes; --model names another

HookFunction = Callable[..., Tensor | None]
"""A function `f(value, hook)`: it gets an activation, and the hook point where that passes. None changes nothing."""


class HookPoint(nn.Module):
    """A place in a model where functions can watch an activation, and replace it. Without any, the very tensor passes.

    The functions are called as `function(value, hook=self)`, in the order in which they were added. Whatever one of
    them returns takes the place of the value, for the next function and for the model; None lets the value be.

    Example: with a function that doubles and one that adds 1, added in this order, 3 becomes 7.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = ""  # where it stands in its model; `hook_points` below writes it
        self.functions: dict[object, HookFunction] = {}  # a dict remembers the order; the keys are for you to choose

    def add_hook(self, function: HookFunction) -> Callable[[], object]:
        """Adds `function` behind those that are there. Returns a function that takes this one away, and no other.

        Called a second time, the returned function does nothing. Who adds a function twice has it called twice.
        """
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, value: Tensor) -> Tensor:
        """What becomes of `value` when all functions have seen it."""
        # YOUR CODE HERE
        raise NotImplementedError()


def hook_points(model: nn.Module) -> dict[str, HookPoint]:
    """Given. All hook points of a model by their names, such as "layers.0.hook_z"; each learns its name here."""
    points = {name: module for name, module in model.named_modules() if isinstance(module, HookPoint)}
    for name, point in points.items():
        point.name = name
    return points


class Layer(nn.Module):
    """Given. Attention without biases, and three places where one can listen in."""

    def __init__(self, n_heads: int, d_model: int, d_head: int) -> None:
        super().__init__()
        shape = (n_heads, d_model, d_head)
        self.W_Q, self.W_K, self.W_V = (nn.Parameter(torch.randn(shape) / d_model**0.5) for _ in range(3))
        self.W_O = nn.Parameter(torch.randn(n_heads, d_head, d_model) / d_head**0.5)
        self.hook_scores, self.hook_pattern, self.hook_z = HookPoint(), HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        q, k, v = (torch.einsum("bpm,hmd->bphd", x, W) for W in (self.W_Q, self.W_K, self.W_V))
        scores = self.hook_scores(torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5)
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores.masked_fill_(future, -torch.inf)  # subtle: in place, it saves memory; who keeps `scores` sees it change
        pattern = self.hook_pattern(scores.softmax(-1))  # [batch head query key]
        z = self.hook_z(torch.einsum("bhqk,bkhd->bqhd", pattern, v))  # [batch pos head d_head]
        return torch.einsum("bphd,hdm->bpm", z, self.W_O)


class Toy(nn.Module):
    """Given. A model of your own with random weights, to try your hooks on: two layers of attention on a stream."""

    def __init__(self, d_vocab: int = 7, d_model: int = 10, n_heads: int = 3, d_head: int = 4) -> None:
        super().__init__()
        self.W_E, self.W_U = nn.Parameter(torch.randn(d_vocab, d_model)), nn.Parameter(torch.randn(d_model, d_vocab))
        self.hook_embed = HookPoint()
        self.layers = nn.ModuleList(Layer(n_heads, d_model, d_head) for _ in range(2))
        self.hook_out = HookPoint()

    def forward(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_vocab"]:
        stream = self.hook_embed(self.W_E[tokens])
        for layer in self.layers:
            stream = stream + layer(stream)
        return self.hook_out(stream) @ self.W_U


def run_with_hooks(
    model: nn.Module, inputs: Tensor, hooks: Sequence[tuple[str, HookFunction]]
) -> Float[Tensor, "*out"]:
    """What `model(inputs)` gives while each `(name, function)` of `hooks` is on the hook point of that name.

    After the run, and after an error too, these functions are gone, and all that were there before are still there.
    Errors come through to the caller. A name that no hook point of the model has is a KeyError, and the model isn't
    run. Functions on the same point are called in the order of the list, after those that were there before. In
    `hook.name` they find the full name of their hook point.

    Example: `run_with_hooks(model, tokens, [])` is `model(tokens)`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def run_with_cache(
    model: nn.Module, inputs: Tensor, names: Sequence[str] | None = None
) -> tuple[Float[Tensor, "*out"], dict[str, Tensor]]:
    """What `model(inputs)` gives, and the activations at the hook points of these names (None: at all), by name.

    An activation is kept as its hook point passes it on, after the functions that were there before. Each is a copy
    that nobody else changes, and detached. The run itself is as if nobody listened: its output has its gradients.

    Example: `run_with_cache(model, tokens, [])[1]` is `{}`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def footprint(model: HookedGPT, tokens: Int[Tensor, "batch pos"], name: str, position: int) -> dict[str, float]:
    """How far an edit reaches: the largest absolute change of each activation, by name, when one of them is silenced.

    The activation `name` is set to zero at `position`, its second axis, in all prompts and for all heads (it is no
    pattern and no scores: their second axis is the head). All activations that `model.run_with_cache(tokens)` keeps are
    compared, with the edit against without: the edited one as the rest of the model sees it. Where both runs have
    the same number, minus infinity included, the change is 0.

    Example: for "blocks.1.attn.hook_z" all activations of layer 0 have 0.0.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def patch_head_position(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    cache: Mapping[str, Tensor],
    layer: int,
    head: int,
    position: int,
) -> Float[Tensor, "batch pos d_vocab"]:
    """The logits of `tokens`, with the z of one head at one position as it was in another run, kept in `cache`.

    `cache["blocks.1.attn.hook_z"]` is the z of layer 1 in that run, `[batch pos head d_head]`, on as many prompts of
    the same length. All else in the model takes its course. `cache` is still the same afterwards.

    Example: with the cache of a run on `tokens` itself, the logits are those of the model as it is.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def guess_patches(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    cache: Mapping[str, Tensor],
    right: Int[Tensor, "batch"],
    wrong: Int[Tensor, "batch"],
) -> Float[Tensor, "layer head pos"]:
    """By how much each patch of `patch_head_position` would change the metric, guessed by slopes, from one run.

    The metric: the logit of `right` less the logit of `wrong` at the last position, in the mean over prompts. The
    guess for a patch: (z in `cache` - z in this run) times the slope of the metric in z, summed over the head's
    entries and over prompts. The slope counts all ways to the logits, those through later layers too. The result is
    detached; no parameter's `.grad` or `requires_grad` is changed, and frozen models will do.

    Example: with the cache of a run on `tokens` itself, all guesses are 0.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def repeated_pair(model: HookedGPT, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Given. A random row of tokens that comes twice, less its last token; and the same with one token exchanged.

    The last position of the first should be followed by its row's last token. In the second, another token stands in
    that place of the first copy, so that it should be followed by that one.
    """
    period = min(7, model.config.n_ctx // 2)
    generator = torch.Generator().manual_seed(seed)
    *row, other = (torch.randperm(model.config.d_vocab - 4, generator=generator)[: period + 1] + 4).tolist()
    return torch.tensor([row + row[:-1]]), torch.tensor([[*row[:-1], other, *row[:-1]]])


def main() -> None:
    """Compares your hooks with transformer-lens', and the best guesses of `guess_patches` with real patches."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=MODEL, help="induction-2l, storybook-4l, gpt2, or the path of a folder")
    name = parser.parse_args().model
    try:
        model = load_model(name)
    except Exception as fault:  # no such model, or its weights are neither here nor to be had: it says what to do
        sys.exit(str(fault))
    tokens, others = repeated_pair(model)
    with torch.no_grad():
        logits, cache = model.run_with_cache(tokens)
        _, donor = model.run_with_cache(others)
    period = others.shape[1] // 2
    right, wrong = tokens[:, period], others[:, period]
    difference = (logits[:, -1, right] - logits[:, -1, wrong]).item()
    print(f"on a random row that comes twice: logit difference {difference:.3g}")
    guesses = guess_patches(model, tokens, donor, right, wrong)
    for flat in guesses.abs().flatten().topk(min(5, guesses.numel())).indices:
        layer, head, position = (int(i) for i in torch.unravel_index(flat, guesses.shape))
        patched = patch_head_position(model, tokens, donor, layer, head, position)[:, -1]
        change = (patched[:, right] - patched[:, wrong]).item() - difference
        guess = guesses[layer, head, position].item()
        print(f"patch of layer {layer}, head {head}, position {position}: guess {guess:.3g}, measured {change:.3g}")
    for hook_name in model.hook_dict:  # your own hook points in the place of transformer-lens'
        parent, _, last = hook_name.rpartition(".")
        setattr(model.get_submodule(parent), last, HookPoint())
    _, own = run_with_cache(model, tokens)
    gap = max((own[key] - cache[key]).abs().nan_to_num(0.0).max().item() for key in cache)
    print(f"your run_with_cache: {len(own)} activations of {len(cache)}, largest difference {gap:.1e}")


if __name__ == "__main__":
    main()
