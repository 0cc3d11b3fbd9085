"""Build one by hand: an induction circuit without training; then the circuit of a model that nobody has explained."""

import argparse
import sys
from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp import GPTConfig, HookedGPT, my_model

BOS = 0  # each text begins with this token
UNKNOWN = "induction-12h"  # the model of the last exercise: two layers of six heads
Edge = tuple[int, int, str]  # a head of layer 0, a head of layer 1, and which of its inputs hears it: "q", "k" or "v"


def room(name: str, d_vocab: int, n_ctx: int) -> slice:
    """Given. Which dimensions of the stream are the room called `name`.

    Four rooms, in this order: `now` (which token stands here), `place` (at which position), `before` (which token
    stood one earlier) and `next` (which token is said to come). `place` has `n_ctx` dimensions, the others `d_vocab`
    each, so d_model = 3 * d_vocab + n_ctx. In a room, number i has dimension i, counted from the room's start.

    Example: with d_vocab = 5 and n_ctx = 7, `room("before", 5, 7)` is `slice(12, 17)`.
    """
    sizes = {"now": d_vocab, "place": n_ctx, "before": d_vocab, "next": d_vocab}
    start = sum(size for other, size in sizes.items() if list(sizes).index(other) < list(sizes).index(name))
    return slice(start, start + sizes[name])


def head_size(d_vocab: int, n_ctx: int) -> int:
    """Given. The size of each head, d_head: enough for a one in place of each token, or of each position."""
    return max(d_vocab, n_ctx)


def ends(
    d_vocab: int, n_ctx: int, loudness: float
) -> tuple[Float[Tensor, "d_vocab d_model"], Float[Tensor, "n_ctx d_model"], Float[Tensor, "d_model d_vocab"]]:
    """Both ends of the model: `W_E`, `W_pos` and `W_U`.

    Token t is embedded as a one at number t of the room `now`, and position p as a one at number p of the room
    `place`; all else is 0. The logit of token t is `loudness` times what stands at number t of the room `next`, and
    depends on nothing else.

    Example: with d_vocab = 2, n_ctx = 3 the stream has 9 dimensions, and `W_E[1]` is `[0, 1, 0, 0, 0, 0, 0, 0, 0]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def look_back(
    d_vocab: int, n_ctx: int, sharpness: float
) -> tuple[Float[Tensor, "d_model d_head"], Float[Tensor, "d_model d_head"]]:
    """`W_Q` and `W_K` of a head that looks at the position before, whatever tokens stand there.

    The score of query position i and key position j, `(x_i @ W_Q) @ (x_j @ W_K) / sqrt(d_head)`, is `sharpness` when
    j = i - 1, and 0 for every other pair; rooms other than `place` have no say. d_head is `head_size(d_vocab, n_ctx)`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def carry(
    d_vocab: int, n_ctx: int, target: str
) -> tuple[Float[Tensor, "d_model d_head"], Float[Tensor, "d_head d_model"]]:
    """`W_V` and `W_O` of a head that copies the token of the position it looks at into the room `target` of its own.

    `x @ W_V @ W_O` holds in the room `target` what `x` holds in the room `now`, and 0 everywhere else. One token is
    not copied: for number `BOS` of the room `now`, nothing is written.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def look_for_match(
    d_vocab: int, n_ctx: int, sharpness: float
) -> tuple[Float[Tensor, "d_model d_head"], Float[Tensor, "d_model d_head"]]:
    """`W_Q` and `W_K` of a head that looks where the token before was the one that stands here, or else at the start.

    The score of query position i and key position j, after the division by sqrt(d_head), is a sum of two terms:
    `sharpness` times what i holds in `now`, dotted with what j holds in `before`; and `sharpness / 2` times the sum of
    what i holds in `now`, times number `BOS` of what j holds in `now`. So a match wins; without one, `<bos>` does.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def induction_weights(
    d_vocab: int, n_ctx: int, sharpness: float = 40.0, loudness: float = 20.0
) -> dict[str, Float[Tensor, "..."]]:
    """The weights of a model of two layers with one head each that does induction, by the names of `build`.

    Layer 0 looks one back, and carries the token it finds there into `before`. Layer 1 looks for a match, and carries
    the token it finds there into `next`. After a token that has occurred before, the model says what followed it then
    (if different tokens followed, each with the same probability); after a token that is new, it says nothing: all
    logits are equal. The names are `embed.W_E`, `pos_embed.W_pos`, `unembed.W_U`, and `blocks.0.attn.W_Q` and the
    like for W_Q, W_K, W_V, W_O of layers 0 and 1. `build` adds the axis of heads, and sets biases to 0.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def build(weights: dict[str, Float[Tensor, "..."]], d_vocab: int, n_ctx: int) -> HookedGPT:
    """Given. A model of two layers with one head each, attention only, no LayerNorm, that has these weights."""
    config = GPTConfig(
        n_layers=2, n_heads=1, d_model=3 * d_vocab + n_ctx, d_head=head_size(d_vocab, n_ctx), d_vocab=d_vocab,
        n_ctx=n_ctx, attn_only=True, normalization_type=None,
    )  # fmt: skip
    model = HookedGPT(config)
    state = {name: torch.zeros_like(weight) for name, weight in model.state_dict().items()}
    state.update({name: weight[None] if ".attn.W_" in name else weight for name, weight in weights.items()})
    model.load_state_dict(state)
    return model


def random_gaps(d_vocab: int, batch: int, pos: int, size: int, seed: int = 0) -> Int[Tensor, "batch pos"]:
    """Given. `<bos>`, then different random tokens, the last `size` of which say a piece of the first part again.

    In the models of the course the tokens 0 to 3 are marks; they are not used here. Where the piece lies is random.
    """
    draw = torch.Generator().manual_seed(seed)
    rows = torch.zeros(batch, pos, dtype=torch.long)
    for row in rows:
        row[1:] = 4 + torch.randperm(d_vocab - 4, generator=draw)[: pos - 1]
        start = int(torch.randint(1, pos - 2 * size + 1, (), generator=draw))
        row[pos - size :] = row[start : start + size].clone()
    return rows


def accuracy(logits: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"], size: int) -> float:
    """Given. How often the next token of the second copy is the likeliest; the copy's first token can't be known."""
    guesses, right = logits[:, -size:-1].argmax(-1), tokens[:, 1 - size :]
    return float((guesses == right).float().mean())


def keep_only(
    model: HookedGPT, tokens: Int[Tensor, "batch pos"], edges: list[Edge]
) -> Float[Tensor, "batch pos d_vocab"]:
    """Given. The logits when of all edges from layer 0 to layer 1 these alone are left.

    Where an edge is cut, the receiving head hears in that input the sender's mean (over prompts and positions) instead
    of the sender. What heads write to the logits themselves is not touched.
    """
    n_heads = model.config.n_heads
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, names_filter=["blocks.0.attn.hook_z", "blocks.0.hook_resid_post"])
        z = cache["blocks.0.attn.hook_z"]
        lacks = torch.einsum("bphd,hdm->hbpm", z.mean((0, 1)) - z, model.W_O[0])  # [head batch pos d_model]

        def cut(part: str):
            keep = torch.tensor([[(s, r, part) in edges for r in range(n_heads)] for s in range(n_heads)])
            change = torch.einsum("sr,sbpm->bprm", (~keep).float(), lacks)
            return lambda streams, hook: streams + change

        hooks = [(f"blocks.1.hook_{part}_input", cut(part)) for part in "qkv"]
        model.set_use_split_qkv_input(True)
        try:
            with model.hooks(fwd_hooks=hooks):
                return model(cache["blocks.0.hook_resid_post"], start_at_layer=1)
        finally:
            model.set_use_split_qkv_input(False)


def induction_edges() -> list[Edge]:
    """The edges that carry induction in `my_model(UNKNOWN)`, your own variant of the model.

    At most 18 of its 108 edges, each named once, such that with these alone (`keep_only`) the accuracy on the second
    copy stays above 0.85, and none is idle: without your edges of any one sender into any one input (say, from head 3
    into the keys), the loss there grows by 0.1 nats at least. Code that finds them will do, and so will a plain list.

    Example of the form: `[(3, 0, "k"), (3, 1, "k"), (2, 5, "q")]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def main() -> None:
    """Builds your model, measures it, and measures the edges that you name in your variant of the unknown one."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--d-vocab", type=int, default=68, help="tokens that the model built by hand knows")
    parser.add_argument("--n-ctx", type=int, default=33, help="the longest text that it reads")
    sizes = parser.parse_args()
    d_vocab, n_ctx = sizes.d_vocab, sizes.n_ctx
    size = (n_ctx - 1) // 3
    if size < 2 or d_vocab < n_ctx + 4:
        sys.exit("A text needs 7 positions at least, and the vocabulary 4 tokens more than the text is long.")
    try:
        model = build(induction_weights(d_vocab, n_ctx), d_vocab, n_ctx)
        tokens = random_gaps(d_vocab, 200, n_ctx, size)
        print(f"built by hand: accuracy {accuracy(model(tokens), tokens, size):.3f} on the second copy")
        edges, unknown = induction_edges(), my_model(UNKNOWN)
    except NotImplementedError:
        sys.exit("Write the exercises in their order first: this runs all of them.")
    tokens = random_gaps(unknown.config.d_vocab, 200, unknown.config.n_ctx, 10, seed=1)
    for name, logits in {"as it is": unknown(tokens), "your edges alone": keep_only(unknown, tokens, edges)}.items():
        print(f"{UNKNOWN}, {name}: accuracy {accuracy(logits, tokens, 10):.3f}")


if __name__ == "__main__":
    main()
