"""Knock-outs: what a model loses without a head, at some positions, or without what one head tells another."""

import argparse
import sys

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp import HookedGPT, load_model

COPIES, NAMES = "induction-2l", "storybook-4l"  # what `python ablation.py` measures; --model names another for both
HOW = ("zero", "mean", "mean at each position", "resample")
SENTENCE = "When {} and {} went to the park, {} gave a ball to"
PEOPLE = ("Mary", "John", "Anna", "Tom", "Sarah", "James", "Emma", "Peter", "Julia", "David", "Alice", "Paul")


def random_repeats(model: HookedGPT, batch: int, length: int, seed: int = 0) -> Int[Tensor, "batch pos"]:
    """Given. `<bos>`, `length` different random tokens, and the same once more: 1 + 2 * length positions."""
    generator = torch.Generator().manual_seed(seed)
    marks = {model.tokenizer.id(mark) for mark in model.tokenizer.special.values()} if model.tokenizer else {0}
    usual = torch.tensor([token for token in range(model.config.d_vocab) if token not in marks])
    rows = [usual[torch.randperm(len(usual), generator=generator)[:length]] for _ in range(batch)]
    first = model.tokenizer.bos if model.tokenizer and model.tokenizer.bos is not None else 0
    return torch.cat([torch.full((batch, 1), first), torch.stack(rows), torch.stack(rows)], dim=1)


def loss_by_copy(
    logits: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"], length: int
) -> Float[Tensor, "2"]:
    """The mean loss, in nats, on the first and on the second copy of a repeated segment.

    `tokens` are one token (`<bos>`), `length` tokens, and the same `length` tokens again. Each copy's first token is
    left out: nothing in the text could tell it. So both means are over the same tokens, number 2 to `length` of the
    segment, in all prompts; the second time they could be known.

    Example: after logits that are all equal, the loss is log(d_vocab) in both.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def knock_out(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    heads: list[tuple[int, int]],
    stand_in: Float[Tensor, "layer batch pos head d_head"],
    positions: list[int] | None = None,
) -> Float[Tensor, "batch pos d_vocab"]:
    """The logits when some heads, given as (layer, head), say something else than they would.

    Their `z` (`blocks.L.attn.hook_z`, `[batch pos head d_head]`) is replaced by what `stand_in` holds for the same
    layer, prompt, position and head: at the given `positions` only, or at all of them when `positions` is None. All
    else is computed as usual, and whatever comes later hears of the change. Several heads may lie in one layer.
    Nothing stays behind on the model, and `stand_in` is not changed.

    Example: with `heads=[]`, or with `positions=[]`, these are the logits of the whole model.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def make_stand_in(
    model: HookedGPT, tokens: Int[Tensor, "batch pos"], how: str, order: Int[Tensor, "batch"] | None = None
) -> Float[Tensor, "layer batch pos head d_head"]:
    """What to put in the place of each head's `z`, for all heads of the model at once. `how` is one of

    - `"zero"`: nothing;
    - `"mean"`: the mean of this head's z over all prompts and all positions;
    - `"mean at each position"`: its mean over all prompts, at the same position;
    - `"resample"`: its z at the same position of another prompt: of prompt `order[b]` for prompt b.

    If `how` is "resample" and `order` sends a prompt to itself, that prompt would keep what it should lose: a
    ValueError. (So is any other `how`.) The other three ways don't use `order`; "resample" is always given one.

    Example: where a head's z is 1 at position 0 and 3 at position 1 of every prompt, "mean" gives 2 at both, and "mean
    at each position" gives 1 and 3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def move_constant(
    model: HookedGPT, layer: int, constants: Float[Tensor, "head d_head"]
) -> tuple[Float[Tensor, "head d_head"], Float[Tensor, "d_model"]]:
    """New biases `b_V` and `b_O` for one layer, with which the model computes what it did, for any text, although each
    head's `z` is now larger by the head's row of `constants`, at every position.

    The model itself is not changed: the biases are returned.

    Example: with `constants` of zero these are the biases that the layer has.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def cut_path(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    sender: tuple[int, int],
    receiver: tuple[int, int],
    inputs: str,
    stand_in: Float[Tensor, "layer batch pos head d_head"],
) -> Float[Tensor, "batch pos d_vocab"]:
    """The logits when one head, `sender`, says something else to one head of a later layer, `receiver`, and to nobody
    else.

    The receiver reads the stream three times. `inputs` holds one or more of the letters q, k and v: for its queries,
    its keys, its values it reads a stream in which what the sender writes (its z @ W_O) has been replaced by what it
    would write with the z of `stand_in`. All other heads, the MLPs and the logits still read the stream as it is.
    In the end the split inputs are switched off again.

    Example: with the sender's own z as `stand_in`, these are the logits of the whole model.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def norm_scale(model: HookedGPT, resid: Float[Tensor, "batch d_model"]) -> Float[Tensor, "batch 1"]:
    """Given. What the final LayerNorm divides by; 1 for a model without it."""
    if model.config.normalization_type is None:
        return torch.ones_like(resid[:, :1])
    return (resid.var(-1, correction=0, keepdim=True) + model.config.eps).sqrt()


def read_out(
    model: HookedGPT, resid: Float[Tensor, "batch d_model"], scale: Float[Tensor, "batch 1"]
) -> Float[Tensor, "batch d_vocab"]:
    """Given. The logits of a final stream when the final LayerNorm divides by `scale`, its own or another stream's."""
    if model.config.normalization_type is not None:
        resid = (resid - resid.mean(-1, keepdim=True)) / scale * model.ln_final.w + model.ln_final.b
    return model.unembed(resid)


def logit_difference(
    logits: Float[Tensor, "batch d_vocab"], right: Int[Tensor, "batch"], wrong: Int[Tensor, "batch"]
) -> Float[Tensor, "batch"]:
    """Given. The logit of the right answer less that of the wrong one, for each prompt."""
    every = torch.arange(len(logits))
    return logits[every, right] - logits[every, wrong]


def self_repair(
    model: HookedGPT,
    tokens: Int[Tensor, "batch pos"],
    right: Int[Tensor, "batch"],
    wrong: Int[Tensor, "batch"],
    head: tuple[int, int],
    stand_in: Float[Tensor, "layer batch pos head d_head"],
) -> Float[Tensor, "3 batch"]:
    """What the logit difference at the last position loses when a head falls silent, in three ways of counting. Each is
    the whole model's logit difference less

    0. that of its final stream with this head's write (z @ W_O) exchanged for what it would write with `stand_in`,
       where the final LayerNorm still divides by what it divided by in the whole model;
    1. that of the same changed stream, where the LayerNorm divides by the changed stream's own scale;
    2. that of the model when the head's z is replaced by `stand_in`, at all positions: later parts answer to it.

    From row 0 to row 1 the LayerNorm repairs, from row 1 to row 2 the later layers do.

    Example: for a head of the last layer without an MLP after it, rows 1 and 2 are the same.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def copies(model: HookedGPT) -> None:
    """Knocks out each head while the model reads a random segment twice, then cuts the paths between the two best."""
    length, batch = min(16, (model.config.n_ctx - 1) // 2), 8
    tokens = random_repeats(model, batch, length)
    layers, heads = model.config.n_layers, model.config.n_heads
    others = torch.arange(batch).roll(1)
    with torch.no_grad():
        whole = loss_by_copy(model(tokens), tokens, length)
        print("loss on the first and on the second copy: {:.3f}, {:.3f}".format(*whole))
        for how in HOW:
            stand_in = make_stand_in(model, tokens, how, others)
            table = torch.zeros(layers, heads)
            for layer in range(layers):
                for head in range(heads):
                    logits = knock_out(model, tokens, [(layer, head)], stand_in)
                    table[layer, head] = (loss_by_copy(logits, tokens, length) - whole)[1]
            best = table.flatten().argsort(descending=True)[:3].tolist()
            told = [f"L{at // heads}H{at % heads} {table.flatten()[at]:+.3f}" for at in best]
            print(f"{how}: the second copy loses most without {', '.join(told)}")
        if layers < 2:
            return
        later = int(table[1:].argmax()) + heads
        earlier = int(table[: later // heads].argmax())
        sender, receiver = divmod(earlier, heads), divmod(later, heads)
        for letter in "qkv":
            logits = cut_path(model, tokens, sender, receiver, letter, stand_in)
            rise = (loss_by_copy(logits, tokens, length) - whole)[1]
            print(f"L{sender[0]}H{sender[1]} resampled in input {letter} of L{receiver[0]}H{receiver[1]}: {rise:+.3f}")


def names(model: HookedGPT) -> None:
    """Compares direct and total effects of the heads that speak most directly for the right name."""
    pairs = [(a, b) for a in PEOPLE for b in PEOPLE if a != b][::8]
    prompts = [SENTENCE.format(a, b, b) for a, b in pairs]
    tokens = [model.to_tokens(prompt) for prompt in prompts]
    answers = [[model.to_tokens(f"{SENTENCE.format(a, b, b)} {name}")[0] for name in (a, b)] for a, b in pairs]
    sizes = {row.shape[1] for row in tokens} | {len(answer) - 1 for both in answers for answer in both}
    if len(sizes) > 1:
        print("names: this tokenizer cuts some of them up, so that prompts differ in length; left out")
        return
    tokens = torch.cat(tokens)
    right, wrong = (torch.stack([both[which][-1] for both in answers]) for which in (0, 1))
    stand_in = make_stand_in(model, tokens, "mean at each position")
    found = {}
    for layer in range(model.config.n_layers):
        for head in range(model.config.n_heads):
            found[layer, head] = self_repair(model, tokens, right, wrong, (layer, head), stand_in).mean(1)
    for (layer, head), effects in sorted(found.items(), key=lambda item: -item[1][0])[:4]:
        print("L{}H{}: direct {:.2f}, with the norm's answer {:.2f}, in all {:.2f}".format(layer, head, *effects))


def main() -> None:
    """Knock-outs on random repeats, then direct and total effects on a sentence with two names."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", help="for both parts: induction-2l, storybook-4l, gpt2, or the path of a folder")
    chosen = parser.parse_args().model
    try:
        for part, name in ((copies, chosen or COPIES), (names, chosen or NAMES)):
            model = load_model(name)
            print(f"{name}:")
            if part is names and model.tokenizer is None:
                print("names: a model without a tokenizer reads none")
            else:
                part(model)
    except NotImplementedError:
        sys.exit("Something that is needed here is not written yet.")


if __name__ == "__main__":
    main()
