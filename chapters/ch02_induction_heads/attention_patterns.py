"""Reading attention: five questions that one asks of every head, and when the answer can be believed."""

import argparse
import sys

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unravel.interp import HookedGPT, load_model, my_model

MODEL = "induction-2l"  # the model that `python attention_patterns.py` reads; --model names another
STORY = "storybook-4l"  # the model of which you have a variant of your own

WORDS = (
    *("apple", "bell", "biscuit", "book", "bottle", "box", "bucket", "button", "camera", "carrot", "chain", "cherry"),
    *("clock", "coin", "cookie", "cow", "crown", "donkey", "drum", "duck", "egg", "flag", "frog", "guitar", "horse"),
    *("jar", "kite", "lamp", "lemon", "lion", "mirror", "monkey", "owl", "pencil", "pillow", "ribbon", "ring"),
    *("shell", "shoe", "spoon", "sword", "ticket", "wagon", "wolf"),
)
LOOKS = ("blue", "big", "small", "old", "round", "dark")
NAMES = ("Mary", "John", "Anna", "Tom", "Kevin", "Fiona", "Louis", "Laura", "Peter", "Julia", "David", "Alice", "Paul")
PLACES = ("park", "school", "market", "museum", "theatre", "garden", "library", "tower", "hotel", "castle", "circus")


def all_patterns(model: HookedGPT, tokens: Int[Tensor, "row pos"]) -> Float[Tensor, "row head pos pos"]:
    """Given. The patterns of all heads of all layers, one after the other: head `h` of layer `l` is number
    `l * n_heads + h`, so that `divmod(number, n_heads)` is `(l, h)`."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    return torch.cat([cache["pattern", layer] for layer in range(model.config.n_layers)], dim=1)


def table_score(
    pattern: Float[Tensor, "row head query key"], table: Bool[Tensor, "row query key"]
) -> Float[Tensor, "head"]:
    """How much each head does what a table says.

    `table[row, query, key]` is true where the query should look at the key. A query may have several such keys, or
    none. The score of a head is the mean, over all queries of all rows *that have at least one*, of the attention that
    the query gives to its keys, together. So a head that looks nowhere else scores 1.

    Example: one row of two queries. Query 0 should look at key 1, query 1 at nothing. A head whose row 0 is
    [0.25, 0.75] scores 0.75, whatever its row 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def look_tables(tokens: Int[Tensor, "row pos"]) -> dict[str, Bool[Tensor, "row pos pos"]]:
    """Which key `[row query key]` each kind of head should look at:

    - "previous": the position before the query
    - "current": the query's own position
    - "first": position 0
    - "duplicate": all *earlier* positions with the same token as the query
    - "induction": all positions right after one of those; the query's own position, if it is one, counts

    Nothing is asked of query 0, which can see only itself: its row is false in all five tables.

    Example: the row [7, 8, 9, 7] has one duplicate, query 3 and key 0, and one place for induction, query 3 and key 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def repeats_at_random_gaps(
    vocabulary: Int[Tensor, "word"], rows: int, length: int, size: int, gap: int | None = None, seed: int = 0
) -> tuple[Int[Tensor, "rows length"], Int[Tensor, "rows"]]:
    """Rows of random tokens in which one segment comes twice; and, for each row, where its second copy begins.

    A row is `length` tokens of `vocabulary`, drawn at random and all different, except that a segment of `size` tokens
    stands there twice. Between the two copies lie `gap` other tokens. With `gap=None` each row draws a gap of its own,
    every number from 0 to `length - 2 * size` being as likely as any other. Either way, each row draws the place of the
    first copy: of all places where both copies fit into the row, each is as likely as any other.

    The same `seed` gives the same rows, and torch's global generator is left alone. `vocabulary` holds at least
    `length` tokens, and each of them once.

    Example: `repeats_at_random_gaps(torch.arange(100), rows=1, length=7, size=2, gap=1)` might be
    ([[31, 5, 77, 60, 5, 77, 12]], [4]).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def positional_control(
    pattern: Float[Tensor, "row head query key"], table: Bool[Tensor, "row query key"]
) -> Float[Tensor, "head"]:
    """The score that each head would get without looking at the tokens.

    Take the pattern of each row away, and put in its place the mean of the head's patterns on all the *other* rows;
    then score as `table_score` does. There are at least two rows.

    Example: a head that always looks two positions back scores the same as in `table_score`. Where the right key is
    key 0 in one row and key 1 in the other, a head that finds it both times scores 1 there, and 0 here.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def copy_curve(
    logits: Float[Tensor, "row pos d_vocab"], tokens: Int[Tensor, "row pos"], start: Int[Tensor, "row"], size: int
) -> Float[Tensor, "size"]:
    """How well the second copy is foreseen, token by token: entry `i` is the probability that the model gives to the
    copy's token number `i` (counted from 0) *before* it reads it, as a mean over the rows.

    The copy of row `r` begins at position `start[r]`, at least 1, and is `size` tokens long. `logits[r, p]` is the
    model's guess at the token at `p + 1`.

    Example: after logits that are all equal, each entry is 1 / d_vocab.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def spells(model: HookedGPT, rows: int, size: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Given. Stories `[row pos]` in which one person says a spell of random words and, after a random gap, another
    says it again, to the end of the text; and where the second copy begins."""
    generator = torch.Generator().manual_seed(seed)
    texts = []
    for _ in range(rows):
        spell = " ".join(_some(WORDS, size, generator))
        p, q = _some(NAMES, 2, generator)
        filler = [f"It was {look} . " for look in _some(LOOKS, 3, generator)]
        before = int(torch.randint(4, (1,), generator=generator))
        opening = "".join(filler[:before]) + f"{p} said the magic words : {spell} . "
        texts.append(opening + "".join(filler[before:]) + f"{q} said them too : {spell}")
    tokens = model.to_tokens(texts)
    return tokens, torch.full((rows,), tokens.shape[1] - size)


def named_again(model: HookedGPT, rows: int, seed: int = 0) -> Tensor:
    """Given. Beginnings of stories `[row pos]`, "When A and B went to the park , B", in which one of two people, by
    lot, is named again by the last token. No other token comes twice."""
    generator = torch.Generator().manual_seed(seed)
    texts = []
    for _ in range(rows):
        a, b = _some(NAMES, 2, generator)
        again, place = _some((a, b), 1, generator)[0], _some(PLACES, 1, generator)[0]
        texts.append(f"When {a} and {b} went to the {place} , {again}")
    return model.to_tokens(texts)


def _some(words: tuple[str, ...], count: int, generator: torch.Generator) -> list[str]:
    return [words[i] for i in torch.randperm(len(words), generator=generator)[:count].tolist()]


def without(model: HookedGPT, tokens: Int[Tensor, "row pos"], heads: list[tuple[int, int]]) -> Tensor:
    """Given. The model's logits when the heads named as (layer, head) write nothing into the stream."""

    def silence(z: Tensor, hook: object) -> Tensor:
        layer = int(hook.name.split(".")[1])  # type: ignore[attr-defined]
        z = z.clone()
        z[:, :, [head for at, head in heads if at == layer]] = 0.0
        return z

    names = [f"blocks.{layer}.attn.hook_z" for layer in sorted({layer for layer, _ in heads})]
    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(name, silence) for name in names])


def head_roles() -> dict[str, list[tuple[int, int]]]:
    """Your finding: which heads of `my_model("storybook-4l")` have which role, each head as (layer, head).

    - "duplicate": the heads whose duplicate score on `named_again` is above 0.5
    - "induction": the heads whose induction score on `spells`, asked of the queries in the second copy alone, is
      above 0.5

    Example of the form, not of the answer: {"duplicate": [(0, 1), (3, 2)], "induction": [(1, 5)]}.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def main() -> None:
    """Scores every head of a model on random rows, and says how well the model foresees their second copy."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=MODEL, help="induction-2l, induction-1l, storybook-4l, gpt2, or a folder")
    name = parser.parse_args().model
    try:
        model = load_model(name)
    except Exception as fault:  # no such model, or its weights are neither here nor to be had: it says what to do
        sys.exit(str(fault))
    words = model.tokenizer
    special = {words.bos, words.eos, words.pad} if words else set()
    vocabulary = torch.tensor([token for token in range(model.config.d_vocab) if token not in special])
    length = min(48, model.config.n_ctx - 1, len(vocabulary))
    size = length // 4
    try:
        tokens, start = repeats_at_random_gaps(vocabulary, 16, length, size)
        begin = words.bos if words and words.bos is not None else 0
        tokens, start = torch.cat([torch.full((len(tokens), 1), begin), tokens], dim=1), start + 1
        pattern = all_patterns(model, tokens)
        print(f"{name}: the two heads that score highest (L1H0: layer 1, head 0), and in brackets the control, what")
        print("they would score by position alone")
        for kind, table in look_tables(tokens).items():
            scores, control = table_score(pattern, table), positional_control(pattern, table)
            told = []
            for number in scores.argsort(descending=True)[:2].tolist():
                layer, head = divmod(number, model.config.n_heads)
                told.append(f"L{layer}H{head} {scores[number]:.2f} ({control[number]:.2f})")
            print(f"  {kind:9}  {'  '.join(told)}")
        with torch.no_grad():
            curve = copy_curve(model(tokens), tokens, start, size)
        print("the probability of the second copy, token by token:", " ".join(f"{p:.2f}" for p in curve))
        if name == STORY:
            print("the roles in your own variant:", head_roles())
    except NotImplementedError:
        sys.exit("Not everything is written yet: `unravel status` says what is left.")


if __name__ == "__main__":
    main()
