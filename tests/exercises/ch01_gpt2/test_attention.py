"""Checks of the lesson `attention`: oracles are slow loops, laws, torch's own attention, planted leaks."""

import cmath
import math

import torch
from torch import nn
from torch.nn import functional

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # scores_from_stream
    Mistake(
        "scores_from_stream",
        why="You left out the division by sqrt(d_head): the wider a head, the larger its scores.",
        right="scores / W_Q.shape[-1] ** 0.5",
        wrong="scores",
    ),
    Mistake(
        "scores_from_stream",
        why="You divided by d_head itself: it is its square root, which is how fast dot products grow.",
        right="W_Q.shape[-1] ** 0.5",
        wrong="W_Q.shape[-1]",
    ),
    Mistake(
        "scores_from_stream",
        why="You divided by the root of d_model. The dot product has d_head terms, the size of one head.",
        right="W_Q.shape[-1] ** 0.5",
        wrong="W_Q.shape[1] ** 0.5",
    ),
    Mistake(
        "scores_from_stream",
        why="Queries and keys stand the wrong way round: rows are queries (who looks), columns are keys (who is seen).",
        right="-> batch head query key",
        wrong="-> batch head key query",
    ),
    Mistake(
        "scores_from_stream",
        why="You left the queries' bias out. Without it no key is favoured by all queries alike.",
        right='batch pos head d_head") + b_Q',
        wrong='batch pos head d_head")',
    ),
    Mistake(
        "scores_from_stream",
        why="You left the keys' bias out.",
        right='batch pos head d_head") + b_K',
        wrong='batch pos head d_head")',
    ),
    Mistake(
        "scores_from_stream",
        why="You made the keys with the queries' matrix. Then a score says how alike two positions are; "
        "W_K is what lets one position look for something other than itself.",
        right="einsum(x, W_K,",
        wrong="einsum(x, W_Q,",
    ),
    Mistake(
        "scores_from_stream",
        why="You multiplied by sqrt(d_head) in place of dividing.",
        right="scores / W_Q",
        wrong="scores * W_Q",
    ),
    Mistake(
        "scores_from_stream",
        why="You applied the softmax already: scores come before the mask, and the softmax after it.",
        right="return scores / W_Q.shape[-1] ** 0.5",
        wrong="return (scores / W_Q.shape[-1] ** 0.5).softmax(-1)",
    ),
    # causal_pattern
    Mistake(
        "causal_pattern",
        why="You set the future's scores to 0, which is a score like any other: e^0 is 1, and the future gets weight.",
        right="-torch.inf",
        wrong="0.0",
    ),
    Mistake(
        "causal_pattern",
        why="You multiplied the scores by a mask of ones and zeros. That makes the future's scores 0, which is a score "
        "like any other: e^0 is 1, and the future gets weight. (The mask's float32 also replaces a lower dtype.)",
        right="scores.masked_fill(key > query, -torch.inf)",
        wrong="(scores * torch.ones(n_query, n_key).tril(n_key - n_query))",
    ),
    Mistake(
        "causal_pattern",
        why="You multiplied the scores by a mask of ones and zeros. That makes the future's scores 0, which is a score "
        "like any other: e^0 is 1. Your mask also counts the queries from 0, though they are the last positions.",
        right="scores.masked_fill(key > query, -torch.inf)",
        wrong="(scores * torch.ones(n_query, n_key).tril())",
    ),
    Mistake(
        "causal_pattern",
        why="You multiplied the scores by a mask of ones and zeros. That makes the future's scores 0, which is a score "
        "like any other: e^0 is 1. Your mask also counts the queries from 0, though they are the last positions.",
        right="scores.masked_fill(key > query, -torch.inf)",
        wrong="(scores * torch.ones_like(scores).tril())",
    ),
    Mistake(
        "causal_pattern",
        why="You masked after the softmax and left it there: the rows don't sum to 1, and each weight still depends on "
        "the future's scores, which took part in the normaliser. Mask the scores, then take the softmax.",
        right="scores.masked_fill(key > query, -torch.inf).softmax(dim=-1)",
        wrong="scores.softmax(dim=-1).masked_fill(key > query, 0.0)",
    ),
    Mistake(
        "causal_pattern",
        why="You masked after the softmax and divided by the sum of what is left. On paper that is right. But where "
        "the future's score is by far the largest, all else has been rounded to 0 by then, and 0 / 0 is nan. Mask the "
        "scores, then take the softmax.",
        wrong="n_query, n_key = scores.shape[-2:]\n"
        "keep = torch.ones(n_query, n_key).tril(n_key - n_query)\n"
        "kept = scores.softmax(-1) * keep\n"
        "return (kept / kept.sum(-1, keepdim=True)).to(scores.dtype)",
    ),
    Mistake(
        "causal_pattern",
        why="You hid the present too: a position may look at itself. (Position 0 has nothing else: its row is nan.)",
        right="key > query",
        wrong="key >= query",
    ),
    Mistake(
        "causal_pattern",
        why="You hid the past and kept the future: the mask is the wrong way round.",
        right="key > query",
        wrong="key < query",
    ),
    Mistake(
        "causal_pattern",
        why="You let each query see one key too many, the very next token: the one that it should predict.",
        right="key > query",
        wrong="key > query + 1",
    ),
    Mistake(
        "causal_pattern",
        why="You counted the queries from 0. When there are fewer queries than keys, they are the last positions: "
        "query i stands at n_key - n_query + i.",
        right="torch.arange(n_key - n_query, n_key, device=scores.device)",
        wrong="torch.arange(n_query, device=scores.device)",
    ),
    Mistake(
        "causal_pattern",
        why="You took the softmax over the queries. Each *query* shares out its attention: the last axis sums to 1.",
        right="softmax(dim=-1)",
        wrong="softmax(dim=-2)",
    ),
    Mistake(
        "causal_pattern",
        why="There is no mask: every position sees the whole text, its own future included.",
        right="scores.masked_fill(key > query, -torch.inf)",
        wrong="scores",
    ),
    Mistake(
        "causal_pattern",
        why="You fill the future with a large negative number. Where the true scores are more negative still, the "
        "future wins; and float16 can't hold 1e9. Fill with -torch.inf: it is below every number.",
        right="-torch.inf",
        wrong="-1e9",
    ),
    Mistake(
        "causal_pattern",
        why="You hide the future by the lowest number of the dtype. A visible score can be as low, and then the "
        "future gets as much weight as it. -torch.inf is below every number.",
        right="-torch.inf",
        wrong="torch.finfo(scores.dtype).min",
    ),
    Mistake(
        "causal_pattern",
        why="You hide the future by the lowest number of the dtype. A visible score can be as low, and then the "
        "future gets as much weight as it. -torch.inf is below every number.",
        right="scores.masked_fill(key > query, -torch.inf)",
        wrong="(scores + (key > query).to(scores.dtype) * torch.finfo(scores.dtype).min)",
    ),
    Mistake(
        "causal_pattern",
        why="You take exp of the raw scores: exp(1000) is inf, and inf / inf is nan. `softmax` subtracts the row's "
        "largest score first.",
        right="return scores.masked_fill(key > query, -torch.inf).softmax(dim=-1)",
        wrong="weights = scores.exp().masked_fill(key > query, 0.0)\nreturn weights / weights.sum(-1, keepdim=True)",
    ),
    Mistake(
        "causal_pattern",
        why="You return the masked scores: the softmax is missing.",
        right=".softmax(dim=-1)",
        wrong="",
    ),
    Mistake(
        "causal_pattern",
        why="Your result is float32 whatever came in. Keep the dtype of `scores`.",
        right="scores.masked_fill(key > query, -torch.inf).softmax(dim=-1)",
        wrong="scores.float().masked_fill(key > query, -torch.inf).softmax(dim=-1)",
    ),
    # head_writes
    Mistake(
        "head_writes",
        why="You summed over the keys without the pattern's weights.",
        right='einsum(pattern, v, "batch head query key,',
        wrong='einsum(torch.ones_like(pattern), v, "batch head query key,',
    ),
    Mistake(
        "head_writes",
        why="You used every head's pattern with every head's values: a head mixes its own values by its own pattern.",
        right='einsum(pattern, v, "batch head query key,',
        wrong='einsum(pattern.sum(1), v, "batch query key,',
    ),
    Mistake(
        "head_writes",
        why="You used the mean W_O of all heads. Each head writes in directions of its own.",
        right='einsum(z, W_O, "batch query head d_head, head d_head d_model -> batch query head d_model")',
        wrong="z @ W_O.mean(0)",
    ),
    Mistake(
        "head_writes",
        why="You shared the layer's output out evenly: every head gets the mean. The sum is right, the shares aren't, "
        "and the shares are what we want to see.",
        right='return einsum(z, W_O, "batch query head d_head, head d_head d_model -> batch query head d_model")',
        wrong='out = einsum(z, W_O, "batch query head d_head, head d_head d_model -> batch query head d_model")\n'
        "return out.mean(2, keepdim=True).expand_as(out)",
    ),
    Mistake(
        "head_writes",
        why="You applied each head's values at the query's own position: nothing moved from one position to another.",
        right="return einsum(z, W_O,",
        wrong="return einsum(v[:, -z.shape[1] :], W_O,",
    ),
    Mistake(
        "head_writes",
        why="You divided by the number of keys: the pattern's weights sum to 1 already, that is the mean.",
        right="return einsum(z, W_O,",
        wrong="return einsum(z / v.shape[1], W_O,",
    ),
    # Attention
    Mistake(
        "Attention",
        why="`b_O` is left out of the forward pass.",
        wrong="""self.W_Q = nn.Parameter(0.02 * torch.randn(n_heads, d_model, d_head))
self.W_K = nn.Parameter(0.02 * torch.randn(n_heads, d_model, d_head))
self.W_V = nn.Parameter(0.02 * torch.randn(n_heads, d_model, d_head))
self.W_O = nn.Parameter(0.02 * torch.randn(n_heads, d_head, d_model))
self.b_Q = nn.Parameter(torch.zeros(n_heads, d_head))
self.b_K = nn.Parameter(torch.zeros(n_heads, d_head))
self.b_V = nn.Parameter(torch.zeros(n_heads, d_head))
self.b_O = nn.Parameter(torch.zeros(d_model))
### NEXT REGION
pattern = causal_pattern(scores_from_stream(x, self.W_Q, self.b_Q, self.W_K, self.b_K))
v = einsum(x, self.W_V, "batch pos d_model, head d_model d_head -> batch pos head d_head") + self.b_V
return head_writes(pattern, v, self.W_O).sum(dim=2)""",
    ),
    Mistake(
        "Attention",
        why="You added `b_O` once for each head: add it after the sum over heads.",
        right="head_writes(pattern, v, self.W_O).sum(dim=2) + self.b_O",
        wrong="(head_writes(pattern, v, self.W_O) + self.b_O).sum(dim=2)",
    ),
    Mistake(
        "Attention",
        why="You left `b_V` out of the values.",
        right='-> batch pos head d_head") + self.b_V',
        wrong='-> batch pos head d_head")',
    ),
    Mistake(
        "Attention",
        why="You took the mean over heads. Heads write side by side into the same stream: sum them.",
        right=".sum(dim=2)",
        wrong=".mean(dim=2)",
    ),
    Mistake(
        "Attention",
        why="You added `x` to the output. That is the block's business: the layer returns only what it adds.",
        right="head_writes(pattern, v, self.W_O).sum(dim=2) + self.b_O",
        wrong="x + head_writes(pattern, v, self.W_O).sum(dim=2) + self.b_O",
    ),
    Mistake(
        "Attention",
        why="Nothing is masked: you took the softmax of the raw scores.",
        right="causal_pattern(scores_from_stream(x, self.W_Q, self.b_Q, self.W_K, self.b_K))",
        wrong="scores_from_stream(x, self.W_Q, self.b_Q, self.W_K, self.b_K).softmax(-1)",
    ),
    Mistake(
        "Attention",
        why="You swapped W_Q and W_K (and their biases): each position is asked where it should do the asking.",
        right="scores_from_stream(x, self.W_Q, self.b_Q, self.W_K, self.b_K)",
        wrong="scores_from_stream(x, self.W_K, self.b_K, self.W_Q, self.b_Q)",
    ),
    Mistake(
        "Attention",
        why="The values are made by W_K: what a head looks for and what it carries over are different things.",
        right='v = einsum(x, self.W_V, "batch',
        wrong='v = einsum(x, self.W_K, "batch',
    ),
    Mistake(
        "Attention",
        why="`b_O` is a plain tensor, so that the module doesn't know it: wrap it in `nn.Parameter`.",
        right="nn.Parameter(torch.zeros(d_model))",
        wrong="torch.zeros(d_model)",
    ),
    Mistake(
        "Attention",
        why="Your matrices start with standard deviation 1. GPT-2's start with 0.02.",
        right="self.W_K = nn.Parameter(0.02 * torch.randn(n_heads, d_model, d_head))",
        wrong="self.W_K = nn.Parameter(torch.randn(n_heads, d_model, d_head))",
    ),
    Mistake(
        "Attention",
        why="Your matrices start at zero. Then all heads are alike, and W_Q and W_K have no slope to leave zero by.",
        right="self.W_Q = nn.Parameter(0.02 * torch.randn(n_heads, d_model, d_head))",
        wrong="self.W_Q = nn.Parameter(torch.zeros(n_heads, d_model, d_head))",
    ),
    # causal_leak
    Mistake(
        "causal_leak",
        why="You changed one token at a time, the one at the cut. An output that needs two later tokens, or a later "
        "cut, is then not asked as the statement asks: replace *all* tokens from the cut on.",
        right="torch.cat([tokens[:, :cut], others[:, cut:]], dim=1)",
        wrong="torch.cat([tokens[:, :cut], others[:, cut : cut + 1], tokens[:, cut + 1 :]], dim=1)",
    ),
    Mistake(
        "causal_leak",
        why="You replaced the tokens *before* the cut. Outputs may depend on those; it is the later ones that count.",
        right="torch.cat([tokens[:, :cut], others[:, cut:]], dim=1)",
        wrong="torch.cat([others[:, :cut], tokens[:, cut:]], dim=1)",
    ),
    Mistake(
        "causal_leak",
        why="You change only what comes after position `cut`, not the token at `cut` itself: whoever peeks at just the "
        "next token isn't caught.",
        right="torch.cat([tokens[:, :cut], others[:, cut:]], dim=1)",
        wrong="torch.cat([tokens[:, : cut + 1], others[:, cut + 1 :]], dim=1)",
    ),
    Mistake(
        "causal_leak",
        why="You tried the last cut only: a model that peeks further than one token is caught at earlier cuts alone, "
        "and so is one that peeks in the middle of the text.",
        right="for cut in range(1, n_pos):",
        wrong="for cut in range(n_pos - 1, n_pos):",
    ),
    Mistake(
        "causal_leak",
        why="You tried the first cut only, where all but one token changes: it asks about position 0 and nobody else.",
        right="for cut in range(1, n_pos):",
        wrong="for cut in range(1, min(2, n_pos)):",
    ),
    Mistake(
        "causal_leak",
        why="You counted the position at the cut as well. Its own token was replaced, so its output may change.",
        right="change = (model(changed) - before)[:, :cut].abs()  # [batch cut d_out]: the outputs before the cut\n"
        "        leak[:cut, cut]",
        wrong="change = (model(changed) - before)[:, : cut + 1].abs()\n        leak[: cut + 1, cut]",
    ),
    Mistake(
        "causal_leak",
        why="You also counted outputs at the cut and after it. Their own tokens were replaced, so they may "
        "change: only positions before the cut (p < cut) are asked about.",
        right="change = (model(changed) - before)[:, :cut].abs()  # [batch cut d_out]: the outputs before the cut\n"
        "        leak[:cut, cut]",
        wrong="change = (model(changed) - before).abs()\n        leak[:, cut]",
    ),
    Mistake(
        "causal_leak",
        why="You also counted outputs at the cut and after it. Their own tokens were replaced, so they may "
        "change: only positions before the cut (p < cut) are asked about.",
        right="for cut in range(1, n_pos):\n"
        "        changed = torch.cat([tokens[:, :cut], others[:, cut:]], dim=1)\n"
        "        change = (model(changed) - before)[:, :cut].abs()  # [batch cut d_out]: the outputs before the cut\n"
        "        leak[:cut, cut]",
        wrong="for cut in range(n_pos):\n"
        "        changed = torch.cat([tokens[:, :cut], others[:, cut:]], dim=1)\n"
        "        change = (model(changed) - before).abs()\n"
        "        leak[:, cut]",
    ),
    Mistake(
        "causal_leak",
        why="You took the largest signed change: an output that falls has changed as well. Take absolute values.",
        right="[:, :cut].abs()",
        wrong="[:, :cut]",
    ),
    Mistake(
        "causal_leak",
        why="You took the mean over batch and outputs. One leaking number among thousands drowns in it: take the "
        "largest.",
        right="change.amax(dim=(0, 2))",
        wrong="change.mean(dim=(0, 2))",
    ),
    Mistake(
        "causal_leak",
        why="You looked at the first prompt of the batch only.",
        right="change.amax(dim=(0, 2))",
        wrong="change[0].amax(dim=-1)",
    ),
    Mistake(
        "causal_leak",
        why="Rows and columns are swapped: a row is the position whose output changed, a column is the cut.",
        right="return leak",
        wrong="return leak.T",
    ),
    Mistake(
        "causal_leak",
        why="You always report that nothing leaks.",
        wrong="n_pos = tokens.shape[1]\nreturn torch.zeros(n_pos, n_pos)",
    ),
    Mistake(
        "causal_leak",
        why="You compared the two runs relative to the size of the output: a small leak of a large output is a leak.",
        right="leak[:cut, cut] = change.amax(dim=(0, 2))",
        wrong="leak[:cut, cut] = (change / (before[:, :cut].abs() + 1)).amax(dim=(0, 2))",
    ),
    # rotary
    Mistake(
        "rotary",
        why="You paired neighbours, dimension 2i with 2i + 1, as in the RoFormer paper. Here (and in GPT-NeoX) "
        "dimension i goes with i + d_head/2.",
        right="return turned.to(x.dtype)",
        wrong="a, b = x[..., ::2], x[..., 1::2]\n"
        "turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)\n"
        "return turned.to(x.dtype)",
    ),
    Mistake(
        "rotary",
        why="You turned the other way: the minus sign belongs to the first half. (Scores come out the same, "
        "if queries and keys both turn so; weights trained elsewhere expect the usual direction.)",
        right="[a * cos - b * sin, a * sin + b * cos]",
        wrong="[a * cos + b * sin, b * cos - a * sin]",
    ),
    Mistake(
        "rotary",
        why="Both halves have a plus sign. That is no rotation: it changes lengths.",
        right="a * cos - b * sin, a",
        wrong="a * cos + b * sin, a",
    ),
    Mistake(
        "rotary",
        why="All pairs turn at the same speed. Pair i is slower than pair 0 by the factor base ** (-2i / d_head).",
        right="base**-steps",
        wrong="base ** -(0 * steps)",
    ),
    Mistake(
        "rotary",
        why="Your exponent is -i / d_head: half of what it should be. It is -2i / d_head.",
        right="torch.arange(half, device=x.device) / half",
        wrong="torch.arange(half, device=x.device) / (2 * half)",
    ),
    Mistake(  # the same in float64: far into a text, half precision tells the two apart
        "rotary",
        why="Your exponent is -i / d_head: half of what it should be. It is -2i / d_head.",
        right="torch.arange(half, device=x.device) / half",
        wrong="torch.arange(half, dtype=torch.float64, device=x.device) / (2 * half)",
    ),
    Mistake(
        "rotary",
        why="You ignored `positions`, and counted from 0. When a text is continued, its first new position is not 0.",
        right="positions[:, None] *",
        wrong="torch.arange(len(positions))[:, None] *",
    ),
    Mistake(
        "rotary",
        why="You ignored `base`.",
        right="base**-steps",
        wrong="10000.0**-steps",
    ),
    Mistake(
        "rotary",
        why="You computed the angles in the dtype of `x`. In half precision large positions run into each other: "
        "make them in float32, and convert the result.",
        right="angles = (positions[:, None] * base**-steps)[:, None, :]",
        wrong="angles = (positions[:, None].to(x.dtype) * (base**-steps).to(x.dtype))[:, None, :]",
    ),
    Mistake(
        "rotary",
        why="You add the angles to the pairs, as a position embedding is added. Here the pair is *turned* by it.",
        right="turned = torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)",
        wrong="turned = torch.cat([a + cos, b + sin], dim=-1)",
    ),
    Mistake(
        "rotary",
        why="Your angles vary along the heads, not along the positions: all heads of a position turn alike.",
        right="cos, sin = angles.cos(), angles.sin()",
        wrong="heads = torch.arange(x.shape[2])[:, None] * base**-steps\ncos, sin = heads.cos(), heads.sin()",
    ),
]

ALTERNATIVES = [
    Alternative(
        "scores_from_stream",
        how="by matrix multiplication, with a head axis in front, and the scale on the queries",
        code="q = (x[:, None] @ W_Q + b_Q[:, None]) / W_Q.shape[-1] ** 0.5\n"
        "k = x[:, None] @ W_K + b_K[:, None]\n"
        "return q @ k.transpose(-1, -2)",
    ),
    Alternative(
        "scores_from_stream",
        how="by the bilinear form W_Q W_K^T and the three terms with biases",
        code="W_QK = W_Q @ W_K.transpose(1, 2)  # [head d_model d_model]\n"
        "y = x[:, None]\n"
        "both = y @ W_QK @ y.transpose(-1, -2)\n"
        "from_query = y @ (W_Q @ b_K[..., None])\n"
        "from_key = (y @ (W_K @ b_Q[..., None])).transpose(-1, -2)\n"
        "return (both + from_query + from_key + (b_Q * b_K).sum(-1)[:, None, None]) / W_Q.shape[-1] ** 0.5",
    ),
    Alternative(
        "scores_from_stream",
        how="in loops over batch and heads",
        code="rows = []\n"
        "for row in x:\n"
        "    heads = []\n"
        "    for wq, bq, wk, bk in zip(W_Q, b_Q, W_K, b_K):\n"
        "        heads.append((row @ wq + bq) @ (row @ wk + bk).T / wq.shape[1] ** 0.5)\n"
        "    rows.append(torch.stack(heads))\n"
        "return torch.stack(rows)",
    ),
    Alternative(
        "causal_pattern",
        how="by adding a mask of 0 and -inf",
        code="n_query, n_key = scores.shape[-2:]\n"
        "mask = torch.full((n_query, n_key), float('-inf'), dtype=scores.dtype).triu(n_key - n_query + 1)\n"
        "return torch.softmax(scores + mask, -1)",
    ),
    Alternative(
        "causal_pattern",
        how="with where, and a softmax by hand",
        code="n_query, n_key = scores.shape[-2:]\n"
        "seen = torch.ones(n_query, n_key, dtype=torch.bool).tril(n_key - n_query)\n"
        "kept = torch.where(seen, scores, float('-inf'))\n"
        "weights = (kept - kept.amax(-1, keepdim=True)).exp()\n"
        "return weights / weights.sum(-1, keepdim=True)",
    ),
    Alternative(
        "causal_pattern",
        how="query by query",
        code="n_query, n_key = scores.shape[-2:]\n"
        "pattern = torch.zeros_like(scores)\n"
        "for i in range(n_query):\n"
        "    seen = n_key - n_query + i + 1\n"
        "    pattern[:, :, i, :seen] = scores[:, :, i, :seen].softmax(-1)\n"
        "return pattern",
    ),
    Alternative(
        "head_writes",
        how="by moving each key's value into the stream first, and mixing there",
        code="moved = einsum(v, W_O, 'batch key head d_head, head d_head d_model -> batch head key d_model')\n"
        "return (pattern @ moved).transpose(1, 2)",
    ),
    Alternative(
        "head_writes",
        how="head by head",
        code="return torch.stack([pattern[:, h] @ v[:, :, h] @ W_O[h] for h in range(len(W_O))], dim=2)",
    ),
    Alternative(
        "Attention",
        how="with torch's scaled_dot_product_attention, and heads side by side",
        code="""self.W_Q, self.W_K, self.W_V = (
    nn.Parameter(torch.empty(n_heads, d_model, d_head).normal_(std=0.02)) for _ in range(3)
)
self.b_Q, self.b_K, self.b_V = (nn.Parameter(torch.zeros(n_heads, d_head)) for _ in range(3))
self.W_O = nn.Parameter(nn.init.normal_(torch.empty(n_heads, d_head, d_model), std=0.02))
self.b_O = nn.Parameter(torch.zeros(d_model))
### NEXT REGION
q, k, v = (
    x[:, None] @ W + b[:, None]
    for W, b in ((self.W_Q, self.b_Q), (self.W_K, self.b_K), (self.W_V, self.b_V))
)
z = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
return z.transpose(1, 2).flatten(2) @ self.W_O.flatten(0, 1) + self.b_O""",
    ),
    Alternative(
        "Attention",
        how="with the mask as a buffer that isn't saved",
        code="""self.W_Q, self.W_K, self.W_V = (
    nn.Parameter(torch.empty(n_heads, d_model, d_head).normal_(std=0.02)) for _ in range(3)
)
self.b_Q, self.b_K, self.b_V = (nn.Parameter(torch.zeros(n_heads, d_head)) for _ in range(3))
self.W_O = nn.Parameter(nn.init.normal_(torch.empty(n_heads, d_head, d_model), std=0.02))
self.b_O = nn.Parameter(torch.zeros(d_model))
self.register_buffer("mask", torch.full((64, 64), float("-inf")).triu(1), persistent=False)
### NEXT REGION
n = x.shape[1]
scores = scores_from_stream(x, self.W_Q, self.b_Q, self.W_K, self.b_K)
pattern = (scores + self.mask[:n, :n]).softmax(-1)
v = x[:, None] @ self.W_V + self.b_V[:, None]
return torch.einsum("bhqk,bhkd,hdm->bqm", pattern, v, self.W_O) + self.b_O""",
    ),
    Alternative(
        "causal_leak",
        how="all cuts in one batch",
        code="batch, n_pos = tokens.shape\n"
        "position = torch.arange(n_pos)\n"
        "late = position >= position[:, None]  # [cut pos]: is this position replaced?\n"
        "mixed = torch.where(late[:, None], others, tokens)  # [cut batch pos]\n"
        "out = model(mixed.flatten(0, 1)).detach()\n"
        "change = (out.unflatten(0, (n_pos, batch)) - model(tokens).detach()).abs().amax(dim=(1, 3))\n"
        "return torch.where(late, 0.0, change).T",
    ),
    Alternative(
        "causal_leak",
        how="entry by entry",
        code="n_pos = tokens.shape[1]\n"
        "before = model(tokens).detach()\n"
        "leak = torch.zeros(n_pos, n_pos, dtype=before.dtype)\n"
        "for cut in range(n_pos):\n"
        "    changed = tokens.clone()\n"
        "    changed[:, cut:] = others[:, cut:]\n"
        "    after = model(changed).detach()\n"
        "    for p in range(cut):\n"
        "        leak[p, cut] = (after[:, p] - before[:, p]).abs().max()\n"
        "return leak",
    ),
    Alternative(
        "rotary",
        how="with complex numbers",
        code="a, b = x.double().chunk(2, dim=-1)\n"
        "speeds = float(base) ** (-torch.arange(a.shape[-1], dtype=torch.float64) / a.shape[-1])\n"
        "angles = torch.outer(positions.double(), speeds)\n"
        "turned = torch.complex(a, b) * torch.polar(torch.ones_like(angles), angles)[:, None]\n"
        "return torch.cat([turned.real, turned.imag], dim=-1).to(x.dtype)",
    ),
    Alternative(
        "rotary",
        how="with rotate_half, as transformers does",
        code="half = x.shape[-1] // 2\n"
        "speeds = 1.0 / (base ** (torch.arange(0, 2 * half, 2).float() / (2 * half)))\n"
        "angles = positions[:, None].float() * speeds[None, :]\n"
        "angles = torch.cat([angles, angles], dim=-1)[None, :, None, :]\n"
        "rotated = torch.cat([-x[..., half:], x[..., :half]], dim=-1)\n"
        "return (x * angles.cos() + rotated * angles.sin()).to(x.dtype)",
    ),
]


def layer_weights(draw: Draw, n_heads: int, d_model: int, d_head: int) -> dict[str, torch.Tensor]:
    """The eight parameters of a layer, biases too, large enough that patterns are far from even."""
    weights = {f"W_{name}": draw.normal(n_heads, d_model, d_head) / d_model**0.5 for name in "QKV"}
    weights |= {f"b_{name}": draw.normal(n_heads, d_head) for name in "QKV"}
    return weights | {"W_O": draw.normal(n_heads, d_head, d_model), "b_O": draw.normal(d_model)}


def by_torch(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """The layer's output by torch's own attention, in float64 unless a weight wants its gradient."""
    parts = [torch.einsum("bpm,hmd->bhpd", x, w[f"W_{name}"]) + w[f"b_{name}"][:, None] for name in "QKV"]
    z = functional.scaled_dot_product_attention(*parts, is_causal=True)
    return z.transpose(1, 2).flatten(2) @ w["W_O"].flatten(0, 1) + w["b_O"]


@checks("scores_from_stream")
def test_a_case_by_hand(submission):
    """The worked example: queries (1, 1, 1, 1), (2, 2, 2, 2), keys the same; dot products 4, 8, 16, and sqrt(4) = 2."""
    x = torch.tensor([[[1.0, 0, 0, 0], [0, 2.0, 0, 0]]])
    ones, zeros = torch.ones(1, 4, 4), torch.zeros(1, 4)
    scores = submission.scores_from_stream(x, ones, zeros, ones, zeros)
    hint = "[1, 1, 1, 1] and [2, 2, 2, 2] have dot products 4, 8, 16; each is divided by sqrt(d_head) = 2. No mask."
    expected = torch.tensor([[[[2.0, 4.0], [4.0, 8.0]]]])
    assert_close(scores, expected, "the table of scores of the worked example", hint=hint)


@checks("scores_from_stream")
def test_each_score_is_the_dot_product_of_a_query_and_a_key(submission, draw: Draw):
    """For each prompt, head, query and key: the dot product of that query with that key, over sqrt(d_head)."""
    batch, pos, d_model, n_heads, d_head = draw.sizes(5)
    x, w = draw.normal(batch, pos, d_model), layer_weights(draw, n_heads, d_model, d_head)
    scores = submission.scores_from_stream(x, w["W_Q"], w["b_Q"], w["W_K"], w["b_K"])
    expected = torch.zeros(batch, n_heads, pos, pos)
    for b in range(batch):
        for h in range(n_heads):
            for query in range(pos):
                for key in range(pos):
                    q = x[b, query] @ w["W_Q"][h] + w["b_Q"][h]
                    k = x[b, key] @ w["W_K"][h] + w["b_K"][h]
                    expected[b, h, query, key] = (q * k).sum() / math.sqrt(d_head)
    hint = "The axes are [batch head query key]: rows are queries."
    assert_close(scores, expected, "the table of scores", hint=hint, rtol=1e-3, atol=1e-4)


@checks("scores_from_stream")
def test_the_biases_alone_make_a_score(submission, draw: Draw):
    """Where `x` is zero, every query is b_Q and every key is b_K: all scores of a head are alike, and not zero."""
    batch, pos, d_model, n_heads, d_head = draw.sizes(5)
    w = layer_weights(draw, n_heads, d_model, d_head)
    scores = submission.scores_from_stream(torch.zeros(batch, pos, d_model), w["W_Q"], w["b_Q"], w["W_K"], w["b_K"])
    alike = (w["b_Q"] * w["b_K"]).sum(-1) / math.sqrt(d_head)
    assert_close(scores, alike[:, None, None].expand(batch, n_heads, pos, pos), "the table of scores of a zero stream")


@checks("scores_from_stream")
def test_scores_of_a_wide_head(submission, draw: Draw):
    """A head of the size that GPT-2's heads have, and one prompt: as above."""
    pos, n_heads = draw.integer(3, 6), 2
    x, w = draw.normal(1, pos, 96).double(), layer_weights(draw, n_heads, 96, 64)
    w = {name: value.double() for name, value in w.items()}
    scores = submission.scores_from_stream(x, w["W_Q"], w["b_Q"], w["W_K"], w["b_K"])
    q, k = ((x[0] @ w[f"W_{name}"] + w[f"b_{name}"][:, None]) for name in "QK")  # [head pos d_head]
    expected = torch.stack([a @ b.T / 8 for a, b in zip(q, k, strict=True)])[None]
    assert_equal(scores.dtype, torch.float64, "the dtype of the scores of a float64 stream")
    assert_close(scores, expected, "the table of scores of heads of 64, in float64,", rtol=1e-9, atol=1e-9)


def slow_pattern(scores: torch.Tensor) -> torch.Tensor:
    """The pattern, row by row, with Python floats."""
    batch, n_heads, n_query, n_key = scores.shape
    pattern = torch.zeros(scores.shape, dtype=torch.float64)
    for b in range(batch):
        for h in range(n_heads):
            for i in range(n_query):
                seen = scores[b, h, i, : n_key - n_query + i + 1].tolist()
                weights = [math.exp(score - max(seen)) for score in seen]
                for key, weight in enumerate(weights):
                    pattern[b, h, i, key] = weight / sum(weights)
    return pattern


@checks("causal_pattern")
def test_three_rows_by_hand(submission):
    """Scores ln 1, ln 2, ln 3 in each row become 1; then 1/3 and 2/3; then 1/6, 2/6 and 3/6."""
    scores = torch.tensor([1.0, 2.0, 3.0]).log().expand(1, 1, 3, 3).clone()
    expected = torch.tensor([[1, 0, 0], [1 / 3, 2 / 3, 0], [1 / 6, 2 / 6, 3 / 6]])
    assert_close(submission.causal_pattern(scores)[0, 0], expected, "the pattern of three rows")


@checks("causal_pattern")
def test_each_row_is_a_softmax_over_past_and_present(submission, draw: Draw):
    """Each query's row is the softmax of its scores up to its own position, and exactly 0 after it."""
    batch, n_heads, pos = draw.sizes(3)
    scores = 3 * draw.normal(batch, n_heads, pos, pos)
    pattern = submission.causal_pattern(scores)
    future = torch.ones(pos, pos).triu(1).bool().expand_as(scores)
    found = pattern[future]
    assert not bool((found != 0).any()), (
        f"The weights on the future should all be exactly 0, but the largest is {found.abs().max():.3g}. "
        "Is the future hidden before the softmax? And what weight does the softmax give to the number that hides it?"
    )
    assert_close(pattern.sum(-1), torch.ones(batch, n_heads, pos), "the sum of each query's row")
    assert_close(pattern, slow_pattern(scores), "the pattern")


@checks("causal_pattern")
def test_what_the_future_scores_does_not_matter(submission, draw: Draw):
    """Change any score of the future, by a little or enormously: no weight changes."""
    batch, n_heads, pos = draw.sizes(3, low=3)
    scores = draw.normal(batch, n_heads, pos, pos)
    future = torch.ones(pos, pos).triu(1).bool()
    before = submission.causal_pattern(scores)
    for scale in (1.0, 300.0, 1e30):
        other = torch.where(future, scale * draw.normal(batch, n_heads, pos, pos), scores)
        hint = "Hide the future before the softmax, so that it takes no part in the normaliser."
        what = f"the pattern after the future's scores were changed (by up to about {scale:g})"
        assert_close(submission.causal_pattern(other), before, what, hint=hint)


@checks("causal_pattern")
def test_fewer_queries_than_keys(submission, draw: Draw):
    """When there are fewer queries than keys, the queries are the last positions."""
    batch, n_heads, n_query, more = draw.sizes(4)
    for queries, n_key in ((n_query, n_query + more), (1, more)):
        scores = 2 * draw.normal(batch, n_heads, queries, n_key)
        expected = slow_pattern(scores)
        hint = "Query i stands at position n_key - n_query + i; it sees everything up to there."
        what = f"the pattern of {queries} queries over {n_key} keys"
        assert_close(submission.causal_pattern(scores), expected, what, hint=hint)


@checks("causal_pattern")
def test_enormous_scores_are_safe(submission, draw: Draw):
    """Scores of 1000, of -1e20, or both in one row: every row still sums to 1, and has no nan."""
    batch, n_heads, pos = draw.sizes(3, low=3)
    for scale, shift in ((1000.0, 0.0), (1.0, 1000.0), (1.0, -1000.0), (1e20, 0.0), (1e9, -1e20), (1e30, -1e37)):
        scores = scale * draw.normal(batch, n_heads, pos, pos) + shift
        expected = slow_pattern(scores)
        what = f"the pattern of scores of {scale:g} times normal numbers plus {shift:g}"
        assert_close(submission.causal_pattern(scores), expected, what, rtol=1e-3)


@checks("causal_pattern")
def test_the_lowest_scores_of_all(submission, draw: Draw):
    """Where all that a query may see scores as low as the dtype allows, it shares its attention out evenly there."""
    batch, n_heads, pos = draw.sizes(3, low=3)
    future = torch.ones(pos, pos).triu(1).bool()
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        scores = torch.zeros(batch, n_heads, pos, pos, dtype=dtype).masked_fill(~future, torch.finfo(dtype).min)
        hint = "The future needs a score that is below every number."
        what = f"the pattern where what may be seen scores {torch.finfo(dtype).min:.3g} ({dtype})"
        assert_close(submission.causal_pattern(scores), slow_pattern(scores), what, hint=hint, rtol=2e-2)


@checks("causal_pattern")
def test_the_dtype_is_kept(submission, draw: Draw):
    """bfloat16, single and double precision come back as they came, also with large negative scores."""
    batch, n_heads, pos = draw.sizes(3)
    # No float16: `masked_fill(..., -1e9)` raises there, and is better told by what it does elsewhere.
    for dtype, tolerance in ((torch.bfloat16, 2e-2), (torch.float32, 1e-5), (torch.float64, 1e-10)):
        for shift in (0.0, -30000.0):
            scores = (draw.normal(batch, n_heads, pos, pos).double() + shift).to(dtype)
            pattern = submission.causal_pattern(scores)
            assert_equal(pattern.dtype, dtype, f"the dtype of the pattern of {dtype} scores")
            what = f"the pattern of {dtype} scores near {shift:g}"
            assert_close(pattern, slow_pattern(scores), what, rtol=tolerance, atol=tolerance)


@checks("head_writes")
def test_a_head_that_looks_at_one_key_copies_its_value(submission, draw: Draw):
    """A query that looks at one key alone gets that key's value, mapped by the head's own W_O."""
    batch, n_query, n_key, n_heads, d_head, d_model = draw.sizes(6)
    looked = draw.integers(0, n_key, batch, n_heads, n_query)
    pattern = functional.one_hot(looked, n_key).float()
    v, W_O = draw.normal(batch, n_key, n_heads, d_head), draw.normal(n_heads, d_head, d_model)
    writes = submission.head_writes(pattern, v, W_O)
    expected = torch.zeros(batch, n_query, n_heads, d_model)
    for b in range(batch):
        for h in range(n_heads):
            for query in range(n_query):
                expected[b, query, h] = v[b, looked[b, h, query], h] @ W_O[h]
    hint = "Each head by itself: mix its values by its pattern as it is, then map the mix by its own W_O."
    assert_close(writes, expected, "what each head writes", hint=hint, rtol=1e-3, atol=1e-4)


@checks("head_writes")
def test_a_head_writes_the_weighted_mean_of_values(submission, draw: Draw):
    """Values are weighted by the query's row of the pattern, summed, and mapped by W_O, in each head apart."""
    batch, n_query, n_key, n_heads, d_head, d_model = draw.sizes(6)
    pattern = draw.normal(batch, n_heads, n_query, n_key).softmax(-1)
    v, W_O = draw.normal(batch, n_key, n_heads, d_head), draw.normal(n_heads, d_head, d_model)
    writes = submission.head_writes(pattern, v, W_O)
    expected = torch.zeros(batch, n_query, n_heads, d_model)
    for h in range(n_heads):
        for query in range(n_query):
            for key in range(n_key):
                expected[:, query, h] += pattern[:, h, query, key, None] * (v[:, key, h] @ W_O[h])
    hint = "Each head by itself: mix its values by its pattern as it is, then map the mix by its own W_O."
    assert_close(writes, expected, "what each head writes", hint=hint, rtol=1e-3, atol=1e-4)


@checks("head_writes")
def test_together_the_heads_write_what_the_textbook_says(submission, draw: Draw):
    """The sum over heads equals the textbook's formula: mixes of all heads side by side, times one large matrix."""
    batch, n_heads, d_head, d_model = draw.sizes(4)
    n_pos = 11
    pattern = draw.normal(batch, n_heads, n_pos, n_pos).tril().double()  # linear in the pattern: any numbers will do
    v, W_O = draw.normal(batch, n_pos, n_heads, d_head).double(), draw.normal(n_heads, d_head, d_model).double()
    writes = submission.head_writes(pattern, v, W_O)
    side_by_side = torch.cat([pattern[:, h] @ v[:, :, h] for h in range(n_heads)], dim=-1)
    textbook = side_by_side @ torch.cat(list(W_O), dim=0)
    assert_close(writes.sum(2), textbook, "the sum over heads", rtol=1e-9, atol=1e-9)


def loaded(submission, sizes: tuple[int, int, int], w: dict[str, torch.Tensor]):
    """A module of the learner's with the given weights."""
    n_heads, d_model, d_head = sizes
    layer = submission.Attention(d_model, n_heads, d_head)
    there = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    wanted = {name: tuple(value.shape) for name, value in w.items()}
    assert_equal(there, wanted, "what the module's state_dict holds, with shapes,")
    layer.load_state_dict(w)
    return layer


@checks("Attention")
def test_names_and_shapes_of_the_parameters(submission, draw: Draw):
    """Exactly eight parameters, of these names and shapes: so that trained weights can be loaded by name."""
    d_model, n_heads, d_head = draw.sizes(3)
    layer = submission.Attention(d_model, n_heads, d_head)
    shapes = {f"W_{name}": (n_heads, d_model, d_head) for name in "QKV"}
    shapes |= {f"b_{name}": (n_heads, d_head) for name in "QKV"}
    shapes |= {"W_O": (n_heads, d_head, d_model), "b_O": (d_model,)}
    names = submission.run(names_of, layer)
    assert_equal(sorted(names[1]), sorted(shapes), "the names in the module's state_dict")
    assert_equal(sorted(names[0]), sorted(shapes), "the names of its trainable parameters")
    state = layer.state_dict()
    for name, shape in shapes.items():
        assert_equal(tuple(state[name].shape), shape, f"the shape of {name}")


def names_of(learner, layer):
    """The names of the parameters that want a gradient, and all names of the state dict."""
    return [name for name, value in layer.named_parameters() if value.requires_grad], list(layer.state_dict())


@checks("Attention")
def test_a_new_layer_is_drawn_as_in_gpt2(submission, draw: Draw):
    """Matrices are normal with mean 0 and standard deviation 0.02, biases are zero, and no two layers are the same."""
    d_model, n_heads, d_head = 64, draw.integer(3, 6), 24
    one, two = (submission.Attention(d_model, n_heads, d_head).state_dict() for _ in range(2))
    for name in "QKVO":
        missing = {f"W_{name}", f"b_{name}"} - set(one)
        assert not missing, f"The module's state_dict has no {' and no '.join(sorted(missing))}."
        numbers = one[f"W_{name}"].flatten().double()
        # At least 4608 numbers: the spread's relative error is about 1 %, the mean's standard error 0.015 of it, and
        # the share within one deviation (0.6827) errs by 0.007. The bounds lie 8 such errors away: chance < 1e-13.
        assert_close(numbers.std(), 0.02, f"the standard deviation of a new W_{name}", rtol=0.085, atol=0.0)
        assert_close(numbers.mean(), 0.0, f"the mean of a new W_{name}", rtol=0.0, atol=0.0024)
        within = (numbers.abs() < 0.02).double().mean()
        assert_close(
            within, 0.6827, f"the share of W_{name} within one deviation (0.683 if normal)", rtol=0, atol=0.056
        )
        assert not torch.equal(one[f"W_{name}"], two[f"W_{name}"]), f"Two new layers have the same W_{name}."
        bias = one[f"b_{name}"]
        assert_close(bias, torch.zeros_like(bias), f"a new b_{name}")
    assert not torch.equal(one["W_Q"], one["W_K"]), "W_Q and W_K of a new layer are the same numbers: draw each anew."


@checks("Attention")
def test_it_agrees_with_torch(submission, draw: Draw):
    """With the same weights, biases too, it gives what torch's scaled_dot_product_attention gives."""
    batch, pos, d_model, n_heads, d_head = draw.sizes(5)
    w = layer_weights(draw, n_heads, d_model, d_head)
    layer = loaded(submission, (n_heads, d_model, d_head), w)
    for length in (pos, 1, 3 * pos):  # one module meets texts of several lengths
        x = 2 * draw.normal(batch, length, d_model)
        hint = "Follow one step at a time: scores, pattern, values, what each head writes, their sum, b_O."
        assert_close(layer(x), by_torch(x, w), f"the output for {length} positions", hint=hint, rtol=1e-3, atol=1e-4)
    after = layer.state_dict()
    assert all(torch.equal(after[name], w[name]) for name in w), "The forward pass changed the module's parameters."


@checks("Attention")
def test_a_later_position_never_changes_an_earlier_output(submission, draw: Draw):
    """The law of causality: change `x` from any position on, as much as you like; the outputs before it stay."""
    batch, d_model, n_heads, d_head = draw.sizes(4)
    pos = 6
    layer = loaded(submission, (n_heads, d_model, d_head), layer_weights(draw, n_heads, d_model, d_head))
    x = draw.normal(batch, pos, d_model)
    before = layer(x)
    for cut in range(1, pos):
        other = torch.cat([x[:, :cut], 30 * draw.normal(batch, pos - cut, d_model)], dim=1)
        after = layer(other)
        what = f"the outputs at positions 0 to {cut - 1}, after `x` was changed from position {cut} on,"
        assert_close(after[:, :cut], before[:, :cut], what)
        moved = (after[:, cut] - before[:, cut]).abs().max()
        assert float(moved) > 1e-4, f"Position {cut} was changed, but its own output stayed as it was."


@checks("Attention")
def test_large_inputs_are_safe(submission, draw: Draw):
    """Inputs a thousand times as large make scores a million times as large: no nan, and still torch's answer."""
    batch, pos, d_model, n_heads, d_head = draw.sizes(5)
    w = layer_weights(draw, n_heads, d_model, d_head)
    layer = loaded(submission, (n_heads, d_model, d_head), w)
    x = 1000 * draw.normal(batch, pos, d_model)
    # In float64 on this side: at such scores a tie within rounding is the only thing that could tell the two apart,
    # so queries whose two best keys lie within 1 % of the scores' size are left out.
    double = {name: value.double() for name, value in w.items()}
    q, k = (torch.einsum("bpm,hmd->bhpd", x.double(), double[f"W_{n}"]) + double[f"b_{n}"][:, None] for n in "QK")
    scores = (q @ k.transpose(-1, -2) / d_head**0.5).masked_fill(torch.ones(pos, pos).triu(1).bool(), -torch.inf)
    best = scores.topk(2, dim=-1).values
    clear = (best[..., 0] - best[..., 1] > 0.01 * best[..., 0].abs().amax()).all(1)  # [batch pos]
    out, expected = layer(x), by_torch(x.double(), double)
    assert bool(out.isfinite().all()), "The output has nan or inf: are the scores masked before a softmax that is safe?"
    assert_close(out[clear], expected[clear], "the output where one key wins clearly", rtol=1e-2, atol=1.0)


def gradients_of(learner, layer, x, direction):
    """The slopes of (output * direction).sum() at all parameters and at the input, by name."""
    x = x.requires_grad_()
    score = (layer(x) * direction).sum()
    if not score.requires_grad:
        return {}
    names, values = zip(*layer.named_parameters(), strict=True)
    found = torch.autograd.grad(score, [*values, x], allow_unused=True)
    return {name: value for name, value in zip([*names, "x"], found, strict=True) if value is not None}


@checks("Attention")
def test_it_can_be_trained(submission, draw: Draw):
    """The gradient reaches every parameter, and is the one that torch's own attention gives."""
    batch, pos, d_model, n_heads, d_head = draw.sizes(5)
    w = layer_weights(draw, n_heads, d_model, d_head)
    layer = loaded(submission, (n_heads, d_model, d_head), w)
    x, direction = draw.normal(batch, pos, d_model), draw.normal(batch, pos, d_model)
    found = submission.run(gradients_of, layer, x, direction)
    truth = {name: value.double().requires_grad_() for name, value in {**w, "x": x}.items()}
    (by_torch(truth["x"], truth) * direction).sum().backward()
    # The softmax ignores what all keys have in common: b_K's slope is zero, and whoever has none of it is right.
    found.setdefault("b_K", torch.zeros(n_heads, d_head))
    for name, value in truth.items():
        assert name in found, f"No gradient reaches {name}. Is something detached, or made anew, on the way?"
        assert_close(found[name], value.grad, f"the gradient of {name}", rtol=1e-2, atol=1e-3)


def planted(learner, table, peeks, wide):
    """A model that adds up what it has read, times `wide`, and peeks.

    A peek (at, first, second, place, weight) adds, to the output `place` at position `at`, the product of what stands
    at the positions `first` and `second`.
    """

    def model(tokens):
        values = table[tokens]  # [batch pos d_out]
        out = wide * values.cumsum(1)
        for at, first, second, place, weight in peeks:
            out[:, at, place] += weight * values[:, first, 0] * values[:, second, 1]
        return out

    return model


def slow_leak(model, tokens: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """The table of leaks, entry by entry, for one prompt at a time."""
    batch, n_pos = tokens.shape
    leak = torch.zeros(n_pos, n_pos)
    for cut in range(1, n_pos):
        for b in range(batch):
            changed = tokens[b : b + 1].clone()
            changed[0, cut:] = others[b, cut:]
            change = (model(changed) - model(tokens[b : b + 1])).abs()[0]
            for p in range(cut):
                leak[p, cut] = max(float(leak[p, cut]), float(change[p].max()))
    return leak


def assert_leaks(submission, tokens, others, table, peeks, wide: float, what: str, atol: float = 1e-4) -> None:
    """The learner's table for a planted model is the true one."""
    model = submission.run(planted, table, peeks, wide)
    found = submission.causal_leak(model, tokens, others)
    expected = slow_leak(planted(None, table, peeks, wide), tokens, others)
    assert_close(found, expected, f"the table of leaks of {what}", rtol=1e-3, atol=atol)


@checks("causal_leak")
def test_the_example_by_hand(submission):
    """The worked example: a model that puts out its next token, on [5, 1, 8] and [0, 4, 7]."""
    table = torch.arange(9.0)[:, None].expand(9, 2).clone()  # two outputs: the number of the token, twice
    one = [(at, at + 1, at + 1, 0, 1.0) for at in range(2)]
    tokens, others = torch.tensor([[5, 1, 8]]), torch.tensor([[0, 4, 7]])
    root = table.sqrt()  # the product of a root with itself is the number
    model = submission.run(planted, root, one, 0.0)
    expected = torch.tensor([[0.0, 3, 0], [0, 0, 1], [0, 0, 0]])
    assert_close(submission.causal_leak(model, tokens, others), expected, "the table of the worked example", atol=1e-4)


@checks("causal_leak")
def test_a_causal_model_has_no_leak(submission, draw: Draw):
    """For a model that only adds up what it has read, the whole table is zero, though its outputs do change."""
    batch, pos, d_vocab, d_out = draw.sizes(4, low=3)
    tokens, others = draw.integers(0, d_vocab, 2, batch, pos)
    model = submission.run(planted, draw.normal(d_vocab, d_out), [], 10.0)
    leak = submission.causal_leak(model, tokens, others)
    assert_close(leak, torch.zeros(pos, pos), "the table of leaks of a causal model", atol=1e-3)


@checks("causal_leak")
def test_a_leak_is_found_wherever_it_is(submission, draw: Draw):
    """One position peeks at one later position, in one of its outputs: found for every such pair."""
    pos, (batch, d_vocab, d_out) = 5, draw.sizes(3, low=3)
    table = draw.normal(d_vocab, d_out)
    for at in range(pos):
        for seen in range(at + 1, pos):
            tokens, others = draw.integers(0, d_vocab, 2, batch, pos)
            peeks = [(at, seen, seen, draw.integer(0, d_out), 1.0)]
            what = f"a model whose position {at} peeks at position {seen}"
            assert_leaks(submission, tokens, others, table, peeks, 1.0, what)


@checks("causal_leak")
def test_a_leak_that_needs_two_later_tokens(submission, draw: Draw):
    """A model that peeks at the product of two later tokens, which is zero until both have changed."""
    pos, (d_vocab, d_out) = 6, draw.sizes(2, low=3)
    table = draw.normal(d_vocab, d_out).abs() + 0.5
    table[0] = 0.0
    tokens, others = draw.integers(1, d_vocab, 2, 2, pos)
    first = draw.integer(2, 4)
    tokens[:, first], tokens[:, 5] = 0, 0
    peeks = [(draw.integer(0, first), first, 5, 1, -1.0)]
    assert_leaks(submission, tokens, others, table, peeks, 1.0, "a model that peeks at two tokens at once")


@checks("causal_leak")
def test_a_leak_in_one_prompt_and_a_small_leak(submission, draw: Draw):
    """Only one prompt of the batch shows the leak, or it is small beside large outputs: it is told all the same."""
    pos, (batch, d_vocab, d_out) = 6, draw.sizes(3, low=4)
    table = draw.normal(d_vocab, d_out).abs() + 0.5
    for prompt in (0, batch - 1, draw.integer(0, batch)):
        tokens = draw.integers(0, d_vocab, batch, pos)
        others = tokens.clone()
        others[prompt] = (tokens[prompt] + 1) % d_vocab
        peeks = [(1, 3, 5, d_out - 1, 2.0), (0, 2, 4, 0, -2.0)]
        what = f"a model that leaks in two places, where only prompt {prompt} is changed"
        assert_leaks(submission, tokens, others, table, peeks, 1.0, what)
    others = (tokens + 1) % d_vocab
    for weight, wide, atol in ((0.05, 30.0, 1e-3), (0.003, 0.5, 1e-5)):
        what = "a model whose leaks are small beside its outputs"
        assert_leaks(submission, tokens, others, table, [(1, 3, 3, 0, weight)], wide, what, atol)


def mixer(learner, embedding, causal):
    """A module: an embedding, torch's attention over it (with or without the mask), and the sum of both."""

    class Mixer(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Parameter(embedding.clone())

        def forward(self, tokens):
            x = self.embedding[tokens]
            return x + nn.functional.scaled_dot_product_attention(x, x, x, is_causal=causal)

    return Mixer()


@checks("causal_leak")
def test_attention_with_and_without_its_mask(submission, draw: Draw):
    """A module with torch's attention in it: nothing leaks with the mask, and everything does without."""
    batch, pos, d_vocab, d_model = draw.sizes(4, low=3)
    embedding = draw.normal(d_vocab, d_model)
    tokens, others = draw.integers(0, d_vocab, 2, batch, pos)
    for causal in (True, False):
        model = submission.run(mixer, embedding, causal)
        found = submission.causal_leak(model, tokens, others)
        with torch.no_grad():
            expected = slow_leak(mixer(None, embedding, causal), tokens, others)
        what = f"the table of leaks of attention {'with' if causal else 'without'} a mask"
        assert_close(found, expected, what, rtol=1e-3, atol=1e-4)


def slow_rotary(x: torch.Tensor, positions: torch.Tensor, base: float) -> torch.Tensor:
    """Each pair as one complex number, multiplied by e^(i angle), with Python's own complex numbers."""
    half = x.shape[-1] // 2
    out = x.double().clone()
    for p, position in enumerate(positions.tolist()):
        for i in range(half):
            turn = cmath.exp(1j * position * base ** (-2 * i / x.shape[-1]))
            pair = torch.complex(x[:, p, :, i].double(), x[:, p, :, i + half].double()) * turn
            out[:, p, :, i], out[:, p, :, i + half] = pair.real, pair.imag
    return out


@checks("rotary")
def test_small_turns_by_hand(submission):
    """[1, 0] at position 1 becomes (cos 1, sin 1); with four dimensions and base 100, the second pair turns by 0.1."""
    one = submission.rotary(torch.tensor([1.0, 0.0]).view(1, 1, 1, 2), torch.tensor([1]))
    hint = "The angle is position * base ** 0 = 1, in radians: (cos 1, sin 1)."
    expected = torch.tensor([math.cos(1), math.sin(1)])
    assert_close(one.flatten(), expected, "[1, 0], turned at position 1,", hint=hint)
    x = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4)
    two = submission.rotary(x, torch.tensor([1]), 100.0)
    expected = torch.tensor([math.cos(1), math.cos(0.1), math.sin(1), math.sin(0.1)])
    hint = "Pairs are (0, 2) and (1, 3); their speeds are 1 and 100 ** (-2 / 4) = 0.1."
    assert_close(two.flatten(), expected, "[1, 1, 0, 0], turned at position 1 with base 100,", hint=hint)


@checks("rotary")
def test_each_pair_turns_by_its_own_angle(submission, draw: Draw):
    """Any positions in any order, any base, all heads alike: pair i turns by position * base ** (-2i / d_head)."""
    batch, pos, n_heads, half = draw.sizes(4)
    for base in (10000.0, 7.0 + draw.integer(0, 100)):
        x, positions = draw.normal(batch, pos, n_heads, 2 * half), draw.permutation(60)[:pos]
        turned = submission.rotary(x, positions, base)
        what = f"the tensor of vectors turned at positions {positions.tolist()} with base {base:g}"
        hint = "In each head alike, pair i (dimensions i and i + d_head/2) turns by position * base ** (-2i / d_head)."
        assert_close(turned, slow_rotary(x, positions, base), what, hint=hint, rtol=1e-3, atol=1e-4)
    x = draw.normal(batch, pos, n_heads, 2 * half)
    default = submission.rotary(x, positions)
    assert_close(default, slow_rotary(x, positions, 10000.0), "the result without a base given", atol=1e-4)


@checks("rotary")
def test_a_turn_keeps_lengths_and_position_zero_turns_nothing(submission, draw: Draw):
    """The length of each vector stays, and at position 0 the vector itself stays."""
    batch, pos, n_heads, half = draw.sizes(4)
    x, positions = draw.normal(batch, pos, n_heads, 2 * half), draw.integers(1, 2000, pos)
    turned = submission.rotary(x, positions)
    assert_close(turned.norm(dim=-1), x.norm(dim=-1), "the table of lengths after the turn", rtol=1e-3)
    still = submission.rotary(x, torch.zeros(pos, dtype=torch.long))
    assert_close(still, x, "the tensor of vectors at position 0")


@checks("rotary")
def test_a_score_depends_on_the_distance_alone(submission, draw: Draw):
    """Move query and key along the text by the same amount: their dot product stays."""
    batch, pos, n_heads, half = draw.sizes(4)
    q, k = draw.normal(2, batch, pos, n_heads, 2 * half)
    positions, shift = draw.permutation(50)[:pos], draw.integer(1, 400)

    def scores(positions: torch.Tensor) -> torch.Tensor:
        turned = submission.rotary(q, positions), submission.rotary(k, positions)
        return torch.einsum("bqhd,bkhd->bhqk", *turned)

    here, there = scores(positions), scores(positions + shift)
    assert_close(there, here, f"the table of scores after both moved by {shift}", rtol=1e-2, atol=2e-3)
    plain = torch.einsum("bqhd,bkhd->bhqk", q, k)
    apart = (here - plain).abs().amax()
    assert float(apart) > 1e-2, "The scores don't depend on the distance at all: the turned vectors score as unturned."


@checks("rotary")
def test_half_precision_far_into_a_text(submission, draw: Draw):
    """In bfloat16 and float16, at positions in the thousands: right to the precision of the dtype, which is kept."""
    batch, pos, n_heads, half = draw.sizes(4)
    positions = 2000 + draw.permutation(2000)[:pos]
    for dtype, tolerance in ((torch.bfloat16, 2e-2), (torch.float16, 4e-3)):
        x = draw.normal(batch, pos, n_heads, 2 * half).to(dtype)
        turned = submission.rotary(x, positions)
        assert_equal(turned.dtype, dtype, f"the dtype of turned {dtype} vectors")
        hint = "If the checks in float32 pass, look at the dtype in which the angles are made."
        what = f"the tensor of {dtype} vectors turned at positions {positions.tolist()}"
        assert_close(turned, slow_rotary(x, positions, 10000.0), what, hint=hint, rtol=tolerance, atol=2 * tolerance)


@checks("rotary")
def test_it_agrees_with_the_rotary_models_of_the_course(submission, draw: Draw):
    """It turns as the rotary models of the course do, and so as GPT-NeoX does (Pythia's weights fit it)."""
    from unravel.interp.model.config import GPTConfig
    from unravel.interp.model.rotary import rotate

    batch, pos, n_heads, half = draw.sizes(4)
    sizes = {"n_layers": 1, "d_model": 8, "d_vocab": 5, "n_ctx": pos, "n_heads": n_heads, "d_head": 2 * half}
    config = GPTConfig(**sizes, positional="rotary")
    x = draw.normal(batch, pos, n_heads, 2 * half)
    turned = submission.rotary(x, torch.arange(pos), config.rotary_base)
    assert_close(turned, rotate(x, config), "the tensor of turned vectors", rtol=1e-3, atol=1e-4)
