"""Checks of the lesson `by_hand`: the oracles are streams whose rooms are filled by hand, loops, and interventions."""

from itertools import product

import torch

from unravel.grading import Alternative, Draw, Learner, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # ends
    Mistake(
        "ends",
        why="You embedded positions into the room of the tokens: then token 3 and position 3 can't be told apart.",
        right='W_pos[:, room("place", d_vocab, n_ctx)] = torch.eye(n_ctx)',
        wrong="W_pos[:, :n_ctx] = torch.eye(n_ctx)[:, : 3 * d_vocab + n_ctx]",
    ),
    Mistake(
        "ends",
        why="Your logits read the room `now`: the model says the token that stands here, not the one that comes next.",
        right='W_U[room("next", d_vocab, n_ctx)]',
        wrong='W_U[room("now", d_vocab, n_ctx)]',
    ),
    Mistake(
        "ends",
        why="Your logits read the room `before`: the model says the token one back.",
        right='W_U[room("next", d_vocab, n_ctx)]',
        wrong='W_U[room("before", d_vocab, n_ctx)]',
    ),
    Mistake(
        "ends",
        why="You left `loudness` out: a one in the room `next` gives a logit of 1, and the model whispers.",
        right="loudness * torch.eye(d_vocab)",
        wrong="torch.eye(d_vocab)",
    ),
    Mistake(
        "ends",
        why="You made the embedding loud instead of the logits.",
        right='W_E[:, room("now", d_vocab, n_ctx)] = torch.eye(d_vocab)',
        wrong='W_E[:, room("now", d_vocab, n_ctx)] = loudness * torch.eye(d_vocab)',
    ),
    Mistake(
        "ends",
        why="You wrote each token into the room `next` as well: a model that has done nothing yet says a token.",
        right='W_E[:, room("now", d_vocab, n_ctx)] = torch.eye(d_vocab)',
        wrong='W_E[:, room("now", d_vocab, n_ctx)] = torch.eye(d_vocab)\n'
        'W_E[:, room("next", d_vocab, n_ctx)] = torch.eye(d_vocab)',
    ),
    # look_back
    Mistake(
        "look_back",
        why="Your head looks at its own position: key j must fit the query of position j + 1.",
        right="torch.eye(n_ctx).roll(1, dims=1)",
        wrong="torch.eye(n_ctx)",
    ),
    Mistake(
        "look_back",
        why="Your head looks at the position after, which the mask hides: key j should fit query j + 1, not j - 1.",
        right="torch.eye(n_ctx).roll(1, dims=1)",
        wrong="torch.eye(n_ctx).tril(0).triu(0).roll(-1, dims=1)",
    ),
    Mistake(
        "look_back",
        why="You forgot that the model divides scores by sqrt(d_head): yours are too small by that factor.",
        right="sharpness * d_head**0.5 *",
        wrong="sharpness *",
    ),
    Mistake(
        "look_back",
        why="You divided by sqrt(d_head), as the model does once more. Multiply, to make up for it.",
        right="sharpness * d_head**0.5 *",
        wrong="sharpness / d_head**0.5 *",
    ),
    Mistake(
        "look_back",
        why="You put `sharpness` into queries and keys both: the score is its square.",
        right="W_K[place, :n_ctx] = torch.eye",
        wrong="W_K[place, :n_ctx] = sharpness * torch.eye",
    ),
    Mistake(
        "look_back",
        why="The circle closes: your last position fits the query of position 0. In a causal model nobody sees it, but "
        "the score of that pair should be 0 like that of all others.",
        right="W_K[place.stop - 1] = 0",
        wrong="W_K[place.stop - 1] += 0",
    ),
    Mistake(
        "look_back",
        why="You filled the queries with ones: every position is looked at alike. A query has a single one.",
        right="W_Q[place, :n_ctx] = sharpness * d_head**0.5 * torch.eye(n_ctx)",
        wrong="W_Q[place, :n_ctx] = sharpness * d_head**0.5 * torch.ones(n_ctx, n_ctx)",
    ),
    Mistake(
        "look_back",
        why="Your queries and keys read the room `now`: the head compares tokens, though it should look one back "
        "whatever tokens stand there.",
        right='place = room("place", d_vocab, n_ctx)',
        wrong="place = slice(0, n_ctx)",
    ),
    # carry
    Mistake(
        "carry",
        why="Your head copies from the room `place`: where the token stood, not which token it was.",
        wrong="d_model, d_head = 3 * d_vocab + n_ctx, head_size(d_vocab, n_ctx)\n"
        "W_V, W_O = torch.zeros(d_model, d_head), torch.zeros(d_head, d_model)\n"
        'W_V[room("place", d_vocab, n_ctx), :n_ctx] = torch.eye(n_ctx)\n'
        "place = room(target, d_vocab, n_ctx)\n"
        "W_O[:d_vocab, place] = torch.eye(d_vocab)\n"
        "return W_V, W_O",
    ),
    Mistake(
        "carry",
        why="You always write into `before`, whatever `target` says.",
        right="room(target, d_vocab, n_ctx)",
        wrong='room("before", d_vocab, n_ctx)',
    ),
    Mistake(
        "carry",
        why="You always write into `next`, whatever `target` says.",
        right="room(target, d_vocab, n_ctx)",
        wrong='room("next", d_vocab, n_ctx)',
    ),
    Mistake(
        "carry",
        why="You copy `<bos>` too. A head that has nothing to look at rests there, and would say `<bos>` then.",
        right="W_V[BOS] = 0",
        wrong="W_V[BOS] += 0",
    ),
    Mistake(
        "carry",
        why="You silenced the target instead of the source: no token may be copied *from* `<bos>`, and your head goes "
        "wrong where the target's number `BOS` is not the only thing in its column.",
        right="W_V[BOS] = 0  # `now` is the first room: its number BOS is dimension BOS of the stream",
        wrong="W_O[BOS] = 0\nW_O[:, BOS] = 1",
    ),
    Mistake(
        "carry",
        why="You read the token from the room that you write to: there is nothing in it yet.",
        right='W_V[room("now", d_vocab, n_ctx), :d_vocab]',
        wrong="W_V[room(target, d_vocab, n_ctx), :d_vocab]",
    ),
    # look_for_match
    Mistake(
        "look_for_match",
        why="Your keys hold the token that stands there (`now`), so the head finds earlier copies of the token itself: "
        "a duplicate-token head. It should find the place *after* them, and there it is `before` that tells.",
        right='W_K[room("before", d_vocab, n_ctx), :d_vocab]',
        wrong='W_K[room("now", d_vocab, n_ctx), :d_vocab]',
    ),
    Mistake(
        "look_for_match",
        why="Queries and keys are the wrong way round: the query asks with the token that stands here (`now`), the key "
        "answers with the token before it (`before`).",
        wrong="d_model, d_head = 3 * d_vocab + n_ctx, head_size(d_vocab, n_ctx)\n"
        "W_Q, W_K = torch.zeros(d_model, d_head), torch.zeros(d_model, d_head)\n"
        'W_Q[room("before", d_vocab, n_ctx), :d_vocab] = sharpness * d_head**0.5 * torch.eye(d_vocab)\n'
        'W_K[room("now", d_vocab, n_ctx), :d_vocab] = torch.eye(d_vocab)\n'
        "W_K[BOS, :d_vocab] = 0.5\n"
        "return W_Q, W_K",
    ),
    Mistake(
        "look_for_match",
        why="There is no place to rest: without a match all scores are equal, and the head copies a mean of all.",
        right="W_K[BOS, :d_vocab] = 0.5",
        wrong="W_K[BOS, :d_vocab] += 0",
    ),
    Mistake(
        "look_for_match",
        why="`<bos>` fits every query as well as a match does: half of the attention stays there.",
        right="W_K[BOS, :d_vocab] = 0.5",
        wrong="W_K[BOS, :d_vocab] = 1.0",
    ),
    Mistake(
        "look_for_match",
        why="You forgot that the model divides scores by sqrt(d_head): yours are too small by that factor.",
        right="sharpness * d_head**0.5 *",
        wrong="sharpness *",
    ),
    Mistake(
        "look_for_match",
        why="`<bos>` fits the query of one token alone. Every token that finds no match needs the place to rest.",
        right="W_K[BOS, :d_vocab] = 0.5",
        wrong="W_K[BOS, BOS] = 0.5",
    ),
    Mistake(
        "look_for_match",
        why="The token after `<bos>` is the resting place in your model (`before`), not `<bos>` itself (`now`).",
        right="W_K[BOS, :d_vocab] = 0.5",
        wrong='W_K[room("before", d_vocab, n_ctx).start + BOS, :d_vocab] = 0.5',
    ),
    # induction_weights
    Mistake(
        "induction_weights",
        why="Both layers look one back: the second must look for a match.",
        right='(*look_for_match(d_vocab, n_ctx, sharpness), *carry(d_vocab, n_ctx, "next"))',
        wrong='(*look_back(d_vocab, n_ctx, sharpness), *carry(d_vocab, n_ctx, "next"))',
    ),
    Mistake(
        "induction_weights",
        why="The layers are the wrong way round: who looks for a match needs to read what the other has noted before.",
        right="enumerate((first, second))",
        wrong="enumerate((second, first))",
    ),
    Mistake(
        "induction_weights",
        why="The first head writes what it finds into `next`, which the logits read. Its note belongs into `before`.",
        right='*carry(d_vocab, n_ctx, "before"))',
        wrong='*carry(d_vocab, n_ctx, "next"))',
    ),
    Mistake(
        "induction_weights",
        why="The second head writes into `before`, where no logit reads it.",
        right='*carry(d_vocab, n_ctx, "next"))',
        wrong='*carry(d_vocab, n_ctx, "before"))',
    ),
    Mistake(
        "induction_weights",
        why="You interchanged `sharpness` and `loudness`.",
        right="ends(d_vocab, n_ctx, loudness)",
        wrong="ends(d_vocab, n_ctx, sharpness)",
    ),
    Mistake(
        "induction_weights",
        why="Your numbers for `sharpness` are your own: pass on the one that was given.",
        right="(*look_for_match(d_vocab, n_ctx, sharpness),",
        wrong="(*look_for_match(d_vocab, n_ctx, 1.0),",
    ),
    Mistake(
        "induction_weights",
        why="Layer 1 has the weights of layer 0's values and outputs: see which `carry` goes where.",
        right='weights[f"blocks.{layer}.attn.{name}"] = weight',
        wrong='own = name in ("W_Q", "W_K")\n'
        'weights[f"blocks.{layer}.attn.{name}"] = weight if own else first[2 + (name == "W_O")]',
    ),
    # induction_edges
    Mistake(
        "induction_edges",
        why="These are edges of somebody else's model, or of the model as it is shipped. Yours has its heads in other "
        "places: look at `my_model(UNKNOWN)`, without naming a learner.",
        right="model = my_model(UNKNOWN)",
        wrong='model = my_model(UNKNOWN, learner="somebody else")',
    ),
    Mistake(
        "induction_edges",
        why="You name all edges. That says nothing of where induction lies: name a few that are enough.",
        right="return [edge for name in worst for edge in groups[name]]",
        wrong="return everything",
    ),
    Mistake(
        "induction_edges",
        why="You name no edge.",
        right="return [edge for name in worst for edge in groups[name]]",
        wrong="return []",
    ),
    Mistake(
        "induction_edges",
        why="You kept single groups of edges, one at a time, and took the best: but the parts of this circuit are of "
        "use only together. Begin with the whole model, and cut.",
        right="[edge for edge in everything if edge not in group]",
        wrong="group",
    ),
    Mistake(
        "induction_edges",
        why="You named the two worst groups only: queries and keys find the place, but nothing comes back from there "
        "without values.",
        right="reverse=True)[:3]",
        wrong="reverse=True)[:2]",
    ),
]

ALTERNATIVES = [
    Alternative(
        "look_back",
        how="with the shift on the queries' side",
        code="""d_model, d_head = 3 * d_vocab + n_ctx, head_size(d_vocab, n_ctx)
W_Q, W_K = torch.zeros(d_model, d_head), torch.zeros(d_model, d_head)
start = room("place", d_vocab, n_ctx).start
for position in range(n_ctx):
    W_K[start + position, position] = sharpness
    if position:
        W_Q[start + position, position - 1] = d_head**0.5
return W_Q, W_K""",
    ),
    Alternative(
        "carry",
        how="one token after the other, through dimensions of the head in another order",
        code="""d_model, d_head = 3 * d_vocab + n_ctx, head_size(d_vocab, n_ctx)
W_V, W_O = torch.zeros(d_model, d_head), torch.zeros(d_head, d_model)
start = room(target, d_vocab, n_ctx).start
for token in range(d_vocab):
    if token != BOS:
        W_V[token, d_head - 1 - token] = 2.0
        W_O[d_head - 1 - token, start + token] = 0.5
return W_V, W_O""",
    ),
    Alternative(
        "look_for_match",
        how="with the strength on the keys' side",
        code="""d_model, d_head = 3 * d_vocab + n_ctx, head_size(d_vocab, n_ctx)
W_Q, W_K = torch.zeros(d_model, d_head), torch.zeros(d_model, d_head)
before = room("before", d_vocab, n_ctx).start
strength = sharpness * d_head**0.5
for token in range(d_vocab):
    W_Q[token, token] = 1.0
    W_K[before + token, token] = strength
    W_K[BOS, token] = strength / 2
return W_Q, W_K""",
    ),
    Alternative(
        "induction_weights",
        how="written out, with biases as zeros of their own",
        code="""weights = dict(zip(("embed.W_E", "pos_embed.W_pos", "unembed.W_U"), ends(d_vocab, n_ctx, loudness)))
W_Q, W_K = look_back(d_vocab, n_ctx, sharpness)
W_V, W_O = carry(d_vocab, n_ctx, "before")
weights |= {"blocks.0.attn.W_Q": W_Q, "blocks.0.attn.W_K": W_K, "blocks.0.attn.W_V": W_V, "blocks.0.attn.W_O": W_O}
W_Q, W_K = look_for_match(d_vocab, n_ctx, sharpness)
W_V, W_O = carry(d_vocab, n_ctx, "next")
weights |= {"blocks.1.attn.W_Q": W_Q, "blocks.1.attn.W_K": W_K, "blocks.1.attn.W_V": W_V, "blocks.1.attn.W_O": W_O}
return weights""",
    ),
    Alternative(
        "induction_edges",
        how="nine edges: those of the three receivers that are missed most",
        code="""model = my_model(UNKNOWN)
heads, tokens = range(model.config.n_heads), random_gaps(model.config.d_vocab, 32, model.config.n_ctx, 10)
everything = [(s, r, part) for s in heads for r in heads for part in "qkv"]

def loss(edges):
    log_probs = keep_only(model, tokens, edges).log_softmax(-1)
    return -float(log_probs[:, -10:-1].gather(-1, tokens[:, -9:, None]).mean())

group = lambda s, part: [edge for edge in everything if edge[0] == s and edge[2] == part]
names = [(s, part) for s in heads for part in "qkv"]
names.sort(key=lambda name: -loss([edge for edge in everything if edge not in group(*name)]))
chosen = [edge for name in names[:3] for edge in group(*name)]
deaf = sorted(heads, key=lambda r: -loss([edge for edge in everything if edge[1] != r]))
return [edge for edge in chosen if edge[1] in deaf[:4]]""",
    ),
]


def sizes(draw: Draw) -> tuple[int, int]:
    """d_vocab and n_ctx, now one and now the other the larger, so that d_head is either."""
    small, large = draw.integer(5, 9), draw.integer(10, 14)
    return (small, large) if draw.integer(0, 2) else (large, small)


def both_sizes(draw: Draw) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two pairs of sizes: d_head is n_ctx in the first and d_vocab in the second, so neither stands in for it."""
    small, large = draw.integer(5, 9), draw.integer(10, 14)
    return (small, large), (large, small)


def look_alike(table: torch.Tensor, known: dict[str, torch.Tensor]) -> str:
    """What can be said of a wrong table of scores that is one of those we know, in whatever weights it was made."""
    fits = (why for why, other in known.items() if torch.allclose(table, other, rtol=1e-3, atol=1e-3))
    return "Rows are queries, columns are keys. " + next(fits, "Mind that the model divides by sqrt(d_head).")


def start_of(name: str, d_vocab: int, n_ctx: int) -> int:
    """Where a room begins."""
    return {"now": 0, "place": d_vocab, "before": d_vocab + n_ctx, "next": 2 * d_vocab + n_ctx}[name]


def stream(draw: Draw, d_vocab: int, n_ctx: int, pos: int) -> torch.Tensor:
    """A stream `[pos d_model]` whose every room is full of numbers; only `place` says the position."""
    x = draw.normal(pos, 3 * d_vocab + n_ctx)
    x[:, d_vocab : d_vocab + n_ctx] = torch.eye(n_ctx)[:pos]
    return x


# ends


@checks("ends")
def test_tokens_and_positions_have_rooms_of_their_own(submission, draw: Draw):
    """`W_E` holds a one for each token in the room `now`, `W_pos` one for each position in `place`, and no more."""
    d_vocab, n_ctx = sizes(draw)
    W_E, W_pos, _ = submission.ends(d_vocab, n_ctx, 3.0)
    expected = torch.zeros(d_vocab, 3 * d_vocab + n_ctx)
    for token in range(d_vocab):
        expected[token, token] = 1
    assert_close(W_E, expected, "`W_E`", hint="Token t is a one in dimension t of the room `now`.")
    expected = torch.zeros(n_ctx, 3 * d_vocab + n_ctx)
    for position in range(n_ctx):
        expected[position, start_of("place", d_vocab, n_ctx) + position] = 1
    assert_close(W_pos, expected, "`W_pos`", hint="Position p is a one at number p of the room `place`.")


@checks("ends")
def test_logits_are_what_stands_in_next(submission, draw: Draw):
    """The logit of token t is `loudness` times number t of the room `next`, whatever stands in the other rooms."""
    d_vocab, n_ctx = sizes(draw)
    loudness = 2.0 + draw.integer(1, 9)
    W_U = submission.ends(d_vocab, n_ctx, loudness)[2]
    x = draw.normal(4, 3 * d_vocab + n_ctx)
    expected = torch.stack([loudness * x[:, start_of("next", d_vocab, n_ctx) + token] for token in range(d_vocab)], -1)
    hint = "`x @ W_U` reads the room `next` alone."
    assert_close(x @ W_U, expected, "`x @ W_U` of a random stream", hint=hint)


# look_back


@checks("look_back")
def test_each_position_looks_at_the_one_before(submission, draw: Draw):
    """The score is `sharpness` for the key one before the query else 0, whatever tokens stand there."""
    sharpness = 2.0 + draw.integer(1, 9)
    for d_vocab, n_ctx in both_sizes(draw):
        W_Q, W_K = submission.look_back(d_vocab, n_ctx, sharpness)
        d_head = max(d_vocab, n_ctx)
        assert_equal(tuple(W_Q.shape), (3 * d_vocab + n_ctx, d_head), "the shape of `W_Q`")
        assert_equal(tuple(W_K.shape), tuple(W_Q.shape), "the shape of `W_K`")
        x = stream(draw, d_vocab, n_ctx, n_ctx)
        scores = (x @ W_Q) @ (x @ W_K).T / d_head**0.5
        expected = torch.zeros(n_ctx, n_ctx)
        for query in range(1, n_ctx):
            expected[query, query - 1] = sharpness
        circle = expected.clone()
        circle[0, -1] = sharpness
        known = {
            "Yours are too small by sqrt(d_head), by which the model divides. Multiply queries or keys by it.": expected
            / d_head**0.5,
            "Yours are too large by sqrt(d_head): multiply one of queries and keys by it, not both.": expected
            * d_head**0.5,
            "Your head looks at the position after: key j should fit query j + 1, not j - 1.": expected.T,
            "Your head looks at its own position: key j should fit query j + 1.": sharpness * torch.eye(n_ctx),
            "The circle closes: your last key fits the query of position 0. Take that one away.": circle,
        }
        assert_close(scores, expected, "the table of scores", hint=look_alike(scores, known), atol=1e-4)


# carry


@checks("carry")
def test_the_token_arrives_in_the_room_that_was_named(submission, draw: Draw):
    """`x @ W_V @ W_O` holds in `target` what `x` holds in `now`, nothing for `<bos>`, and 0 in all other rooms."""
    for (d_vocab, n_ctx), target in product(both_sizes(draw), ("before", "next")):
        x = stream(draw, d_vocab, n_ctx, min(4, n_ctx))
        W_V, W_O = submission.carry(d_vocab, n_ctx, target)
        assert_equal(tuple(W_V.shape), (3 * d_vocab + n_ctx, max(d_vocab, n_ctx)), "the shape of `W_V`")
        assert_equal(tuple(W_O.shape), (max(d_vocab, n_ctx), 3 * d_vocab + n_ctx), "the shape of `W_O`")
        expected = torch.zeros_like(x)
        for token in range(1, d_vocab):
            expected[:, start_of(target, d_vocab, n_ctx) + token] = x[:, token]
        hint = "Number t of `now` arrives at number t of the target, but number BOS = 0 does not."
        assert_close(x @ W_V @ W_O, expected, f'what is written for target "{target}"', hint=hint, atol=1e-4)


# look_for_match


@checks("look_for_match")
def test_a_match_wins_and_bos_is_second(submission, draw: Draw):
    """Scores: `sharpness` where the key's `before` is the query's `now`, half of it at `<bos>`, else 0."""
    sharpness = 2.0 + draw.integer(1, 9)
    for d_vocab, n_ctx in both_sizes(draw):
        d_head = max(d_vocab, n_ctx)
        W_Q, W_K = submission.look_for_match(d_vocab, n_ctx, sharpness)
        x, now, before = text_with_notes(draw, d_vocab, n_ctx)
        scores = (x @ W_Q) @ (x @ W_K).T / d_head**0.5
        match = torch.tensor([[float(key == query) for key in before] for query in now])
        rest = torch.tensor([[float(key == 0) for key in now] for _ in now])
        expected = sharpness * (match + rest / 2)
        known = {
            "Yours are too small by sqrt(d_head), by which the model divides.": expected / d_head**0.5,
            "Column 0 is `<bos>`, and as large as a match: it should be half of that.": sharpness * (match + rest),
            "Column 0 is `<bos>`, where `sharpness` is contained twice.": sharpness * (match + rest * sharpness / 2),
            "There is no place to rest: column 0 is `<bos>`.": sharpness * match,
        }
        assert_close(scores, expected, "the table of scores", hint=look_alike(scores, known), atol=1e-4)


def text_with_notes(draw: Draw, d_vocab: int, n_ctx: int) -> tuple[torch.Tensor, list[int], list[int | None]]:
    """A stream as it is after layer 0, which token stands at each of its positions, and which is noted as before."""
    now = [0, *(1 + int(token) for token in draw.permutation(d_vocab - 1))]
    before = [None, None, *now[1:-1]]  # nothing is noted at <bos>, nor of it
    before[-1] = now[1]  # the last position stands after a second copy of the first word, let us say
    x = torch.zeros(d_vocab, 3 * d_vocab + n_ctx)
    for position, token in enumerate(now):
        x[position, token] = 1
        x[position, d_vocab + position % n_ctx] = 1
        if before[position] is not None:
            x[position, start_of("before", d_vocab, n_ctx) + before[position]] = 1
    return x, now, before


@checks("look_for_match")
def test_scores_follow_the_formula_on_any_stream(submission, draw: Draw):
    """On a stream full of random numbers too, the score is the sum of the two terms of the docstring."""
    sharpness = 0.5 + draw.integer(1, 4)
    for d_vocab, n_ctx in both_sizes(draw):
        W_Q, W_K = submission.look_for_match(d_vocab, n_ctx, sharpness)
        x = stream(draw, d_vocab, n_ctx, min(5, n_ctx))
        start = start_of("before", d_vocab, n_ctx)
        now, before = x[:, :d_vocab], x[:, start : start + d_vocab]
        expected = sharpness * now @ before.T + sharpness / 2 * now.sum(1)[:, None] * now[None, :, 0]
        hint = "Only the query's `now`, the key's `before` and number BOS of the key's `now` take part."
        scores = (x @ W_Q) @ (x @ W_K).T / max(d_vocab, n_ctx) ** 0.5
        assert_close(scores, expected, "the table of scores", hint=hint, rtol=1e-3, atol=1e-3)


# induction_weights

NAMES = ["embed.W_E", "pos_embed.W_pos", "unembed.W_U"]
NAMES += [f"blocks.{layer}.attn.W_{part}" for layer in range(2) for part in "QKVO"]


def built(weights, d_vocab: int, n_ctx: int):
    """The model of these weights, without the lesson's own `build`, or a sentence about what doesn't fit."""
    from unravel.interp import GPTConfig, HookedGPT

    d_head = max(d_vocab, n_ctx)
    config = GPTConfig(
        n_layers=2, n_heads=1, d_model=3 * d_vocab + n_ctx, d_head=d_head, d_vocab=d_vocab, n_ctx=n_ctx,
        attn_only=True, normalization_type=None,
    )  # fmt: skip
    model = HookedGPT(config)
    missing, strange = sorted(set(NAMES) - set(weights)), sorted(set(weights) - set(NAMES))
    assert not missing, f"The weight `{missing[0]}` is missing. The names should be those of the docstring."
    assert not strange, f"There is no weight `{strange[0]}`. The names should be those of the docstring."
    state = {name: torch.zeros_like(weight) for name, weight in model.state_dict().items()}
    for name, weight in weights.items():
        full = weight[None] if ".attn." in name else weight
        assert full.shape == state[name].shape, (
            f"`{name}` should have shape {tuple(state[name].shape[full.dim() - weight.dim() :])}, "
            f"but it has {tuple(weight.shape)}."
        )
        state[name] = full.float()
    model.load_state_dict(state)
    return model


def expected_probabilities(row: list[int], d_vocab: int) -> torch.Tensor:
    """By a loop: at each position, each token's share of what followed the earlier copies of the token there."""
    probs = torch.full((len(row), d_vocab), 1 / d_vocab)
    for at, token in enumerate(row):
        followed = [row[i + 1] for i in range(at) if row[i] == token and i > 0]
        if followed:
            probs[at] = torch.tensor([float(other in followed) / len(set(followed)) for other in range(d_vocab)])
    return probs


@checks("induction_weights")
def test_it_says_what_followed_before(submission, draw: Draw):
    """After a token that occurred before, the model says what followed it; after a new one logits are equal."""
    d_vocab, n_ctx = draw.integer(9, 13), draw.integer(14, 18)
    model = built(submission.induction_weights(d_vocab, n_ctx), d_vocab, n_ctx)
    for _ in range(3):
        some = [1 + int(token) for token in draw.permutation(d_vocab - 1)]
        gap = draw.integer(0, 3)
        row = [0, *some[:4], *some[4 : 4 + gap], *some[:4], some[7], some[0]]
        with torch.no_grad():
            logits, cache = model.run_with_cache(torch.tensor([row]))
        probs = logits[0].softmax(-1)
        hint = f"The text was {row}, where 0 is `<bos>`. Rows are positions, columns are tokens. "
        hint += first_fault(cache, row, d_vocab, n_ctx)
        assert_close(probs, expected_probabilities(row, d_vocab), "the probabilities", hint=hint, atol=1e-3)


def first_fault(cache, row: list[int], d_vocab: int, n_ctx: int) -> str:
    """The first place, from the embedding on, at which the model is not as planned."""
    codes = torch.eye(d_vocab)
    silent = torch.zeros(d_vocab)
    place = start_of("place", d_vocab, n_ctx)
    enters = torch.cat([codes[row], torch.eye(n_ctx)[: len(row)]], -1)
    notes = torch.stack([codes[row[at - 1]] if at > 1 else silent for at in range(len(row))])
    copies = {at: row.index(token) for at, token in enumerate(row) if row[:at].count(token) == 1}
    said = torch.stack([codes[row[copies[at] + 1]] if at in copies else silent for at in range(len(row))])

    def room_of(name: str, layer: int) -> torch.Tensor:
        start = start_of(name, d_vocab, n_ctx)
        return cache["resid_post", layer][0, :, start : start + d_vocab]

    if (cache["resid_pre", 0][0, :, : place + n_ctx] - enters).abs().max() > 0.1:
        return "What enters layer 0 is not as planned: look at `W_E` and `W_pos`."
    if cache["pattern", 0][0, 0].diagonal(-1).min() < 0.9:
        return "Layer 0 doesn't look one back: which queries and keys does it have?"
    if (room_of("before", 0) - notes).abs().max() > 0.1:
        return "Layer 0 looks one back, but doesn't note in `before` what stands there: look at its `W_V` and `W_O`."
    if min(float(cache["pattern", 1][0, 0, at, first + 1]) for at, first in copies.items()) < 0.9:
        return "`before` is as planned, but layer 1 doesn't look for a match: look at its `W_Q` and `W_K`."
    if (room_of("next", 1) - said)[list(copies)].abs().max() > 0.1:
        return (
            "Layer 1 looks where it should, but doesn't say in `next` what stands there: look at its `W_V` and `W_O`."
        )
    return "The rooms `before` and `next` are as planned after a first copy: look at `W_U`, and at what new tokens say."


@checks("induction_weights")
def test_two_continuations_share_the_probability(submission, draw: Draw):
    """Where a token was followed by different tokens, each of them gets the same probability."""
    d_vocab, n_ctx = draw.integer(9, 13), draw.integer(14, 18)
    model = built(submission.induction_weights(d_vocab, n_ctx), d_vocab, n_ctx)
    a, b, c, d = (1 + int(token) for token in draw.permutation(d_vocab - 1)[:4])
    row = [0, a, b, d, a, c, d, a]
    with torch.no_grad():
        probs = model(torch.tensor([row]))[0, -1].softmax(-1)
    expected = torch.zeros(d_vocab)
    expected[b] = expected[c] = 0.5
    assert_close(probs, expected, f"the probabilities after the text {row}", atol=1e-2)


@checks("induction_weights")
def test_the_numbers_given_are_used(submission, draw: Draw):
    """`sharpness` is that of both heads, `loudness` that of the logits: a blunt model answers as blunt heads do."""
    d_vocab, n_ctx = draw.integer(6, 9), draw.integer(10, 14)
    sharpness, loudness = 1.0 + draw.integer(1, 3), 3.0 + draw.integer(1, 4)
    model = built(submission.induction_weights(d_vocab, n_ctx, sharpness=sharpness, loudness=loudness), d_vocab, n_ctx)
    row = [0, *(1 + int(token) for token in draw.permutation(d_vocab - 1)[:3])]
    row += row[1:]
    with torch.no_grad():
        logits = model(torch.tensor([row]))[0]
    expected = slow_model(row, d_vocab, sharpness, loudness)
    assert_close(logits, expected, f"the logits of the text {row} with blunt heads", rtol=1e-3, atol=1e-3)


def slow_model(row: list[int], d_vocab: int, sharpness: float, loudness: float) -> torch.Tensor:
    """What the two heads do, position by position, without a stream."""
    notes, logits = [], []
    for at in range(len(row)):
        weights = torch.tensor([sharpness * (key == at - 1) for key in range(at + 1)]).softmax(0)
        note = torch.zeros(d_vocab)
        for key in range(at + 1):
            note[row[key]] += weights[key] * (row[key] != 0)
        notes.append(note)
    for at in range(len(row)):
        scores = [sharpness * float(notes[key][row[at]]) + sharpness / 2 * (row[key] == 0) for key in range(at + 1)]
        weights, said = torch.tensor(scores).softmax(0), torch.zeros(d_vocab)
        for key in range(at + 1):
            said[row[key]] += weights[key] * (row[key] != 0)
        logits.append(loudness * said)
    return torch.stack(logits)


# induction_edges

SENDERS = RECEIVERS = 6
PIECE = 10


def prompts(draw: Draw, count: int) -> torch.Tensor:
    """Held-out texts: `<bos>`, different random tokens, and at the end a random piece of them again."""
    rows = torch.zeros(count, 33, dtype=torch.long)
    for row in rows:
        row[1:] = 4 + draw.permutation(64)[:32]
        start = draw.integer(1, 33 - 2 * PIECE + 1)
        row[33 - PIECE :] = row[start : start + PIECE].clone()
    return rows


class Cutting:
    """A model on some texts, of whose edges between the layers only some are left."""

    def __init__(self, model, tokens: torch.Tensor):
        self.model, self.tokens = model, tokens
        with torch.no_grad():
            _, cache = model.run_with_cache(tokens, names_filter=["blocks.0.attn.hook_z", "blocks.0.hook_resid_post"])
            self.stream, z = cache["blocks.0.hook_resid_post"], cache["blocks.0.attn.hook_z"]
            self.lacks = [(z.mean((0, 1))[s] - z[:, :, s]) @ model.W_O[0, s] for s in range(SENDERS)]

    def left(self, edges) -> tuple[float, float]:
        """Accuracy and loss on the second copy when only `edges` are left."""
        edges = set(edges)

        def cut(part):
            def change(streams, hook):
                streams = streams.clone()
                for receiver in range(RECEIVERS):
                    for sender in range(SENDERS):
                        if (sender, receiver, part) not in edges:
                            streams[:, :, receiver] += self.lacks[sender]
                return streams

            return change

        self.model.set_use_split_qkv_input(True)
        try:
            hooks = [(f"blocks.1.hook_{part}_input", cut(part)) for part in "qkv"]
            with torch.no_grad(), self.model.hooks(fwd_hooks=hooks):
                logits = self.model(self.stream, start_at_layer=1)[:, -PIECE:-1]
        finally:
            self.model.set_use_split_qkv_input(False)
        right = self.tokens[:, 1 - PIECE :]
        loss = -logits.log_softmax(-1).gather(-1, right[..., None]).mean()
        return float((logits.argmax(-1) == right).float().mean()), float(loss)


def named(edges) -> list[tuple[int, int, str]]:
    """The edges, if they have the right form."""
    for edge in edges:
        sender, receiver, part = edge
        known = 0 <= sender < SENDERS and 0 <= receiver < RECEIVERS and part in ("q", "k", "v")
        assert known, (
            f"{edge!r} is no edge: heads are numbered 0 to 5 in both layers, and the input is "
            '"q", "k" or "v", as in (3, 0, "k").'
        )
    twice = next((edge for edge in edges if edges.count(edge) > 1), None)
    assert twice is None, f"The edge {twice!r} is named twice."
    return list(edges)


@checks("induction_edges", seconds=20.0)
def test_your_edges_are_few(submission):
    """At most 18 of the 108 edges are named, each once, and at least one."""
    edges = named(submission.induction_edges())
    assert edges, "You name no edge. Some are needed: cut them and see what the loss does."
    assert len(edges) <= 18, f"You name {len(edges)} edges; at most 18 are wanted. Which of them can be spared?"


@checks("induction_edges", seconds=20.0)
def test_your_edges_are_enough(submission, draw: Draw, learner: Learner):
    """On new texts, with your edges alone, your model knows the second copy (accuracy over .85)."""
    edges = named(submission.induction_edges())
    accuracy, _ = Cutting(learner.model("induction-12h"), prompts(draw, 48)).left(edges)
    assert accuracy > 0.85, (
        f"With your {len(edges)} edges alone, the accuracy on the second copy is {accuracy:.2f}, not over 0.85. "
        "Something that is needed is missing. Are the numbers those of *your* model, `my_model(UNKNOWN)`? Edges of "
        "queries, keys and values work together: what does cutting all edges from one head into one input do?"
    )


@checks("induction_edges", seconds=20.0)
def test_none_of_your_edges_is_idle(submission, draw: Draw, learner: Learner):
    """Without your edges of any one sender into any one input, the loss grows by 0.1 nats at least."""
    edges = named(submission.induction_edges())
    cutting = Cutting(learner.model("induction-12h"), prompts(draw, 48))
    known, whole = cutting.left(edges)
    advice = "Leave them out." if known > 0.85 else "They may be of use once the edges are there that are missing."
    for sender, part in sorted({(sender, part) for sender, _, part in edges}):
        _, less = cutting.left([edge for edge in edges if (edge[0], edge[2]) != (sender, part)])
        assert less > whole + 0.1, (
            f'Your edges from head {sender} of layer 0 into "{part}" are idle: without them the loss is {less:.2f}, '
            f"with them {whole:.2f}. {advice}"
        )
