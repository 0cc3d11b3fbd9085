"""Checks of the lesson `attention_patterns`: oracles are slow loops, laws, counts, and cuts in the learner's model."""

import itertools
import math
from collections import Counter

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks, shared_model

MISTAKES = [
    # table_score
    Mistake(
        "table_score",
        why="You divided by the number of all queries. Those that have nothing to look at are not asked: they give 0, "
        "and pull every score down.",
        right="table.any(-1).sum()",
        wrong="table.any(-1).numel()",
    ),
    Mistake(
        "table_score",
        why="You divided by the number of keys in the table. A query with three keys is one query: what it gives to "
        "the three counts together.",
        right="table.any(-1).sum()",
        wrong="table.sum()",
    ),
    Mistake(
        "table_score",
        why="You took the mean of each row first, and then the mean of the rows. A row with one query then counts as "
        "much as a row with ten. Each query should count alike.",
        wrong="given = (pattern * table[:, None]).sum(-1)\n"
        "return (given.sum(2) / table.any(-1).sum(1, keepdim=True).clamp(min=1)).mean(0)",
    ),
    Mistake(
        "table_score",
        why="You counted only the best of a query's keys. What it gives to all of them counts together.",
        right="(pattern * table[:, None]).sum(-1)",
        wrong="(pattern * table[:, None]).amax(-1)",
    ),
    Mistake(
        "table_score",
        why="You counted how often the key with the largest weight is a right one. That throws the sizes away: 0.4 "
        "would count as much as 0.99, and 0.3 as nothing.",
        right="(pattern * table[:, None]).sum(-1)",
        wrong="(torch.nn.functional.one_hot(pattern.argmax(-1), pattern.shape[-1]) * table[:, None]).sum(-1).float()",
    ),
    Mistake(
        "table_score",
        why="You have the sum, but didn't divide it by the number of queries that were asked.",
        right="given.sum((0, 2)) / table.any(-1).sum()",
        wrong="given.sum((0, 2))",
    ),
    Mistake(
        "table_score",
        why="You looked at the first row only.",
        right="given.sum((0, 2)) / table.any(-1).sum()",
        wrong="given[0].sum(-1) / table[0].any(-1).sum().clamp(min=1)",
    ),
    Mistake(
        "table_score",
        why="You gave every head the mean of all heads. Each head has its own score.",
        right="return given.sum((0, 2)) / table.any(-1).sum()",
        wrong="score = given.sum((0, 2)) / table.any(-1).sum()\nreturn torch.full_like(score, float(score.mean()))",
    ),
    Mistake(
        "table_score",
        why="You divided by the number of queries that give something to their keys. Those that give nothing were "
        "asked as well, and should pull the score down.",
        right="table.any(-1).sum()",
        wrong="(given > 0).sum((0, 2)).clamp(min=1)",
    ),
    Mistake(
        "table_score",
        why="You divided by the number of rows only. The mean is over queries.",
        right="table.any(-1).sum()",
        wrong="len(table)",
    ),
    Mistake(
        "table_score",
        why="You counted the attention that goes to the *other* keys, those that the table doesn't name.",
        right="(pattern * table[:, None]).sum(-1)",
        wrong="((pattern * ~table[:, None]).sum(-1) * table.any(-1)[:, None])",
    ),
    # look_tables
    Mistake(
        "look_tables",
        why="Your duplicates contain the query itself. A token is no earlier copy of itself. (And so a "
        "current-token head would count as a duplicate-token head.)",
        right="(key < query)",
        wrong="(key <= query) & (query > 0)",
    ),
    Mistake(
        "look_tables",
        why="Your duplicates contain the query itself. A token is no earlier copy of itself. (And query 0 is asked "
        "nothing at all.)",
        right="(key < query)",
        wrong="(key <= query)",
    ),
    Mistake(
        "look_tables",
        why="Your duplicates contain later copies, which no query can see.",
        right="& (key < query)",
        wrong="& (key != query) & (query > 0)",
    ),
    Mistake(
        "look_tables",
        why="Your duplicates contain later copies, which no query can see: not query 0 either, which is asked nothing.",
        right="& (key < query)",
        wrong="& (key != query)",
    ),
    Mistake(
        "look_tables",
        why="You ask query 0 as well. It can see only itself, so that every head gives it a full 1 for `current` and "
        "`first`.",
        right="(query > 0)",
        wrong="(query >= 0)",
    ),
    Mistake(
        "look_tables",
        why="You moved the duplicates with `torch.roll`, which brings back at key 0 what falls off at the end. (At "
        "query 0 or elsewhere: a key that follows no copy.)",
        wrong="position = torch.arange(tokens.shape[1])\n"
        "query, key = position[:, None], position\n"
        "asked = (query > 0).expand(len(tokens), -1, len(position))\n"
        "same = tokens[:, :, None] == tokens[:, None, :]\n"
        'return {"previous": asked & (key == query - 1), "current": asked & (key == query),\n'
        '        "first": asked & (key == 0),\n'
        '        "duplicate": same & (key < query), "induction": same.roll(1, dims=2) & (key <= query) & (query > 0)}',
    ),
    Mistake(
        "look_tables",
        why="Your induction table names the key *before* the earlier copy. What came next stands after it.",
        right="induction[:, :, 1:] = duplicate[:, :, :-1]",
        wrong="induction[:, :, :-1] = duplicate[:, :, 1:]",
    ),
    Mistake(
        "look_tables",
        why="Your induction table is the duplicate table: it names the copy itself. What came next stands one key "
        "further.",
        right="induction[:, :, 1:] = duplicate[:, :, :-1]",
        wrong="induction[:] = duplicate",
    ),
    Mistake(
        "look_tables",
        why="You left the query's own position out of the induction table. In `a a`, what followed the first `a` is "
        "the second one, the query itself: it counts.",
        right="induction[:, :, 1:] = duplicate[:, :, :-1]",
        wrong="induction[:, :, 1:] = duplicate[:, :, :-1] & (key < query)[:, 1:]",
    ),
    Mistake(
        "look_tables",
        why="You moved the queries, not the keys: your induction table asks, one query late, for the copy of the token "
        "before.",
        right="induction[:, :, 1:] = duplicate[:, :, :-1]",
        wrong="induction[:, 1:, :] = duplicate[:, :-1, :]",
    ),
    Mistake(
        "look_tables",
        why="You kept only the latest earlier copy. All earlier copies are in the table.",
        right="(tokens[:, :, None] == tokens[:, None, :]) & (key < query)",
        wrong="(tokens[:, :, None] == tokens[:, None, :]) & (key < query)\n"
        "later = duplicate.flip(-1).cumsum(-1).flip(-1)\n"
        "duplicate = duplicate & (later == 1)",
    ),
    Mistake(
        "look_tables",
        why="You kept only the first of a token's copies. All earlier copies are in the table.",
        right="(tokens[:, :, None] == tokens[:, None, :]) & (key < query)",
        wrong="(tokens[:, :, None] == tokens[:, None, :]) & (key < query)\n"
        "duplicate = duplicate & (duplicate.cumsum(-1) == 1)",
    ),
    Mistake(
        "look_tables",
        why="You compared the tokens of the first row for all rows. Each row has repeats of its own.",
        right="(tokens[:, :, None] == tokens[:, None, :])",
        wrong="(tokens[:1, :, None] == tokens[:1, None, :]).expand(len(tokens), -1, -1)",
    ),
    Mistake(
        "look_tables",
        why="Your tables have queries and keys interchanged: rows are queries (who looks), columns are keys.",
        wrong="position = torch.arange(tokens.shape[1])\n"
        "query, key = position[:, None], position\n"
        "asked = (query > 0).expand(len(tokens), -1, len(position))\n"
        "duplicate = (tokens[:, :, None] == tokens[:, None, :]) & (key < query)\n"
        "induction = torch.zeros_like(duplicate)\n"
        "induction[:, :, 1:] = duplicate[:, :, :-1]\n"
        'found = {"previous": key == query - 1, "current": key == query, "first": key == 0}\n'
        "found = {kind: (asked & table).mT for kind, table in found.items()}\n"
        'return {**found, "duplicate": duplicate.mT, "induction": induction.mT}',
    ),
    Mistake(
        "look_tables",
        why="`previous` names the position after the query, which it can't see.",
        right="key == query - 1",
        wrong="key == query + 1",
    ),
    Mistake(
        "look_tables",
        why="You made `first` from the diagonal of position 0 alone. Every query but query 0 may look at key 0.",
        right="asked & (key == 0)",
        wrong="asked & (key == 0) & (query == 1)",
    ),
    # repeats_at_random_gaps
    Mistake(
        "repeats_at_random_gaps",
        why="All rows of a call have the same gap. With `gap=None` each row draws its own: else a head that looks a "
        "fixed number of steps back gets full marks.",
        right="torch.randint(spare + 1, (rows,), generator=generator)",
        wrong="torch.randint(spare + 1, (1,), generator=generator).expand(rows)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="The first copy always begins at position 0. Draw its place among those where both copies fit.",
        right="(torch.rand(rows, generator=generator) * (spare - gaps + 1)).long()",
        wrong="torch.zeros(rows, dtype=torch.long)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="Your largest gap is one too small. With the first copy at the beginning and the second at the end, "
        "`length - 2 * size` tokens lie between; `torch.randint(n, ...)` ends at n - 1.",
        right="torch.randint(spare + 1, (rows,), generator=generator)",
        wrong="torch.randint(max(spare, 1), (rows,), generator=generator)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="The second copy never ends at the row's last position: you draw the first copy's place from one number "
        "too few.",
        right="(spare - gaps + 1)",
        wrong="(spare - gaps).clamp(min=1)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="With `gap=None` a gap of 0 never comes up, although the copies may stand side by side.",
        right="torch.randint(spare + 1, (rows,), generator=generator)",
        wrong="torch.randint(min(1, spare), spare + 1, (rows,), generator=generator)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You drew the first copy's place before the gap (or both copies' places, and then sorted them). Small "
        "gaps then come up more often than large ones. Draw the gap first, then a place.",
        wrong="generator = torch.Generator().manual_seed(seed)\n"
        "order = torch.rand(rows, len(vocabulary), generator=generator).argsort(-1)[:, :length]\n"
        "tokens = vocabulary[order]\n"
        "spare = length - 2 * size\n"
        "if gap is None:\n"
        "    first = (torch.rand(rows, generator=generator) * (spare + 1)).long()\n"
        "    gaps = (torch.rand(rows, generator=generator) * (spare - first + 1)).long()\n"
        "else:\n"
        "    gaps = torch.full((rows,), gap)\n"
        "    first = (torch.rand(rows, generator=generator) * (spare - gaps + 1)).long()\n"
        "second = first + size + gaps\n"
        "row, step = torch.arange(rows)[:, None], torch.arange(size)\n"
        "tokens[row, second[:, None] + step] = tokens[row, first[:, None] + step]\n"
        "return tokens, second",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You drew tokens with replacement. Then tokens come twice by chance, outside of the two copies.",
        right="torch.rand(rows, len(vocabulary), generator=generator).argsort(-1)[:, :length]",
        wrong="torch.randint(len(vocabulary), (rows, length), generator=generator)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="All rows have the same tokens. Draw them anew for each row.",
        right="torch.rand(rows, len(vocabulary), generator=generator).argsort(-1)[:, :length]",
        wrong="torch.randperm(len(vocabulary), generator=generator)[:length].expand(rows, -1)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You return where the *first* copy begins. Asked is the second one.",
        right="return tokens, second",
        wrong="return tokens, first",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="Your `gap` counts from the beginning of one copy to the beginning of the other. It should count the "
        "tokens that lie between the two.",
        wrong="generator = torch.Generator().manual_seed(seed)\n"
        "order = torch.rand(rows, len(vocabulary), generator=generator).argsort(-1)[:, :length]\n"
        "tokens = vocabulary[order]\n"
        "far = length - size\n"
        "steps = torch.full((rows,), max(gap, size)) if gap is not None else torch.randint(size, far + 1, (rows,), "
        "generator=generator)\n"
        "first = (torch.rand(rows, generator=generator) * (far - steps + 1)).long()\n"
        "second = first + steps\n"
        "row, step = torch.arange(rows)[:, None], torch.arange(size)\n"
        "tokens[row, second[:, None] + step] = tokens[row, first[:, None] + step]\n"
        "return tokens, second",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You ignored `gap`: its rows have random gaps whatever it says.",
        right="torch.full((rows,), gap) if gap is not None else torch.randint",
        wrong="torch.randint",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="Your rows are pieces of one random order of the vocabulary, moved on from row to row. So the same tokens "
        "follow each other in all rows. Draw a new order for each.",
        right="torch.rand(rows, len(vocabulary), generator=generator).argsort(-1)[:, :length]",
        wrong="(torch.randperm(len(vocabulary), generator=generator).repeat(2 + rows)"
        ".unfold(0, length, 1)[: rows + 1][torch.arange(rows)])",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You deal the gaps out in turn: 0, 1, 2, ... That is even, but not random: a row's number tells its gap.",
        right="torch.randint(spare + 1, (rows,), generator=generator)",
        wrong="torch.arange(rows) % (spare + 1)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You deal the gaps out in turn, from one that the seed names. A row's gap tells the next row's.",
        right="torch.randint(spare + 1, (rows,), generator=generator)",
        wrong="(torch.arange(rows) + seed) % (spare + 1)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You seeded torch's global generator (`torch.manual_seed`): whoever calls you gets other random numbers "
        "afterwards. Use a generator of your own, `torch.Generator().manual_seed(seed)`.",
        right="generator = torch.Generator().manual_seed(seed)",
        wrong="generator = torch.manual_seed(seed)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You took `gap=0` for `None`: `if gap` is false for 0. Write `if gap is not None`.",
        right="if gap is not None else",
        wrong="if gap else",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="Your rows don't depend on `seed`: always the same.",
        right="manual_seed(seed)",
        wrong="manual_seed(0)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You return places in the vocabulary, not its tokens.",
        right="vocabulary[order]",
        wrong="order.clone()",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="You took the first tokens of the vocabulary, in random order. Draw from all of it.",
        right="torch.rand(rows, len(vocabulary), generator=generator).argsort(-1)[:, :length]",
        wrong="torch.rand(rows, length, generator=generator).argsort(-1)",
    ),
    Mistake(
        "repeats_at_random_gaps",
        why="The last token of the segment isn't repeated: your segment is one too short.",
        right="torch.arange(size)",
        wrong="torch.arange(size - 1)",
    ),
    # positional_control
    Mistake(
        "positional_control",
        why="You took the mean over all rows, the row itself among them. Then a part of each score is the head "
        "compared with itself, a large part when there are few rows.",
        wrong="return table_score(pattern.mean(0, keepdim=True).expand_as(pattern), table)",
    ),
    Mistake(
        "positional_control",
        why="You divided by the number of rows. The others are one fewer.",
        right="(len(pattern) - 1)",
        wrong="len(pattern)",
    ),
    Mistake(
        "positional_control",
        why="You gave each row the pattern of one other row, its neighbour. The mean over all others is asked for.",
        right="(pattern.sum(0, keepdim=True) - pattern) / (len(pattern) - 1)",
        wrong="pattern.roll(1, 0)",
    ),
    Mistake(
        "positional_control",
        why="You returned what is left when the control is taken from the score. Asked is the control itself.",
        right="return table_score(others, table)",
        wrong="return table_score(pattern, table) - table_score(others, table)",
    ),
    Mistake(
        "positional_control",
        why="You returned the plain score: each row kept its own pattern.",
        right="return table_score(others, table)",
        wrong="return table_score(pattern, table)",
    ),
    Mistake(
        "positional_control",
        why="You took the mean over heads, not over rows.",
        right="(pattern.sum(0, keepdim=True) - pattern) / (len(pattern) - 1)",
        wrong="pattern.mean(1, keepdim=True).expand_as(pattern)",
    ),
    Mistake(
        "positional_control",
        why="You took the mean over queries. A positional head has a row of its own for each query.",
        right="(pattern.sum(0, keepdim=True) - pattern) / (len(pattern) - 1)",
        wrong="pattern.mean(2, keepdim=True).expand_as(pattern)",
    ),
    Mistake(
        "positional_control",
        why="You used the mean of the other rows for row 0, and then the same for all rows.",
        right="(pattern.sum(0, keepdim=True) - pattern) / (len(pattern) - 1)",
        wrong="pattern[1:].mean(0, keepdim=True).expand_as(pattern)",
    ),
    Mistake(
        "positional_control",
        why="You spread the attention evenly over the keys. That is chance; the control keeps what the head knows "
        "about positions.",
        right="(pattern.sum(0, keepdim=True) - pattern) / (len(pattern) - 1)",
        wrong="torch.full_like(pattern, 1 / pattern.shape[-1])",
    ),
    Mistake(
        "positional_control",
        why="You divided by the number of all queries. The score is that of `table_score`: a mean over the queries "
        "that have a key.",
        right="return table_score(others, table)",
        wrong="return (others * table[:, None]).sum(-1).mean((0, 2))",
    ),
    # copy_curve
    Mistake(
        "copy_curve",
        why="You read the logits at the token's own position. There the model has read it already, and guesses the "
        "next one: the guess at the token at p stands at p - 1.",
        right="place - 1",
        wrong="place",
    ),
    Mistake(
        "copy_curve",
        why="You took the probability of the likeliest token, whichever it is. Asked is that of the copy's token.",
        wrong="row = torch.arange(len(tokens))[:, None]\n"
        "place = start[:, None] + torch.arange(size)\n"
        "return logits.softmax(-1).amax(-1)[row, place - 1].mean(0)",
    ),
    Mistake(
        "copy_curve",
        why="You returned how often the likeliest token is the right one. Asked is its probability.",
        wrong="row = torch.arange(len(tokens))[:, None]\n"
        "place = start[:, None] + torch.arange(size)\n"
        "return (logits.argmax(-1)[row, place - 1] == tokens[row, place]).float().mean(0)",
    ),
    Mistake(
        "copy_curve",
        why="You returned logarithms of probabilities.",
        right="logits.softmax(-1)",
        wrong="logits.log_softmax(-1)",
    ),
    Mistake(
        "copy_curve",
        why="You took the mean of the logarithms and then exp: that is the geometric mean, which one bad row pulls "
        "to 0.",
        right="logits.softmax(-1)[row, place - 1, tokens[row, place]].mean(0)",
        wrong="logits.log_softmax(-1)[row, place - 1, tokens[row, place]].mean(0).exp()",
    ),
    Mistake(
        "copy_curve",
        why="You used the first row's `start` for all rows.",
        right="start[:, None] + torch.arange(size)",
        wrong="(start[:1, None] + torch.arange(size)).expand(len(tokens), -1)",
    ),
    Mistake(
        "copy_curve",
        why="Your softmax runs over the positions. Each position's guess is a distribution over the vocabulary.",
        right="logits.softmax(-1)",
        wrong="logits.softmax(1)",
    ),
    Mistake(
        "copy_curve",
        why="You looked one token further than asked: entry 0 is the copy's first token, the one that can't be "
        "foreseen.",
        right="place = start[:, None] + torch.arange(size)  # [row size]",
        wrong="place = (start[:, None] + 1 + torch.arange(size)).clamp(max=tokens.shape[1] - 1)",
    ),
    Mistake(
        "copy_curve",
        why="You returned the curve of the first row only.",
        right=".mean(0)",
        wrong="[0]",
    ),
    Mistake(
        "copy_curve",
        why="You returned raw logits: a softmax is missing.",
        right="logits.softmax(-1)",
        wrong="logits",
    ),
    # head_roles
    Mistake(
        "head_roles",
        why="You named the heads of the model as it is shipped. Yours has them in other places: `my_model`.",
        right="my_model(STORY)",
        wrong="load_model(STORY)",
    ),
    Mistake(
        "head_roles",
        why="You named the heads of another learner's variant. Yours has them in other places.",
        right="my_model(STORY)",
        wrong='my_model(STORY, learner="somebody else, whose heads are elsewhere")',
    ),
    Mistake(
        "head_roles",
        why="You named the numbers of the heads the wrong way round: (head, layer). A head is (layer, head).",
        right="divmod(number, model.config.n_heads)",
        wrong="divmod(number, model.config.n_heads)[::-1]",
    ),
    Mistake(
        "head_roles",
        why="You named no induction heads. Did you judge them by all queries of the spells? The frame's words come "
        "again too, where these heads do something else: ask the second copy only. (Or did you measure on bare random "
        "words? This model repeats words only where a story calls for it.)",
        right='look_tables(story)["induction"] & in_copy[:, :, None]',
        wrong='look_tables(story)["induction"]',
    ),
    Mistake(
        "head_roles",
        why="You named all heads.",
        right="if score > 0.5",
        wrong="if score > -1",
    ),
    Mistake(
        "head_roles",
        why="You named no head for either role.",
        right="if score > 0.5",
        wrong="if score > 2",
    ),
    Mistake(
        "head_roles",
        why="Your threshold is too low: there are heads among yours whose score is far below 0.5.",
        right="score > 0.5",
        wrong="score > 0.1",
    ),
    Mistake(
        "head_roles",
        why="You named only the strongest head of each role. All above 0.5 are asked for.",
        right="score > 0.5",
        wrong="score == scores.max()",
    ),
    Mistake(
        "head_roles",
        why="The two roles are interchanged.",
        wrong="model = my_model(STORY)\n"
        "names, (story, start) = named_again(model, rows=32), spells(model, rows=32)\n"
        "def above(tokens, table):\n"
        "    scores = table_score(all_patterns(model, tokens), table).tolist()\n"
        "    return [divmod(n, model.config.n_heads) for n, score in enumerate(scores) if score > 0.5]\n"
        "copy = (torch.arange(story.shape[1]) >= start[:, None])[:, :, None]\n"
        'return {"duplicate": above(story, look_tables(story)["induction"] & copy),\n'
        '        "induction": above(names, look_tables(names)["duplicate"])}',
    ),
    Mistake(
        "head_roles",
        why="You took heads at random, one and five.",
        wrong="return {'duplicate': [(3, 4)], 'induction': [(2, 1), (2, 4), (3, 0), (1, 1), (0, 5)]}",
    ),
]

ALTERNATIVES = [
    Alternative(
        "table_score",
        how="with einsum",
        code='given = torch.einsum("rhqk,rqk->h", pattern, table.to(pattern.dtype))\n'
        "return given / (table.sum(-1) > 0).sum()",
    ),
    Alternative(
        "table_score",
        how="by choosing the queries that are asked",
        code="asked = table.any(-1)\n"
        "given = pattern.transpose(1, 2)[asked]  # [asked head key]\n"
        "return (given * table[asked][:, None]).sum(-1).mean(0)",
    ),
    Alternative(
        "look_tables",
        how="with tril, and the induction table from tokens moved by one",
        code="""rows, n = tokens.shape
blank = torch.zeros(rows, n, n, dtype=torch.bool)
previous, current, first = blank.clone(), blank.clone(), blank.clone()
for q in range(1, n):
    previous[:, q, q - 1] = current[:, q, q] = first[:, q, 0] = True
same = tokens[:, :, None] == tokens[:, None, :]
before = torch.full_like(tokens, tokens.min() - 1)
before[:, 1:] = tokens[:, :-1]  # the token before each key
induction = (tokens[:, :, None] == before[:, None, :]).tril()
found = {"first": first, "induction": induction, "previous": previous}
return {**found, "duplicate": same.tril(-1), "current": current}""",
    ),
    Alternative(
        "look_tables",
        how="by roll, with what came back at the left blanked out",
        code="""n = tokens.shape[1]
later = torch.arange(n)[:, None] > 0
eye = torch.eye(n, dtype=torch.bool).expand(len(tokens), n, n)
duplicate = (tokens.unsqueeze(2) == tokens.unsqueeze(1)).tril(-1)
induction = duplicate.roll(1, dims=-1)
induction[..., 0] = False
return {
    "previous": torch.diag(torch.ones(n - 1), -1).bool().repeat(len(tokens), 1, 1),
    "current": eye & later,
    "first": (torch.arange(n) == 0).expand(len(tokens), n, n) & later,
    "duplicate": duplicate,
    "induction": induction,
}""",
    ),
    Alternative(
        "repeats_at_random_gaps",
        how="row by row",
        code="""generator = torch.Generator().manual_seed(seed)
tokens, starts = [], []
for _ in range(rows):
    row = vocabulary[torch.randperm(len(vocabulary), generator=generator)][:length]
    between = gap
    if between is None:
        between = int(torch.randint(0, length - 2 * size + 1, (), generator=generator))
    first = int(torch.randint(0, length - 2 * size - between + 1, (), generator=generator))
    second = first + size + between
    row[second : second + size] = row[first : first + size].clone()
    tokens.append(row)
    starts.append(second)
return torch.stack(tokens), torch.tensor(starts)""",
    ),
    Alternative(
        "repeats_at_random_gaps",
        how="with Python's random numbers, from the parts of a row",
        code="""import random
rng = random.Random(seed)
tokens, starts = [], []
for _ in range(rows):
    words = rng.sample(vocabulary.tolist(), length - size)
    between = rng.randint(0, length - 2 * size) if gap is None else gap
    before = rng.randrange(length - 2 * size - between + 1)
    segment, second = words[before : before + size], before + size + between
    tokens.append(words[:second] + segment + words[second:])
    starts.append(second)
return torch.tensor(tokens), torch.tensor(starts)""",
    ),
    Alternative(
        "positional_control",
        how="row by row",
        code="""rows = []
for r in range(len(pattern)):
    rest = torch.cat([pattern[:r], pattern[r + 1 :]])
    rows.append(rest.mean(0))
return table_score(torch.stack(rows), table)""",
    ),
    Alternative(
        "positional_control",
        how="by moving the tables in place of the patterns: the sums are the same",
        code="""weights = table.to(pattern.dtype)
others = (weights.sum(0) - weights) / (len(weights) - 1)
return torch.einsum("rhqk,rqk->h", pattern, others) / table.any(-1).sum()""",
    ),
    Alternative(
        "positional_control",
        how="as the mean over all ways to move the rows on by one, two, ...",
        code="""turns = range(1, len(pattern))
return torch.stack([table_score(pattern.roll(turn, 0), table) for turn in turns]).mean(0)""",
    ),
    Alternative(
        "copy_curve",
        how="from the loss of each token",
        code="""guesses = logits[:, :-1].transpose(1, 2)
loss = torch.nn.functional.cross_entropy(guesses, tokens[:, 1:], reduction="none")
places = start[:, None] + torch.arange(size) - 1
return (-loss).exp().gather(1, places).mean(0)""",
    ),
    Alternative(
        "copy_curve",
        how="row by row",
        code="""curves = []
for row, ids, first in zip(logits, tokens, start.tolist()):
    guesses = row[first - 1 : first + size - 1].softmax(-1)
    curves.append(guesses[torch.arange(size), ids[first : first + size]])
return torch.stack(curves).mean(0)""",
    ),
    Alternative(
        "head_roles",
        how="head by head, from the cells themselves, on other texts of the same kinds",
        code="""model = my_model("storybook-4l")
story, start = spells(model, 20, size=7, seed=5)
names = named_again(model, 40, seed=9)
found = {"induction": [], "duplicate": []}
for layer in range(4):
    for head in range(6):
        pattern = all_patterns(model, story)[:, 6 * layer + head]
        given = []
        for row in range(20):
            for query in range(int(start[row]), story.shape[1]):
                first = int((story[row] == story[row, query]).nonzero()[0])
                given.append(float(pattern[row, query, first + 1]))
        if sum(given) / len(given) > 0.5:
            found["induction"].append((layer, head))
        last = all_patterns(model, names)[:, 6 * layer + head, -1, :-1]
        if (last * (names[:, :-1] == names[:, -1:])).sum(-1).mean() > 0.5:
            found["duplicate"].append((layer, head))
return found""",
    ),
]


def patterns_and_table(draw: Draw, rows: int, heads: int, queries: int, keys: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random patterns, and a table in which queries have no key, one, or several, and rows differ in how many ask."""
    pattern = (2 * draw.normal(rows, heads, queries, keys)).softmax(-1)
    table = draw.uniform(rows, queries, keys) < 0.35
    table[:, 0] = False
    table[0, 1:] = False
    table[0, 1, draw.integer(0, keys)] = True
    table[-1, -1, :2] = True
    return pattern, table


def slow_score(pattern: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """The scores, in Python floats."""
    weights, rights = pattern.tolist(), table.tolist()
    scores = []
    for head in range(pattern.shape[1]):
        given, asked = 0.0, 0
        for row, right_row in zip(weights, rights, strict=True):
            for weight, right in zip(row[head], right_row, strict=True):
                asked += any(right)
                given += sum(one for one, yes in zip(weight, right, strict=True) if yes)
        scores.append(given / asked)
    return torch.tensor(scores)


@checks("table_score")
def test_score_by_hand(submission):
    """The worked example: query 0 should look at key 1, query 1 at nothing; a row of 0.25 and 0.75 scores 0.75."""
    pattern = torch.tensor([[[[0.25, 0.75], [0.5, 0.5]]]])
    table = torch.tensor([[[False, True], [False, False]]])
    assert_close(submission.table_score(pattern, table), torch.tensor([0.75]), "the score of the worked example")


@checks("table_score")
def test_score_is_the_mean_over_the_queries_that_are_asked(submission, draw: Draw):
    """Sum up what each asked query gives to all its keys, and divide by how many were asked, over all rows together."""
    rows, heads, queries, keys = draw.sizes(4, low=3)
    pattern, table = patterns_and_table(draw, rows, heads, queries, keys)
    hint = "Divide by the number of queries (in all rows) that have at least one key."
    assert_close(
        submission.table_score(pattern, table), slow_score(pattern, table), "the scores of all heads", hint=hint
    )


@checks("table_score")
def test_a_perfect_head_scores_one(submission, draw: Draw):
    """A head that looks at its keys alone scores 1, one that looks elsewhere 0, and one that halves itself 0.5."""
    rows, queries, keys = draw.sizes(3, low=4)
    _, table = patterns_and_table(draw, rows, 1, queries, keys)
    table[-1, -1] = False
    table[-1, -1, :2] = True  # so that no query has all keys
    table &= ~table.all(-1, keepdim=True)
    there = table / table.sum(-1, keepdim=True).clamp(min=1)
    elsewhere = (~table) / (~table).sum(-1, keepdim=True)
    pattern = torch.stack([elsewhere, there, (there + elsewhere) / 2], dim=1)
    asked = table.any(-1)[:, None, :, None]
    pattern = torch.where(asked, pattern, draw.uniform(*pattern.shape))  # what others do is of no concern
    expected = torch.tensor([0.0, 1.0, 0.5])
    hint = "Queries without a key must not count, neither above nor below the line."
    assert_close(submission.table_score(pattern, table), expected, "the scores of the three heads", hint=hint)


@checks("table_score")
def test_a_query_that_gives_nothing_was_asked_all_the_same(submission, draw: Draw):
    """A single head that looks at its key in one of four queries, and past it in three, scores 0.25."""
    key = int(draw.integer(1, 5))
    table = torch.zeros(2, 3, 6, dtype=torch.bool)
    table[0, 1:, key] = table[1, :2, key] = True
    pattern = torch.zeros(2, 1, 3, 6)
    pattern[..., 0] = 1.0
    pattern[1, 0, 0] = table[1, 0].float()
    assert_close(submission.table_score(pattern, table), torch.tensor([0.25]), "the score of this head")


def slow_tables(tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """The five tables, cell by cell."""
    rows, n = tokens.shape
    kinds = ("previous", "current", "first", "duplicate", "induction")
    tables = {kind: torch.zeros(rows, n, n, dtype=torch.bool) for kind in kinds}
    for row in range(rows):
        ids = tokens[row].tolist()
        for query in range(1, n):
            tables["previous"][row, query, query - 1] = True
            tables["current"][row, query, query] = True
            tables["first"][row, query, 0] = True
            for earlier in range(query):
                if ids[earlier] == ids[query]:
                    tables["duplicate"][row, query, earlier] = True
                    tables["induction"][row, query, earlier + 1] = True
    return tables


def compare_tables(found: dict[str, torch.Tensor], tokens: torch.Tensor, kinds: tuple[str, ...], of: str) -> None:
    missing = [kind for kind in kinds if kind not in found]
    assert not missing, f"The dict has no table {missing[0]!r}. It has: {sorted(found)}."
    for kind in kinds:
        expected = slow_tables(tokens)[kind]
        assert_equal(found[kind], expected, f"the table {kind!r} of {of}", hint="The indices are [row, query, key].")


@checks("look_tables")
def test_tables_of_positions(submission, draw: Draw):
    """`previous`, `current` and `first` depend on positions alone, and ask nothing of query 0."""
    rows, n = draw.sizes(2, low=3)
    tokens = draw.integers(0, 50, rows, n)
    found = submission.look_tables(tokens)
    for kind in ("previous", "current", "first"):
        if isinstance(found.get(kind), torch.Tensor) and found[kind].dim() == 3:
            assert not bool(found[kind][:, 0].any()), (
                f"The table {kind!r} asks query 0, which can see only itself: any head would be right there."
            )
    compare_tables(found, tokens, ("previous", "current", "first"), f"{rows} rows of {n} tokens")


@checks("look_tables")
def test_the_row_on_the_page(submission):
    """a b c a b a: its duplicates and its places for induction, as drawn on the page; and the example 7 8 9 7."""
    for ids, called in (([0, 1, 2, 0, 1, 0], " (a b c a b a)"), ([7, 8, 9, 7], "")):
        tokens = torch.tensor([ids])
        compare_tables(submission.look_tables(tokens), tokens, ("duplicate", "induction"), f"the row {ids}{called}")


@checks("look_tables")
def test_a_token_twice_in_a_row(submission, draw: Draw):
    """a a: the second a's only place for induction is its own. And a token at the very end wraps round to nothing."""
    a, b = draw.permutation(40)[:2].tolist()
    for ids in ([a, a], [a, a, a, b], [b, a, b, b], [a, b, b, a, a]):
        tokens = torch.tensor([ids])
        compare_tables(submission.look_tables(tokens), tokens, ("duplicate", "induction"), f"the row {ids}")


@checks("look_tables")
def test_many_repeats_in_many_rows(submission, draw: Draw):
    """Rows of few different tokens, so that most come several times: all earlier copies count, in each row its own."""
    rows, n = draw.integer(2, 5), draw.integer(8, 13)
    tokens = draw.integers(0, 4, rows, n)
    kinds = ("previous", "current", "first", "duplicate", "induction")
    compare_tables(submission.look_tables(tokens), tokens, kinds, f"{rows} rows of {n} tokens")


def read_row(row: torch.Tensor, start: int, size: int) -> tuple[int, int]:
    """Where the first copy of a row begins, and the gap; complains where the row isn't as it should be."""
    ids = row.tolist()
    told = f"the row {ids}, whose second copy is said to begin at {start}"
    assert size <= start <= len(ids) - size, (
        f"A copy of {size} tokens that has another before it can't begin there: {told}. Return where the second begins."
    )
    first = ids.index(ids[start])
    assert first + size <= start, f"The token at {start} doesn't stand earlier, or the copies overlap: {told}."
    again, before = ids[start : start + size], ids[first : first + size]
    assert again == before, f"The second copy is {again}, but the first is {before}: {told}."
    assert len(set(ids)) == len(ids) - size, (
        f"All tokens but the {size} of the segment should be different, so that there are {len(ids) - size} kinds; "
        f"there are {len(set(ids))}: {told}."
    )
    return first, start - first - size


def near(count: int, trials: int, share: float) -> bool:
    """Within 7.5 standard deviations: less than one in a billion falls outside by chance."""
    return abs(count - trials * share) <= 7.5 * math.sqrt(trials * share * (1 - share)) + 1


def vocabulary_of(draw: Draw, count: int) -> torch.Tensor:
    """`count` different ids, in no order."""
    return 100 + draw.permutation(3 * count)[:count]


@checks("repeats_at_random_gaps")
def test_each_row_has_one_segment_twice(submission, draw: Draw):
    """Of the right shape, from the vocabulary, all different but for one segment that stands there twice."""
    for gap in (None, draw.integer(1, 4), 0):
        # enough rows that gaps drawn at random are not all 0 by luck
        rows, size, spare = draw.integer(9, 14), draw.integer(2, 6), draw.integer(4, 8)
        length = 2 * size + spare
        vocabulary = vocabulary_of(draw, length + draw.integer(0, 9))
        tokens, start = submission.repeats_at_random_gaps(vocabulary, rows, length, size, gap, draw.integer(0, 1000))
        shapes = tuple(tokens.shape), tuple(start.shape)
        assert shapes == ((rows, length), (rows,)), (
            f"{rows} rows of {length} and {rows} places were asked for; the shapes are {shapes[0]} and {shapes[1]}."
        )
        strangers = set(tokens.flatten().tolist()) - set(vocabulary.tolist())
        assert not strangers, f"The tokens {sorted(strangers)[:5]} are not in the vocabulary {vocabulary.tolist()}."
        for row, place in zip(tokens, start.tolist(), strict=True):
            _, between = read_row(row, place, size)
            assert gap is None or between == gap, (
                f"{gap} tokens should lie between the two copies of a segment of {size}, but {between} do: "
                f"{row.tolist()}."
                + (" (`if gap` is false for a gap of 0; `if gap is not None` isn't.)" if gap == 0 else "")
            )


@checks("repeats_at_random_gaps")
def test_no_room_to_spare(submission, draw: Draw):
    """Two copies that fill the row: the gap is 0, and the second copy begins in the middle."""
    size = draw.integer(2, 6)
    vocabulary = vocabulary_of(draw, 2 * size)
    for gap in (None, 0):
        tokens, start = submission.repeats_at_random_gaps(vocabulary, 3, 2 * size, size, gap, draw.integer(0, 1000))
        for row, place in zip(tokens, start.tolist(), strict=True):
            assert_equal(
                read_row(row, place, size), (0, 0), "the first copy's place and the gap, where nothing is spare,"
            )


def what_is_uneven(counts: list[int]) -> str:
    """What the counts of the gaps speak for: random rows can't be recognised by their numbers."""
    if sum(map(bool, counts)) == 1:
        return "All rows have the same gap: with `gap=None` each row draws its own."
    if not counts[-1]:
        return NEVER_LAST.format("gap")
    if counts[0] > 2 * counts[-1]:
        return "Small gaps come more often than large ones: draw the gap first, and then a place that it leaves."
    return "Each row draws a gap of its own, before its place."


NEVER_LAST = "The largest {} never comes: `torch.randint(n, ...)` ends at n - 1."


@checks("repeats_at_random_gaps")
def test_every_gap_is_as_likely_as_any_other(submission, draw: Draw):
    """Over 1200 rows of one call, each gap from 0 to the largest comes about equally often."""
    rows, length, size = 1200, 10, 3
    vocabulary = vocabulary_of(draw, 24)
    tokens, start = submission.repeats_at_random_gaps(vocabulary, rows, length, size, None, draw.integer(0, 10**6))
    places = [read_row(row, place, size) for row, place in zip(tokens, start.tolist(), strict=True)]
    gaps = Counter(gap for _, gap in places)
    counts = [gaps[gap] for gap in range(5)]
    assert all(near(count, rows, 1 / 5) for count in counts), (
        f"Of {rows} rows of {length} tokens with a segment of {size}, each gap from 0 to 4 should have about "
        f"{rows // 5}; there are {counts}. {what_is_uneven(counts)}"
    )
    followed = len(set(itertools.pairwise(gap for _, gap in places)))  # each pair is expected 48 times
    assert followed > 20, (
        f"Of the 25 pairs of gaps that two successive rows could have, only {followed} come up in {rows} rows: a row's "
        "gap tells the next row's. Draw each by itself."
    )
    for gap in range(4):
        chosen = Counter(first for first, between in places if between == gap)
        found = [chosen[first] for first in range(5 - gap)]
        assert all(near(count, sum(found), 1 / len(found)) for count in found), (
            f"With a gap of {gap} the first copy can begin at 0 to {4 - gap}, equally often. The counts are {found}. "
            + ("" if found[-1] else NEVER_LAST.format("place"))
        )


@checks("repeats_at_random_gaps")
def test_with_a_gap_the_place_is_still_random(submission, draw: Draw):
    """With a fixed gap, each place where both copies fit is about equally likely."""
    rows, size, gap = 800, 2, draw.integer(1, 4)
    length = 2 * size + gap + 3
    tokens, start = submission.repeats_at_random_gaps(
        vocabulary_of(draw, 20), rows, length, size, gap, draw.integer(0, 10**6)
    )
    chosen = Counter(read_row(row, place, size)[0] for row, place in zip(tokens, start.tolist(), strict=True))
    counts = [chosen[first] for first in range(4)]
    assert all(near(count, rows, 1 / 4) for count in counts), (
        f"With a gap of {gap} the first copy can begin at 0, 1, 2 or 3, equally often. Of {rows} rows the counts "
        f"are {counts}. " + ("" if counts[-1] else NEVER_LAST.format("place"))
    )


@checks("repeats_at_random_gaps")
def test_every_token_is_as_likely_as_any_other(submission, draw: Draw):
    """Each token of the vocabulary stands at the beginning of about as many rows, and in about as many segments."""
    rows, length, size = 1500, 8, 2
    vocabulary = vocabulary_of(draw, 15)
    tokens, start = submission.repeats_at_random_gaps(vocabulary, rows, length, size, None, draw.integer(0, 10**6))
    place = start.clamp(0, length - 1)
    for what, ids in (("first token", tokens[:, 0]), ("second copy's first token", tokens[torch.arange(rows), place])):
        seen = Counter(ids.tolist())
        counts = [seen[token] for token in vocabulary.tolist()]
        assert all(near(count, rows, 1 / 15) for count in counts), (
            f"Each of the 15 tokens should be the {what} of about {rows // 15} of {rows} rows; the counts go from "
            f"{min(counts)} to {max(counts)}. Are tokens drawn anew for each row, from all of the vocabulary?"
        )
    neighbours = len({tuple(pair) for pair in tokens[:, :2].tolist()})  # of 210; all but a few come up in 1500 rows
    assert neighbours > 150, (
        f"Only {neighbours} different pairs of tokens begin these {rows} rows, of 210 that could. Is the order of the "
        "tokens drawn anew for each row?"
    )


@checks("repeats_at_random_gaps")
def test_the_seed_decides(submission, draw: Draw):
    """The same seed gives the same rows, another seed others. A single row's gap differs from seed to seed."""
    vocabulary, seed = vocabulary_of(draw, 40), draw.integer(1, 10**6)
    first, again, other = (
        submission.repeats_at_random_gaps(vocabulary, 4, 20, 5, None, number) for number in (seed, seed, seed + 1)
    )
    assert_equal(again[0], first[0], "the rows of the same seed, made once more,")
    assert_equal(again[1], first[1], "the places of the same seed, made once more,")
    assert not torch.equal(other[0], first[0]), "Another seed gave the very same rows. Does your generator know it?"
    gaps = set()
    for number in range(40):
        tokens, start = submission.repeats_at_random_gaps(vocabulary, 1, 10, 3, None, seed + number)
        gaps.add(read_row(tokens[0], int(start[0]), 3)[1])
    assert len(gaps) > 2, (  # of 5 gaps, 40 draws show at most two with a probability below 1e-14
        f"A single row, made with 40 seeds, had no other gaps than {sorted(gaps)}. Is the gap drawn, for each row anew?"
    )


def torch_after(learner, vocabulary, seed):
    """What torch's global generator gives after a call of the learner's function."""
    torch.manual_seed(seed)
    learner.repeats_at_random_gaps(vocabulary, 2, 12, 4, None, seed + 1)
    return torch.rand(3)


@checks("repeats_at_random_gaps")
def test_others_keep_their_random_numbers(submission, draw: Draw):
    """Torch's global generator is left alone: whoever calls the function gets the random numbers of before."""
    seed = draw.integer(0, 10_000)
    found = submission.run(torch_after, vocabulary_of(draw, 20), seed)
    hint = "Draw from a generator of your own: torch.Generator().manual_seed(seed)."
    expected = torch.rand(3, generator=torch.Generator().manual_seed(seed))
    assert_close(found, expected, "torch.rand after your call", hint=hint)


@checks("positional_control")
def test_control_by_hand(submission):
    """Two heads, two rows: one finds its key in both, key 0 and key 1; the other looks at key 0 always."""
    finds = torch.tensor([[1.0, 0.0], [0.0, 1.0]])[:, None]  # [row query key], with a single query
    stays = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[:, None]
    pattern, table = torch.stack([finds, stays], dim=1), finds.bool()
    expected = torch.tensor([0.0, 0.5])
    hint = "With two rows, each gets the other's pattern."
    assert_close(submission.positional_control(pattern, table), expected, "the control of the two heads", hint=hint)


@checks("positional_control")
def test_control_is_the_mean_over_all_other_rows(submission, draw: Draw):
    """Score each row's table with the pattern of each *other* row, and take the mean over those."""
    for rows in (3, draw.integer(4, 7)):
        heads, queries, keys = draw.sizes(3, low=3)
        pattern, table = patterns_and_table(draw, rows, heads, queries, keys)
        turned = [slow_score(pattern.roll(turn, 0), table) for turn in range(1, rows)]
        found = submission.positional_control(pattern, table)
        assert_close(found, torch.stack(turned).mean(0), f"the control of {heads} heads on {rows} rows")


@checks("positional_control")
def test_a_positional_head_loses_nothing(submission, draw: Draw):
    """A head with the same pattern on all rows has a control that equals its score, whatever the table."""
    rows, heads, queries, keys = draw.sizes(4, low=3)
    pattern, table = patterns_and_table(draw, rows, heads, queries, keys)
    same = pattern[:1].expand_as(pattern).clone()
    assert_close(submission.positional_control(same, table), slow_score(same, table), "the control of positional heads")


@checks("positional_control", seconds=30)
def test_the_induction_head_loses_nearly_all(submission, draw: Draw):
    """On random gaps, the induction head of induction-2l scores about 0.9, and its control is below 0.15."""
    model = shared_model("induction-2l")
    tokens, table = [], torch.zeros(40, 33, 33, dtype=torch.bool)
    for row in range(40):
        gap = draw.integer(0, 17)
        first = draw.integer(0, 17 - gap)
        ids = draw.permutation(64)[:32] + 4
        ids[first + 8 + gap : first + 16 + gap] = ids[first : first + 8]
        tokens.append(torch.cat([torch.tensor([1]), ids]))
        for step in range(1, 9):
            table[row, first + 8 + gap + step, first + step + 1] = True
    with torch.no_grad():
        _, cache = model.run_with_cache(torch.stack(tokens))
    pattern = cache["pattern", 1]
    score = pattern[:, 1][table].sum() / table.any(-1).sum()
    control = submission.positional_control(pattern, table)[1]
    assert float(score) > 0.75, "The shipped model isn't what it was: its induction head scores below 0.75."
    assert float(control) < 0.15, (
        f"The induction head scores {score:.2f} here, and its control should be near chance, but it is {control:.2f}."
    )


def slow_curve(logits: torch.Tensor, tokens: torch.Tensor, start: torch.Tensor, size: int) -> torch.Tensor:
    """The curve, in Python floats."""
    curve = []
    for step in range(size):
        total = 0.0
        for row in range(len(tokens)):
            place = int(start[row]) + step
            guess = logits[row, place - 1].double().tolist()
            weights = [math.exp(value - max(guess)) for value in guess]
            total += weights[int(tokens[row, place])] / sum(weights)
        curve.append(total / len(tokens))
    return torch.tensor(curve)


@checks("copy_curve")
def test_equal_logits_give_chance(submission, draw: Draw):
    """A model that knows nothing gives 1 / d_vocab to every token of the copy."""
    rows, size, d_vocab = draw.sizes(3, low=3)
    tokens, start = draw.integers(0, d_vocab, rows, size + 6), draw.integers(1, 6, rows)
    curve = submission.copy_curve(torch.zeros(rows, size + 6, d_vocab), tokens, start, size)
    assert_close(curve, torch.full((size,), 1 / d_vocab), "the curve after equal logits")


@checks("copy_curve")
def test_each_entry_is_the_mean_probability_of_that_token(submission, draw: Draw):
    """For token i of the copy: the probability given to it one position earlier, as a mean over all rows."""
    rows, size, d_vocab = draw.sizes(3, low=3)
    pos = size + draw.integer(5, 9)
    logits, tokens = 2 * draw.normal(rows, pos, d_vocab), draw.integers(0, d_vocab, rows, pos)
    start = draw.integers(1, pos - size + 1, rows)
    start[0], start[1] = 1, pos - size  # as early and as late as can be
    hint = "`logits[r, p]` is about the token at p + 1, and each row has a start of its own."
    expected = slow_curve(logits, tokens, start, size)
    assert_close(submission.copy_curve(logits, tokens, start, size), expected, "the curve", hint=hint)


@checks("copy_curve")
def test_a_model_that_knows_what_comes(submission, draw: Draw):
    """Logits that are sure of the next token give a curve of ones; the copy's first token included."""
    rows, size, d_vocab = draw.sizes(3, low=4)
    pos = size + 4
    tokens, start = draw.integers(0, d_vocab, rows, pos), draw.integers(1, 5, rows)
    logits = torch.zeros(rows, pos, d_vocab)
    logits[:, :-1].scatter_(2, tokens[:, 1:, None], 50.0)
    assert_close(submission.copy_curve(logits, tokens, start, size), torch.ones(size), "the curve of a sure model")


@checks("copy_curve", seconds=30)
def test_two_layers_leap_up_and_one_does_not(submission, draw: Draw):
    """On random gaps: induction-2l is near chance at the first token and above 0.5 later, induction-1l never is."""
    tokens, starts = [], []
    for _ in range(40):
        gap = draw.integer(0, 17)
        first = draw.integer(0, 17 - gap)
        ids = draw.permutation(64)[:32] + 4
        ids[first + 8 + gap : first + 16 + gap] = ids[first : first + 8]
        tokens.append(torch.cat([torch.tensor([1]), ids]))
        starts.append(first + 8 + gap + 1)
    rows, start = torch.stack(tokens), torch.tensor(starts)
    for name in ("induction-2l", "induction-1l"):
        with torch.no_grad():
            logits = shared_model(name)(rows)
        curve = submission.copy_curve(logits, rows, start, 8)
        assert_close(curve, slow_curve(logits, rows, start, 8), f"the curve of {name}", rtol=1e-3, atol=1e-4)


MORE_WORDS = "umbrella violin sandwich notebook puzzle painting raven pigeon turkey potato onion muffin pie whistle"
MORE_NAMES = "Emma James Sarah George Helen Oliver Simon"
SAID = (
    "{fill}{p} said the magic words : {spell} . {gap}{q} said them too : {spell}",
    "{fill}The song of {p} goes : {spell} . {gap}Then {q} sang : {spell}",
)
NAMED = ("When {a} and {b} went to the {place} , {c}", "While {a} met {b} near the {place} , {c}")
GIVES = "When {a} and {b} went to the park , {c} gave a ball to"


def chosen(draw: Draw, words: str, count: int) -> list[str]:
    listed = words.split()
    return [listed[i] for i in draw.permutation(len(listed))[:count].tolist()]


def our_spells(model, draw: Draw, frame: str, rows: int) -> tuple[torch.Tensor, int]:
    """Spells of our own words, and where the second copy begins, in all rows alike."""
    texts = []
    for _ in range(rows):
        (p, q), spell = chosen(draw, MORE_NAMES, 2), " ".join(chosen(draw, MORE_WORDS, 8))
        filler = [f"It was {look} . " for look in chosen(draw, "blue big small old round dark", 2)]
        before = draw.integer(0, 3)
        gap, fill = "".join(filler[before:]), "".join(filler[:before])
        texts.append(frame.format(p=p, q=q, spell=spell, gap=gap, fill=fill))
    tokens = model.to_tokens(texts)
    return tokens, tokens.shape[1] - 8


def our_names(model, draw: Draw, frame: str, rows: int, third: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Two people, and one of them (or a third) named again; and the id of that name."""
    texts, names = [], []
    for number in range(rows):
        a, b, c = chosen(draw, MORE_NAMES, 3)
        names.append(c if third else (a, b)[number % 2])
        texts.append(frame.format(a=a, b=b, c=names[-1], place=draw.choice(["park", "school", "hotel", "castle"])))
    return model.to_tokens(texts), torch.tensor([model.to_single_token(name) for name in names])


def measured(model, kind: str, tokens: torch.Tensor, since: int) -> torch.Tensor:
    """The score of each head, [layer head], by loops over the queries from position `since` on."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    pattern = torch.stack([cache["pattern", layer] for layer in range(model.config.n_layers)], dim=1)
    step = 1 if kind == "induction" else 0
    given = []
    for row in range(len(tokens)):
        ids = tokens[row].tolist()
        for query in range(since, len(ids)):
            keys = [key + step for key in range(query) if ids[key] == ids[query]]
            if keys:
                given.append(pattern[row, :, :, query, keys].sum(-1))
    return torch.stack(given).mean(0)


def named_heads(submission, role: str, model) -> list[tuple[int, int]]:
    """The learner's heads of a role, when they are heads of this model, each once."""
    roles = submission.head_roles()
    assert set(roles) == {"duplicate", "induction"}, (
        f"Two roles are asked for; the dict has: {sorted(map(str, roles))}."
    )
    heads = roles[role]
    layers, n_heads = model.config.n_layers, model.config.n_heads
    assert heads, f"You named no head for {role}. There is at least one whose score is above 0.5."
    for layer, head in heads:
        there = 0 <= layer < layers and 0 <= head < n_heads
        assert there, (
            f"({layer}, {head}) is no head of this model: layers go from 0 to {layers - 1}, heads from 0 to "
            f"{n_heads - 1}."
        )
    assert len(set(heads)) == len(heads), f"You named a head twice for {role}: {heads}."
    return heads


def judge(heads: list[tuple[int, int]], scores: torch.Tensor, role: str) -> None:
    """Fails where a head is named that isn't above 0.5, or one isn't that is well above. The shipped model's heads
    score above 0.65 on these texts, or below 0.45."""
    for layer, head in heads:
        assert float(scores[layer, head]) > 0.5, (
            f"Head ({layer}, {head}) of your model, which you name for {role}, scores {scores[layer, head]:.2f} on our "
            "texts; above 0.5 is asked for. Did you measure your own variant, `my_model`, with the prompts that belong "
            "to this role?"
        )
    left_out = [score for (layer, head), score in pairs(scores) if score > 0.58 and (layer, head) not in heads]
    assert not left_out, (
        f"Your {role} heads have the score that they should, but {len(left_out)} more of your model's heads are above "
        f"0.5 on our texts: {', '.join(f'{score:.2f}' for score in left_out)}."
    )


def pairs(scores: torch.Tensor) -> list[tuple[tuple[int, int], float]]:
    return [
        ((layer, head), float(score)) for layer, row in enumerate(scores) for head, score in enumerate(row.tolist())
    ]


def silenced(model, tokens: torch.Tensor, heads: list[tuple[int, int]]) -> torch.Tensor:
    """The logits when these heads write nothing."""

    def silence(z, hook):
        z = z.clone()
        z[:, :, [head for layer, head in heads if hook.name == f"blocks.{layer}.attn.hook_z"]] = 0.0
        return z

    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(lambda name: name.endswith("hook_z"), silence)])


@checks("head_roles", seconds=30)
def test_the_duplicate_heads(submission, draw: Draw, learner):
    """On our own texts, in your own model: the duplicate heads that you name are those that score as such."""
    model = learner.model("storybook-4l")
    heads = named_heads(submission, "duplicate", model)
    scores = []
    for frame in NAMED:
        tokens, _ = our_names(model, draw, frame, 24)
        scores.append(measured(model, "duplicate", tokens, 1))
    judge(heads, torch.stack(scores).mean(0), "duplicate")


@checks("head_roles", seconds=30)
def test_the_induction_heads(submission, draw: Draw, learner):
    """On our own spells, in your own model: the heads that you name as induction heads are those that score as such."""
    model = learner.model("storybook-4l")
    heads = named_heads(submission, "induction", model)
    scores = []
    for frame in SAID:
        tokens, start = our_spells(model, draw, frame, 16)
        scores.append(measured(model, "induction", tokens, start))
    judge(heads, torch.stack(scores).mean(0), "induction")


@checks("head_roles", seconds=30)
def test_without_the_induction_heads_the_spell_is_lost(submission, draw: Draw, learner):
    """With your induction heads cut, the second copy is lost; with as many other heads of layers 1 to 3, it lives."""
    model = learner.model("storybook-4l")
    heads = named_heads(submission, "induction", model)
    tokens, start = our_spells(model, draw, SAID[0], 16)
    right = tokens[:, start + 1 :]

    def accuracy(cut: list[tuple[int, int]]) -> float:
        return float((silenced(model, tokens, cut)[:, start:-1].argmax(-1) == right).float().mean())

    others = [(layer, head) for layer in (1, 2, 3) for head in range(6) if (layer, head) not in heads]
    assert len(heads) <= len(others), f"You named {len(heads)} heads: too many to compare with as many others."
    cut = accuracy(heads)
    sets = [[others[i] for i in draw.permutation(len(others))[: len(heads)].tolist()] for _ in range(4)]
    controls = [accuracy(others_cut) for others_cut in sets]
    hurt = sum(controls) / len(controls)
    assert cut < 0.2, (
        f"With your induction heads cut, the model still gets {cut:.0%} of the second copy right (whole: "
        f"{accuracy([]):.0%}). Heads that could do it are left."
    )
    assert hurt > cut + 0.3, (
        f"To cut your heads leaves {cut:.0%} of the second copy right, but to cut as many others at random leaves no "
        f"more than {hurt:.0%}. So it isn't these heads that count."
    )


@checks("head_roles", seconds=30)
def test_without_the_duplicate_heads_a_new_name_is_taken_for_an_old_one(submission, draw: Draw, learner):
    """With your duplicate heads cut, the model no longer knows when a third person gives; with others cut, it does."""
    model = learner.model("storybook-4l")
    heads = named_heads(submission, "duplicate", model)
    tokens, names = our_names(model, draw, GIVES, 24, third=True)

    def accuracy(cut: list[tuple[int, int]]) -> float:
        return float((silenced(model, tokens, cut)[:, -1].argmax(-1) == names).float().mean())

    others = [(layer, head) for layer in (1, 2, 3) for head in range(6) if (layer, head) not in heads]
    assert len(heads) <= len(others), f"You named {len(heads)} heads: too many to compare with as many others."
    cut = accuracy(heads)
    sets = [[others[i] for i in draw.permutation(len(others))[: len(heads)].tolist()] for _ in range(3)]
    hurt = sum(accuracy(others_cut) for others_cut in sets) / len(sets)
    assert cut < 0.2, (
        f"With your duplicate heads cut, the model still knows in {cut:.0%} of our texts that a third person gives "
        f"(whole: {accuracy([]):.0%}). Another head must be telling it."
    )
    assert hurt > cut + 0.3, (
        f"To cut your duplicate heads leaves {cut:.0%} right, but so does to cut others at random: {hurt:.0%}."
    )
