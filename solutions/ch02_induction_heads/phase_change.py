"""How it comes about: what a model learns first, when its circuit forms, and what that proves."""

import argparse
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call

from unravel.interp import GPTConfig, HookedGPT, evaluate, load_corpus, load_model


def icl_score(losses: Float[Tensor, "batch n"], early: int, late: int) -> float:
    """The in-context learning score: the mean loss on token number `late` minus that on token number `early`.

    `losses` is what `model(tokens, return_type="loss", loss_per_token=True)` returns: it begins with the loss on token
    number 1, the first that is foretold. (Token number 0 is `<bos>`.) Below zero: the model does better late in the
    text than early in it.

    Example: losses [[4, 3, 1], [2, 3, 3]], `early=1, late=3`: late 1 and 3, mean 2; early 4 and 2, mean 3: score -1.
    """
    ### BEGIN SOLUTION
    return (losses[:, late - 1] - losses[:, early - 1]).mean().item()
    ### END SOLUTION


def bigram_table(tokens: Int[Tensor, "batch pos"], d_vocab: int, smoothing: float) -> Float[Tensor, "d_vocab d_vocab"]:
    """How often each token follows each other one: entry `[a, b]` is the probability of `b` after `a`, by counting.

    Only neighbours within a row are counted. Each of the d_vocab tokens is counted `smoothing` times more than it was
    seen (`smoothing` is above 0, not always whole), so that nothing is impossible, and a row sums to 1.

    Example: tokens [[0, 1, 0, 1], [1, 1, 0, 0]], 3 kinds, smoothing 1. After 0 came 0 once and 1 twice: row 0 is
    [2, 3, 1] / 6. After 1 came 0 twice and 1 once: row 1 is [3, 2, 1] / 6. Row 2 is [1, 1, 1] / 3.
    """
    ### BEGIN SOLUTION
    pairs = tokens[:, :-1] * d_vocab + tokens[:, 1:]  # each pair as one number
    counts = torch.bincount(pairs.flatten(), minlength=d_vocab**2).view(d_vocab, d_vocab) + smoothing
    return counts / counts.sum(-1, keepdim=True)
    ### END SOLUTION


def turning_interval(steps: list[int], values: list[float]) -> tuple[int, int]:
    """Between which two neighbouring checkpoints a curve changes fastest, up or down: their steps, the earlier first.

    Fastest is the largest absolute change *per step*. The checkpoints lie at uneven distances, and come in any order;
    no step comes twice, and there are at least two. Where several are equally fast: the earliest.

    Example: steps [100, 0, 110, 120], values [6, 9, 4, 3]: from 0 to 100 the curve falls by 0.03 per step, from 100 to
    110 by 0.2, from 110 to 120 by 0.1. The answer is (100, 110).
    """
    ### BEGIN SOLUTION
    curve = sorted(zip(steps, values, strict=True))
    rates = [abs(b - a) / (end - start) for (start, a), (end, b) in pairwise(curve)]
    fastest = rates.index(max(rates))
    return curve[fastest][0], curve[fastest + 1][0]
    ### END SOLUTION


def smear_keys(
    k: Float[Tensor, "batch pos head d_head"], alpha: Float[Tensor, " head"]
) -> Float[Tensor, "batch pos head d_head"]:
    """Each key mixed with the key before it: `s * k[j] + (1 - s) * k[j - 1]`, where `s = sigmoid(alpha)` of the head.

    Position 0 has no key before it and keeps its own. `k` itself is not changed, and slopes reach `k` and `alpha`.

    Example: one head with `alpha = 0`, so s = 1/2, and keys [2], [4], [8] at three positions: now [2], [3], [6].
    """
    ### BEGIN SOLUTION
    s = alpha.sigmoid()[:, None]  # [head 1], met by [batch pos head d_head]
    before = torch.cat([k[:, :1], k[:, :-1]], dim=1)  # position 0 is mixed with itself
    return s * k + (1 - s) * before
    ### END SOLUTION


def sharpness(
    model: HookedGPT, tokens: Int[Tensor, "batch pos"], directions: list[dict[str, Tensor]], size: float
) -> float:
    """By how much the loss rises, on average, when the weights are moved a little: how steep the valley's walls are.

    A direction has a tensor for each name of `model.named_parameters()`. Scale each of its tensors so that its norm is
    `size` times the norm of the parameter it is for (a parameter of zeros stays where it is), then move all parameters
    at once, forwards and backwards. A direction's rise is the mean of these two losses, minus the loss at rest.
    The result is the mean rise over all directions. The model is afterwards as it was, hooks and gradients too.

    Example: if there were one parameter w = [3, 4] and the loss were w[0]^2 + w[1]^2, the direction [0, 7] with
    size 0.2 would become [0, 1]; the losses are 9 + 25 and 9 + 9, their mean is 26, and the rise is 26 - 25 = 1.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        weights = dict(model.named_parameters())
        rest = model(tokens, return_type="loss")
        rises = []
        for direction in directions:
            steps = {name: size * w.norm() * direction[name] / direction[name].norm() for name, w in weights.items()}
            for sign in (1, -1):
                moved = {name: w + sign * steps[name] for name, w in weights.items()}
                rises.append(functional_call(model, moved, (tokens,), {"return_type": "loss"}) - rest)
    return torch.stack(rises).mean().item()
    ### END SOLUTION


# From here on all is given: little models, their training, and the curves that your functions read.

EARLY, LATE = 4, 28  # token numbers, of 33


def one_back(pattern: Tensor, hook: object) -> Tensor:
    """Given. Forces head 1 of a layer to look at the token before, and position 0 at itself."""
    size = pattern.shape[-1]
    back = torch.diag(torch.ones(size - 1), -1)
    back[0, 0] = 1.0
    return torch.cat([pattern[:, :1], back.expand(len(pattern), 1, size, size)], dim=1)


def little_model(n_layers: int, aid: str, seed: int) -> tuple[HookedGPT, list[nn.Parameter]]:
    """Given. An attention-only model like `induction-2l`, and all that is to be trained.

    `aid` is "" or "smeared keys" or "L0H1 looks back".
    """
    config = GPTConfig(n_layers=n_layers, d_model=64, n_heads=2, d_vocab=68, n_ctx=33, attn_only=True)
    model = HookedGPT(config, seed=seed)
    parameters = list(model.parameters())
    if aid == "smeared keys":
        alpha = nn.Parameter(torch.zeros(2))
        model.add_hook("blocks.0.attn.hook_k", lambda k, hook: smear_keys(k, alpha))
        parameters.append(alpha)
    elif aid:
        model.add_hook("blocks.0.attn.hook_pattern", one_back)
    return model, parameters


def train(
    model: HookedGPT,
    parameters: list[nn.Parameter],
    steps: int,
    seed: int = 0,
    every: int = 25,
    look: Callable[[int], None] = lambda step: None,
) -> None:
    """Given. Trains on `repeats` as `induction-2l` was trained, and calls `look(step)` every `every` steps."""
    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0.01)
    batches = load_corpus("repeats").batches("train", 32, seed)
    for step in range(steps + 1):
        if step % every == 0:
            look(step)
        loss = model(next(batches), return_type="loss")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def measure(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> dict[str, float]:
    """Given. What is to be followed over the training of a model."""
    with torch.no_grad():
        losses = model(tokens, return_type="loss", loss_per_token=True)
    return {
        "ICL score": icl_score(losses, EARLY, LATE),
        "loss on repeats": evaluate(model, load_corpus("repeats").suites["random_gap"]).loss,
        "sharpness": sharpness(model, tokens[:64], random_directions(model, 2), 0.05),
    }


def random_directions(model: HookedGPT, count: int, seed: int = 0) -> list[dict[str, Tensor]]:
    """Given. Directions in the space of all weights, each entry a normal number."""
    generator = torch.Generator().manual_seed(seed)
    named = list(model.named_parameters())
    return [{name: torch.randn(w.shape, generator=generator) for name, w in named} for _ in range(count)]


def random_repeats(model: HookedGPT, length: int, batch: int = 16) -> Int[Tensor, "batch pos"]:
    """Given. Random tokens, and the same once more, after a first token that is the same in all rows."""
    generator = torch.Generator().manual_seed(0)
    half = torch.randint(4, model.config.d_vocab, (batch, length), generator=generator)
    return torch.cat([torch.zeros(batch, 1, dtype=torch.long), half, half], dim=1)


def follow(n_layers: int, aid: str, steps: int, seed: int) -> None:
    """Given. Trains one little model, shows how far it is, and says when its curves turned."""
    print(f"{n_layers} layer{'s' * (n_layers > 1)}, {aid or 'plain'}, {steps} steps")
    model, parameters = little_model(n_layers, aid, seed)
    tokens = next(load_corpus("repeats").batches("test", 256, seed=1))
    curves: dict[str, list[float]] = {}
    seen: list[int] = []

    def look(step: int) -> None:
        seen.append(step)
        found = measure(model, tokens)
        for curve, value in found.items():
            curves.setdefault(curve, []).append(value)
        told = ", ".join(f"{curve} {value:.4f}" for curve, value in found.items())
        print(f"\r    step {step:4}: {told} ", end="", flush=True)

    train(model, parameters, steps, seed, look=look)
    print()
    for curve, values in curves.items():
        turn, most = turning_interval(seen, values), seen[values.index(max(values))]
        begins_ends = f"{values[0]:.4f} to {values[-1]:.4f}"
        print(f"    {curve}: {begins_ends}; fastest from step {turn[0]} to {turn[1]}; largest at step {most}")


def weigh(model: HookedGPT) -> None:
    """Given. What your functions say of a trained model, of any size."""
    length = min(24, (model.config.n_ctx - 1) // 2)
    tokens = random_repeats(model, length)
    with torch.no_grad():
        losses = model(tokens, return_type="loss", loss_per_token=True)
    early, late = length // 2, length + length // 2
    print(
        f"random tokens, twice: loss on token {late} minus loss on token {early}: {icl_score(losses, early, late):.3f}"
    )
    rise = sharpness(model, tokens, random_directions(model, 1), 0.02)
    print(f"the loss there changes by {rise:+.4f} when every parameter moves by 2 % of its norm")


def main() -> None:
    """Trains four little models, tells when they turn; or measures the model that --model names."""
    torch.set_num_threads(1)  # matrices as small as these are slower with two
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", help="induction-2l, storybook-4l, gpt2, or the path of a folder; trains none")
    parser.add_argument("--steps", type=int, default=1200, help="of the models of two layers")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.model:
        try:
            model = load_model(given.model)
        except Exception as fault:  # no such model, or its weights are neither here nor to be had: it says what to do
            sys.exit(str(fault))
        weigh(model)
        return
    began = time.process_time()
    follow(1, "", min(250, given.steps), given.seed)
    follow(1, "smeared keys", min(250, given.steps), given.seed)
    follow(2, "L0H1 looks back", given.steps, given.seed)
    follow(2, "", given.steps, given.seed)
    print(f"{time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
