"""Checks of the lesson on tensors: hand-made cases, loops that spell out each definition, and laws."""

import math

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    Mistake(
        "causal_mask",
        why="Your mask lets each position look at itself and at what comes after it: the past and the "
        "future are swapped. Rows are queries, so the row's number must be the larger one.",
        right="query >= key",
        wrong="query <= key",
    ),
    Mistake(
        "causal_mask",
        why="You left out the diagonal: a position may look at itself. As it is, the first position can look "
        "nowhere, and a softmax over nothing is NaN. Use >= rather than >.",
        right="query >= key",
        wrong="query > key",
    ),
    Mistake(
        "causal_mask",
        why="Your mask is True where looking is forbidden. Both conventions are met in the wild, but here"
        " True means allowed: turn it round.",
        right="query >= key",
        wrong="query < key",
    ),
    Mistake(
        "causal_mask",
        why="Both ranges stand upright ([n_pos, 1]), so each position is compared with itself only, and "
        "the result has one column. Let one stand (`[:, None]`) and one lie (`[None, :]`).",
        right="position[None, :]",
        wrong="position[:, None]",
    ),
    Mistake(
        "causal_mask",
        why="Your mask allows everything. It must be False where the key comes after the query.",
        wrong="return torch.ones(n_pos, n_pos, dtype=torch.bool)",
    ),
    Mistake(
        "causal_mask",
        why="Your answer doesn't depend on `n_pos`: it is the mask of the example for every size.",
        wrong="return torch.ones(3, 3, dtype=torch.bool).tril()",
    ),
    Mistake(
        "causal_mask",
        why="Your mask holds 1.0 and 0.0; what is asked for is True and False. A comparison gives those by itself, and "
        "`.bool()` converts.",
        wrong="return torch.ones(n_pos, n_pos).tril()",
    ),
    Mistake(
        "split_heads",
        why="You used a reshape where axes had to change places. A reshape keeps the numbers in reading "
        "order and only redraws the borders, so numbers of different positions and heads end up "
        "mixed. Cut the last axis in two first, then exchange the axes.",
        wrong="batch, pos, d_model = x.shape\nreturn x.reshape(batch, n_heads, pos, d_model // n_heads)",
    ),
    Mistake(
        "split_heads",
        why="You dealt the numbers out like cards, one to each head in turn. A head owns a block of "
        "neighbours: in the pattern, the slower axis comes first, so write (head d_head), not (d_head"
        " head).",
        right="(head d_head)",
        wrong="(d_head head)",
    ),
    Mistake(
        "split_heads",
        why="You took `n_heads` for the size of a head: the number of heads and d_head are swapped.",
        right="head=n_heads",
        wrong="d_head=n_heads",
    ),
    Mistake(
        "split_heads",
        why="You cut the last axis in two, but left the axes in the order batch, pos, head, d_head. It "
        "fits by luck only, when there are as many positions as heads. The head must come before the "
        "position.",
        right="-> batch head pos d_head",
        wrong="-> batch pos head d_head",
    ),
    Mistake(
        "split_heads",
        why="All your heads hold the same numbers: the first block. Head h owns the block that starts at h * d_head.",
        wrong="d_head = x.shape[-1] // n_heads\nreturn x[:, None, :, :d_head].repeat(1, n_heads, 1, 1)",
    ),
    Mistake(
        "split_heads",
        why="Your answer is all zeros, whatever `x` is.",
        wrong="batch, pos, d_model = x.shape\nreturn torch.zeros(batch, n_heads, pos, d_model // n_heads)",
    ),
    Mistake(
        "attention_scores",
        why="You left out the division by sqrt(d_head). The dot products are right, but they grow with d_head.",
        right="scores / d_head**0.5",
        wrong="scores",
    ),
    Mistake(
        "attention_scores",
        why="You divided by d_head rather than by its square root.",
        right="d_head**0.5",
        wrong="d_head",
    ),
    Mistake(
        "attention_scores",
        why="You divided by the square root of d_model (all heads together). Each dot product runs over "
        "one head's d_head numbers.",
        right="q.shape[-1]",
        wrong="q.shape[-1] * q.shape[-2]",
    ),
    Mistake(
        "attention_scores",
        why="Your scores are transposed: rows must be queries and columns keys.",
        right="batch head query key",
        wrong="batch head key query",
    ),
    Mistake(
        "attention_scores",
        why="The heads are mixed: the head of the keys has another name than the head of the queries and "
        "is missing from the output, so einsum summed over it. Give both the same name.",
        right="batch key head d_head",
        wrong="batch key other d_head",
    ),
    Mistake(
        "attention_scores",
        why="You went one step too far: this is the attention pattern, after the softmax. The scores come before it.",
        right="scores / d_head**0.5",
        wrong="(scores / d_head**0.5).softmax(-1)",
    ),
    Mistake(
        "attention_scores",
        why="Your answer is all zeros, whatever `q` and `k` are.",
        right="scores / d_head**0.5",
        wrong="0 * scores",
    ),
    Mistake(
        "attention_scores",
        why="`@` multiplies along the last two axes, and here these are head and d_head: you compared heads with "
        "heads, at each position. Use einsum, or bring the head before the position first.",
        wrong="return q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5",
    ),
    Mistake(
        "attention_scores",
        why="`@` multiplies along the last two axes, and here these are head and d_head: you compared heads with "
        "heads, at each position. Use einsum, or bring the head before the position first; and divide by "
        "sqrt(d_head).",
        wrong="return q @ k.transpose(-1, -2)",
    ),
    Mistake(
        "pick_next_token",
        why="You asked at each position for the token that stands there, which the model has already "
        "read. The prediction made at position p is about the token at p + 1.",
        right="tokens[:, 1:]",
        wrong="tokens[:, :-1]",
    ),
    Mistake(
        "pick_next_token",
        why="You shifted the predictions as well as the tokens, so each position is asked for its own "
        "token. Drop the last prediction and the first token.",
        right="log_probs[:, :-1]",
        wrong="log_probs[:, 1:]",
    ),
    Mistake(
        "pick_next_token",
        why="You shifted the wrong way: at each position you asked for the token before it. Drop the last "
        "prediction and the first token.",
        wrong="return log_probs[:, 1:].gather(-1, tokens[:, :-1, None]).squeeze(-1)",
    ),
    Mistake(
        "pick_next_token",
        why="You took the largest value at each position: what the model liked best, not what really came"
        " next. The tokens must matter.",
        right="log_probs[:, :-1].gather(-1, next_tokens[..., None])",
        wrong="log_probs[:, :-1].max(-1, keepdim=True).values",
    ),
    Mistake(
        "pick_next_token",
        why="You used the tokens of the first prompt for every prompt.",
        right="tokens[:, 1:]",
        wrong="tokens[:1, 1:].expand(len(tokens), -1)",
    ),
    Mistake(
        "pick_next_token",
        why="You averaged over the vocabulary: the tokens must choose one entry at each position.",
        right="log_probs[:, :-1].gather(-1, next_tokens[..., None])",
        wrong="log_probs[:, :-1].mean(-1, keepdim=True)",
    ),
    Mistake(
        "pick_next_token",
        why="Your answer is all zeros, whatever the arguments are.",
        wrong="return torch.zeros(tokens.shape[0], tokens.shape[1] - 1)",
    ),
    Mistake(
        "pick_next_token",
        why="A bare `.squeeze()` drops every axis of size one: the batch too when there is a single prompt, and the "
        "position when there are two tokens. Name the axis: `.squeeze(-1)`.",
        right="picked.squeeze(-1)",
        wrong="picked.squeeze()",
    ),
    Mistake(
        "offset_attention",
        why="You read the diagonal above the main one: attention `offset` positions forward, which a "
        "causal model doesn't pay. The query is the larger number: query - key == offset.",
        right="position[:, None] - position[None, :]",
        wrong="position[None, :] - position[:, None]",
    ),
    Mistake(
        "offset_attention",
        why="You multiplied by a mask of zeros and ones, but the padding may hold NaN, and NaN times 0 is"
        " NaN. Choose with torch.where, or by indexing with the mask.",
        right="torch.where(counted[:, None], pattern, 0.0)",
        wrong="pattern * counted[:, None]",
    ),
    Mistake(
        "offset_attention",
        why="You divided by the number of all queries, padding included. Divide by how many were counted.",
        right="/ counted.sum()",
        wrong="/ (pattern.shape[0] * pattern.shape[-1])",
    ),
    Mistake(
        "offset_attention",
        why="You divided by the number of real tokens. The first `offset` queries of a prompt have no key"
        " that far back: they don't count, above the line or below it.",
        right="/ counted.sum()",
        wrong="/ lengths.sum()",
    ),
    Mistake(
        "offset_attention",
        why="You counted `length - offset` queries in each prompt. That is below zero where a prompt is shorter than "
        "`offset`; no query counts there, so the count is 0. Sum the table of what counts instead.",
        right="/ counted.sum()",
        wrong="/ (lengths - offset).sum()",
    ),
    Mistake(
        "offset_attention",
        why="You ignored `lengths`: queries that are padding are counted too.",
        right="position < lengths[:, None]",
        wrong="position < len(position) + 0 * lengths[:, None]",
    ),
    Mistake(
        "offset_attention",
        why="You count one query of padding in each prompt: with 3 real tokens, the real positions are 0,"
        " 1 and 2. Use < rather than <=.",
        right="position < lengths[:, None]",
        wrong="position <= lengths[:, None]",
    ),
    Mistake(
        "offset_attention",
        why="You asked whether the key is real, not whether the query is. Queries in the padding that "
        "look back at a real token are counted too.",
        right="real[:, :, None]",
        wrong="real[:, None, :]",
    ),
    Mistake(
        "offset_attention",
        why="You averaged within each prompt and then over prompts, so a query of a short prompt weighs "
        "more. Divide the sum over everything by the count of everything.",
        right="return chosen.sum(dim=(0, 2, 3)) / counted.sum()",
        wrong="per_prompt = chosen.sum(dim=(2, 3)) / counted.sum(dim=(1, 2)).clamp(min=1)[:, None]\n"
        "return per_prompt.mean(0)",
    ),
    Mistake(
        "offset_attention",
        why="You averaged within each prompt and then over prompts. In a prompt that is too short no query counts, so "
        "its mean is 0 / 0, NaN; and a query of a short prompt weighs more. Divide the sum over everything by the "
        "count of everything.",
        right="return chosen.sum(dim=(0, 2, 3)) / counted.sum()",
        wrong="per_prompt = chosen.sum(dim=(2, 3)) / counted.sum(dim=(1, 2))[:, None]\nreturn per_prompt.mean(0)",
    ),
    Mistake(
        "offset_attention",
        why="You averaged within each prompt and then over the prompts in which a query counts, so a query of a short "
        "prompt weighs more. Divide the sum over everything by the count of everything.",
        right="return chosen.sum(dim=(0, 2, 3)) / counted.sum()",
        wrong="per_prompt = chosen.sum(dim=(2, 3)) / counted.sum(dim=(1, 2))[:, None]\nreturn per_prompt.nanmean(0)",
    ),
    Mistake(
        "offset_attention",
        why="You took `.mean()` of what you chose, so the entries that you set to zero still count in the denominator. "
        "Sum, and divide by how many queries count.",
        right="chosen.sum(dim=(0, 2, 3)) / counted.sum()",
        wrong="chosen.mean(dim=(0, 2, 3))",
    ),
    Mistake(
        "offset_attention",
        why="You counted each query once for each head. The count is that of one head: sum the table without the head "
        "axis.",
        right="/ counted.sum()",
        wrong="/ counted[:, None].expand_as(pattern).sum()",
    ),
    Mistake(
        "offset_attention",
        why="You look one position back, whatever `offset` is.",
        right="== offset",
        wrong="== 1",
    ),
    Mistake(
        "offset_attention",
        why="You returned the sum. Divide it by how many queries were counted.",
        right=" / counted.sum()",
        wrong="",
    ),
    Mistake(
        "offset_attention",
        why="Your answer is all zeros, whatever the arguments are.",
        right="chosen.sum(dim=(0, 2, 3))",
        wrong="torch.zeros(pattern.shape[1])",
    ),
]

ALTERNATIVES = [
    Alternative("causal_mask", how="by a lower triangle", code="return torch.ones(n_pos, n_pos).tril().bool()"),
    Alternative(
        "causal_mask",
        how="by einops",
        code='position = torch.arange(n_pos)\nreturn einops.rearrange(position, "query -> query 1") >= position',
    ),
    Alternative(
        "split_heads",
        how="by view and transpose",
        code="batch, pos, _ = x.shape\nreturn x.reshape(batch, pos, n_heads, -1).transpose(1, 2)",
    ),
    Alternative("split_heads", how="by chunks", code="return torch.stack(x.chunk(n_heads, dim=-1), dim=1)"),
    Alternative(
        "attention_scores",
        how="by a batched matrix product",
        code="q, k = q.transpose(1, 2), k.transpose(1, 2)\nreturn q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5",
    ),
    Alternative(
        "attention_scores",
        how="by torch.einsum, scaling the queries",
        code='return torch.einsum("bqhd,bkhd->bhqk", q / q.shape[-1] ** 0.5, k)',
    ),
    Alternative(
        "attention_scores",
        how="by broadcasting and a sum",
        code="products = q[:, :, None] * k[:, None]\nreturn products.sum(-1).permute(0, 3, 1, 2) * q.shape[-1] ** -0.5",
    ),
    Alternative(
        "pick_next_token",
        how="by advanced indexing",
        code="batch, pos = tokens.shape\n"
        "return log_probs[torch.arange(batch)[:, None], torch.arange(pos - 1), tokens[:, 1:]]",
    ),
    Alternative(
        "pick_next_token",
        how="by one-hot vectors",
        code="one_hot = torch.nn.functional.one_hot(tokens[:, 1:], log_probs.shape[-1]).float()\n"
        'return einops.einsum(log_probs[:, :-1], one_hot, "batch pos d_vocab, batch pos d_vocab -> batch pos")',
    ),
    Alternative(
        "offset_attention",
        how="by torch.diagonal and a boolean mask",
        code="n_pos = pattern.shape[-1]\n"
        "back = pattern.diagonal(-offset, dim1=-2, dim2=-1)\n"
        "real = torch.arange(offset, n_pos) < lengths[:, None]\n"
        'return einops.rearrange(back, "batch head query -> batch query head")[real].mean(0)',
    ),
    Alternative(
        "offset_attention",
        how="by advanced indexing and nanmean",
        code="query = torch.arange(offset, pattern.shape[-1])\n"
        "back = pattern[:, :, query, query - offset]\n"
        "pad = query >= lengths[:, None, None]\n"
        'return back.masked_fill(pad, float("nan")).nanmean(dim=(0, 2))',
    ),
    Alternative(
        "offset_attention",
        how="by a loop over prompts",
        code="rows = []\n"
        "for prompt, length in zip(pattern, lengths.tolist(), strict=True):\n"
        "    rows.append(prompt[:, :length, :length].diagonal(-offset, dim1=-2, dim2=-1))\n"
        "return torch.cat([row for row in rows if row.shape[-1]], dim=-1).mean(-1)",
    ),
]


@checks("causal_mask")
def test_four_positions_by_hand(submission, draw: Draw):
    """For 4 positions, the mask is True on the diagonal and below it: 1, 2, 3 and 4 keys, row by row."""
    expected = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]).bool()
    hint = "Row q, column k answers: may query q look at key k?"
    assert_equal(submission.causal_mask(4), expected, "the mask for 4 positions", hint=hint)


@checks("causal_mask")
def test_each_query_sees_itself_and_everything_before_it(submission, draw: Draw):
    """For any number of positions, query q may look at key k exactly when k is not after q."""
    n_pos = draw.integer(5, 31)
    mask = submission.causal_mask(n_pos)
    expected = torch.tensor([[k <= q for k in range(n_pos)] for q in range(n_pos)])
    assert_equal(mask, expected, f"the mask for {n_pos} positions", hint="Rows are queries, columns are keys.")


@checks("causal_mask")
def test_a_single_position_sees_itself(submission, draw: Draw):
    """The mask for one position is [[True]]: the first token of a prompt may look at itself."""
    assert_equal(submission.causal_mask(1), torch.tensor([[True]]), "the mask for 1 position")


@checks("split_heads")
def test_two_positions_in_two_heads_by_hand(submission, draw: Draw):
    """Position [1 2 3 4 5 6] and position [7 8 9 10 11 12] split into head 0 (1 2 3, 7 8 9) and head 1
    (the rest).
    """
    x = torch.arange(1.0, 13.0).reshape(1, 2, 6)
    expected = torch.tensor([[[[1.0, 2, 3], [7, 8, 9]], [[4, 5, 6], [10, 11, 12]]]])
    hint = "Entry [0, 1, 0] should be the second half of the first position: 4, 5, 6."
    assert_close(submission.split_heads(x, 2), expected, "the split", hint=hint)


@checks("split_heads")
def test_each_head_owns_a_block_of_neighbours(submission, draw: Draw):
    """At every batch and position, head h holds numbers h * d_head to (h + 1) * d_head - 1 of x."""
    batch, pos, n_heads, d_head = draw.sizes(4, low=3)
    x = draw.normal(batch, pos, n_heads * d_head)
    heads = submission.split_heads(x, n_heads)
    expected = torch.empty(batch, n_heads, pos, d_head)
    for b in range(batch):
        for h in range(n_heads):
            for p in range(pos):
                for i in range(d_head):
                    expected[b, h, p, i] = x[b, p, h * d_head + i]
    hint = f"There are {n_heads} heads of {d_head} numbers and {pos} positions."
    assert_close(heads, expected, "the split", hint=hint)


@checks("split_heads")
def test_the_position_axis_is_not_taken_for_the_head_axis(submission, draw: Draw):
    """With as many positions as heads no shape is wrong, so only the values tell whether axes were
    exchanged.
    """
    batch, n, d_head = draw.sizes(3)
    x = draw.normal(batch, n, n * d_head)
    heads = submission.split_heads(x, n)
    assert_equal(tuple(heads.shape), (batch, n, n, d_head), "the shape of the split")
    h, p = draw.integer(0, n), draw.integer(0, n)
    for head, position in [(h, p), (0, n - 1), (n - 1, 0)]:
        block = x[:, position, head * d_head : (head + 1) * d_head]
        what = f"head {head} at position {position}"
        assert_close(heads[:, head, position], block, what, hint="The axes are batch, head, pos, d_head.")


@checks("attention_scores")
def test_two_queries_and_two_keys_by_hand(submission, draw: Draw):
    """Queries (1, 0, 2, 0) and (0, 1, 0, 0), keys (3, 9, 0, 0) and (0, 9, 5, 0): dot products 3, 10, 9, 9,
    halved.
    """
    q = torch.tensor([[1.0, 0, 2, 0], [0, 1, 0, 0]])[None, :, None]
    k = torch.tensor([[3.0, 9, 0, 0], [0, 9, 5, 0]])[None, :, None]
    expected = torch.tensor([[[[1.5, 5.0], [4.5, 4.5]]]])
    hint = "sqrt(d_head) is sqrt(4) = 2 here."
    assert_close(submission.attention_scores(q, k), expected, "the tensor of scores", hint=hint)


@checks("attention_scores")
def test_each_score_is_a_scaled_dot_product(submission, draw: Draw):
    """Score [b, h, i, j] is the sum over d of q[b, i, h, d] * k[b, j, h, d], divided by sqrt(d_head)."""
    batch, pos, head, d_head = draw.sizes(4)
    q, k = draw.normal(batch, pos, head, d_head), draw.normal(batch, pos, head, d_head)
    scores = submission.attention_scores(q, k)
    hint = "One dot product over d_head for each prompt, head, query and key, divided by sqrt(d_head)."
    assert_close(scores, _scores_by_loop(q, k), "the tensor of scores", hint=hint)


@checks("attention_scores")
def test_queries_and_keys_may_differ_in_number(submission, draw: Draw):
    """One query meets many keys, as when text is generated token by token; or any number meets any other."""
    batch, many, key, head, d_head = draw.sizes(5)
    # One query first: a matrix product over the wrong axes still runs there, and can be told what it did.
    for query in (1, many):
        q, k = draw.normal(batch, query, head, d_head), draw.normal(batch, key, head, d_head)
        scores = submission.attention_scores(q, k)
        what = f"the tensor of scores for {query} {'query' if query == 1 else 'queries'} and {key} keys"
        assert_close(scores, _scores_by_loop(q, k), what, hint="The axes are batch, head, query, key.")


@checks("attention_scores")
def test_heads_do_not_mix(submission, draw: Draw):
    """Changing the keys of one head changes that head's scores and no other's."""
    batch, pos, head, d_head = draw.sizes(4)
    q, k = draw.normal(batch, pos, head, d_head), draw.normal(batch, pos, head, d_head)
    changed = draw.integer(0, head)
    other = k.clone()
    other[:, :, changed] += 1 + draw.uniform(batch, pos, d_head)
    before, after = submission.attention_scores(q, k), submission.attention_scores(q, other)
    rest = [h for h in range(head) if h != changed]
    what = f"what the other heads score, after a change to the keys of head {changed},"
    assert_close(after[:, rest], before[:, rest], what, hint="It should not have moved.")
    moved = (after[:, changed] - before[:, changed]).abs().max().item()
    assert moved > 1e-3, f"The scores of head {changed} should follow its keys, but they did not move."


def _scores_by_loop(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    (batch, query, head, d_head), key = q.shape, k.shape[1]
    scores = torch.empty(batch, head, query, key)
    for b in range(batch):
        for h in range(head):
            for i in range(query):
                for j in range(key):
                    products = [q[b, i, h, d].item() * k[b, j, h, d].item() for d in range(d_head)]
                    scores[b, h, i, j] = sum(products) / math.sqrt(d_head)
    return scores


@checks("pick_next_token")
def test_three_tokens_by_hand(submission, draw: Draw):
    """For tokens 2, 0, 1 the answer is entry 0 of the first prediction and entry 1 of the second."""
    log_probs = torch.tensor([[[-1.0, -2, -3, -4], [-5, -6, -7, -8], [-9, -10, -11, -12]]])
    picked = submission.pick_next_token(log_probs, torch.tensor([[2, 0, 1]]))
    hint = "The prediction made at position 0 is about the token at position 1."
    assert_close(picked, torch.tensor([[-1.0, -6.0]]), "the answer", hint=hint)


@checks("pick_next_token")
def test_each_position_is_asked_for_the_token_after_it(submission, draw: Draw):
    """Entry [b, p] is log_probs[b, p, t], where t is the token of prompt b at position p + 1."""
    batch, pos, d_vocab = draw.sizes(3, low=3)
    log_probs = draw.normal(batch, pos, d_vocab).log_softmax(-1)
    tokens = draw.integers(0, d_vocab, batch, pos)
    tokens[0] = draw.permutation(pos) % d_vocab  # neighbours differ, and so do the first two prompts
    tokens[1] = (tokens[0] + 1) % d_vocab
    picked = submission.pick_next_token(log_probs, tokens)
    expected = torch.empty(batch, pos - 1)
    for b in range(batch):
        for p in range(pos - 1):
            expected[b, p] = log_probs[b, p, tokens[b, p + 1]]
    hint = "Drop the last prediction and the first token; then they stand side by side."
    assert_close(picked, expected, "the answer", hint=hint)


@checks("pick_next_token")
def test_the_last_prediction_and_the_first_token_do_not_matter(submission, draw: Draw):
    """Nothing in the prompt follows the last position, and nothing predicted the first token: neither is
    used.
    """
    batch, pos, d_vocab = draw.sizes(3, low=3)
    log_probs = draw.normal(batch, pos, d_vocab).log_softmax(-1)
    tokens = draw.integers(0, d_vocab, batch, pos)
    picked = submission.pick_next_token(log_probs, tokens)
    other_probs, other_tokens = log_probs.clone(), tokens.clone()
    other_probs[:, -1] = draw.normal(batch, d_vocab).log_softmax(-1)
    other_tokens[:, 0] = (tokens[:, 0] + 1) % d_vocab
    again = submission.pick_next_token(other_probs, other_tokens)
    what = "the answer after a change to the last prediction and the first token"
    assert_close(again, picked, what, hint="It should not have moved.")


@checks("pick_next_token")
def test_one_short_prompt_keeps_its_axes(submission, draw: Draw):
    """One prompt of two tokens gives a result of shape [1, 1]: axes of size one are not dropped."""
    log_probs = draw.normal(1, 2, 5).log_softmax(-1)
    token = draw.integer(0, 5)
    picked = submission.pick_next_token(log_probs, torch.tensor([[(token + 1) % 5, token]]))
    hint = "The first prediction is asked for the second token."
    assert_close(picked, log_probs[:, :1, token], "the picked value", hint=hint)


@checks("offset_attention")
def test_two_prompts_by_hand(submission, draw: Draw):
    """Two prompts of 4 and 2 tokens, offset 1: of head 0 the entries 0.5, 0.2, 0.1 and 0.8 count, mean
    0.4.
    """
    long = [[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.3, 0.2, 0.5, 0], [0.2, 0.4, 0.1, 0.3]]
    short = [[1.0, 0, 0, 0], [0.8, 0.2, 0, 0], [0.6, 0.3, 0.1, 0], [0.1, 0.2, 0.7, 0]]
    itself = torch.eye(4).tolist()
    pattern = torch.tensor([[long, itself], [short, itself]])
    score = submission.offset_attention(pattern, torch.tensor([4, 2]), 1)
    hint = "(0.5 + 0.2 + 0.1 + 0.8) / 4, and 0 for head 1, which attends to itself only."
    assert_close(score, torch.tensor([0.4, 0.0]), "the score of the two heads", hint=hint)


@checks("offset_attention")
def test_every_query_that_counts_weighs_the_same(submission, draw: Draw):
    """For any batch, lengths and offset, the score is the plain mean of pattern[b, h, q, q - offset] where
    it counts.
    """
    pattern, lengths, offset = _padded_patterns(draw)
    score = submission.offset_attention(pattern, lengths, offset)
    what = f"the score for offset {offset} and lengths {lengths.tolist()}"
    hint = "Collect the entries that count, by hand, for one head: is your sum wrong, or your count?"
    assert_close(score, _mean_by_loop(pattern, lengths, offset), what, hint=hint)


@checks("offset_attention")
def test_offset_zero_is_attention_to_oneself(submission, draw: Draw):
    """With offset 0 every real query counts, and the score is the mean of the main diagonal."""
    pattern, lengths, _ = _padded_patterns(draw)
    score = submission.offset_attention(pattern, lengths, 0)
    what = f"the score for offset 0 and lengths {lengths.tolist()}"
    assert_close(score, _mean_by_loop(pattern, lengths, 0), what, hint="Each real token counts once.")


@checks("offset_attention")
def test_junk_in_the_padding_is_never_read(submission, draw: Draw):
    """When the rows of the padding are NaN, the score stays what it was: they do not count."""
    pattern, lengths, offset = _padded_patterns(draw)
    expected = _mean_by_loop(pattern, lengths, offset)
    what = f"the score for offset {offset} and lengths {lengths.tolist()}, with no NaN anywhere,"
    assert_close(submission.offset_attention(pattern, lengths, offset), expected, what)
    for prompt, length in zip(pattern, lengths.tolist(), strict=True):
        prompt[:, length:] = float("nan")
    score = submission.offset_attention(pattern, lengths, offset)
    hint = "Without the NaN it was right, so you read the padding."
    if bool(score.isnan().any()):
        hint = "Without the NaN it was right. NaN times 0 is NaN: choose entries rather than multiply by a mask."
    assert_close(score, expected, "the score with NaN in the padding", hint=hint)


@checks("offset_attention")
def test_a_perfect_head_scores_one(submission, draw: Draw):
    """A head that always looks exactly `offset` back scores 1; one that always looks a step nearer scores
    0.
    """
    n_pos, offset = draw.integer(9, 13), draw.integer(2, 4)
    query = torch.arange(n_pos)
    perfect = torch.eye(n_pos)[(query - offset).clamp(min=0)]
    nearer = torch.eye(n_pos)[(query - offset + 1).clamp(min=0)]
    nearer[: offset + 1] = torch.eye(n_pos)[: offset + 1]  # early queries attend to themselves
    pattern = torch.stack([perfect, nearer])[None].repeat(2, 1, 1, 1)
    score = submission.offset_attention(pattern, torch.tensor([n_pos, n_pos - 2]), offset)
    hint = f"The first {offset} queries have no key {offset} back: do you count them?"
    assert_close(score, torch.tensor([1.0, 0.0]), "the score of the two heads", hint=hint)


def _padded_patterns(draw: Draw) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Causal patterns whose padding holds finite junk, with the prompts' lengths and an offset of 2 to 3.

    The first prompt is full, the second ends two tokens earlier, the third is too short for any query to count, and
    the rest end anywhere.
    """
    batch, head, n_pos = draw.integer(3, 5), draw.integer(2, 5), draw.integer(7, 11)
    future = torch.ones(n_pos, n_pos).triu(1).bool()
    pattern = draw.normal(batch, head, n_pos, n_pos).masked_fill(future, float("-inf")).softmax(-1)
    lengths = draw.integers(1, n_pos + 1, batch)
    lengths[:3] = torch.tensor([n_pos, n_pos - 2, 1])
    for prompt, length in zip(pattern, lengths.tolist(), strict=True):
        prompt[:, length:] = draw.uniform(head, n_pos - length, n_pos, low=1.0, high=2.0)
    return pattern, lengths, draw.integer(2, 4)


def _mean_by_loop(pattern: torch.Tensor, lengths: torch.Tensor, offset: int) -> torch.Tensor:
    means = []
    for head in range(pattern.shape[1]):
        counted = []
        for prompt in range(pattern.shape[0]):
            for query in range(offset, int(lengths[prompt])):
                counted.append(pattern[prompt, head, query, query - offset].item())
        means.append(sum(counted) / len(counted))
    return torch.tensor(means)
