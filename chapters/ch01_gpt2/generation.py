"""Generation: from a model that scores the next token to text, by search, by chance, and without doing work twice."""

import argparse
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MODEL = "storybook-4l"  # what `python generation.py` loads when it is not told otherwise

Model = Callable[[Tensor], Tensor]  # tokens [batch pos] to logits [batch pos d_vocab]
Weights = dict[str, Tensor]  # by name, as `load_model(name).state_dict()` gives them
Cache = list[tuple[Tensor, Tensor]]  # for each layer the keys and the values so far, both [batch past head d_head]


def greedy(model: Model, tokens: Int[Tensor, "pos"], n_new: int, end: int | None = None) -> Int[Tensor, "longer"]:
    """`tokens`, and behind them up to `n_new` more: each time the token that the model finds likeliest.

    `model` takes a batch: `model(tokens[None])` gives logits [1 pos d_vocab]. When the token `end` has been written,
    nothing comes after it. (In the prompt it stops nothing.) Between equal logits the lowest id wins, as in `argmax`.

    Example: a model that always prefers the token after the last, modulo 10: `greedy(model, [7, 8], 3)` is
    `[7, 8, 9, 0, 1]`, and with `end=9` it is `[7, 8, 9]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def temperature_probs(logits: Float[Tensor, "*batch d_vocab"], temperature: float) -> Float[Tensor, "*batch d_vocab"]:
    """The probabilities of the next token, each row sharpened (below 1) or flattened (above 1) by a temperature.

    Temperature 0 means greedy: the largest logit gets probability 1; where several are equally large, the one with
    the lowest id. A logit of `-inf` (a token that is forbidden) gets probability 0; each row has a finite one.

    Example: logits [ln 1, ln 2, ln 4] give [1, 2, 4] / 7 at temperature 1, [1, 4, 16] / 21 at 0.5, [0, 0, 1] at 0.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def truncate_probs(
    probs: Float[Tensor, "*batch d_vocab"], top_k: int = 0, top_p: float = 1.0
) -> Float[Tensor, "*batch d_vocab"]:
    """`probs` with the tail of each row cut off, and what is left divided by its sum.

    Line up a row's tokens by falling probability; of equal ones the lower id comes first. A token is kept if fewer
    than `top_k` tokens stand before it, and if those before it sum to less than `top_p`. So the token that crosses
    `top_p` is kept, and the first token always is. `top_k=0` sets no limit to the number; `top_p=1` cuts nothing.

    Example: [1/2, 1/4, 1/8, 1/8] becomes [2/3, 1/3, 0, 0] with top_k=2, or with top_p=0.6, or with top_p=0.75.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def sample_next(
    logits: Float[Tensor, "batch d_vocab"],
    so_far: Int[Tensor, "batch pos"],
    generator: torch.Generator,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    penalty: float = 0.0,
) -> tuple[Int[Tensor, "batch"], Float[Tensor, "batch d_vocab"]]:
    """One token drawn for each row, and the probabilities that it was drawn from.

    Four steps, in this order: the frequency penalty (each logit less `penalty` times the number of times that its
    token stands in that row of `so_far`), the temperature, the cut by `top_k` and `top_p`, the draw. All chance comes
    from `generator`: one that starts from the same seed gives the same tokens again.

    Example: logits [0, 0, 0], so_far [2, 0, 2], penalty ln 2: the probabilities are [2, 4, 1] / 7.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def beam_search(
    model: Model, tokens: Int[Tensor, "pos"], n_new: int, width: int, end: int | None = None
) -> list[tuple[Tensor, float]]:
    """The `width` likeliest continuations that a beam finds: pairs of (tokens, log-probability), likeliest first.

    A beam holds at most `width` candidates, at first only the prompt. One round replaces each candidate that has not
    written `end` by all those with one token more; then the `width` with the highest log-probability stay, among
    those that have ended (they stay as they are, with their score) and those that go on, alike. After `n_new` rounds,
    or when all have ended, what is in the beam is the answer.

    The tokens of an answer [longer] begin with the prompt. Its score is a Python float: the sum of the
    log-probabilities of all tokens behind the prompt, not divided by their number. Equal scores do not come up.

    Example: the model always gives token 0 probability 0.7 and token 1 probability 0.3. From the prompt [1], with
    n_new=2, width=2 and end=1, the answer is [1, 0, 0] with ln 0.49, then [1, 1] with ln 0.3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def norm(weights: Weights, name: str, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
    """Given: the LayerNorm called `name`, which you write in the lesson `embeddings`."""
    return nn.functional.layer_norm(x, x.shape[-1:], weights[f"{name}.w"], weights[f"{name}.b"], eps=1e-5)


def project(weights: Weights, layer: int, which: str, x: Tensor) -> Float[Tensor, "batch pos head d_head"]:
    """Given, from the lesson `attention`: the queries, keys or values (`which` is Q, K or V) of a layer."""
    W, b = weights[f"blocks.{layer}.attn.W_{which}"], weights[f"blocks.{layer}.attn.b_{which}"]
    made = x.flatten(0, 1) @ W  # [head batch*pos d_head]
    return made.unflatten(1, x.shape[:2]).permute(1, 2, 0, 3) + b


def write(
    weights: Weights, layer: int, z: Float[Tensor, "batch pos head d_head"]
) -> Float[Tensor, "batch pos d_model"]:
    """Given, from the lesson `attention`: what a layer's heads add to the stream."""
    return z.flatten(-2) @ weights[f"blocks.{layer}.attn.W_O"].flatten(0, 1) + weights[f"blocks.{layer}.attn.b_O"]


def mlp(weights: Weights, layer: int, resid: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
    """Given, from the lesson `transformer`: what a layer's MLP adds to the stream; nothing where there is none."""
    name = f"blocks.{layer}.mlp"
    if f"{name}.W_in" not in weights:
        return torch.zeros_like(resid)
    pre = norm(weights, f"blocks.{layer}.ln2", resid) @ weights[f"{name}.W_in"] + weights[f"{name}.b_in"]
    return nn.functional.gelu(pre, approximate="tanh") @ weights[f"{name}.W_out"] + weights[f"{name}.b_out"]


def unembed(weights: Weights, resid: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_vocab"]:
    """Given: the logits."""
    return norm(weights, "ln_final", resid) @ weights["unembed.W_U"] + weights["unembed.b_U"]


def n_layers(weights: Weights) -> int:
    """Given: how many layers there are."""
    return sum(name.endswith("attn.W_Q") for name in weights)


def forward(weights: Weights, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_vocab"]:
    """Given: the whole model, as you know it. It forgets everything between two calls."""
    pos = tokens.shape[1]
    resid = weights["embed.W_E"][tokens] + weights["pos_embed.W_pos"][:pos]
    for layer in range(n_layers(weights)):
        x = norm(weights, f"blocks.{layer}.ln1", resid)
        q, k, v = (project(weights, layer, which, x) for which in "QKV")
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
        future = torch.ones(pos, pos, dtype=torch.bool).triu(1)
        pattern = scores.masked_fill(future, -torch.inf).softmax(-1)
        resid = resid + write(weights, layer, torch.einsum("bhqk,bkhd->bqhd", pattern, v))
        resid = resid + mlp(weights, layer, resid)
    return unembed(weights, resid)


def forward_cached(
    weights: Weights, tokens: Int[Tensor, "batch pos"], cache: Cache | None = None
) -> tuple[Float[Tensor, "batch pos d_vocab"], Cache]:
    """The logits of `tokens` as they come after all that `cache` stands for, and the cache that includes them.

    `cache` is None at the beginning, else what the call before returned: for each layer a pair (keys, values), both
    [batch past head d_head], as `project` makes them. The logits are those that `forward` gives for the whole text at
    these last positions, but only the new tokens go through the layers. The old cache is not changed.

    Example: `forward_cached(weights, tokens[:, :5])` gives `forward(weights, tokens[:, :5])` and a cache; with it,
    `forward_cached(weights, tokens[:, 5:7], cache)` gives the last two positions of `forward(weights, tokens[:, :7])`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def generate(
    weights: Weights, tokens: Int[Tensor, "pos"], n_new: int, end: int | None, seed: int, **settings: float
) -> Int[Tensor, "longer"]:
    """Given: `tokens` and up to `n_new` more by `sample_next`, each for the work of one token."""
    generator = torch.Generator().manual_seed(seed)
    logits, cache = forward_cached(weights, tokens[None])
    for _ in range(n_new):
        token, _ = sample_next(logits[:, -1], tokens[None], generator, **settings)  # type: ignore[arg-type]
        tokens = torch.cat([tokens, token])
        if token.item() == end:
            break
        logits, cache = forward_cached(weights, token[None], cache)
    return tokens


def main() -> None:
    """`python generation.py --prompt "One day" --temperature 0.8 --top-p 0.9`, or `--beam 8`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MODEL, help="a model of the course, gpt2, or a folder")
    parser.add_argument("--prompt", default="One day")
    parser.add_argument("--tokens", type=int, default=60, help="how many to write at most")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--penalty", type=float, default=0.0)
    parser.add_argument("--beam", type=int, default=0, help="search with a beam of this width instead of drawing")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    from unravel.errors import UnravelError
    from unravel.interp import load_model

    try:
        model = load_model(given.model)
        tokens = model.to_tokens(given.prompt)[0]
    except UnravelError as fault:
        raise SystemExit(str(fault)) from None
    weights, end = model.state_dict(), model.words.eos
    n_new = min(given.tokens, model.config.n_ctx - len(tokens))
    with torch.no_grad():
        if given.beam:
            found = beam_search(lambda rows: forward(weights, rows), tokens, n_new, given.beam, end)
            for row, score in found:
                print(f"{score:8.2f}  {model.to_string(row)}")
        else:
            settings = {name: getattr(given, name) for name in ("temperature", "top_k", "top_p", "penalty")}
            print(model.to_string(generate(weights, tokens, n_new, end, given.seed, **settings)))


if __name__ == "__main__":
    main()
