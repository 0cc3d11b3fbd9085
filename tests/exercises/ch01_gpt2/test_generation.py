"""Checks of the lesson `generation`: cases worked by hand, loops over floats, all sequences tried, counts of draws.

The cache is checked with keys and values that no text ever made: who runs the text again can't know their logits.
"""

import itertools
import math

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # greedy
    Mistake(
        "greedy",
        why="You stop where the text ends with `end` before you write: a prompt that ends with it stops all. "
        "Look at the token that you have just written.",
        wrong="""for _ in range(n_new):
    if end is not None and tokens[-1] == end:
        break
    tokens = torch.cat([tokens, model(tokens[None])[0, -1:].argmax(-1)])
return tokens""",
    ),
    Mistake(
        "greedy",
        why="You leave the end token out. It belongs to the text: add it, then stop.",
        right="    tokens = torch.cat([tokens, token[None]])\n    if token == end:\n        break",
        wrong="    if token == end:\n        break\n    tokens = torch.cat([tokens, token[None]])",
    ),
    Mistake(
        "greedy",
        why="You stop as soon as `end` stands anywhere in the tokens, the prompt included. Only an `end` that was just "
        "written ends the text: many prompts begin with such a mark.",
        right="if token == end:",
        wrong="if end is not None and bool((tokens == end).any()):",
    ),
    Mistake(
        "greedy",
        why="You never stop at the end token.",
        right="    if token == end:\n        break\n",
        wrong="",
    ),
    Mistake(
        "greedy",
        why="You take `end=0` for no end at all. 0 is a token like any other: ask whether `end` is None.",
        right="if token == end:",
        wrong="if end and token == end:",
    ),
    Mistake(
        "greedy",
        why="You return the new tokens alone. The prompt comes first.",
        right="return tokens",
        wrong="return tokens[len(tokens) - _ - 1 :] if n_new else tokens[:0]",
    ),
    Mistake(
        "greedy",
        why="You read the logits of the first position. What comes next is foretold at the last one: index -1.",
        right="[0, -1]",
        wrong="[0, 0]",
    ),
    Mistake(
        "greedy",
        why="You show the model nothing but the last token, so that it forgets all that stood before.",
        right="model(tokens[None])",
        wrong="model(tokens[None, -1:])",
    ),
    Mistake(
        "greedy",
        why="You write one token too many: there are `n_new` rounds.",
        right="range(n_new)",
        wrong="range(n_new + 1)",
    ),
    Mistake(
        "greedy",
        why="You asked the model once, and wrote down its favourites in order. Each new token changes what comes "
        "after it: ask the model again for each.",
        right="model(tokens[None])[0, -1].argmax()",
        wrong="(lambda order: order[_ % len(order)])(\n"
        "    model(tokens[None, : len(tokens) - _])[0, -1].sort(descending=True, stable=True).indices\n)",
    ),
    Mistake(
        "greedy",
        why="Among equal logits you take the highest id. It is the lowest, as `argmax` has it.",
        right="model(tokens[None])[0, -1].argmax()",
        wrong="(lambda last: (last == last.max()).nonzero()[-1, 0])(model(tokens[None])[0, -1])",
    ),
    Mistake(
        "greedy",
        why="You draw the next token by chance. Greedy takes the likeliest.",
        right=".argmax()",
        wrong=".softmax(-1).multinomial(1)[0]",
    ),
    # temperature_probs
    Mistake(
        "temperature_probs",
        why="You multiplied by the temperature. Divide the logits by it: below 1 the differences grow.",
        right="logits / temperature",
        wrong="logits * temperature",
    ),
    Mistake(
        "temperature_probs",
        why="You divided the probabilities by the temperature, so that they no longer sum to 1. Divide the logits, "
        "and then take the softmax.",
        right="(logits / temperature).softmax(-1)",
        wrong="logits.softmax(-1) / temperature",
    ),
    Mistake(
        "temperature_probs",
        why="You took the softmax of probabilities over the temperature. It is the logits that are divided.",
        right="(logits / temperature).softmax(-1)",
        wrong="(logits.softmax(-1) / temperature).softmax(-1)",
    ),
    Mistake(
        "temperature_probs",
        why="At temperature 0 you share the probability among all tokens with the largest logit. By the convention of "
        "this exercise the lowest id of them gets all.",
        right="return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)",
        wrong="best = (logits == logits.amax(-1, keepdim=True)).to(logits.dtype)\n"
        "    return best / best.sum(-1, keepdim=True)",
    ),
    Mistake(
        "temperature_probs",
        why="At temperature 0 you give 1 to every token with the largest logit: such a row sums to more than 1.",
        right="return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)",
        wrong="return (logits == logits.amax(-1, keepdim=True)).to(logits.dtype)",
    ),
    Mistake(
        "temperature_probs",
        why="At temperature 0 you return the softmax as it is at temperature 1. Temperature 0 is greedy.",
        right="return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)",
        wrong="return logits.softmax(-1)",
    ),
    Mistake(
        "temperature_probs",
        why="You replaced temperature 0 by a very small one. Equal logits then still share, and nearly equal ones come "
        "out by luck. Treat 0 as a case of its own.",
        right="return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)",
        wrong="return (logits.double() / 1e-6).softmax(-1).to(logits.dtype)",
    ),
    Mistake(
        "temperature_probs",
        why="You normalised over the whole tensor. Each row is a distribution of its own.",
        right="(logits / temperature).softmax(-1)",
        wrong="(logits / temperature).flatten().softmax(0).reshape(logits.shape)",
    ),
    Mistake(
        "temperature_probs",
        why="You take exp of the raw quotient: at a low temperature it is inf. Use softmax, or subtract the maximum.",
        right="return (logits / temperature).softmax(-1)",
        wrong="weights = (logits / temperature).exp()\nreturn weights / weights.sum(-1, keepdim=True)",
    ),
    Mistake(
        "temperature_probs",
        why="You cut very low logits off at a floor. A logit of -inf is forbidden, at any temperature: it must get 0.",
        right="logits / temperature",
        wrong="logits.clamp(min=-30) / temperature",
    ),
    Mistake(
        "temperature_probs",
        why="You let no temperature fall below 0.1. Every temperature above 0 is to be divided by as it is.",
        right="logits / temperature",
        wrong="logits / max(temperature, 0.1)",
    ),
    Mistake(
        "temperature_probs",
        why="You ignored the temperature, other than 0.",
        right="logits / temperature",
        wrong="logits",
    ),
    Mistake(
        "temperature_probs",
        why="You divided by a temperature of 0, and got NaN. It can't be divided by: treat it as a case of its own.",
        right="if temperature == 0:",
        wrong="if temperature < 0:",
    ),
    Mistake(
        "temperature_probs",
        why="You normalised along the first axis. Each row along the *last* axis is a distribution.",
        right=".softmax(-1)",
        wrong=".softmax(0)",
    ),
    Mistake(
        "temperature_probs",
        why="You raised probabilities to the power of 1/T. On paper that is the same, but at a low temperature they "
        "all round to 0. Divide the logits, and then take the softmax.",
        right="return (logits / temperature).softmax(-1)",
        wrong="powers = logits.softmax(-1) ** (1 / temperature)\nreturn powers / powers.sum(-1, keepdim=True)",
    ),
    # truncate_probs
    Mistake(
        "truncate_probs",
        why="With `top_k=0` you cut everything off, and then divide by a sum of 0. `top_k=0` means no limit: cut by "
        "number only if `top_k` is more than 0.",
        right="if top_k > 0:\n    keep[..., top_k:] = False",
        wrong="keep[..., top_k:] = False",
    ),
    Mistake(
        "truncate_probs",
        why="With `top_k=0` you keep one token only. 0 means no limit to the number: all may stay.",
        right="if top_k > 0:\n    keep[..., top_k:] = False",
        wrong="keep[..., max(top_k, 1) :] = False",
    ),
    Mistake(
        "truncate_probs",
        why="You cut the tail off and left the rest as it was: it sums to less than 1. Divide by the sum.",
        right="return kept / kept.sum(-1, keepdim=True)",
        wrong="return kept",
    ),
    Mistake(
        "truncate_probs",
        why="You drop the token that crosses `top_p`. It is kept: what counts is the sum *before* each token.",
        right="(before < top_p)",
        wrong="((before + values <= top_p) | (before == 0))",
    ),
    Mistake(
        "truncate_probs",
        why="You drop the token that crosses `top_p`, and with `top_p=1`, by rounding, some of the last ones too. What "
        "counts is the sum *before* each token, and `top_p=1` cuts nothing.",
        right="keep = (before < top_p) | (top_p >= 1)",
        wrong="keep = values.cumsum(-1) <= top_p\nkeep[..., 0] = True",
    ),
    Mistake(
        "truncate_probs",
        why="When the sum hits `top_p` exactly you keep one token more. Those before it must sum to *less* than "
        "`top_p`.",
        right="(before < top_p)",
        wrong="(before <= top_p)",
    ),
    Mistake(
        "truncate_probs",
        why="You keep one token too many: fewer than `top_k` stand before a kept one.",
        right="keep[..., top_k:] = False",
        wrong="keep[..., top_k + 1 :] = False",
    ),
    Mistake(
        "truncate_probs",
        why="You keep all tokens that are as likely as the k-th. There may be more than `top_k` of them: between "
        "equal ones the lower id goes first.",
        right="keep[..., top_k:] = False",
        wrong="keep &= values >= values[..., min(top_k, values.shape[-1]) - 1, None]",
    ),
    Mistake(
        "truncate_probs",
        why="You left the probabilities in sorted order. Each must go back to the place of its token: `scatter`.",
        right="torch.zeros_like(probs).scatter(-1, order, values * keep)",
        wrong="values * keep",
    ),
    Mistake(
        "truncate_probs",
        why="You lined the tokens up by rising probability and kept the unlikely ones.",
        right="descending=True, stable=True",
        wrong="stable=True",
    ),
    Mistake(
        "truncate_probs",
        why="You renormalised with a softmax. A softmax of probabilities flattens them, and gives something to the "
        "tokens that were cut: divide by the sum.",
        right="return kept / kept.sum(-1, keepdim=True)",
        wrong="return kept.softmax(-1)",
    ),
    Mistake(
        "truncate_probs",
        why="You renormalised after `top_k` and measured `top_p` on that. (Some libraries do.) Here both look at the "
        "probabilities as they came in.",
        right="before = values.cumsum(-1) - values",
        wrong="shares = values.clone()\nif top_k > 0:\n    shares[..., top_k:] = 0\n"
        "shares = shares / shares.sum(-1, keepdim=True)\nbefore = shares.cumsum(-1) - shares",
    ),
    Mistake(
        "truncate_probs",
        why="With `top_p=1` you cut tokens off because the rounded sum of those before them is already 1. "
        "`top_p=1` cuts nothing.",
        right="(before < top_p) | (top_p >= 1)",
        wrong="before < top_p",
    ),
    Mistake(
        "truncate_probs",
        why="You ignore `top_p` when `top_k` is given: both must hold.",
        right="(before < top_p) | (top_p >= 1)",
        wrong="(before < top_p) | (top_p >= 1) | (top_k > 0)",
    ),
    Mistake(
        "truncate_probs",
        why="You took `top_p` for a floor: you keep the tokens whose own probability is high. It bounds the sum of "
        "those that stand before a token.",
        right="(before < top_p)",
        wrong="((values >= 1 - top_p) | (before == 0))",
    ),
    Mistake(
        "truncate_probs",
        why="You divide by the sum over the whole batch. Each row sums to 1 by itself.",
        right="kept.sum(-1, keepdim=True)",
        wrong="kept.sum() * probs.shape[-1] / probs.numel()",
    ),
    # sample_next
    Mistake(
        "sample_next",
        why="You penalise a token once, however often it came. The frequency penalty grows with the count. (What you "
        "wrote is called a presence penalty.)",
        right="penalty * counts",
        wrong="penalty * counts.clamp(max=1)",
    ),
    Mistake(
        "sample_next",
        why="You add the penalty, and so reward repetition. Subtract it.",
        right="logits - penalty * counts",
        wrong="logits + penalty * counts",
    ),
    Mistake(
        "sample_next",
        why="You left the penalty out.",
        right="logits - penalty * counts",
        wrong="logits",
    ),
    Mistake(
        "sample_next",
        why="You left `top_k` out: pass it on to truncate_probs.",
        right="temperature), top_k, top_p)",
        wrong="temperature), 0, top_p)",
    ),
    Mistake(
        "sample_next",
        why="You left `top_p` out: pass it on to truncate_probs.",
        right="temperature), top_k, top_p)",
        wrong="temperature), top_k)",
    ),
    Mistake(
        "sample_next",
        why="You penalise after the temperature: the logits are divided first. Here the penalty comes first.",
        right="penalty * counts, temperature",
        wrong="penalty * temperature * counts, temperature",
    ),
    Mistake(
        "sample_next",
        why="You count a token in all rows of the batch. Each row has its own past.",
        right="penalty * counts",
        wrong="penalty * counts.sum(0)",
    ),
    Mistake(
        "sample_next",
        why="You cut the tail off before the temperature. It changes which tokens `top_p` keeps: temperature first.",
        right="truncate_probs(temperature_probs(logits - penalty * counts, temperature), top_k, top_p)",
        wrong="temperature_probs(\n    truncate_probs((logits - penalty * counts).softmax(-1), top_k, top_p).log(), "
        "temperature\n)",
    ),
    Mistake(
        "sample_next",
        why="You draw from torch's global chance and not from `generator`: the same seed gives other tokens.",
        right="torch.multinomial(probs, 1, generator=generator)",
        wrong="torch.multinomial(probs, 1)",
    ),
    Mistake(
        "sample_next",
        why="You set the generator's seed yourself: every call draws the same. Seeds are the caller's business.",
        right="torch.multinomial(probs, 1, generator=generator)",
        wrong="torch.multinomial(probs, 1, generator=generator.manual_seed(0))",
    ),
    Mistake(
        "sample_next",
        why="You take the likeliest token and draw nothing.",
        right="torch.multinomial(probs, 1, generator=generator)[:, 0]",
        wrong="probs.argmax(-1)",
    ),
    Mistake(
        "sample_next",
        why="You draw from the distribution before temperature and cut, though you return the one after them.",
        right="torch.multinomial(probs, 1,",
        wrong="torch.multinomial((logits - penalty * counts).softmax(-1), 1,",
    ),
    Mistake(
        "sample_next",
        why="You draw from the distribution before the cut, though you return the one after it: a token of the tail "
        "can still come up.",
        right="torch.multinomial(probs, 1,",
        wrong="torch.multinomial(temperature_probs(logits - penalty * counts, temperature), 1,",
    ),
    Mistake(
        "sample_next",
        why="You draw evenly among the tokens that are left. Each comes up as often as its probability says.",
        right="torch.multinomial(probs, 1,",
        wrong="torch.multinomial((probs > 0).to(probs.dtype), 1,",
    ),
    Mistake(
        "sample_next",
        why="You use one random number for all rows, so that they move together. Each row needs a draw of its own.",
        right="torch.multinomial(probs, 1, generator=generator)[:, 0]",
        wrong="(probs.cumsum(-1) <= torch.rand(1, generator=generator)).sum(-1).clamp(max=probs.shape[-1] - 1)",
    ),
    # beam_search
    Mistake(
        "beam_search",
        why="You forget the candidates that have ended. They stay in the beam with the score that they have.",
        right="candidates = [entry for entry in beam if entry[2]]",
        wrong="candidates = [] if any(not entry[2] for entry in beam) else list(beam)",
    ),
    Mistake(
        "beam_search",
        why="You let candidates go on after the end token.",
        right="int(token) == end",
        wrong="False",
    ),
    Mistake(
        "beam_search",
        why="You add up logits. They mean nothing without their rivals: take the log-softmax first.",
        right="[0, -1].log_softmax(-1)",
        wrong="[0, -1]",
    ),
    Mistake(
        "beam_search",
        why="You divided each score by the number of new tokens. The score asked for is the plain sum.",
        right="return [(row, score) for row, score, _ in beam]",
        wrong="return [(row, score / max(1, len(row) - len(tokens))) for row, score, _ in beam]",
    ),
    Mistake(
        "beam_search",
        why="You compare candidates by their mean log-probability per token. It is the sum that counts here.",
        right="key=lambda entry: -entry[1]",
        wrong="key=lambda entry: -entry[1] / (len(entry[0]) - len(tokens))",
    ),
    Mistake(
        "beam_search",
        why="Each candidate keeps only its own best token, so that no prompt ever has two children: the beam never "
        "gets wide. All children of all candidates compete for the `width` places.",
        right="log_probs.topk(min(width, len(log_probs)))",
        wrong="log_probs.topk(min(width, len(log_probs)) if len(row) == len(tokens) else 1)",
    ),
    Mistake(
        "beam_search",
        why="You return the candidates with the least likely first.",
        right="return [(row, score) for row, score, _ in beam]",
        wrong="return [(row, score) for row, score, _ in beam[::-1]]",
    ),
    Mistake(
        "beam_search",
        why="You return the new tokens alone. The prompt comes first.",
        right="return [(row, score) for row, score, _ in beam]",
        wrong="return [(row[len(tokens) :], score) for row, score, _ in beam]",
    ),
    Mistake(
        "beam_search",
        why="You return the best candidate only; all of the beam is asked for.",
        right="return [(row, score) for row, score, _ in beam]",
        wrong="return [(row, score) for row, score, _ in beam[:1]]",
    ),
    Mistake(
        "beam_search",
        why="You judge each candidate by its last token alone. Add up: the score of what it grew from, and the new "
        "log-probability.",
        right="score + float(gain)",
        wrong="float(gain)",
    ),
    Mistake(
        "beam_search",
        why="You stop as soon as the first candidate has ended. Others may still overtake it: go on until all have.",
        right="if all(ended for _, _, ended in beam):",
        wrong="if any(ended for _, _, ended in beam):",
    ),
    Mistake(
        "beam_search",
        why="You return probabilities. Their logarithms are asked for: a long text's probability rounds to zero.",
        right="return [(row, score) for row, score, _ in beam]",
        wrong="return [(row, 2.718281828459045**score) for row, score, _ in beam]",
    ),
    Mistake(
        "beam_search",
        why="When a candidate ends you keep a place for it, and the beam of those that go on becomes narrower by one "
        "for good. All compete for the `width` places by score, ended or not.",
        right="beam = sorted(candidates, key=lambda entry: -entry[1])[:width]",
        wrong="beam = sorted(candidates, key=lambda entry: (not entry[2], -entry[1]))[:width]\n"
        "    beam = sorted(beam, key=lambda entry: -entry[1])",
    ),
    Mistake(
        "beam_search",
        why="You put texts that have ended aside, where they take no place in the beam, and let others move up. Ended "
        "or not, all compete for the same `width` places in each round.",
        wrong="""
beam, done = [(tokens, 0.0)], []
for _ in range(n_new):
    children = []
    for row, score in beam:
        log_probs = model(row[None])[0, -1].log_softmax(-1)
        for token, gain in enumerate(log_probs):
            children.append((torch.cat([row, torch.tensor([token])]), score + float(gain)))
    children = sorted(children, key=lambda entry: -entry[1])[:width]
    done += [entry for entry in children if int(entry[0][-1]) == end]
    beam = [entry for entry in children if int(entry[0][-1]) != end]
return sorted(beam + done, key=lambda entry: -entry[1])[:width]
""",
    ),
    Mistake(
        "beam_search",
        why="You keep `width` texts that go on, and beside them all that have ended. Ended or not, all compete for the "
        "same `width` places in each round: what has no place is gone.",
        wrong="""
beam, done = [(tokens, 0.0)], []
for _ in range(n_new):
    children = []
    for row, score in beam:
        log_probs = model(row[None])[0, -1].log_softmax(-1)
        for token, gain in enumerate(log_probs):
            children.append((torch.cat([row, torch.tensor([token])]), score + float(gain)))
    done += [entry for entry in children if int(entry[0][-1]) == end]
    children = [entry for entry in children if int(entry[0][-1]) != end]
    beam = sorted(children, key=lambda entry: -entry[1])[:width]
return sorted(beam + done, key=lambda entry: -entry[1])[:width]
""",
    ),
    Mistake(
        "beam_search",
        why="You take `end=0` for no end at all. 0 is a token like any other: ask whether `end` is None.",
        right="int(token) == end",
        wrong="bool(end) and int(token) == end",
    ),
    Mistake(
        "beam_search",
        why="You take an `end` in the prompt for the end of the text. Only one that has been written ends it.",
        right="(tokens, 0.0, False)",
        wrong="(tokens, 0.0, int(tokens[-1]) == end)",
    ),
    # forward_cached
    Mistake(
        "forward_cached",
        why="You give the new tokens the first positions. They stand behind `past` others: rows past to past + pos.",
        right='weights["pos_embed.W_pos"][past : past + pos]',
        wrong='weights["pos_embed.W_pos"][:pos]',
    ),
    Mistake(
        "forward_cached",
        why="Your mask is that of a text without a past: the first new token sees one key, the oldest. Query i stands "
        "at position past + i.",
        right=".triu(1 + past)",
        wrong=".triu(1)",
    ),
    Mistake(
        "forward_cached",
        why="You left the mask out. One new token may see everything, but in a chunk of several the first must not "
        "see the second.",
        right="torch.ones(pos, past + pos, dtype=torch.bool).triu(1 + past)",
        wrong="torch.zeros(pos, past + pos, dtype=torch.bool)",
    ),
    Mistake(
        "forward_cached",
        why="Your mask is one too wide: each token sees the one after it.",
        right=".triu(1 + past)",
        wrong=".triu(2 + past)",
    ),
    Mistake(
        "forward_cached",
        why="Behind a past, no new token sees itself. A query sees the keys up to its own position, that one included.",
        right=".triu(1 + past)",
        wrong=".triu(max(past, 1))",
    ),
    Mistake(
        "forward_cached",
        why="You put the new keys and values in front of the old ones. They come behind them.",
        right="k, v = torch.cat([cache[layer][0], k], dim=1), torch.cat([cache[layer][1], v], dim=1)",
        wrong="k, v = torch.cat([k, cache[layer][0]], dim=1), torch.cat([v, cache[layer][1]], dim=1)",
    ),
    Mistake(
        "forward_cached",
        why="Your new cache holds the new tokens alone: at the next call the rest is forgotten. Keep the joined keys "
        "and values.",
        right="longer.append((k, v))",
        wrong="longer.append((k[:, -pos:], v[:, -pos:]))",
    ),
    Mistake(
        "forward_cached",
        why="All layers read the cache of layer 0. Each layer has keys and values of its own.",
        right="k, v = torch.cat([cache[layer][0], k], dim=1), torch.cat([cache[layer][1], v], dim=1)",
        wrong="k, v = torch.cat([cache[0][0], k], dim=1), torch.cat([cache[0][1], v], dim=1)",
    ),
    Mistake(
        "forward_cached",
        why="You mixed keys and values up in the cache: a pair is (keys, values).",
        right="longer.append((k, v))",
        wrong="longer.append((v, k))",
    ),
    Mistake(
        "forward_cached",
        why="You write into the old cache. Whoever holds it may want to go on from there twice: make a new list.",
        right="longer.append((k, v))",
        wrong="longer.append((k, v))\n    if cache:\n        cache[layer] = (k, v)",
    ),
    Mistake(
        "forward_cached",
        why="Your cache holds the text, and each call runs all of it again: the logits are right, and nothing is "
        "saved. Keep each layer's keys and values, and send only the new tokens through the layers.",
        wrong="""
text = tokens
if cache:
    text = torch.cat([cache[0][0][:, :, 0, 0].long() % len(weights["embed.W_E"]), tokens], dim=1)
kept = text[:, :, None, None].to(weights["embed.W_E"].dtype)
logits = forward(weights, text % len(weights["embed.W_E"]))
return logits[:, -tokens.shape[1] :], [(kept, kept) for _ in range(n_layers(weights))]
""",
    ),
    Mistake(
        "forward_cached",
        why="You send a full-length text through the layers, with something else in the place of the old tokens, and "
        "use the cache only for keys and values. The logits are right, but the work is that of the whole text.",
        wrong="""
past, pos = (cache[0][0].shape[1] if cache else 0), tokens.shape[1]
padded = torch.cat([tokens[:, :1].expand(-1, past), tokens], dim=1)
resid = weights["embed.W_E"][padded] + weights["pos_embed.W_pos"][: past + pos]
longer: Cache = []
for layer in range(n_layers(weights)):
    x = norm(weights, f"blocks.{layer}.ln1", resid)
    q, k, v = (project(weights, layer, which, x) for which in "QKV")
    if cache:
        k, v = torch.cat([cache[layer][0], k[:, past:]], 1), torch.cat([cache[layer][1], v[:, past:]], 1)
    longer.append((k, v))
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
    future = torch.ones(past + pos, past + pos, dtype=torch.bool).triu(1)
    pattern = scores.masked_fill(future, -torch.inf).softmax(-1)
    resid = resid + write(weights, layer, torch.einsum("bhqk,bkhd->bqhd", pattern, v))
    resid = resid + mlp(weights, layer, resid)
return unembed(weights, resid)[:, past:], longer
""",
    ),
    Mistake(
        "forward_cached",
        why="You forgot the cache: the new tokens are read as if nothing stood before them.",
        right="past, pos = (cache[0][0].shape[1] if cache else 0), tokens.shape[1]",
        wrong="past, pos, cache = 0, tokens.shape[1], None",
    ),
    Mistake(
        "forward_cached",
        why="You use the cache, but you hand the old one back without the new tokens.",
        right="return unembed(weights, resid), longer",
        wrong="return unembed(weights, resid), cache or longer",
    ),
]

ALTERNATIVES = [
    Alternative(
        "greedy",
        how="with a list that grows",
        code="""
row = tokens.tolist()
while len(row) < len(tokens) + n_new:
    logits = model(torch.tensor([row]))
    row.append(int(torch.argmax(logits[0, len(row) - 1])))
    if end is not None and row[-1] == end:
        break
return torch.tensor(row)
""",
    ),
    Alternative(
        "greedy",
        how="on a batch of one row",
        code="""
rows = tokens.unsqueeze(0)
for step in range(n_new):
    best = model(rows)[:, -1, :].max(dim=-1, keepdim=True).indices
    rows = torch.cat((rows, best), dim=1)
    if best.item() == end:
        break
return rows.squeeze(0)
""",
    ),
    Alternative(
        "temperature_probs",
        how="from log-probabilities, with a one-hot row at 0",
        code="""
if temperature == 0:
    return nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
return torch.softmax(logits.log_softmax(-1) / temperature, dim=-1)
""",
    ),
    Alternative(
        "temperature_probs",
        how="with exp and the maximum taken away",
        code="""
top = logits.amax(-1, keepdim=True)
if temperature == 0:
    first = (logits == top).cumsum(-1) == 1
    return (first & (logits == top)).to(logits.dtype)
weights = ((logits - top) / temperature).exp()
return weights / weights.sum(-1, keepdim=True)
""",
    ),
    Alternative(
        "truncate_probs",
        how="each token against each other",
        code="""
ids = torch.arange(probs.shape[-1])
mine, other = probs.unsqueeze(-1), probs.unsqueeze(-2)
first = (other > mine) | ((other == mine) & (ids < ids[:, None]))  # [... token other]: the other goes first
keep = torch.ones_like(probs, dtype=torch.bool)
if top_k:
    keep &= first.sum(-1) < top_k
if top_p < 1:
    keep &= (first * other).sum(-1) < top_p
kept = probs * keep
return kept / kept.sum(-1, keepdim=True)
""",
    ),
    Alternative(
        "truncate_probs",
        how="row by row in Python",
        code="""
rows = probs.reshape(-1, probs.shape[-1])
out = torch.zeros_like(rows)
for row, target in zip(rows, out):
    mass = 0.0
    for place, token in enumerate(sorted(range(len(row)), key=lambda i: (-float(row[i]), i))):
        if (top_k and place >= top_k) or (top_p < 1 and mass >= top_p):
            break
        target[token] = row[token]
        mass += float(row[token])
    target /= target.sum()
return out.reshape(probs.shape)
""",
    ),
    Alternative(
        "sample_next",
        how="with one uniform number for each row",
        code="""
counts = nn.functional.one_hot(so_far, logits.shape[1]).sum(1)
probs = truncate_probs(temperature_probs(logits - penalty * counts, temperature), top_k, top_p)
chance = torch.rand(len(probs), 1, generator=generator)
tokens = (probs.cumsum(-1) <= chance).sum(-1).clamp(max=probs.shape[1] - 1)
return tokens, probs
""",
    ),
    Alternative(
        "sample_next",
        how="as a race of exponential clocks",
        code="""
penalised = logits.clone()
for b in range(len(penalised)):
    penalised[b] -= penalty * torch.bincount(so_far[b], minlength=logits.shape[1])
probs = truncate_probs(temperature_probs(penalised, temperature), top_k, top_p)
clocks = torch.empty_like(probs).exponential_(generator=generator)
return (probs / clocks).argmax(-1), probs
""",
    ),
    Alternative(
        "beam_search",
        how="with all live candidates in one batch, and all of their children",
        code="""
live, scores = tokens[None], torch.zeros(1)
finished: list[tuple[Tensor, float]] = []
for _ in range(n_new):
    if not len(live):
        break
    log_probs = torch.log_softmax(model(live)[:, -1], dim=-1)
    totals = (scores[:, None] + log_probs).flatten()
    pool = [(float(total), place) for place, total in enumerate(totals)]
    pool += [(score, -1 - i) for i, (_, score) in enumerate(finished)]
    pool = sorted(pool, reverse=True)[:width]
    rows, kept, done = [], [], []
    for score, place in pool:
        if place < 0:
            done.append(finished[-1 - place])
            continue
        beam, token = divmod(place, log_probs.shape[1])
        row = torch.cat([live[beam], torch.tensor([token])])
        if token == end:
            done.append((row, score))
        else:
            rows.append(row)
            kept.append(score)
    finished = done
    live = torch.stack(rows) if rows else live[:0]
    scores = torch.tensor(kept)
answer = finished + [(row, float(score)) for row, score in zip(live, scores)]
return sorted(answer, key=lambda pair: pair[1], reverse=True)
""",
    ),
    Alternative(
        "forward_cached",
        how="with torch's own attention",
        code="""
past = 0 if cache is None else cache[0][0].size(1)
positions = torch.arange(past, past + tokens.size(1))
resid = weights["embed.W_E"][tokens] + weights["pos_embed.W_pos"][positions]
visible = torch.arange(past + tokens.size(1)) <= positions[:, None]
made = []
for layer in range(n_layers(weights)):
    x = norm(weights, f"blocks.{layer}.ln1", resid)
    k, v = project(weights, layer, "K", x), project(weights, layer, "V", x)
    if cache is not None:
        k = torch.cat((cache[layer][0], k), 1)
        v = torch.cat((cache[layer][1], v), 1)
    made.append((k, v))
    q = project(weights, layer, "Q", x)
    z = nn.functional.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)), attn_mask=visible)
    resid = resid + write(weights, layer, z.transpose(1, 2))
    resid = resid + mlp(weights, layer, resid)
return unembed(weights, resid), made
""",
    ),
    Alternative(
        "forward_cached",
        how="one token at a time, without a mask",
        code="""
parts = []
for column in tokens.split(1, dim=1):
    past = cache[0][0].shape[1] if cache else 0
    resid = weights["embed.W_E"][column] + weights["pos_embed.W_pos"][past]
    longer = []
    for layer in range(n_layers(weights)):
        x = norm(weights, f"blocks.{layer}.ln1", resid)
        q, k, v = (project(weights, layer, which, x) for which in "QKV")
        if cache:
            k, v = torch.cat([cache[layer][0], k], dim=1), torch.cat([cache[layer][1], v], dim=1)
        longer.append((k, v))
        pattern = (torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5).softmax(-1)
        resid = resid + write(weights, layer, torch.einsum("bhqk,bkhd->bqhd", pattern, v))
        resid = resid + mlp(weights, layer, resid)
    cache = longer
    parts.append(unembed(weights, resid))
return torch.cat(parts, dim=1), cache
""",
    ),
]


# ---- greedy


def reader(learner, now, before, place):
    """A model whose logits depend on the last token, on all those before it, and on where each of them stands."""

    def model(tokens):
        if tokens.dim() != 2 or tokens.is_floating_point():
            raise ValueError(f"The model takes token ids [batch pos], but it got shape {tuple(tokens.shape)}.")
        share = place[: tokens.shape[1], None].to(before) * before[tokens]
        return now[tokens] + share.cumsum(1)

    return model


def reader_parts(draw: Draw, d_vocab: int, scale: float = 1.0) -> tuple[torch.Tensor, ...]:
    """The tables of a `reader`."""
    return scale * draw.normal(d_vocab, d_vocab), scale * draw.normal(d_vocab, d_vocab), 0.3 + draw.uniform(40)


def slow_greedy(parts: tuple[torch.Tensor, ...], prompt: list[int], n_new: int) -> list[int]:
    """Greedy by hand, over Python floats, with no end."""
    now, before, place = (part.tolist() for part in parts)
    text = list(prompt)
    for _ in range(n_new):
        scores = list(now[text[-1]])
        for at, token in enumerate(text):
            scores = [score + place[at] * more for score, more in zip(scores, before[token], strict=True)]
        text.append(scores.index(max(scores)))
    return text


def assert_text(found: torch.Tensor, expected: torch.Tensor, what: str, *, hint: str = "") -> None:
    """The same tokens; what is told are the two texts, and not their shapes."""
    assert_equal(found.tolist(), expected.tolist(), what, hint=hint)
    assert_equal(found.dtype, expected.dtype, f"the dtype of {what}")


@checks("greedy")
def test_greedy_follows_a_known_path(submission, draw: Draw):
    """A model that prefers the token after the last one, and starts anew at its end, makes it count."""
    d_vocab, n_new = draw.integer(7, 12), draw.integer(3, 6)
    now = torch.eye(d_vocab).roll(1, dims=1)  # token t gives its logit of 1 to t + 1
    model = submission.run(reader, now, torch.zeros(d_vocab, d_vocab), torch.zeros(40))
    start = draw.integer(d_vocab - 3, d_vocab)
    found = submission.greedy(model, torch.tensor([2, start]), n_new)
    expected = torch.tensor([2, start, *((start + 1 + i) % d_vocab for i in range(n_new))])
    assert_text(found, expected, f"the text that starts with [2, {start}], n_new={n_new}, d_vocab={d_vocab},")
    found = submission.greedy(model, torch.tensor([2, d_vocab - 2]), 5, 0)
    expected = torch.tensor([2, d_vocab - 2, d_vocab - 1, 0])
    hint = "0 is a token like any other: ask whether `end` is None, not whether it is true."
    assert_text(found, expected, f"the text that starts with [2, {d_vocab - 2}], end=0, d_vocab={d_vocab},", hint=hint)
    large = submission.run(reader, torch.eye(310).roll(1, dims=1), torch.zeros(310, 310), torch.zeros(40))
    found = submission.greedy(large, torch.tensor([2, 300]), 5, 303)
    hint = "Compare with `==`: large numbers that are equal need not be the same object (`is`)."
    expected = torch.tensor([2, 300, 301, 302, 303])
    assert_text(found, expected, "the text that starts with [2, 300], end=303, d_vocab=310,", hint=hint)
    found = submission.greedy(model, torch.tensor([1, 2]), 3, 2)
    hint = "The prompt ends with `end`, and that stops nothing: look at the token that you have just written."
    assert_text(found, torch.tensor([1, 2, 3, 4, 5]), "the text that starts with [1, 2], end=2,", hint=hint)


@checks("greedy")
def test_greedy_takes_the_likeliest_given_all_that_came_before(submission, draw: Draw):
    """Each new token is the likeliest one after the whole text so far, those just written included."""
    d_vocab, n_new, length = draw.sizes(3, low=4, high=12)
    parts = reader_parts(draw, d_vocab)
    prompt = draw.integers(0, d_vocab, length)
    model = submission.run(reader, *parts)
    expected = torch.tensor(slow_greedy(parts, prompt.tolist(), n_new))
    hint = "Show the model the whole text, and read its logits at the last position."
    assert_text(submission.greedy(model, prompt, n_new), expected, f"greedy after {prompt.tolist()}", hint=hint)
    one = prompt[:1]
    expected = torch.tensor(slow_greedy(parts, one.tolist(), 2))
    assert_text(submission.greedy(model, one, 2), expected, f"greedy after {one.tolist()}", hint=hint)
    assert_text(submission.greedy(model, prompt, 0), prompt, "the text with n_new=0")


@checks("greedy")
def test_greedy_stops_behind_the_end_token(submission, draw: Draw):
    """An end token that was written is the last one; one in the prompt stops nothing."""
    for stop in (0, draw.integer(1, 4)):
        parts, prompt, text = reader_parts(draw, 30), draw.integers(0, 30, 3), []
        while len(set(text[3:])) < 8 - stop:  # a text without early repeats, so that each end token comes late enough
            parts, prompt = reader_parts(draw, 30), draw.integers(0, 30, 3)
            text = slow_greedy(parts, prompt.tolist(), 8)
        model = submission.run(reader, *parts)
        end = text[3 + stop]
        expected = torch.tensor(text[: 3 + text[3:].index(end) + 1])
        hint = "Add the end token to the text, then stop."
        assert_text(submission.greedy(model, prompt, 8, end), expected, f"the text with end={end}", hint=hint)
        first = int(prompt[0])
        last = 3 + text[3:].index(first) + 1 if first in text[3:] else len(text)
        found = submission.greedy(model, prompt, 8, first)
        assert_text(found, torch.tensor(text[:last]), f"the text with end={first}, which begins the prompt,")


@checks("greedy")
def test_of_equal_logits_the_lowest_id_wins(submission, draw: Draw):
    """Where several tokens are equally likely, the one with the lowest id is written."""
    d_vocab = draw.integer(6, 12)
    now = draw.integers(0, 2, d_vocab, d_vocab).float()
    now[:, -1], now[:, draw.integer(1, d_vocab - 1)] = 1.0, 1.0  # at least two of the largest in each row
    parts = (now, torch.zeros(d_vocab, d_vocab), torch.zeros(40))
    model, prompt = submission.run(reader, *parts), draw.integers(0, d_vocab, 2)
    expected = torch.tensor(slow_greedy(parts, prompt.tolist(), 5))
    assert_text(submission.greedy(model, prompt, 5), expected, "the text where logits are equal")


# ---- temperature_probs


@checks("temperature_probs")
def test_temperature_of_a_case_by_hand(submission):
    """Logits ln 1, ln 2, ln 4 at the temperatures 1, 0.5, 2 and 0: the weights 1, 2, 4 to the power of 1/T."""
    logits = torch.tensor([1.0, 2.0, 4.0]).log()
    cases = {1.0: [1 / 7, 2 / 7, 4 / 7], 0.5: [1 / 21, 4 / 21, 16 / 21], 0: [0.0, 0.0, 1.0]}
    root = 1 + 2**0.5 + 2
    cases[2.0] = [1 / root, 2**0.5 / root, 2 / root]
    for temperature, expected in cases.items():
        found = submission.temperature_probs(logits, temperature)
        hint = "" if temperature else "Don't divide by 0: the largest logit gets 1, the others 0."
        assert_close(found, torch.tensor(expected), f"the probabilities at temperature {temperature:g}", hint=hint)


@checks("temperature_probs")
def test_temperature_follows_the_formula_in_each_row(submission, draw: Draw):
    """Each row is exp(logit / T) over its sum, for any number of rows and axes."""
    batch, pos, d_vocab = draw.sizes(3)
    logits = 3 * draw.normal(batch, pos, d_vocab)
    for temperature in (0.2 + float(draw.uniform(1)), 1.5 + float(draw.uniform(1)), 1e4):
        expected = torch.empty_like(logits)
        for b, p in itertools.product(range(batch), range(pos)):
            scaled = [x / temperature for x in logits[b, p].tolist()]
            top = max(scaled)
            weights = [math.exp(x - top) for x in scaled]
            expected[b, p] = torch.tensor([weight / sum(weights) for weight in weights])
        found = submission.temperature_probs(logits, temperature)
        assert_close(found, expected, f"the probabilities at temperature {temperature:.3f}")
    alone = submission.temperature_probs(logits[0, 0], 1.0)
    assert_close(alone, logits[0, 0].softmax(0), "the probabilities of a single row, at temperature 1")


@checks("temperature_probs")
def test_temperature_zero_is_greedy(submission, draw: Draw):
    """At temperature 0 the largest logit gets exactly 1; of equally large ones the one with the lowest id."""
    batch, d_vocab = draw.sizes(2, low=4, high=12)
    logits = draw.normal(batch, d_vocab)
    logits[0] = 2.0  # all equal
    low, high = sorted(draw.permutation(d_vocab)[:2].tolist())
    logits[1, low] = logits[1, high] = 5.0
    logits[2, low], logits[2, high] = 5.0, 5.000001  # nearly equal: the larger one has it all
    expected = torch.zeros(batch, d_vocab)
    for b, row in enumerate(logits.tolist()):
        expected[b, row.index(max(row))] = 1.0
    for zero in (0.0, 0):
        assert_equal(submission.temperature_probs(logits, zero), expected, "the probabilities at temperature 0")


@checks("temperature_probs")
def test_extreme_logits_stay_right(submission, draw: Draw):
    """Large logits, low temperatures and forbidden tokens (-inf) give no nan, and the dtype stays."""
    d_vocab = draw.integer(4, 9)
    logits = 1000 + 20 * draw.normal(2, d_vocab).double()
    logits[:, 1] = -torch.inf
    for temperature in (0.01, 1.0, 0):
        hot = logits / max(temperature, 1e-9)
        expected = (hot - hot.amax(-1, keepdim=True)).exp()
        expected = expected / expected.sum(-1, keepdim=True)
        found = submission.temperature_probs(logits, temperature)
        assert_close(found, expected, f"the probabilities of logits near 1000 at temperature {temperature}")
        assert_equal(str(found.dtype), "torch.float64", "the dtype of the result for float64 logits")
    close = draw.normal(d_vocab)
    found = submission.temperature_probs(0.01 * close, 0.01)
    assert_close(found, close.softmax(0), "the probabilities of close logits at temperature 0.01", rtol=1e-3)
    close[1] = -torch.inf
    found = submission.temperature_probs(close, 100.0)
    hint = "A forbidden token stays at 0 at any temperature."
    assert_close(found, (close / 100).softmax(0), "the probabilities at temperature 100, token 1 forbidden,", hint=hint)


# ---- truncate_probs


def slow_truncate(row: list[float], top_k: int, top_p: float) -> list[float]:
    """One row, token after token."""
    kept: dict[int, float] = {}
    for token in sorted(range(len(row)), key=lambda i: (-row[i], i)):
        if (top_k and len(kept) >= top_k) or (top_p < 1 and sum(kept.values()) >= top_p):
            break
        kept[token] = row[token]
    total = sum(kept.values())
    return [kept.get(token, 0.0) / total for token in range(len(row))]


def slow_truncated(probs: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """All rows."""
    rows = [slow_truncate(row, top_k, top_p) for row in probs.reshape(-1, probs.shape[-1]).double().tolist()]
    return torch.tensor(rows, dtype=probs.dtype).reshape(probs.shape)


def tenths(row: torch.Tensor) -> list[float]:
    """A row of short numbers as they were meant: 0.3, not 0.30000001192."""
    return [round(value, 4) for value in row.tolist()]


def clear_p(probs: torch.Tensor, draw: Draw) -> float:
    """A `top_p` that no sum of the likeliest tokens comes near, in any row: rounding decides nothing."""
    sums = probs.sort(dim=-1, descending=True).values.cumsum(-1).flatten()
    sums = torch.cat([torch.tensor([0.05, 0.97]), sums[(sums > 0.05) & (sums < 0.97)]]).sort().values
    gaps = sums.diff()
    wide = (gaps >= gaps.max() / 2).nonzero()[:, 0].tolist()
    place = draw.choice(wide)
    return float(sums[place] + gaps[place] / 2)


@checks("truncate_probs")
def test_cuts_worked_by_hand(submission):
    """[1/8, 1/2, 1/8, 1/4] with several cuts: who crosses top_p is kept, and a sum that hits it exactly is enough."""
    probs = torch.tensor([[1 / 8, 1 / 2, 1 / 8, 1 / 4]])
    two = [0, 2 / 3, 0, 1 / 3]
    cases = [
        ({"top_k": 2}, two),
        ({"top_p": 0.6}, two),
        ({"top_p": 0.75}, two),
        ({"top_p": 0.5}, [0, 1, 0, 0]),
        ({"top_p": 0.01}, [0, 1, 0, 0]),
        ({"top_p": 0.76}, [1 / 7, 4 / 7, 0, 2 / 7]),
        ({"top_k": 3}, [1 / 7, 4 / 7, 0, 2 / 7]),
        ({"top_k": 3, "top_p": 0.6}, two),
        ({"top_k": 1, "top_p": 0.9}, [0, 1, 0, 0]),
        ({"top_k": 2, "top_p": 0.7}, two),
        ({}, probs[0].tolist()),
        ({"top_k": 9}, probs[0].tolist()),
    ]
    for settings, expected in cases:
        found = submission.truncate_probs(probs, **settings)
        said = ", ".join(f"{name}={value}" for name, value in {"top_k": 0, "top_p": 1, **settings}.items())
        hint = "" if settings.get("top_k") else "`top_k=0` sets no limit to the number: then only `top_p` cuts."
        assert_close(found, torch.tensor([expected]), f"[1/8, 1/2, 1/8, 1/4] with {said}", hint=hint, atol=1e-6)


@checks("truncate_probs")
def test_each_row_is_cut_by_itself(submission, draw: Draw):
    """In rows of different shapes each is lined up, cut and divided by itself, and the tokens keep their places."""
    batch, pos, d_vocab = draw.sizes(3, low=3, high=12)
    probs = (2 * draw.normal(batch, pos, d_vocab)).softmax(-1)
    hint = "Sort each row, cut, put each probability back at its own token, divide by the row's sum."
    for top_k in (1, draw.integer(2, d_vocab), d_vocab, d_vocab + 3):
        found = submission.truncate_probs(probs, top_k=top_k)
        assert_close(found, slow_truncated(probs, top_k, 1.0), f"the rows with top_k={top_k}", hint=hint)
    row = probs[0, 0]
    for some, what in ((probs, "the rows"), (probs[0], "the rows [pos d_vocab]"), (row, "a single row")):
        top_p = clear_p(some if some.dim() > 1 else some[None], draw)
        found = submission.truncate_probs(some, top_p=top_p)
        assert_close(found, slow_truncated(some, 0, top_p), f"{what} with top_p={top_p:.4f}", hint=hint)


@checks("truncate_probs")
def test_both_cuts_look_at_what_came_in(submission, draw: Draw):
    """With top_k and top_p together a token must pass both, and both are measured on the given probabilities."""
    d_vocab = draw.integer(12, 20)
    probs = draw.normal(5, d_vocab).softmax(-1)
    for top_k in (2, 4, 7):
        top_p = clear_p(probs, draw)
        found = submission.truncate_probs(probs, top_k, top_p)
        expected = slow_truncated(probs, top_k, top_p)
        assert_close(found, expected, f"the rows with top_k={top_k} and top_p={top_p:.4f}")
    # 0.3 + 0.3 of what came in is less than 0.65; after a cut to three tokens it would be 0.75 of the rest.
    probs = torch.tensor([[0.3, 0.2, 0.3, 0.1, 0.1]])[:, draw.permutation(5)]
    found = submission.truncate_probs(probs, 3, 0.65)
    hint = "Don't renormalise between the two cuts."
    assert_close(found, slow_truncated(probs, 3, 0.65), f"{tenths(probs[0])} with top_k=3, top_p=0.65", hint=hint)


@checks("truncate_probs")
def test_of_equal_probabilities_the_lower_id_is_kept(submission, draw: Draw):
    """Where several tokens are equally likely, exactly as many are kept as the rule says: those of lowest id."""
    d_vocab = 2 ** draw.integer(3, 6)
    even = torch.full((2, d_vocab), 1 / d_vocab)
    keep = draw.integer(2, d_vocab - 1)
    expected = torch.zeros(2, d_vocab)
    expected[:, :keep] = 1 / keep
    hint = "Use a stable sort: `probs.sort(dim=-1, descending=True, stable=True)`."
    found = submission.truncate_probs(even, top_k=keep)
    assert_close(found, expected, f"{d_vocab} equal tokens with top_k={keep}", hint=hint)
    found = submission.truncate_probs(even, top_p=keep / d_vocab)  # exact: a power of two
    assert_close(found, expected, f"{d_vocab} equal tokens with top_p={keep}/{d_vocab}", hint=hint)
    probs = torch.tensor([4, 1, 4, 2, 1, 4])[draw.permutation(6)].float()[None] / 16
    for top_k in (1, 2, 4, 5):
        found = submission.truncate_probs(probs, top_k=top_k)
        expected = slow_truncated(probs, top_k, 1.0)
        assert_close(found, expected, f"{probs[0].tolist()} with top_k={top_k}", hint=hint)


@checks("truncate_probs")
def test_without_a_cut_nothing_is_lost(submission, draw: Draw):
    """With top_p=1 even a token of probability 1e-9 stays, and one of probability 0 stays at 0."""
    probs = torch.tensor([[0.5, 0.5, 1e-9, 0.0, 3e-9]])[:, draw.permutation(5)]
    found = submission.truncate_probs(probs, top_p=1.0)
    assert_close(found, probs, "the row with top_p=1", rtol=1e-4, atol=0.0)
    found = submission.truncate_probs(probs.double(), 4, 1.0)
    assert_equal(str(found.dtype), "torch.float64", "the dtype of the result for float64 probabilities")
    assert_close(found, probs.double(), "the row with top_k=4", rtol=1e-4, atol=0.0)


# ---- sample_next


def seeded(learner, seed):
    """A generator over there."""
    return torch.Generator().manual_seed(seed)


def slow_next(logits, so_far, temperature, top_k, top_p, penalty) -> torch.Tensor:
    """The probabilities that the next token of each row is drawn from."""
    rows = []
    for row, past in zip(logits.double().tolist(), so_far.tolist(), strict=True):
        scores = [score - penalty * past.count(token) for token, score in enumerate(row)]
        if temperature == 0:
            probs = [float(token == scores.index(max(scores))) for token in range(len(scores))]
        else:
            weights = [math.exp((score - max(scores)) / temperature) for score in scores]
            probs = [weight / sum(weights) for weight in weights]
        rows.append(slow_truncate(probs, top_k, top_p))
    return torch.tensor(rows)


@checks("sample_next")
def test_the_penalty_counts(submission, draw: Draw):
    """Equal logits and a past of [2, 0, 2] with a penalty of ln 2 give 2/7, 4/7 and 1/7; each row has its own past."""
    logits, so_far = torch.zeros(2, 3), torch.tensor([[2, 0, 2], [1, 1, 1]])
    generator = submission.run(seeded, draw.integer(0, 10**6))
    _, probs = submission.sample_next(logits, so_far, generator, penalty=math.log(2))
    expected = torch.tensor([[2, 4, 1], [8 / 17 * 7, 1 / 17 * 7, 8 / 17 * 7]]) / 7
    hint = "In the first row the counts are 1, 0, 2, so the logits become -ln 2, 0, -2 ln 2."
    assert_close(probs, expected, "the probabilities that you return", hint=hint)


@checks("sample_next")
def test_the_steps_come_in_order(submission, draw: Draw):
    """The probabilities are those after penalty, temperature and cut, in this order, for each row."""
    batch, pos, d_vocab = draw.sizes(3, low=4, high=12)
    logits, so_far = 2 * draw.normal(batch, d_vocab), draw.integers(0, d_vocab, batch, pos)
    generator = submission.run(seeded, draw.integer(0, 10**6))
    hint = "First the penalty on the logits, then temperature_probs, then truncate_probs."
    for temperature, top_k, cut, penalty in (
        (1.0, 0, False, 0.0),
        (0.5 + float(draw.uniform(1)), 0, False, 0.0),
        (0.6, 0, False, 0.7),
        (1.7, 3, False, 0.4),
        (2.0, 0, True, 0.3),
        (0.5, 5, True, -0.4),
        (0.0, 0, False, 2.0),
    ):
        top_p = clear_p(slow_next(logits, so_far, temperature, 0, 1.0, penalty), draw) if cut else 1.0
        tokens, probs = submission.sample_next(logits, so_far, generator, temperature, top_k, top_p, penalty)
        expected = slow_next(logits, so_far, temperature, top_k, top_p, penalty)
        what = f"temperature={temperature:.2f}, top_k={top_k}, top_p={top_p:.3f}, penalty={penalty}"
        assert_close(probs, expected, f"the probabilities with {what}", hint=hint)
        drawn = expected.gather(1, tokens.clamp(0, d_vocab - 1)[:, None])
        inside = bool(((tokens >= 0) & (tokens < d_vocab)).all()) and bool((drawn > 0).all())
        assert inside, f"With {what} you drew a token that has probability 0."
    # At temperature 3 the two likeliest sum to 0.61, and a third is needed to reach 0.7; at temperature 1, to 0.8.
    logits = torch.tensor([[0.5, 0.3, 0.12, 0.08]])[:, draw.permutation(4)].log()
    _, probs = submission.sample_next(logits, torch.tensor([[0]]), generator, 3.0, 0, 0.7)
    expected = slow_next(logits, torch.tensor([[0]]), 3.0, 0, 0.7, 0.0)
    assert_close(
        probs, expected, f"the probabilities of {tenths(logits.exp()[0])} at temperature 3, top_p=0.7", hint=hint
    )


@checks("sample_next")
def test_tokens_come_up_as_often_as_they_should(submission, draw: Draw):
    """In 60,000 rows, of two kinds in turn, each token comes up as often as its probability says."""
    n, d_vocab = 30_000, 6
    # The likeliest are first and last, and what is cut lies between: rounding can't draw it by accident.
    kinds = torch.tensor([[1.6, 0.2, 0.9, -0.5, -1.0, 1.2], [0.4, 1.5, -0.9, 0.1, -0.6, 1.1]])
    kinds = 2 * kinds + 0.05 * draw.normal(2, d_vocab)
    so_far = torch.tensor([[2, 2], [1, 3]]).repeat(n, 1)
    generator = submission.run(seeded, draw.integer(0, 10**6))
    tokens, _ = submission.sample_next(kinds.repeat(n, 1), so_far, generator, 1.4, 4, 1.0, 0.5)
    expected = slow_next(kinds, so_far[:2], 1.4, 4, 1.0, 0.5)
    for kind in range(2):
        counts = torch.bincount(tokens[kind::2].clamp(0, d_vocab), minlength=d_vocab + 1)[:d_vocab]
        shares = counts / n
        never = (counts > 0) & (expected[kind] == 0)
        assert not bool(never.any()), (
            f"Token {int(never.nonzero()[0])} has probability 0 after the cut, and yet you drew it. "
            "Draw from the probabilities that you return."
        )
        # Hoeffding: one share is off by 0.02 or more with a chance below 2 exp(-2 * 30,000 * 0.02^2) = 8e-11;
        # any of the 12 of them, below 1e-9.
        far = (shares - expected[kind]).abs()
        worst = int(far.argmax())
        assert float(far.max()) < 0.02, (
            f"Token {worst} should come up in {float(expected[kind, worst]):.3f} of the draws of such a row, but it "
            f"came up in {float(shares[worst]):.3f} of {n}. Draw each row by itself, from the probabilities you return."
        )


def drawn_twice(learner, logits, so_far, seed, disturb):
    """Two calls in a row with one generator, after torch's global chance has been set to `disturb`."""
    torch.manual_seed(disturb)
    generator = torch.Generator().manual_seed(seed)
    first, _ = learner.sample_next(logits, so_far, generator)
    second, _ = learner.sample_next(logits, so_far, generator)
    return first, second


@checks("sample_next")
def test_the_same_seed_gives_the_same_tokens(submission, draw: Draw):
    """Drawing can be replayed from the generator's seed, moves on from call to call, and uses no other chance."""
    logits, so_far = 0.1 * draw.normal(60, 8), draw.integers(0, 8, 60, 2)
    seed = draw.integer(0, 10**6)
    first, second = submission.run(drawn_twice, logits, so_far, seed, 1)
    again, later = submission.run(drawn_twice, logits, so_far, seed, 2)
    hint = "Pass `generator=generator` to whatever draws, and set no seed."
    assert_equal(again, first, "what is drawn from the same seed again", hint=hint)
    assert_equal(later, second, "what is drawn in the second call from the same seed", hint=hint)
    # 60 draws, each from 8 tokens with probabilities below 1/4, agree by chance less often than once in 4^60.
    other, _ = submission.run(drawn_twice, logits, so_far, seed + 1, 1)
    assert not torch.equal(first, second), f"Two calls in a row drew the same 60 tokens. {hint}"
    assert not torch.equal(first, other), f"Two seeds gave the same 60 tokens. {hint}"


# ---- beam_search


def log_probs_after(parts: tuple[torch.Tensor, ...], text: list[int]) -> list[float]:
    """The log-probabilities of the next token, in float64."""
    now, before, place = (part.double() for part in parts)
    logits = now[text[-1]] + sum(place[at] * before[token] for at, token in enumerate(text))
    return logits.log_softmax(-1).tolist()


def slow_beam(parts, prompt: list[int], n_new: int, width: int, end: int | None) -> tuple[list, float]:
    """What beam search finds, and the narrowest gap between two scores that had to be told apart."""
    beam, gap = [(0.0, prompt, False)], math.inf
    for _ in range(n_new):
        pool = []
        for score, text, ended in beam:
            if ended:
                pool.append((score, text, True))
                continue
            for token, gain in enumerate(log_probs_after(parts, text)):
                pool.append((score + gain, [*text, token], token == end))
        pool.sort(key=lambda entry: -entry[0])
        top = [entry[0] for entry in pool[: width + 1]]
        gap = min([gap, *(one - two for one, two in itertools.pairwise(top))])
        beam = pool[:width]
    return beam, gap


def beam_case(draw: Draw, d_vocab: int, n_new: int, width: int, wanted) -> tuple:
    """Tables, prompt, end token and answer, drawn until no two scores come close and `wanted(answer)` holds."""
    while True:
        parts = reader_parts(draw, d_vocab, 0.7)
        prompt, end = draw.integers(0, d_vocab, draw.integer(2, 4)), draw.integer(0, d_vocab)
        for stop in (end, None):
            beam, gap = slow_beam(parts, prompt.tolist(), n_new, width, stop)
            if gap > 1e-3 and wanted(beam, stop):
                return parts, prompt, stop, beam


def assert_beam(submission, model, prompt, n_new: int, width: int, end, expected: list, what: str) -> None:
    """The learner's beam is the expected one: texts, order and scores."""
    found = submission.beam_search(model, prompt, n_new, width, end)
    what = f"{what} (prompt {prompt.tolist()}, n_new={n_new}, width={width}, end={end})"
    hint = "In each round all children of all that go on compete for the `width` places"
    hint += "." if end is None else ", and so do those that have ended, with the score that they have."
    for place, ((row, score), (true, text, _)) in enumerate(zip(found, expected, strict=False)):
        assert row.tolist() == text, (
            f"In {what} candidate {place} should be {text} with log-probability {true:.4f}, but yours is "
            f"{row.tolist()} with {score:.4f}. {hint}"
        )
        assert_equal(row, torch.tensor(text), f"the tokens of candidate {place} in {what}")
        assert_close(score, true, f"the score of candidate {place}, {text}, in {what}", atol=1e-4)
    assert_equal(len(found), len(expected), f"the number of candidates in {what}", hint=hint)


@checks("beam_search")
def test_a_beam_worked_by_hand(submission):
    """p(0) = 0.7 and p(1) = 0.3 always, the end token is 1, width 2: [1, 0, 0] with ln 0.49, [1, 1] with ln 0.3."""
    now = torch.tensor([[0.7, 0.3], [0.7, 0.3]]).log()
    model = submission.run(reader, now, torch.zeros(2, 2), torch.zeros(40))
    expected = [(math.log(0.49), [1, 0, 0], False), (math.log(0.3), [1, 1], True)]
    assert_beam(submission, model, torch.tensor([1]), 2, 2, 1, expected, "the case of the docstring")
    expected = [(math.log(0.7), [1, 0], False), (math.log(0.3), [1, 1], True)]
    assert_beam(submission, model, torch.tensor([1]), 1, 5, 1, expected, "the same, for one round,")
    model = submission.run(reader, now.flip(0, 1), torch.zeros(2, 2), torch.zeros(40))
    expected = [(math.log(0.49), [0, 1, 1], False), (math.log(0.3), [0, 0], True)]
    assert_beam(submission, model, torch.tensor([0]), 2, 2, 0, expected, "the same, with 0 and 1 exchanged,")


@checks("beam_search")
def test_who_has_ended_holds_a_place(submission):
    """A case by hand: after 0 the chances of 0, 1, 2 are .2, .3, .5; after 1 they are .5, .2, .3; and 2 is the end."""
    # Round 1: [0 2] has .5 and has ended, [0 1] .3; [0 0] has .2, and no place. Round 2: [0 1 0] .15; [0 1 2], which
    # has .09, finds no place beside [0 2] and [0 1 0]. Round 3: [0 1 0 2] .075.
    now = torch.tensor([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3], [0.4, 0.3, 0.3]]).log()
    model = submission.run(reader, now, torch.zeros(3, 3), torch.zeros(40))
    expected = [(math.log(0.5), [0, 2], True), (math.log(0.075), [0, 1, 0, 2], True)]
    assert_beam(submission, model, torch.tensor([0]), 3, 2, 2, expected, "the case worked by hand")


@checks("beam_search")
def test_a_beam_of_one_is_greedy(submission, draw: Draw):
    """With width 1 the beam writes what greedy writes, and knows how likely that was."""
    d_vocab, n_new = draw.sizes(2, low=4, high=8)
    parts, prompt, _, beam = beam_case(draw, d_vocab, n_new, 1, lambda beam, end: end is None)
    text = slow_greedy(parts, prompt.tolist(), n_new)
    assert_equal(beam[0][1], text, "the check's own greedy text")
    model = submission.run(reader, *parts)
    assert_beam(submission, model, prompt, n_new, 1, None, beam, "a beam of one")


@checks("beam_search")
def test_a_wide_beam_finds_the_best_of_all(submission, draw: Draw):
    """A beam with room for everything finds the likeliest of all sequences: they are all tried here."""
    d_vocab, n_new = 3, 3
    width = d_vocab**n_new
    parts, prompt, end, _ = beam_case(draw, d_vocab, n_new, width, lambda beam, end: end is not None)
    scores: dict[tuple[int, ...], float] = {}
    for sequence in itertools.product(range(d_vocab), repeat=n_new):
        text, score = prompt.tolist(), 0.0
        for token in sequence:
            score += log_probs_after(parts, text)[token]
            text = [*text, token]
            if token == end:
                break
        scores[tuple(text)] = score
    expected = [(score, list(text), False) for text, score in sorted(scores.items(), key=lambda item: -item[1])]
    model = submission.run(reader, *parts)
    assert_beam(submission, model, prompt, n_new, width, end, expected, "a beam with room for every text")
    assert_beam(
        submission, model, prompt, n_new, width + 20, end, expected, "a beam with more room than there are texts"
    )


@checks("beam_search")
def test_a_narrow_beam_keeps_the_best_of_each_round(submission, draw: Draw):
    """In each round all children of all candidates compete; texts that have ended stay, and can be overtaken."""
    n_new, width, d_vocab = draw.integer(4, 6), draw.integer(3, 5), draw.integer(6, 9)
    model_of = lambda parts: submission.run(reader, *parts)  # noqa: E731
    mixed = lambda beam, end: len({entry[2] for entry in beam}) == 2  # noqa: E731
    for _ in range(2):
        parts, prompt, end, beam = beam_case(draw, d_vocab, n_new, width, mixed)
        assert_beam(submission, model_of(parts), prompt, n_new, width, end, beam, "a narrow beam, of which some end")
    parts, prompt, end, beam = beam_case(draw, d_vocab, n_new, width, lambda beam, end: end is None)
    assert_beam(submission, model_of(parts), prompt, n_new, width, end, beam, "a narrow beam without an end")
    late = lambda beam, end: end is not None and all(entry[2] for entry in beam)  # noqa: E731
    parts, prompt, end, beam = beam_case(draw, 3, 9, 2, late)
    assert_beam(submission, model_of(parts), prompt, 9, 2, end, beam, "a beam in which all end")
    nothing = [(0.0, prompt.tolist(), False)]
    assert_beam(submission, model_of(parts), prompt, 0, 2, end, nothing, "a beam that makes no round")


# ---- forward_cached


class Net:
    """Weights by name, drawn afresh, and the model worked out one token and one head at a time, in float64."""

    def __init__(self, draw: Draw, *, with_mlp: bool = True, d_model: int = 0, n_ctx: int = 24):
        heads, d_head, layers = draw.sizes(3, low=2, high=4)
        d_model, d_mlp, self.d_vocab = (d_model or draw.integer(8, 12)), draw.integer(17, 23), draw.integer(12, 16)
        self.shape = (layers, heads, d_head, d_model, d_mlp if with_mlp else 0)
        self.weights = {
            "embed.W_E": draw.normal(self.d_vocab, d_model),
            "pos_embed.W_pos": draw.normal(n_ctx, d_model),
            "ln_final.w": 1 + 0.3 * draw.normal(d_model),
            "ln_final.b": 0.3 * draw.normal(d_model),
            "unembed.W_U": draw.normal(d_model, self.d_vocab) / d_model**0.5,
            "unembed.b_U": 0.5 * draw.normal(self.d_vocab),
        }
        for layer in range(layers):
            self._layer(draw, f"blocks.{layer}")

    def _layer(self, draw: Draw, at: str) -> None:
        _, heads, d_head, d_model, d_mlp = self.shape
        for which in "QKV":
            self.weights[f"{at}.attn.W_{which}"] = 1.5 * draw.normal(heads, d_model, d_head) / d_model**0.5
            self.weights[f"{at}.attn.b_{which}"] = 0.3 * draw.normal(heads, d_head)
        self.weights[f"{at}.attn.W_O"] = draw.normal(heads, d_head, d_model) / d_head**0.5
        self.weights[f"{at}.attn.b_O"] = 0.3 * draw.normal(d_model)
        for name in ("ln1", "ln2") if d_mlp else ("ln1",):
            self.weights[f"{at}.{name}.w"] = 1 + 0.3 * draw.normal(d_model)
            self.weights[f"{at}.{name}.b"] = 0.3 * draw.normal(d_model)
        if d_mlp:
            self.weights[f"{at}.mlp.W_in"] = draw.normal(d_model, d_mlp) / d_model**0.5
            self.weights[f"{at}.mlp.b_in"] = 0.3 * draw.normal(d_mlp)
            self.weights[f"{at}.mlp.W_out"] = draw.normal(d_mlp, d_model) / d_mlp**0.5
            self.weights[f"{at}.mlp.b_out"] = 0.3 * draw.normal(d_model)

    def cache(self, draw: Draw, batch: int, past: int) -> list:
        """Keys and values that no text has made."""
        layers, heads, d_head, _, _ = self.shape
        return [
            (draw.normal(batch, past, heads, d_head), draw.normal(batch, past, heads, d_head)) for _ in range(layers)
        ]

    def run(self, tokens: torch.Tensor, cache: list | None = None) -> tuple[torch.Tensor, list]:
        """Logits and the longer cache, each text by itself."""
        rows = [self._row(row.tolist(), [(k[b], v[b]) for k, v in cache or []]) for b, row in enumerate(tokens)]
        logits = torch.stack([row[0] for row in rows])
        layers = range(self.shape[0])
        return logits, [tuple(torch.stack([row[1][layer][i] for row in rows]) for i in (0, 1)) for layer in layers]

    def _row(self, text: list[int], past: list) -> tuple[torch.Tensor, list]:
        layers, heads, d_head, _, d_mlp = self.shape
        w = {name: weight.double() for name, weight in self.weights.items()}
        keys = [list(past[layer][0].double()) if past else [] for layer in range(layers)]
        values = [list(past[layer][1].double()) if past else [] for layer in range(layers)]
        out = []
        for token in text:
            resid = w["embed.W_E"][token] + w["pos_embed.W_pos"][len(keys[0])]
            for layer in range(layers):
                at, x = f"blocks.{layer}", self._norm(w, f"blocks.{layer}.ln1", resid)
                q, k, v = (
                    torch.stack([x @ w[f"{at}.attn.W_{c}"][h] for h in range(heads)]) + w[f"{at}.attn.b_{c}"]
                    for c in "QKV"
                )
                keys[layer].append(k)
                values[layer].append(v)
                resid = resid + w[f"{at}.attn.b_O"]
                for h in range(heads):
                    pattern = (torch.stack(keys[layer])[:, h] @ q[h] / d_head**0.5).softmax(0)
                    resid = resid + pattern @ torch.stack(values[layer])[:, h] @ w[f"{at}.attn.W_O"][h]
                if d_mlp:
                    pre = self._norm(w, f"{at}.ln2", resid) @ w[f"{at}.mlp.W_in"] + w[f"{at}.mlp.b_in"]
                    post = 0.5 * pre * (1 + torch.tanh((2 / math.pi) ** 0.5 * (pre + 0.044715 * pre**3)))
                    resid = resid + post @ w[f"{at}.mlp.W_out"] + w[f"{at}.mlp.b_out"]
            out.append(self._norm(w, "ln_final", resid) @ w["unembed.W_U"] + w["unembed.b_U"])
        kept = [(torch.stack(keys[layer]), torch.stack(values[layer])) for layer in range(layers)]
        return torch.stack(out), kept

    @staticmethod
    def _norm(w: dict, name: str, x: torch.Tensor) -> torch.Tensor:
        x = x - x.mean()
        return x / (x.pow(2).mean() + 1e-5).sqrt() * w[f"{name}.w"] + w[f"{name}.b"]

    def cost(self, batch: int, past: int, new: int) -> int:
        """Multiplications and additions in the matrix products that `new` tokens need behind `past` others."""
        layers, heads, d_head, d_model, d_mlp = self.shape
        wide = heads * d_head
        each = 2 * d_model * (4 * wide + 2 * d_mlp) + 4 * (past + new) * wide
        return batch * new * (layers * each + 2 * d_model * self.d_vocab)


def assert_cache(found: list, expected: list, what: str) -> None:
    """Keys and values, layer by layer."""
    assert_equal(len(found), len(expected), f"the number of pairs in the cache {what}, one for each layer,")
    for layer, (pair, true) in enumerate(zip(found, expected, strict=True)):
        for name, mine, wanted in zip(("keys", "values"), pair, true, strict=True):
            hint = "They are [batch past+pos head d_head], the old ones first."
            assert_close(mine, wanted.float(), f"the {name} of layer {layer} in the cache {what}", hint=hint)


@checks("forward_cached")
def test_without_a_cache_it_is_the_whole_model(submission, draw: Draw):
    """At the beginning the logits are those of the plain forward pass, and the cache holds all keys and values."""
    for with_mlp in (True, False):
        net = Net(draw, with_mlp=with_mlp)
        tokens = draw.integers(0, net.d_vocab, *draw.sizes(2, low=2, high=6))
        logits, cache = submission.forward_cached(net.weights, tokens)
        expected, kept = net.run(tokens)
        assert_close(logits, expected.float(), "the logits without a cache", rtol=1e-5)
        assert_equal(str(logits.dtype), "torch.float32", "the dtype of the logits, with weights in float32,")
        assert_cache(cache, kept, "after the first call")


@checks("forward_cached")
def test_chunk_by_chunk_it_gives_the_same_logits(submission, draw: Draw):
    """A text given in pieces of several sizes gives the logits of the whole text, to 1e-5."""
    net, batch = Net(draw), draw.integer(2, 5)
    sizes = [draw.integer(2, 5), 1, draw.integer(2, 5), 1, 3]
    tokens = draw.integers(0, net.d_vocab, batch, sum(sizes))
    expected, _ = net.run(tokens)
    cache, start = None, 0
    for size in sizes:
        logits, cache = submission.forward_cached(net.weights, tokens[:, start : start + size], cache)
        place = f"positions {start} to {start + size - 1}" if size > 1 else f"position {start}"
        what = f"the logits at {place}, given as a chunk of {size},"
        hint = "Which row of W_pos do these tokens get? Which keys may each of them see?"
        assert_close(logits, expected[:, start : start + size].float(), what, rtol=1e-5, hint=hint)
        start += size
    _, kept = net.run(tokens)
    assert_cache(cache, kept, "at the end")


@checks("forward_cached")
def test_the_answer_comes_from_the_cache(submission, draw: Draw):
    """Keys and values that no text has made are used as they are: what is in the cache counts, and nothing else."""
    for new in (1, draw.integer(2, 5)):
        net, batch, past = Net(draw), draw.integer(2, 5), draw.integer(3, 8)
        cache, tokens = net.cache(draw, batch, past), draw.integers(0, net.d_vocab, batch, new)
        logits, longer = submission.forward_cached(net.weights, tokens, cache)
        expected, kept = net.run(tokens, cache)
        what = f"the logits of {new} new token{'s' * (new > 1)} behind a made-up past of {past}"
        hint = "The keys and values of the past are to be taken from the cache, not made again."
        assert_close(logits, expected.float(), what, rtol=1e-5, hint=hint)
        assert_cache(longer, kept, "behind a made-up past")


@checks("forward_cached")
def test_one_cache_can_be_continued_twice(submission, draw: Draw):
    """Two different continuations of one cache don't disturb each other: the cache that goes in stays as it is."""
    net, batch = Net(draw), draw.integer(2, 4)
    prompt = draw.integers(0, net.d_vocab, batch, 4)
    _, cache = submission.forward_cached(net.weights, prompt)
    for size in (2, 1, 3):
        more = draw.integers(0, net.d_vocab, batch, size)
        logits, _ = submission.forward_cached(net.weights, more, cache)
        expected, _ = net.run(torch.cat([prompt, more], dim=1))
        assert_close(logits, expected[:, 4:].float(), f"the logits of a continuation by {size}", rtol=1e-5)


def work(learner, weights, tokens, cache):
    """The logits, and what they cost: 2 for each product in a matrix product, 1 for each number that is made."""
    from torch.utils._python_dispatch import TorchDispatchMode

    def cost(name, args, out):
        matrices = [arg for arg in args if isinstance(arg, torch.Tensor)]
        if name in ("mm", "bmm", "mv", "dot", "addmm", "baddbmm", "addmv"):
            left, right = matrices[-2:]
            return 2 * left.numel() * (right.shape[-1] if right.dim() > 1 else 1)
        if "scaled_dot_product" in name:
            return 4 * matrices[0].numel() * matrices[1].shape[-2]
        made = [item for item in (out if isinstance(out, (tuple, list)) else [out]) if isinstance(item, torch.Tensor)]
        known = {arg.untyped_storage().data_ptr() for arg in matrices}
        fresh = [item for item in made if name.endswith("_") or item.untyped_storage().data_ptr() not in known]
        return sum(item.numel() for item in fresh)

    class Count(TorchDispatchMode):
        total = 0

        @classmethod
        def _should_skip_dynamo(cls):
            return False  # else the first operation imports torch's compiler, which takes a second

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            Count.total += cost(func.overloadpacket.__name__, args, out)
            return out

    with Count():
        logits, _ = learner.forward_cached(weights, tokens, cache)
    return logits, Count.total


@checks("forward_cached")
def test_it_does_the_work_of_the_new_tokens_alone(submission, draw: Draw):
    """Behind a past of 200 tokens the operations are counted: at most 2.5 times what the new tokens need."""
    net, batch = Net(draw, d_model=32, n_ctx=210), draw.integer(2, 4)
    cache = net.cache(draw, batch, 200)
    for new in (1, 3):
        tokens = draw.integers(0, net.d_vocab, batch, new)
        logits, count = submission.run(work, net.weights, tokens, cache)
        expected, kept = net.run(tokens, cache)
        assert_close(logits, expected.float(), "the logits behind a past of 200", rtol=1e-5)
        longer = submission.forward_cached(net.weights, tokens, cache)[1]
        assert_cache(longer, kept, "behind a past of 200")
        # Copies count too: the reference needs 1.3 to 1.9 times its matrix products, the whole text 67 or more.
        limit, whole = int(2.5 * net.cost(batch, 200, new)), net.cost(batch, 0, 200 + new)
        assert count <= limit, (
            f"For {new} new token{'s' * (new > 1)} behind 200 others your code did {count:,} operations; at most "
            f"{limit:,} are allowed, and running the whole text again takes about {whole:,}. Send only the new tokens "
            "through the layers, and take the keys and values of the others from the cache."
        )
