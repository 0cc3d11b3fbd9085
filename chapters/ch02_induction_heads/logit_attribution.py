"""Logits taken apart: which part of a model wrote its answer, and what the stream says before the answer is there."""

import argparse
import sys

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unravel.interp import HookedGPT

MODEL = "storybook-4l"  # the model that `python logit_attribution.py` takes; --model names another
PROMPTS = {  # model: (prompt, the right next word, the wrong one)
    "storybook-4l": ("When Kevin and Tom went to the park, Tom gave a ball to", "Kevin", "Tom"),
    "gpt2": ("When Mary and John went to the store, John gave a drink to", " Mary", " John"),
    "induction-2l": ("ba ko fi mo de sa wi ba ko fi mo de", "sa", "wi"),
}


def logit_lens(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "depth batch pos d_vocab"]:
    """The residual stream at each depth, read as if it were the last: through the final LayerNorm and the unembedding.

    Depth 0 is the stream before layer 0, depth d the stream after d layers. So there are n_layers + 1 depths, and the
    last one's logits are the model's own. Logits, not probabilities. (In a model without norms `ln_final` is a module
    that changes nothing.)

    Example: `logit_lens(load_model("storybook-4l"), tokens)` of one text of 15 tokens has shape [5, 1, 15, 1430].
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def parts_by_head(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> dict[str, Float[Tensor, "batch pos d_model"]]:
    """What each part of the model wrote into the stream, by name; together they sum to the final residual stream.

    The names: "embed"; "pos_embed", if the model has one; and for layer 0 (and likewise for each layer) "L0H0",
    "L0H1", ... for its heads, "L0 bias" for its attention's `b_O`, and "L0 MLP" if the model has MLPs. An MLP's
    bias is part of what the MLP writes.

    Example: for induction-2l (two layers of two heads, no MLP) the names are embed, pos_embed, L0H0, L0H1, L0 bias,
    L1H0, L1H1, L1 bias.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def reading_direction(
    model: HookedGPT,
    stream: Float[Tensor, "batch d_model"],
    right: Int[Tensor, "batch"],
    wrong: Int[Tensor, "batch"],
) -> Float[Tensor, "batch d_model"]:
    """The one vector that reads a logit difference off the final stream, with the LayerNorm's scale held at `stream`'s.

    `stream` is the whole final residual stream at one position of each prompt. For the returned `direction`,
    `(stream * direction).sum(-1)` plus a constant (what `ln_final.b` and `b_U` add) is
    `logit[right] - logit[wrong]`; and for any part of the stream, `(part * direction).sum(-1)` is the part's share.
    The scale is `sqrt(variance + eps)`, with `model.config.eps`. The model ends in a LayerNorm.

    Example: let `ln_final.w = [1, 3]`, eps next to 0, and the columns of W_U be [3, 1] (right) and [1, 0] (wrong). The
    stream [6, 2] has scale 2. The columns differ by [2, 1]; times w it is [2, 3], centred [-0.5, 0.5]. So the direction
    is [-0.25, 0.25].
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def direct_shares(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    right: Int[Tensor, "batch"],
    wrong: Int[Tensor, "batch"],
) -> dict[str, Float[Tensor, "batch"]]:
    """Each part's share in `logit[right] - logit[wrong]` at the last position of each prompt.

    The names are those of `parts_by_head`, and "constant": what `ln_final.b` and `b_U` add to the difference, whatever
    the stream holds. All shares together sum to the model's logit difference.

    Example: for induction-2l there are nine shares, for its eight parts and the constant.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def source_shares(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    layer: int,
    head: int,
    right: Int[Tensor, "batch"],
    wrong: Int[Tensor, "batch"],
) -> Float[Tensor, "batch pos"]:
    """One head's share at the last position, split by the position from which the head has brought it.

    Entry [b, k] is the share, in `logit[right] - logit[wrong]`, of what the head brings from position k of prompt b:
    the value there, weighted by the attention that the last position pays to it, mapped by the head's W_O. Summed
    over positions it is the head's share in `direct_shares`.

    Example: for a head that looks at position 2 alone, all is 0 but entry [b, 2].
    """
    # YOUR CODE HERE
    raise NotImplementedError()


class TunedLens(nn.Module):
    """A logit lens with a translator before it at each depth: `x + x @ A[depth] + b[depth]` goes through the lens.

    Depths are 0 to n_layers - 1: depth d is the stream before layer d. (The last stream needs no translator.) `A` and
    `b` start at zero, so that an untrained lens is the logit lens.

    Example: `TunedLens(4, 192).A.shape` is (4, 192, 192).
    """

    def __init__(self, n_layers: int, d_model: int) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.zeros(n_layers, d_model, d_model))
        self.b = nn.Parameter(torch.zeros(n_layers, d_model))

    def forward(
        self, model: HookedGPT, stream: Float[Tensor, "batch pos d_model"], depth: int
    ) -> Float[Tensor, "batch pos d_vocab"]:
        """The logits that the stream at `depth` stands for, after its translation."""
        # YOUR CODE HERE
        raise NotImplementedError()

    def loss(self, model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "depth"]:
        """For each depth, the mean over all positions of KL(model's own prediction || lens' prediction), in nats."""
        # YOUR CODE HERE
        raise NotImplementedError()

    def fit(
        self, model: HookedGPT, batches: list[Int[Tensor, "batch pos"]], lr: float = 1e-3
    ) -> Float[Tensor, "step depth"]:
        """For each batch one step of Adam on the sum of all depths' losses; returns the losses before each step.

        Only `A` and `b` change. The model stays as it is.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# --- given: your functions at work on a model ------------------------------------------------------------------------


def question(model: HookedGPT, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """A prompt, the right next token and a wrong one; for a model without words, its own two likeliest."""
    if name in PROMPTS:
        prompt, *answers = PROMPTS[name]
        right, wrong = (model.to_tokens(answer, prepend_bos=False)[0, -1:] for answer in answers)
        return model.to_tokens(prompt), right, wrong
    length = min(16, model.config.n_ctx)
    tokens = torch.randint(model.config.d_vocab, (1, length), generator=torch.Generator().manual_seed(0))
    right, wrong = model(tokens)[:, -1].topk(2).indices.T
    return tokens, right, wrong


def texts(model: HookedGPT, name: str, count: int, batch: int, length: int, seed: int) -> list[Tensor]:
    """Batches to train a lens on: of the model's own corpus if we have it, else of what the model itself writes."""
    from unravel.interp import load_corpus

    length = min(length, model.config.n_ctx)
    if name == "storybook-4l":
        pages = load_corpus("storybook").batches("train", batch, seed=seed)
        return [next(pages)[:, :length] for _ in range(count)]
    start = model.tokenizer.bos if model.tokenizer and model.tokenizer.bos is not None else 0
    first = torch.full((batch, 1), start)
    write = {"temperature": 1.0, "stop_at_eos": False}
    return [model.generate(first, length - 1, seed=seed + number, **write) for number in range(count)]


def main() -> None:
    """Takes one answer of a model apart, and trains a tuned lens for it."""
    from unravel.interp import load_model

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=MODEL, help="storybook-4l, induction-2l, gpt2, or the path of a folder")
    parser.add_argument("--steps", type=int, default=60, help="steps of training for the tuned lens")
    given = parser.parse_args()
    try:
        model = load_model(given.model)
    except Exception as fault:  # no such model, or its weights are neither here nor to be had: it says what to do
        sys.exit(str(fault))
    model.requires_grad_(False)
    tokens, right, wrong = question(model, given.model)
    named = [model.to_string(word) if model.tokenizer else f"token {int(word)}" for word in (right, wrong)]
    for depth, logits in enumerate(logit_lens(model, tokens)[:, 0, -1]):
        chance = logits.softmax(-1)[right].item()
        print(f"logit lens, depth {depth}: {named[0]!r} has probability {chance:.4f}")
    shares = direct_shares(model, tokens, right, wrong)
    print(f"{named[0]!r} against {named[1]!r}: a logit difference of {sum(shares.values()).item():.3f}")
    for name, share in sorted(shares.items(), key=lambda item: -abs(item[1].item()))[:10]:
        print(f"{share.item():+8.3f}  {name}")
    heads = {name: share.item() for name, share in shares.items() if "H" in name}
    layer, head = map(int, max(heads, key=lambda name: abs(heads[name]))[1:].split("H"))
    sources = source_shares(model, tokens, layer, head, right, wrong)[0]
    words = model.to_str_tokens(tokens[0]) if model.tokenizer else [str(token) for token in tokens[0].tolist()]
    told = ", ".join(f"{words[place]!r} {sources[place].item():+.2f}" for place in sources.abs().topk(3).indices)
    print(f"L{layer}H{head} has brought it from: {told}")
    lens = TunedLens(model.config.n_layers, model.config.d_model)
    batch, length = (16, 32) if model.config.d_vocab < 10_000 else (4, 24)  # GPT-2 on a laptop: minutes, not hours
    *batches, held_out = texts(model, given.model, given.steps + 1, batch, length, seed=1)
    with torch.no_grad():
        before = lens.loss(model, held_out)
    lens.fit(model, batches)
    with torch.no_grad():
        after = lens.loss(model, held_out)
    for depth, (plain, tuned) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        print(
            f"depth {depth}: KL to the model's own prediction {plain:.3f} by the logit lens, {tuned:.3f} by the tuned"
        )


if __name__ == "__main__":
    main()
