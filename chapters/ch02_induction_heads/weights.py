"""Circuits in weights: what heads look for, what they copy and whom they listen to, read without running the model."""

import argparse
import sys
from typing import Union

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from unravel.interp import HookedGPT, load_model

MODEL = "induction-2l"  # the model that `python weights.py` reads; --model names another

Head = tuple[int, int]  # (layer, head)


def fold(norm: nn.Module, W: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Given (chapter 1): the map that reads from the stream itself, divided by the norm's scale, what `W` and `b` read
    after `norm`. `W` is `[... d_model d_out]`, `b` is `[... d_out]`. A model without norms keeps its maps."""
    if isinstance(norm, nn.Identity):
        return W, b
    scaled = norm.w[:, None] * W
    return scaled - scaled.mean(-2, keepdim=True), b + norm.b @ W


def reading(model: HookedGPT, layer: int, name: str) -> tuple[Tensor, Tensor]:
    """Given: the folded W_Q, W_K or W_V (`name` is "Q", "K" or "V") of a layer, `[head d_model d_head]`, and biases."""
    block = model.blocks[layer]
    return fold(block.ln1, getattr(block.attn, f"W_{name}"), getattr(block.attn, f"b_{name}"))


def copying_score(circuit: Float[Tensor, "n n"]) -> float:
    """The sum of the eigenvalues of `circuit` over the sum of their absolute values: from -1 to 1.

    A real matrix has complex eigenvalues in conjugate pairs, so the first sum is real. At least one isn't zero.

    Example: [[2, 5], [0, -1]] has the eigenvalues 2 and -1, and the score (2 - 1) / (2 + 1) = 1/3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


class Factored:
    """The matrix `A @ B`, kept as its two thin factors: A is `[... ldim mdim]`, B is `[... mdim rdim]`.

    The axes in front (heads, say) are broadcast against each other, as `A @ B` would do it. No method makes a tensor
    with an axis of `ldim` *and* one of `rdim`, but `diagonal_wins`, which makes a few rows of it at a time.

    Example: `Factored(torch.ones(50_000, 1), torch.ones(1, 50_000)).norm()` is 50000: all entries of the product are 1.
    """

    def __init__(self, A: Float[Tensor, "... ldim mdim"], B: Float[Tensor, "... mdim rdim"]) -> None:
        self.A, self.B = A, B

    def __matmul__(self, other: Union[Tensor, "Factored"]) -> "Factored":
        """The product with a matrix `[... rdim new]`, or with another `Factored`, again as a `Factored`."""
        # YOUR CODE HERE
        raise NotImplementedError()

    def norm(self) -> Float[Tensor, "..."]:
        """The Frobenius norm of the product, `[...]`: the root of the sum of all squared entries."""
        # YOUR CODE HERE
        raise NotImplementedError()

    def eigenvalues(self) -> Complex[Tensor, "... mdim"]:
        """Those eigenvalues of the product (ldim = rdim) that needn't be zero: `mdim` of them, in any order."""
        # YOUR CODE HERE
        raise NotImplementedError()

    def diagonal_wins(self, at_once: int = 256) -> Float[Tensor, "..."]:
        """The share of rows of the product (ldim = rdim) whose largest entry is the one on the diagonal, `[...]`.

        Never more than `at_once` rows of the product exist at a time.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


def position_pattern(model: HookedGPT, layer: int, scale: float) -> Float[Tensor, "head pos pos"]:
    """The attention patterns that a layer's heads would have if the stream held positions alone: `[head query key]`.

    The layer reads `W_pos` (all `n_ctx` rows), through a norm that divides by `scale` wherever it is. Biases count
    (`reading` gives them), scores are divided by the root of d_head, and no query sees a later key.

    Example: with W_pos = 0 every key scores alike, so query i gives 1 / (i + 1) to each key up to itself.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def composition_scores(
    model: HookedGPT, early: int, late: int, turn: Float[Tensor, "d_model d_model"] | None = None
) -> Float[Tensor, "3 early_head late_head"]:
    """Q-, K- and V-composition of each head of layer `early` with each head of layer `late`, in that order.

    A score is ||M N|| / (||M|| ||N||) with Frobenius norms. M is W_V W_O of the early head. N is what the late head
    reads from the stream by its queries (W_Q W_K^T), by its keys (W_K W_Q^T), or by its values (W_V W_O). W_Q, W_K
    and W_V are folded, in both layers. With `turn`, what the early heads write is turned first: M is W_V W_O turn.

    Example: where W_O of an early head writes only along directions that a late head's W_K maps to zero, the
    K-composition of these two is 0.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def matching_circuit(
    model: HookedGPT, late: Head, query_from: Head | None, key_from: Head | None
) -> tuple[Float[Tensor, "d_vocab d_head"], Float[Tensor, "d_head d_vocab"]]:
    """Which tokens match in head `late`, when its queries and keys read each token by way of an earlier head.

    Comes as thin factors A and B: `(A @ B)[q, k]` is the score of query token q with key token k, divided by the root
    of d_head, without biases and without the norms' scales. A token's vector is its row of W_E, or, where
    `query_from` or `key_from` names a head (layer, head), what that head writes for it: row W_V W_O, folded.

    Example: with a previous-token head as `key_from`, `(A @ B)[q, k]` says how well token q likes to look at a
    place *before* which k stands.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def without_edge(
    model: HookedGPT, tokens: Int[Tensor, "batch pos"], early: Head, late: Head, reader: str
) -> Float[Tensor, "batch pos d_vocab"]:
    """The logits when head `late` can't read head `early` in one input: `reader` is "q", "k" or "v".

    In that input alone, and for that head alone, what `early` writes is replaced at each position by its mean over
    all prompts and positions of `tokens`. All else happens as it does. No hook and no switch is left on the model.

    Example: where `early` writes the same vector everywhere, nothing changes.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def repeats(model: HookedGPT, count: int = 64) -> tuple[Int[Tensor, "batch pos"], int]:
    """Given: random tokens of which a piece comes back after a gap, <bos> first if there is one; and how long it is."""
    generator = torch.Generator().manual_seed(0)
    length = min(10, (model.config.n_ctx - 1) // 3)
    tokens = torch.randint(4, model.config.d_vocab, (count, 1 + 2 * length + length // 2), generator=generator)
    tokens[:, -length:] = tokens[:, 1 : 1 + length]
    if model.tokenizer and model.tokenizer.bos is not None:
        tokens[:, 0] = model.tokenizer.bos
    return tokens, length


def copied(logits: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"], length: int) -> float:
    """Given: the mean log-probability of the right token in the second copy, from its third token on."""
    right = tokens[:, 2 - length :, None]
    return logits[:, 1 - length : -1].log_softmax(-1).gather(-1, right).mean().item()


def read_heads(model: HookedGPT, scales: list[float]) -> Head:
    """Given: prints how much each head copies, and returns the one that its positions tell most to look one back."""
    W_U = fold(model.ln_final, model.W_U, model.b_U)[0]
    backs = []
    for layer, scale in enumerate(scales):
        backs.append(position_pattern(model, layer, scale).diagonal(-1, dim1=1, dim2=2).mean(1))
        eigenvalues = Factored(model.W_E @ reading(model, layer, "V")[0], model.W_O[layer] @ W_U).eigenvalues()
        copying = eigenvalues.sum(-1).real / eigenvalues.abs().sum(-1)
        print(f"layer {layer}, copying by eigenvalues:", " ".join(f"{score:+.2f}" for score in copying))
    back = torch.stack(backs)[:-1]  # [layer head], but for the last layer, which nobody reads
    early = divmod(int(back.argmax()), model.config.n_heads)
    print(f"looks one back, by its positions alone: L{early[0]}H{early[1]}, with a mean weight of {back.max():.2f}")
    return early


def weigh_edges(model: HookedGPT, early: int, tokens: Tensor, length: int) -> None:
    """Given: prints the edges out of a layer that compose most, and what copying loses without each of them."""
    later, logits = range(early + 1, model.config.n_layers), model(tokens)
    first, whole = copied(logits[:, : 1 + length], tokens[:, : 1 + length], length), copied(logits, tokens, length)
    print(f"log-probability of the right token: {first:.2f} in the first copy, {whole:.2f} in the second")
    if whole < first + 1:
        print("This model doesn't copy random tokens, so what is lost below says little: choose another task for it.")
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(model.config.d_model, model.config.d_model, generator=generator)).Q
    scores, turned = (
        torch.stack([composition_scores(model, early, late, how) for late in later]) for how in (None, turn)
    )  # [layer input early late]
    print(f"composition after a random turn: {turned.mean():.3f} +- {turned.std():.3f}, at most {turned.max():.3f}")
    for place in scores.flatten().topk(min(8, scores.numel())).indices:
        layer, which, sender, head = (int(index) for index in torch.unravel_index(place, scores.shape))
        ends = (early, sender), (later[layer], head)
        cost = whole - copied(without_edge(model, tokens, *ends, "qkv"[which]), tokens, length)
        name = "L{}H{} -> L{}H{}.{}".format(*ends[0], *ends[1], "qkv"[which])
        print(f"{name}: composition {scores.flatten()[place]:.3f}; without it copying loses {cost:.2f} nats")


@torch.no_grad()
def main() -> None:
    """Reads the induction circuit from a model's weights, and then cuts its edges one by one."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=MODEL, help="induction-2l, storybook-4l, gpt2, or the path of a folder")
    name = parser.parse_args().model
    try:
        model = load_model(name)
    except Exception as fault:  # no such model, or its weights are neither here nor to be had: it says what to do
        sys.exit(str(fault))
    if model.config.positional != "standard" or model.config.n_layers < 2:
        sys.exit(f"{name} has rotary positions, or a single layer: choose induction-2l, storybook-4l or gpt2.")
    tokens, length = repeats(model)
    _, cache = model.run_with_cache(tokens)
    early = read_heads(model, [cache["scale", i, "ln1"].mean().item() for i in range(model.config.n_layers)])
    weigh_edges(model, early[0], tokens, length)
    if model.config.n_layers == 2:
        for head in range(model.config.n_heads):
            wins = Factored(*matching_circuit(model, (1, head), None, early)).diagonal_wins()
            print(f"L1H{head}: {wins:.0%} of tokens fit best a place before which they stand themselves")


if __name__ == "__main__":
    main()
