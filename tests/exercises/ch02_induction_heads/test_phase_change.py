"""Checks of the lesson `phase_change`: oracles are cases by hand, slow loops, laws, and the shipped checkpoints."""

import copy
import math
from itertools import pairwise

import torch
from torch import nn

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks, shared_model

MISTAKES = [
    # icl_score
    Mistake(
        "icl_score",
        why="You took early minus late. By the convention of Olsson et al. it is late minus early: below zero is good.",
        right="losses[:, late - 1] - losses[:, early - 1]",
        wrong="losses[:, early - 1] - losses[:, late - 1]",
    ),
    Mistake(
        "icl_score",
        why="You are one token too late: the losses begin with token number 1, so that of token n is in column n - 1.",
        right="losses[:, late - 1] - losses[:, early - 1]",
        wrong="losses[:, late] - losses[:, early]",
    ),
    Mistake(
        "icl_score",
        why="You are one token too early: the losses begin with token number 1, so that of token n is in column n - 1.",
        right="losses[:, late - 1] - losses[:, early - 1]",
        wrong="losses[:, late - 2] - losses[:, early - 2]",
    ),
    Mistake(
        "icl_score",
        why="You took the late loss in the right column, but the early one a column too far on.",
        right="early - 1",
        wrong="early",
    ),
    Mistake(
        "icl_score",
        why="You took the mean of all losses from `late` on, and of all up to `early`: two tokens are asked for.",
        wrong="return (losses[:, late - 1 :].mean() - losses[:, :early].mean()).item()",
    ),
    Mistake(
        "icl_score",
        why="You took the mean of all losses up to `late`, and of all up to `early`: two tokens are asked for.",
        wrong="return (losses[:, :late].mean() - losses[:, :early].mean()).item()",
    ),
    Mistake(
        "icl_score",
        why="You took the last loss of each row, wherever `late` is.",
        right="losses[:, late - 1]",
        wrong="losses[:, -1]",
    ),
    Mistake(
        "icl_score",
        why="You summed over the batch: the score would grow with the number of rows. Take the mean.",
        right=".mean()",
        wrong=".sum()",
    ),
    Mistake(
        "icl_score",
        why="You looked at the first row of the batch only.",
        right=".mean()",
        wrong="[0]",
    ),
    Mistake(
        "icl_score",
        why="You divided by the early loss: the score is a difference, in nats.",
        right="(losses[:, late - 1] - losses[:, early - 1]).mean()",
        wrong="((losses[:, late - 1] - losses[:, early - 1]).mean() / losses[:, early - 1].mean())",
    ),
    Mistake(
        "icl_score",
        why="You took the median over the batch. The mean is asked for.",
        right=".mean()",
        wrong=".median()",
    ),
    # bigram_table
    Mistake(
        "bigram_table",
        why="You used an indexed `+=`, which counts each pair once, however often it comes. "
        "`index_put_(..., accumulate=True)` or `bincount` count all of them.",
        wrong="counts = torch.zeros(d_vocab, d_vocab)\n"
        "counts[tokens[:, :-1], tokens[:, 1:]] += 1\n"
        "counts = counts + smoothing\n"
        "return counts / counts.sum(-1, keepdim=True)",
    ),
    Mistake(
        "bigram_table",
        why="Rows and columns stand the wrong way round: the row is the present token, the column the next one.",
        right="tokens[:, :-1] * d_vocab + tokens[:, 1:]",
        wrong="tokens[:, 1:] * d_vocab + tokens[:, :-1]",
    ),
    Mistake(
        "bigram_table",
        why="You counted across the ends of rows: the last token of a row isn't followed by the first of the next.",
        right="tokens[:, :-1] * d_vocab + tokens[:, 1:]",
        wrong="tokens.flatten()[:-1] * d_vocab + tokens.flatten()[1:]",
    ),
    Mistake(
        "bigram_table",
        why="You divided by the number of all pairs: that is how often the *pair* occurs. Here each row sums to 1.",
        right="counts.sum(-1, keepdim=True)",
        wrong="counts.sum()",
    ),
    Mistake(
        "bigram_table",
        why="You made the columns sum to 1: that is which token came *before*. Divide each row by its own sum.",
        right="counts.sum(-1, keepdim=True)",
        wrong="counts.sum(0, keepdim=True)",
    ),
    Mistake(
        "bigram_table",
        why="You left the smoothing out: what was never seen is impossible then, and an unseen token's row is 0 / 0.",
        right=" + smoothing",
        wrong="",
    ),
    Mistake(
        "bigram_table",
        why="You added the smoothing to probabilities, not to counts.",
        right=".view(d_vocab, d_vocab) + smoothing\nreturn counts / counts.sum(-1, keepdim=True)",
        wrong=".view(d_vocab, d_vocab)\n"
        "probs = counts / counts.sum(-1, keepdim=True).clamp_min(1) + smoothing\n"
        "return probs / probs.sum(-1, keepdim=True)",
    ),
    Mistake(
        "bigram_table",
        why="You added 1 to each count, whatever `smoothing` says.",
        right="+ smoothing",
        wrong="+ 1.0",
    ),
    Mistake(
        "bigram_table",
        why="You divided by the row's count plus `smoothing` once. Each of the d_vocab tokens was given `smoothing`, "
        "so that the row's sum is its count plus d_vocab times `smoothing`.",
        right="counts.sum(-1, keepdim=True)",
        wrong="(counts.sum(-1, keepdim=True) - (d_vocab - 1) * smoothing)",
    ),
    Mistake(
        "bigram_table",
        why="You counted each pair's second token by itself: every row is the same. The row is the token before it.",
        right="return counts / counts.sum(-1, keepdim=True)",
        wrong="return (counts / counts.sum()).sum(0).expand(d_vocab, d_vocab)",
    ),
    Mistake(
        "bigram_table",
        why="You divided column j by the sum of row j: without `keepdim=True` the sums lie along the columns. Keep the "
        "axis, so that each row meets its own sum.",
        right="counts.sum(-1, keepdim=True)",
        wrong="counts.sum(-1)",
    ),
    Mistake(
        "bigram_table",
        why="You cut `smoothing` down to a whole number: a tensor of integers can't hold 0.5. Begin with a float.",
        right="d_vocab) + smoothing",
        wrong="d_vocab) + int(smoothing)",
    ),
    Mistake(
        "bigram_table",
        why="You left out the pairs that begin with a row's first token. All neighbours within a row are counted.",
        right="tokens[:, :-1] * d_vocab + tokens[:, 1:]",
        wrong="tokens[:, 1:-1] * d_vocab + tokens[:, 2:]",
    ),
    # turning_interval
    Mistake(
        "turning_interval",
        why="You compared the changes themselves. Between checkpoints far apart much can change slowly: divide by the "
        "number of steps.",
        right="abs(b - a) / (end - start)",
        wrong="abs(b - a)",
    ),
    Mistake(
        "turning_interval",
        why="You took the checkpoints in the order in which they came. Neighbours in the list may be far apart.",
        right="sorted(zip(steps, values, strict=True))",
        wrong="list(zip(steps, values, strict=True))",
    ),
    Mistake(
        "turning_interval",
        why="You looked for the fastest rise only: a loss turns by falling.",
        right="abs(b - a)",
        wrong="(b - a)",
    ),
    Mistake(
        "turning_interval",
        why="You looked for the fastest fall only: an attention score turns by rising.",
        right="abs(b - a)",
        wrong="(a - b)",
    ),
    Mistake(
        "turning_interval",
        why="You found the interval in which *least* happens.",
        right="max(rates)",
        wrong="min(rates)",
    ),
    Mistake(
        "turning_interval",
        why="You returned the interval after the fastest one. (Or the last one twice, if it was the fastest.)",
        right="return curve[fastest][0], curve[fastest + 1][0]",
        wrong="return curve[min(fastest + 1, len(curve) - 1)][0], curve[min(fastest + 2, len(curve) - 1)][0]",
    ),
    Mistake(
        "turning_interval",
        why="You returned the two steps the wrong way round: the earlier comes first.",
        right="return curve[fastest][0], curve[fastest + 1][0]",
        wrong="return curve[fastest + 1][0], curve[fastest][0]",
    ),
    Mistake(
        "turning_interval",
        why="Where several intervals are equally fast you took the last of them: the earliest is asked for.",
        right="rates.index(max(rates))",
        wrong="max(range(len(rates)), key=lambda i: (rates[i], i))",
    ),
    Mistake(
        "turning_interval",
        why="You sorted the steps but left the values where they were: each value belongs to its own step.",
        right="sorted(zip(steps, values, strict=True))",
        wrong="list(zip(sorted(steps), values, strict=True))",
    ),
    Mistake(
        "turning_interval",
        why="You sorted by the steps as text, in which 1000 comes before 200.",
        right="sorted(zip(steps, values, strict=True))",
        wrong="sorted(zip(steps, values, strict=True), key=lambda pair: str(pair[0]))",
    ),
    Mistake(
        "turning_interval",
        why="You divided each change by the value it began at: that asks for the largest factor, another rule.",
        right="abs(b - a) / (end - start)",
        wrong="abs(b - a) / ((end - start) * (abs(a) + 1e-9))",
    ),
    Mistake(
        "turning_interval",
        why="You sorted the list `steps` itself and left the values where they were. `sorted(zip(steps, values))` "
        "makes a new list, in which each value stays with its step.",
        right="curve = sorted(zip(steps, values, strict=True))",
        wrong="steps.sort()\ncurve = list(zip(steps, values, strict=True))",
    ),
    Mistake(
        "turning_interval",
        why="You squared the changes before you divided: then a large change counts for more than a fast one.",
        right="abs(b - a) / (end - start)",
        wrong="(b - a) ** 2 / (end - start)",
    ),
    Mistake(
        "turning_interval",
        why="You returned places in the list, not the steps that stand there.",
        right="return curve[fastest][0], curve[fastest + 1][0]",
        wrong="return fastest, fastest + 1",
    ),
    # smear_keys
    Mistake(
        "smear_keys",
        why="You mixed with `alpha` itself: the sigmoid brings it between 0 and 1.",
        right="alpha.sigmoid()[:, None]",
        wrong="alpha[:, None]",
    ),
    Mistake(
        "smear_keys",
        why="The two shares are swapped: sigmoid(alpha) is the share of the key itself.",
        right="s * k + (1 - s) * before",
        wrong="(1 - s) * k + s * before",
    ),
    Mistake(
        "smear_keys",
        why="You rolled the keys around: position 0 is mixed with the *last* key, a look into the future.",
        right="torch.cat([k[:, :1], k[:, :-1]], dim=1)",
        wrong="k.roll(1, dims=1)",
    ),
    Mistake(
        "smear_keys",
        why="You mixed position 0 with zeros, which shrinks its key. It keeps its own.",
        right="torch.cat([k[:, :1], k[:, :-1]], dim=1)",
        wrong="torch.cat([torch.zeros_like(k[:, :1]), k[:, :-1]], dim=1)",
    ),
    Mistake(
        "smear_keys",
        why="You mixed each key with the one *after* it: a look into the future.",
        right="torch.cat([k[:, :1], k[:, :-1]], dim=1)",
        wrong="torch.cat([k[:, 1:], k[:, -1:]], dim=1)",
    ),
    Mistake(
        "smear_keys",
        why="You mixed neighbours along the axis of heads: positions are axis 1.",
        right="torch.cat([k[:, :1], k[:, :-1]], dim=1)",
        wrong="torch.cat([k[:, :, :1], k[:, :, :-1]], dim=2)",
    ),
    Mistake(
        "smear_keys",
        why="You mixed the keys of neighbouring rows of the batch: positions are axis 1.",
        right="torch.cat([k[:, :1], k[:, :-1]], dim=1)",
        wrong="torch.cat([k[:1], k[:-1]], dim=0)",
    ),
    Mistake(
        "smear_keys",
        why="You used the first head's alpha for all heads: each head has its own.",
        right="alpha.sigmoid()[:, None]",
        wrong="alpha.sigmoid()[0]",
    ),
    Mistake(
        "smear_keys",
        why="You took a softmax over the heads. Each head's alpha goes through the sigmoid by itself.",
        right="alpha.sigmoid()[:, None]",
        wrong="alpha.softmax(0)[:, None]",
    ),
    Mistake(
        "smear_keys",
        why="You used one share for all heads: each head has its own alpha.",
        right="alpha.sigmoid()[:, None]",
        wrong="alpha.sigmoid().mean()",
    ),
    Mistake(
        "smear_keys",
        why="You mixed each key with the already mixed key before it, so that a key trails through the whole text. Mix "
        "with the key as it came.",
        wrong="s = alpha.sigmoid()[:, None]\n"
        "mixed = [k[:, 0]]\n"
        "for j in range(1, k.shape[1]):\n"
        "    mixed.append(s * k[:, j] + (1 - s) * mixed[-1])\n"
        "return torch.stack(mixed, dim=1)",
    ),
    Mistake(
        "smear_keys",
        why="You gave the key itself its whole weight and added the share of the one before: the two shares sum to 1.",
        right="s * k + (1 - s) * before",
        wrong="k + (1 - s) * before",
    ),
    Mistake(
        "smear_keys",
        why="You detached the result from `alpha`: no slope reaches it, and it will never be trained.",
        right="alpha.sigmoid()",
        wrong="alpha.detach().sigmoid()",
    ),
    Mistake(
        "smear_keys",
        why="The slope reaches a key only by its own place: you detached the moved keys.",
        right="k[:, :-1]]",
        wrong="k[:, :-1].detach()]",
    ),
    # sharpness
    Mistake(
        "sharpness",
        why="You moved by `size` times the direction as it came. Its tensors must first be scaled: to `size` times the "
        "norm of the parameter that each is for.",
        right="size * w.norm() * direction[name] / direction[name].norm()",
        wrong="size * direction[name]",
    ),
    Mistake(
        "sharpness",
        why="You looked along the first direction only. The mean over all of them is asked for.",
        right="for direction in directions:",
        wrong="for direction in directions[:1]:",
    ),
    Mistake(
        "sharpness",
        why="You moved one parameter at a time. All of them are moved at once.",
        right="moved = {name: w + sign * steps[name] for name, w in weights.items()}\n"
        '            rises.append(functional_call(model, moved, (tokens,), {"return_type": "loss"}) - rest)',
        wrong="for one in weights:\n"
        "                moved = {**weights, one: weights[one] + sign * steps[one]}\n"
        "                rises.append(functional_call(model, moved, (tokens,), {'return_type': 'loss'}) - rest)",
    ),
    Mistake(
        "sharpness",
        why="You froze the model: its parameters no longer require gradients, and its training can't go on. "
        "`torch.no_grad()` does without gradients while you measure, and leaves the model as it was.",
        right="with torch.no_grad():",
        wrong="model.requires_grad_(False)\nwith torch.no_grad():",
    ),
    Mistake(
        "sharpness",
        why="You left the model in evaluation mode: in a model with dropout, the training that goes on would go on "
        "without it.",
        right="with torch.no_grad():",
        wrong="model.eval()\nwith torch.no_grad():",
    ),
    Mistake(
        "sharpness",
        why="You took the model's hooks off. They may be part of it: the program's smeared keys are such a hook.",
        right="with torch.no_grad():",
        wrong="model.reset_hooks()\nwith torch.no_grad():",
    ),
    Mistake(
        "sharpness",
        why="You moved every parameter by the same length. The step is `size` times the parameter's own norm.",
        right="size * w.norm() * direction",
        wrong="size * direction",
    ),
    Mistake(
        "sharpness",
        why="You didn't divide by the norm of the direction: then the step depends on how long that happens to be.",
        right=" / direction[name].norm()",
        wrong="",
    ),
    Mistake(
        "sharpness",
        why="You scaled all parameters together, by the norm of all of them: each has a norm of its own.",
        right="steps = {name: size * w.norm() * direction[name] / direction[name].norm() for name, w in "
        "weights.items()}",
        wrong="whole = torch.stack([w.norm() for w in weights.values()]).norm()\n"
        "        length = torch.stack([d.norm() for d in direction.values()]).norm()\n"
        "        steps = {name: size * whole * direction[name] / length for name in weights}",
    ),
    Mistake(
        "sharpness",
        why="You moved along the direction only, and not against it: then the slope of the loss counts too.",
        right="for sign in (1, -1):",
        wrong="for sign in (1,):",
    ),
    Mistake(
        "sharpness",
        why="You summed over the directions: with more of them the result would grow. Take the mean.",
        right="torch.stack(rises).mean()",
        wrong="(torch.stack(rises).sum() / 2)",
    ),
    Mistake(
        "sharpness",
        why="You summed forwards and backwards: a direction's rise is the *mean* of its two losses, less that at rest.",
        right="torch.stack(rises).mean()",
        wrong="(2 * torch.stack(rises).mean())",
    ),
    Mistake(
        "sharpness",
        why="You returned the mean loss after the move. Subtract the loss at rest.",
        right=" - rest)",
        wrong=")",
    ),
    Mistake(
        "sharpness",
        why="You took absolute values: along a slope, one side falls, and must be set off against the other.",
        right="torch.stack(rises).mean()",
        wrong="torch.stack(rises).abs().mean()",
    ),
    Mistake(
        "sharpness",
        why="You returned the steepest direction. The mean over the directions is asked for.",
        right="torch.stack(rises).mean()",
        wrong="torch.stack(rises).view(-1, 2).mean(1).max()",
    ),
    Mistake(
        "sharpness",
        why="You scaled by each single weight's own size: a weight of zero never moves then. It is the norm of the "
        "whole parameter that counts.",
        right="size * w.norm() * direction[name] / direction[name].norm()",
        wrong="size * w.abs() * direction[name]",
    ),
    Mistake(
        "sharpness",
        why="You moved the matrices only: the biases and the norms' weights are parameters too.",
        right="for name, w in weights.items()}\n        for",
        wrong="for name, w in weights.items()}\n"
        "        steps = {name: s if s.dim() > 1 else 0 * s for name, s in steps.items()}\n        for",
    ),
    Mistake(
        "sharpness",
        why="You went on from where the last move had ended. Each move begins at the model's own weights.",
        right="moved = {name: w + sign * steps[name] for name, w in weights.items()}",
        wrong="moved = weights = {name: w + sign * steps[name] for name, w in weights.items()}",
    ),
    Mistake(
        "sharpness",
        why="You gave each row of a matrix a step of its own length. The norm of the whole parameter counts.",
        right="size * w.norm() * direction[name] / direction[name].norm()",
        wrong="size * w.norm(dim=-1, keepdim=True) * direction[name] / direction[name].norm(dim=-1, keepdim=True)",
    ),
]
ALTERNATIVES = [
    Alternative(
        "icl_score",
        how="two means",
        code="late_loss, early_loss = losses[:, late - 1].mean(), losses[:, early - 1].mean()\n"
        "return float(late_loss - early_loss)",
    ),
    Alternative(
        "icl_score",
        how="by the mean curve",
        code="mean = losses.mean(0).tolist()\nreturn mean[late - 1] - mean[early - 1]",
    ),
    Alternative(
        "bigram_table",
        how="a loop",
        code="counts = torch.full((d_vocab, d_vocab), float(smoothing))\n"
        "for row in tokens.tolist():\n"
        "    for a, b in zip(row[:-1], row[1:]):\n"
        "        counts[a, b] += 1\n"
        "return counts / counts.sum(1, keepdim=True)",
    ),
    Alternative(
        "bigram_table",
        how="by accumulating",
        code="counts = torch.full((d_vocab, d_vocab), float(smoothing))\n"
        "ones = torch.ones(tokens[:, 1:].shape)\n"
        "counts.index_put_((tokens[:, :-1], tokens[:, 1:]), ones, accumulate=True)\n"
        "return torch.nn.functional.normalize(counts, p=1, dim=-1)",
    ),
    Alternative(
        "bigram_table",
        how="by one-hot vectors",
        code="hot = torch.eye(d_vocab)[tokens]\n"
        "counts = torch.einsum('bpi,bpj->ij', hot[:, :-1], hot[:, 1:]) + smoothing\n"
        "return counts / counts.sum(1)[:, None]",
    ),
    Alternative(
        "turning_interval",
        how="by a loop",
        code="value = dict(zip(steps, values))\n"
        "order = sorted(steps)\n"
        "best, found = -1.0, (order[0], order[1])\n"
        "for a, b in zip(order, order[1:]):\n"
        "    rate = abs(value[b] - value[a]) / (b - a)\n"
        "    if rate > best:\n"
        "        best, found = rate, (a, b)\n"
        "return found",
    ),
    Alternative(
        "turning_interval",
        how="with tensors",
        code="s = torch.tensor(steps)\n"
        "order = s.argsort()\n"
        "s, v = s[order], torch.tensor(values, dtype=torch.float64)[order]\n"
        "i = int((v.diff().abs() / s.diff()).argmax())\n"
        "return int(s[i]), int(s[i + 1])",
    ),
    Alternative(
        "smear_keys",
        how="by filling a copy",
        code="s = torch.sigmoid(alpha).view(1, 1, -1, 1)\n"
        "out = k.clone()\n"
        "out[:, 1:] = s * k[:, 1:] + (1 - s) * k[:, :-1]\n"
        "return out",
    ),
    Alternative(
        "smear_keys",
        how="by lerp",
        code="before = torch.nn.functional.pad(k, (0, 0, 0, 0, 1, 0))[:, :-1]\n"
        "mixed = torch.lerp(before, k, torch.sigmoid(alpha)[:, None])\n"
        "return torch.cat([k[:, :1], mixed[:, 1:]], dim=1)",
    ),
    Alternative(
        "sharpness",
        how="on a copy of the model",
        code="import copy\n"
        "twin = copy.deepcopy(model).requires_grad_(False)\n"
        "rest = twin(tokens, return_type='loss').item()\n"
        "total = 0.0\n"
        "for direction in directions:\n"
        "    for sign in (1, -1):\n"
        "        for (name, w), moved in zip(model.named_parameters(), twin.parameters()):\n"
        "            d = direction[name]\n"
        "            moved.data = w.data + sign * size * w.data.norm() / d.norm() * d\n"
        "        total += twin(tokens, return_type='loss').item() - rest\n"
        "return total / (2 * len(directions))",
    ),
    Alternative(
        "sharpness",
        how="in place, with the weights put back",
        code="kept = {name: w.detach().clone() for name, w in model.named_parameters()}\n"
        "with torch.no_grad():\n"
        "    rest = model(tokens, return_type='loss').item()\n"
        "    losses = []\n"
        "    for direction in directions:\n"
        "        for sign in (1, -1):\n"
        "            for name, w in model.named_parameters():\n"
        "                d = direction[name]\n"
        "                w.copy_(kept[name] + sign * size * kept[name].norm() * d / d.norm())\n"
        "            losses.append(model(tokens, return_type='loss').item())\n"
        "    for name, w in model.named_parameters():\n"
        "        w.copy_(kept[name])\n"
        "return sum(losses) / len(losses) - rest",
    ),
]


@checks("icl_score")
def test_the_score_of_the_example(submission):
    """The worked example, with two more tokens behind it: late 1 and 3, early 4 and 2, score -1."""
    losses = torch.tensor([[4.0, 3, 1, 9, 5], [2, 3, 3, 6, 7]])
    assert_close(submission.icl_score(losses, 1, 3), -1.0, "the score of the worked example")


@checks("icl_score")
def test_any_two_tokens(submission, draw: Draw):
    """For random losses and any two tokens: the mean over all rows of late minus early, as a Python number."""
    batch, pos = draw.integer(4, 7), draw.integer(9, 13)
    losses = draw.uniform(batch, pos, low=0.5, high=6.0)
    for early, late in ((2, pos - 1), (3, 4), (draw.integer(2, 4), draw.integer(5, pos - 1)), (pos - 2, 2)):
        expected = sum(float(losses[b, late - 1]) - float(losses[b, early - 1]) for b in range(batch)) / batch
        what = f"the score for early={early}, late={late} on losses of {batch} rows and {pos} tokens"
        assert_close(submission.icl_score(losses, early, late), expected, what)


@checks("icl_score")
def test_the_score_of_a_trained_model(submission, draw: Draw):
    """On `induction-2l`, reading a segment twice: the loss on a token, looked up in the logits that foretell it."""
    model = shared_model("induction-2l")
    segment = draw.permutation(64)[:12] + 4
    tokens = torch.cat([torch.tensor([1]), segment, segment]).repeat(3, 1)
    tokens[1, 1:] = tokens[1, 1:].flip(0)
    tokens[2, 1:] = (tokens[2, 1:] - 4 + draw.integer(1, 60)) % 64 + 4
    with torch.no_grad():
        logits = model(tokens)
        losses = model(tokens, return_type="loss", loss_per_token=True)
    early, late = draw.integer(3, 9), draw.integer(16, 23)
    log_probs = logits.log_softmax(-1)
    mean = {n: sum(-float(log_probs[b, n - 1, tokens[b, n]]) for b in range(3)) / 3 for n in (early, late)}
    what = f"the score of induction-2l for tokens {early} and {late} of a repeat"
    assert_close(submission.icl_score(losses, early, late), mean[late] - mean[early], what)


def slow_bigrams(tokens: torch.Tensor, d_vocab: int, smoothing: float) -> torch.Tensor:
    """Counts in a dictionary, pair by pair, row by row."""
    counts: dict[tuple[int, int], float] = {}
    for row in tokens.tolist():
        for a, b in pairwise(row):
            counts[a, b] = counts.get((a, b), 0.0) + 1.0
    table = torch.zeros(d_vocab, d_vocab)
    for a in range(d_vocab):
        total = sum(counts.get((a, b), 0.0) + smoothing for b in range(d_vocab))
        for b in range(d_vocab):
            table[a, b] = (counts.get((a, b), 0.0) + smoothing) / total
    return table


@checks("bigram_table")
def test_the_table_of_the_example(submission):
    """The worked example: rows [2, 3, 1] / 6, [3, 2, 1] / 6 and [1, 1, 1] / 3."""
    tokens = torch.tensor([[0, 1, 0, 1], [1, 1, 0, 0]])
    expected = torch.tensor([[2, 3, 1], [3, 2, 1], [2, 2, 2]]) / 6
    assert_close(submission.bigram_table(tokens, 3, 1.0), expected, "the table of the worked example")


@checks("bigram_table")
def test_every_pair_is_counted(submission, draw: Draw):
    """Random rows of few kinds of tokens, so that pairs come often: the table that a dictionary counts."""
    for _ in range(3):
        batch, pos, d_vocab = draw.sizes(3, low=4)
        tokens = draw.integers(0, d_vocab - 1, batch, pos)  # the last kind is never seen
        tokens[0, :3] = draw.integer(0, d_vocab - 1)  # a pair of a token with itself, twice
        smoothing = float(draw.uniform(1, low=0.1, high=3.0))
        found = submission.bigram_table(tokens, d_vocab, smoothing)
        what = f"the table of {batch} rows of {pos} tokens with smoothing {smoothing:.3g}"
        assert_close(found, slow_bigrams(tokens, d_vocab, smoothing), what)


@checks("bigram_table")
def test_each_row_is_a_distribution(submission, draw: Draw):
    """Every row sums to 1 and has no zero, and that of a token that never came is the same for all."""
    batch, pos, d_vocab = draw.sizes(3, low=4)
    tokens = draw.integers(0, d_vocab - 1, batch, pos)
    table = submission.bigram_table(tokens, d_vocab, 0.25)
    assert_close(table.sum(-1), torch.ones(d_vocab), "the sum of each row")
    assert_close(table[-1], torch.full((d_vocab,), 1 / d_vocab), "the row of a token that was never seen")
    assert bool((table > 0).all()), "A pair that was never seen has probability 0. Smoothing makes it small, not zero."


def slow_turn(steps: list[int], values: list[float]) -> tuple[int, int]:
    """Looks for each step's next one in the list, and compares all rates."""
    found = []
    for step, value in zip(steps, values, strict=True):
        later = [s for s in steps if s > step]
        if later:
            after = min(later)
            found.append((-abs(values[steps.index(after)] - value) / (after - step), step, after))
    return min(found)[1:]


@checks("turning_interval")
def test_the_turn_of_the_example(submission):
    """The worked example: 0.03, 0.2 and 0.1 per step, so between 100 and 110."""
    found = submission.turning_interval([100, 0, 110, 120], [6.0, 9.0, 4.0, 3.0])
    assert_equal(found, (100, 110), "the turn of the worked example")


@checks("turning_interval")
def test_uneven_steps_in_any_order(submission, draw: Draw):
    """Random curves over uneven checkpoints in random order, among them steps of 1, 2, 3 and 4 digits."""
    for _ in range(6):
        count = draw.integer(5, 9)
        gaps = [draw.choice([1, 5, 25, 200, 900]) for _ in range(count)]
        steps = [sum(gaps[: i + 1]) for i in range(count)]
        values = [float(v) for v in draw.uniform(count, low=-2.0, high=5.0)]
        order = draw.permutation(count).tolist()
        steps, values = [steps[i] for i in order], [values[i] for i in order]
        what = f"the turn of the values {[round(v, 2) for v in values]} at the steps {steps}"
        assert_equal(submission.turning_interval(steps, values), slow_turn(steps, values), what)


@checks("turning_interval")
def test_a_rise_and_a_fall(submission):
    """A curve with one jump turns there, wherever it is; so does its mirror image."""
    steps = [0, 400, 800, 850, 900, 925, 950, 1400]
    for at in range(7):
        values = [1.0 + 0.001 * i + (3.0 if i > at else 0.0) for i in range(8)]
        for sign, kind in ((1, "rising"), (-1, "falling")):
            curve = [sign * v for v in values]
            what = f"the turn of the {kind} curve {[round(v, 3) for v in curve]} at the steps {steps}"
            assert_equal(submission.turning_interval(steps, curve), (steps[at], steps[at + 1]), what)


@checks("turning_interval")
def test_a_tie(submission, draw: Draw):
    """Where several intervals are equally fast, it is the earliest."""
    start = draw.integer(1, 50)
    steps = [start + offset for offset in (0, 8, 12, 28, 30)]
    values = [0.0, 1.0, 3.0, -5.0, -5.0]  # rates 1/8, 1/2, 1/2, 0: exact in binary
    hint = "Between the second and third step, and between the third and fourth, it changes by 0.5 per step."
    found = submission.turning_interval(steps, values)
    back = [start + offset for offset in (0, 2, 18, 22, 30)]  # the same intervals, the last one first
    mirrored = submission.turning_interval(back, values[::-1])
    assert_equal(found, (steps[1], steps[2]), f"the turn of {values} at the steps {steps}", hint=hint)
    assert_equal(mirrored, (back[1], back[2]), f"the turn of {values[::-1]} at the steps {back}", hint=hint)


def slow_smear(k: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Position by position, head by head, with Python's own exponential."""
    out = k.clone()
    for head in range(k.shape[2]):
        s = 1 / (1 + math.exp(-float(alpha[head])))
        for j in range(1, k.shape[1]):
            out[:, j, head] = s * k[:, j, head] + (1 - s) * k[:, j - 1, head]
    return out


@checks("smear_keys")
def test_the_keys_of_the_example(submission):
    """The worked example: keys 2, 4, 8, half and half, become 2, 3, 6."""
    found = submission.smear_keys(torch.tensor([2.0, 4, 8]).view(1, 3, 1, 1), torch.zeros(1))
    assert_close(found.flatten(), torch.tensor([2.0, 3, 6]), "the smeared keys of the worked example")


@checks("smear_keys")
def test_each_head_by_its_own_share(submission, draw: Draw):
    """Random keys of several heads, each with an alpha of its own: the slow loop's keys."""
    batch, pos, n_heads, d_head = draw.sizes(4, low=3)
    k, alpha = draw.normal(batch, pos, n_heads, d_head), 2 * draw.normal(n_heads)
    what = f"the tensor of smeared keys for alpha = {[round(float(a), 2) for a in alpha]}"
    assert_close(submission.smear_keys(k, alpha), slow_smear(k, alpha), what)


@checks("smear_keys")
def test_no_look_into_the_future(submission, draw: Draw):
    """Replace the later keys: no earlier result changes. Position 0 keeps its key, and one position is enough."""
    batch, pos, n_heads, d_head = draw.sizes(4, low=3)
    k, alpha, cut = draw.normal(batch, pos, n_heads, d_head), draw.normal(n_heads), draw.integer(1, pos)
    other = torch.cat([k[:, :cut], draw.normal(batch, pos - cut, n_heads, d_head)], dim=1)
    before, after = submission.smear_keys(k, alpha), submission.smear_keys(other, alpha)
    what = f"the keys before position {cut}, when only later keys have changed,"
    assert_close(after[:, :cut], before[:, :cut], what, hint="A position may be mixed with earlier ones only.")
    assert_close(before[:, 0], k[:, 0], "the key at position 0")
    assert_close(submission.smear_keys(k[:, :1], alpha), k[:, :1], "the result for a text of one token")


@checks("smear_keys")
def test_the_two_ends(submission, draw: Draw):
    """A large alpha leaves the keys alone; a very negative one moves each to the next position."""
    batch, pos, n_heads, d_head = draw.sizes(4, low=3)
    k = draw.normal(batch, pos, n_heads, d_head)
    assert_close(submission.smear_keys(k, torch.full((n_heads,), 40.0)), k, "the tensor of keys for alpha = 40")
    moved = submission.smear_keys(k, torch.full((n_heads,), -40.0))
    assert_close(moved[:, 1:], k[:, :-1], "the tensor of keys from position 1 on, for alpha = -40,")


def slopes(learner, k, alpha, weights):
    """The gradients of a weighted sum of the smeared keys; or in what way there are none."""
    k, alpha = k.clone().requires_grad_(), alpha.clone().requires_grad_()
    try:
        found = learner.smear_keys(k, alpha)
        if not isinstance(found, torch.Tensor) or found.shape != k.shape:
            return "shape"
        total = (found * weights).sum()
        if not total.requires_grad:
            return "detached"
        return torch.autograd.grad(total, [k, alpha], allow_unused=True)
    except RuntimeError as fault:
        if "inplace operation" not in str(fault) and "in-place operation" not in str(fault):
            raise
        return "in place"


NO_SLOPES = {
    "shape": "For keys that require gradients, the result isn't a tensor of the shape of `k`.",
    "detached": "No slope reaches the keys or alpha: is the result detached, or computed from `.data` or `no_grad`?",
    "in place": "You overwrite keys that PyTorch still needs for the slopes. Read from `k` and write into a copy from "
    "which you don't read (`out[:, 1:] = s * k[:, 1:] + ...`), or put the result together with `torch.cat`.",
}


@checks("smear_keys")
def test_slopes_reach_keys_and_shares(submission, draw: Draw):
    """Training needs slopes: of the keys and of alpha, and they are the right ones."""
    batch, pos, n_heads, d_head = draw.sizes(4, low=3)
    k, alpha, weights = (
        draw.normal(batch, pos, n_heads, d_head),
        draw.normal(n_heads),
        draw.normal(batch, pos, n_heads, d_head),
    )
    found = submission.run(slopes, k, alpha, weights)
    assert not isinstance(found, str), NO_SLOPES[found]
    found_k, found_alpha = found
    assert found_k is not None, "No slope reaches the keys: is something detached, or made anew, on the way?"
    assert found_alpha is not None, "No slope reaches alpha: is something detached, or made anew, on the way?"
    s = 1 / (1 + (-alpha).exp())
    passed_on = torch.zeros_like(k)  # what the next position takes from each key
    passed_on[:, :-1] = (1 - s)[:, None] * weights[:, 1:]
    own = s[:, None] * weights
    own[:, 0] = weights[:, 0]
    assert_close(found_k, own + passed_on, "the tensor of slopes of the keys", rtol=1e-3)
    step = (weights[:, 1:] * (k[:, 1:] - k[:, :-1])).sum((0, 1, 3)) * s * (1 - s)
    assert_close(found_alpha, step, "the slopes of alpha", rtol=1e-3, atol=1e-4)


SIZES = {"n_layers": 1, "n_heads": 2, "d_model": 10, "d_head": 3, "d_vocab": 13, "n_ctx": 8, "attn_only": True}


def slow_sharpness(model, tokens: torch.Tensor, directions, size: float) -> float:
    """On a copy in double precision, whose weights are written anew for each move."""
    twin = copy.deepcopy(model).double().requires_grad_(False)
    home = {name: w.clone() for name, w in twin.named_parameters()}
    loss_at = {}
    for sign in (0, 1, -1):
        for i, direction in enumerate(directions):
            for name, w in twin.named_parameters():
                push = direction[name].double()
                length = math.sqrt(float((home[name] ** 2).sum())) / math.sqrt(float((push**2).sum()))
                w.data = home[name] + sign * size * length * push
            logits = twin(tokens)[:, :-1]
            loss_at[sign, i] = float(nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()))
    rises = [(loss_at[1, i] + loss_at[-1, i]) / 2 - loss_at[0, i] for i in range(len(directions))]
    return sum(rises) / len(rises)


def drawn_directions(draw: Draw, model, count: int) -> list[dict[str, torch.Tensor]]:
    """Random directions of different lengths, away from zero on average."""
    named = list(model.named_parameters())
    return [{name: (1 + 2 * i) * (0.3 + draw.normal(*w.shape)) for name, w in named} for i in range(count)]


@checks("sharpness")
def test_the_rise_of_a_small_model(submission, draw: Draw):
    """A small random model, one direction: the loss on both sides, less the loss at rest, worked out in float64."""
    model = draw.model(**SIZES)
    tokens, directions = draw.integers(0, 13, 5, 8), drawn_directions(draw, model, 1)
    for size in (0.1, 0.3):
        found = submission.sharpness(model, tokens, directions, size)
        what = f"the sharpness along one direction with size {size}"
        assert_close(found, slow_sharpness(model, tokens, directions, size), what, rtol=1e-3, atol=1e-5)


@checks("sharpness")
def test_the_mean_over_directions(submission, draw: Draw):
    """Several directions of different lengths: the mean of their rises, in a model of two layers with an MLP."""
    model = draw.model(**{**SIZES, "n_layers": 2, "attn_only": False})
    tokens, directions = draw.integers(0, 13, 4, 7), drawn_directions(draw, model, 3)
    found = submission.sharpness(model, tokens, directions, 0.2)
    expected = slow_sharpness(model, tokens, directions, 0.2)
    assert_close(found, expected, "the sharpness over three directions", rtol=1e-3, atol=1e-5)


@checks("sharpness")
def test_parameters_of_zeros(submission, draw: Draw):
    """The biases of a new model are zero: they stay where they are, and no nan comes of it."""
    model = draw.model(**SIZES)
    with torch.no_grad():
        for name, w in model.named_parameters():
            if ".b" in name:
                w.zero_()
    tokens, directions = draw.integers(0, 13, 5, 8), drawn_directions(draw, model, 2)
    found = submission.sharpness(model, tokens, directions, 0.2)
    expected = slow_sharpness(model, tokens, directions, 0.2)
    assert_close(found, expected, "the sharpness of a model without biases", rtol=1e-3, atol=1e-5)


@checks("sharpness")
def test_neither_length_nor_sign_of_a_direction_counts(submission, draw: Draw):
    """Stretch each tensor of a direction by a factor of its own, or turn the direction round: the same sharpness."""
    model = draw.model(**SIZES)
    tokens, directions = draw.integers(0, 13, 5, 8), drawn_directions(draw, model, 2)
    stretched = [{name: (0.2 + 5 * draw.uniform(1)) * d for name, d in direction.items()} for direction in directions]
    turned = [{name: -d for name, d in direction.items()} for direction in directions]
    found = submission.sharpness(model, tokens, directions, 0.2)
    for changed, what in ((stretched, "directions of other lengths"), (turned, "the opposite directions")):
        value = submission.sharpness(model, tokens, changed, 0.2)
        assert_close(value, found, f"the sharpness along {what}", rtol=1e-3, atol=1e-5)


@checks("sharpness")
def test_a_twin_is_as_sharp(submission, draw: Draw):
    """Queries times 4, keys divided by 4: the same function, and the same sharpness."""
    model = draw.model(**SIZES)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for name, factor in (("W_Q", 4), ("b_Q", 4), ("W_K", 0.25), ("b_K", 0.25)):
            getattr(twin.blocks[0].attn, name).mul_(factor)
    tokens, directions = draw.integers(0, 13, 5, 8), drawn_directions(draw, model, 2)
    here, there = (submission.sharpness(m, tokens, directions, 0.2) for m in (model, twin))
    hint = "A parameter that is four times as long takes a step that is four times as long."
    assert_close(there, here, "the sharpness of the twin", rtol=1e-3, atol=1e-5, hint=hint)


def sharpness_of_a_hooked_model(learner, model, tokens, directions, size, share):
    """The sharpness of a model with a hook, in training; and what is no longer as it was."""
    model.requires_grad_(True).train()
    model.add_hook("blocks.0.attn.hook_z", lambda z, hook: share * z)
    parameters = dict(model.named_parameters())
    frozen = next(iter(parameters))
    parameters[frozen].requires_grad_(False)
    for w in parameters.values():
        w.grad = torch.full_like(w, share)
    with torch.no_grad():
        before = model(tokens)
    try:
        found = learner.sharpness(model, tokens, directions, size)
        recording = torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    now = dict(model.named_parameters())
    changed = []
    if list(now) != list(parameters) or any(now[name] is not w for name, w in parameters.items()):
        changed.append("replaced")
    elif any(w.requires_grad == (name == frozen) for name, w in now.items()):
        changed.append("frozen")
    if any(w.grad is None or not torch.equal(w.grad, torch.full_like(w, share)) for w in parameters.values()):
        changed.append("grad")
    if not recording:
        changed.append("recording")
    if not all(module.training for module in model.modules()):
        changed.append("mode")
    with torch.no_grad():
        if not torch.equal(model(tokens), before):
            changed.append("outputs")
    model.reset_hooks()
    return found, changed


CHANGED = {
    "replaced": "The model has other parameters than before: an optimizer that was given the old ones goes on training "
    "those, and the model never learns. Write into the parameters that are there, or into a copy of the model.",
    "frozen": "Parameters that required gradients no longer do, or the other way round. Leave them as they are: "
    "`torch.no_grad()` does without gradients while you measure.",
    "grad": "You changed the `.grad` of parameters. No gradient is needed here: measure under `torch.no_grad()`.",
    "mode": "The model was in training mode, and is no longer: `.eval()` was left on. Note `model.training` before you "
    "switch it, and give it to `model.train(...)` at the end; here nothing needs the switch.",
    "recording": "PyTorch records no gradients any more. `with torch.no_grad():` switches that off for a block only.",
    "outputs": "The model's outputs are others than before. Were its weights not put back, or its hooks taken off?",
}


@checks("sharpness")
def test_a_model_in_training_stays_as_it_was(submission, draw: Draw):
    """With a hook on it and gradients at hand: the hook counts, and hooks, parameters and gradients stay."""
    model, share = draw.model(**SIZES), float(draw.uniform(1, low=2.0, high=3.0))
    tokens, directions = draw.integers(0, 13, 5, 8), drawn_directions(draw, model, 2)
    found, changed = submission.run(sharpness_of_a_hooked_model, model, tokens, directions, 0.2, share)
    for what in changed:
        raise AssertionError(CHANGED[what])
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.blocks[0].attn.W_O.mul_(share)  # the hook multiplies z; a relative step is the same share of both
    expected, bare = (slow_sharpness(m, tokens, directions, 0.2) for m in (twin, model))
    hint = "That is what it would be without the hook. A hook on the model is part of it."
    hint = hint if isinstance(found, float) and abs(found - bare) <= 1e-3 * abs(bare) + 1e-5 else ""
    what = f"the sharpness of a model with a hook that multiplies z by {share:.3g}"
    assert_close(found, expected, what, rtol=1e-3, atol=1e-5, hint=hint)


@checks("sharpness")
def test_the_turn_is_a_steep_place(submission, draw: Draw):
    """`induction-2l` at step 1025, amid its turn, is more than twice as sharp as at step 200."""
    segment = draw.permutation(64)[:14] + 4
    tokens = torch.stack([torch.cat([torch.tensor([1]), s, s]) for s in (segment, segment.flip(0), segment.roll(5))])
    rises = {}
    for step in (200, 1025):
        model = shared_model("induction-2l", checkpoint=step)
        rises[step] = submission.sharpness(model, tokens, drawn_directions(draw, model, 2), 0.1)
    assert rises[1025] > 2 * rises[200], (
        f"The sharpness should more than double from step 200 to step 1025, but yours is {rises[200]:.4f} and "
        f"{rises[1025]:.4f}."
    )
