"""Checks of the lesson `training`: oracles are loops over floats, closed forms, laws, and torch's own optimiser."""

import itertools
import math
import random

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # loss_by_position
    Mistake(
        "loss_by_position",
        why="You compared the forecast with the token that stands at the same place: the model has just read that "
        "one. Compare it with the next: `tokens[:, 1:]`.",
        right="targets = tokens[:, 1:]",
        wrong="targets = tokens[:, :-1]",
    ),
    Mistake(
        "loss_by_position",
        why="You shifted the logits and the tokens alike, so that nothing is shifted: it is the *last* position's "
        "logits that have no next token, `logits[:, :-1]`.",
        right="logits[:, :-1]",
        wrong="logits[:, 1:]",
    ),
    Mistake(
        "loss_by_position",
        why="You charge for padding: where the next token is `pad`, the entry should be 0.",
        right="losses.masked_fill(targets == pad, 0.0)",
        wrong="losses",
    ),
    Mistake(
        "loss_by_position",
        why="You left out the places where the token *read* is padding. It is the token to be foretold that decides.",
        right="targets == pad",
        wrong="tokens[:, :-1] == pad",
    ),
    Mistake(
        "loss_by_position",
        why="You took token 0 for padding, whatever `pad` says.",
        right="targets == pad",
        wrong="targets == 0",
    ),
    Mistake(
        "loss_by_position",
        why="You took the next token for padding where the token read is padding as well. Alone it counts too.",
        right="targets == pad",
        wrong="(targets == pad) & (tokens[:, :-1] == pad)",
    ),
    Mistake(
        "loss_by_position",
        why="You left out the minus sign: a surprise is positive.",
        right="losses = -log_probs",
        wrong="losses = log_probs",
    ),
    Mistake(
        "loss_by_position",
        why="You picked out logits without normalising them: a logit means nothing without its rivals.",
        right="logits[:, :-1].log_softmax(-1)",
        wrong="logits[:, :-1]",
    ),
    Mistake(
        "loss_by_position",
        why="You normalised over the positions. Probabilities are over the vocabulary, the last axis.",
        right="log_softmax(-1)",
        wrong="log_softmax(1)",
    ),
    Mistake(
        "loss_by_position",
        why="You took the log of the softmax. An unlikely token's probability has been rounded to 0 by then: use "
        "log_softmax.",
        right="log_softmax(-1)",
        wrong="softmax(-1).log()",
    ),
    Mistake(
        "loss_by_position",
        why="You return the loss in bits. Everything in this course is in nats, natural logarithms.",
        right="return losses",
        wrong="losses = losses / 0.6931471805599453\nreturn losses",
    ),
    Mistake(
        "loss_by_position",
        why="You cut the gradient off (`detach`, `.item()` or no_grad): nothing can be trained on this loss.",
        right="return losses",
        wrong="losses = losses.detach()\nreturn losses",
    ),
    Mistake(
        "loss_by_position",
        why="You gave every position of a row the row's mean. Keep them apart: one number for each next token.",
        right="return losses.masked_fill(targets == pad, 0.0)",
        wrong="losses = losses.masked_fill(targets == pad, 0.0)\nreturn losses.mean(1, keepdim=True).expand_as(losses)",
    ),
    Mistake(
        "loss_by_position",
        why="You stop at the first padding of a row. A real token that comes after it counts like any other.",
        right="targets == pad",
        wrong="(targets == pad).cumsum(-1) > 0",
    ),
    # batch_rows
    Mistake(
        "batch_rows",
        why="Your rows don't share a token, so the first token of each row is never foretold by anyone. Begin each "
        "row with the last token of the row before.",
        wrong="""
count = math.ceil(len(stream) / (length + 1))
padded = torch.cat([stream, stream.new_full((count * (length + 1) - len(stream),), pad)])
rows = padded.view(count, length + 1)
order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
return list(rows[order].split(batch))
""",
    ),
    Mistake(
        "batch_rows",
        why="Your rows have `length` tokens. With `length` next tokens to foretell, a row has `length + 1`.",
        wrong="""
count = math.ceil((len(stream) - 1) / (length - 1))
missing = count * (length - 1) + 1 - len(stream)
rows = torch.cat([stream, stream.new_full((missing,), pad)]).unfold(0, length, length - 1)
order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
return list(rows[order].split(batch))
""",
    ),
    Mistake(
        "batch_rows",
        why="You threw the end of the stream away, what doesn't fill a whole row. Fill the last row up with `pad`.",
        wrong="""
if len(stream) <= length:
    return []
rows = stream.unfold(0, length + 1, length)
order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
return list(rows[order].split(batch))
""",
    ),
    Mistake(
        "batch_rows",
        why="You add a row even where the last one is full: a row of nothing but padding has nothing to foretell.",
        right="math.ceil((len(stream) - 1) / length)",
        wrong="(len(stream) - 1) // length + 1",
    ),
    Mistake(
        "batch_rows",
        why="You left out the last batch because it has fewer rows. Its text is as good as any.",
        right="return list(rows[order].split(batch))",
        wrong="return [rows[order[i : i + batch]] for i in range(0, count - batch + 1, batch)]",
    ),
    Mistake(
        "batch_rows",
        why="You didn't shuffle the rows: neighbours in the text come in the same batch, always in the same order.",
        right="rows[order]",
        wrong="rows",
    ),
    Mistake(
        "batch_rows",
        why="You ignored `seed`: every epoch has the same order.",
        right="manual_seed(seed)",
        wrong="manual_seed(0)",
    ),
    Mistake(
        "batch_rows",
        why="You seeded torch's global generator (`torch.manual_seed`): whoever calls you gets other random numbers "
        "afterwards. Use a generator of your own, `torch.Generator().manual_seed(seed)`.",
        right="order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))",
        wrong="torch.manual_seed(seed)\norder = torch.randperm(count)",
    ),
    Mistake(
        "batch_rows",
        why="You cut batches first and shuffled the batches: the same rows are together in every epoch. Shuffle rows.",
        right="order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))\n"
        "return list(rows[order].split(batch))",
        wrong="batches = rows.split(batch)\n"
        "order = torch.randperm(len(batches), generator=torch.Generator().manual_seed(seed))\n"
        "return [batches[i] for i in order]",
    ),
    Mistake(
        "batch_rows",
        why="You only began at another row and went round in a circle: neighbours stay neighbours. Use a permutation.",
        right="order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))",
        wrong="first = torch.randint(count, (1,), generator=torch.Generator().manual_seed(seed))\n"
        "order = (torch.arange(count) + first) % count",
    ),
    Mistake(
        "batch_rows",
        why="You drew rows with replacement (`randint`): some come twice, others never.",
        right="torch.randperm(count, generator",
        wrong="torch.randint(count, (count,), generator",
    ),
    Mistake(
        "batch_rows",
        why="You filled the last row with 0, whatever `pad` says.",
        right="(missing,), pad",
        wrong="(missing,), 0",
    ),
    Mistake(
        "batch_rows",
        why="You shuffled the tokens before you cut the rows: what is left of the text has no order to learn.",
        right="count = math.ceil((len(stream) - 1) / length)",
        wrong="count = math.ceil((len(stream) - 1) / length)\n"
        "stream = stream[torch.randperm(len(stream), generator=torch.Generator().manual_seed(seed))]",
    ),
    # evaluate_loss
    Mistake(
        "evaluate_loss",
        why="You averaged the batches' means. Batches have different numbers of tokens: divide the sum of all losses "
        "by the number of all next tokens.",
        right="total += loss_by_position(model(rows), rows, pad).sum().item()\n"
        "        count += int((rows[:, 1:] != pad).sum())",
        wrong="total += (loss_by_position(model(rows), rows, pad).sum() / (rows[:, 1:] != pad).sum()).item()\n"
        "        count += 1",
    ),
    Mistake(
        "evaluate_loss",
        why="You counted the padding: it costs nothing and pulls the mean down. Count real next tokens only.",
        right="int((rows[:, 1:] != pad).sum())",
        wrong="rows[:, 1:].numel()",
    ),
    Mistake(
        "evaluate_loss",
        why="You counted all tokens of the rows. The first of each row is foretold by nobody: count `rows[:, 1:]`.",
        right="(rows[:, 1:] != pad)",
        wrong="(rows != pad)",
    ),
    Mistake(
        "evaluate_loss",
        why="You counted the tokens that are read, not those that are foretold: it is `rows[:, 1:]` that matters.",
        right="(rows[:, 1:] != pad)",
        wrong="(rows[:, :-1] != pad)",
    ),
    Mistake(
        "evaluate_loss",
        why="You didn't switch to eval mode: dropout was at work while you measured. Call `model.eval()` first.",
        right="model.eval()",
        wrong="model.train(training)",
    ),
    Mistake(
        "evaluate_loss",
        why="You left the model in eval mode: the training that goes on after this would run without dropout.",
        right="model.train(training)",
        wrong="pass",
    ),
    Mistake(
        "evaluate_loss",
        why="You put the model into training mode at the end, though it may have come in eval mode. Remember "
        "`model.training` from before.",
        right="model.train(training)",
        wrong="model.train()",
    ),
    Mistake(
        "evaluate_loss",
        why="You let torch record the way back through each batch, which costs memory and time for nothing: measure "
        "under `torch.no_grad()`.",
        right="torch.no_grad()",
        wrong="torch.enable_grad()",
    ),
    Mistake(
        "evaluate_loss",
        why="You return the perplexity, exp of the mean loss. Wanted is the loss itself, in nats.",
        right="return total / count",
        wrong="return math.exp(total / count)",
    ),
    Mistake(
        "evaluate_loss",
        why="You measured one batch only: your `return` stands inside the loop, or you overwrite the sums in it.",
        right="count += int((rows[:, 1:] != pad).sum())",
        wrong="count += int((rows[:, 1:] != pad).sum())\n        break",
    ),
    Mistake(
        "evaluate_loss",
        why="You return the sum of all losses: divide it by the number of next tokens.",
        right="return total / count",
        wrong="return total",
    ),
    Mistake(
        "evaluate_loss",
        why="You count the losses that are more than 0. A token that the model is sure of costs 0, and counts: count "
        "the next tokens that aren't padding.",
        right="total += loss_by_position(model(rows), rows, pad).sum().item()\n"
        "        count += int((rows[:, 1:] != pad).sum())",
        wrong="losses = loss_by_position(model(rows), rows, pad)\n"
        "        total, count = total + losses.sum().item(), count + int((losses > 0).sum())",
    ),
    # learning_rate
    Mistake(
        "learning_rate",
        why="You left out the warm-up.",
        right="if step < warmup:\n    return peak * step / warmup",
        wrong="step = max(step, warmup)",
    ),
    Mistake(
        "learning_rate",
        why="You let the rate fall along a straight line. Wanted is half a cosine: flat, steep, flat.",
        right="(1 + math.cos(math.pi * done)) / 2",
        wrong="(1 - done)",
    ),
    Mistake(
        "learning_rate",
        why="Your cosine began at step 0 while the warm-up was still on. It takes the steps after `warmup`: "
        "(step - warmup) / (steps - warmup).",
        right="(step - warmup) / (steps - warmup)",
        wrong="step / steps",
    ),
    Mistake(
        "learning_rate",
        why="You divide by `steps`, but the fall has only `steps - warmup` steps: the floor isn't reached in time.",
        right="/ (steps - warmup)",
        wrong="/ steps",
    ),
    Mistake(
        "learning_rate",
        why="Your rate falls to 0, not to `floor`.",
        right="floor + (peak - floor) *",
        wrong="peak *",
    ),
    Mistake(
        "learning_rate",
        why="You added `floor` on top: at its highest the rate is now peak + floor. The cosine spans peak - floor.",
        right="(peak - floor)",
        wrong="peak",
    ),
    Mistake(
        "learning_rate",
        why="You cut the curve off at `floor` from below. Wanted is a curve that arrives there just at the end.",
        right="return floor + (peak - floor) * (1 + math.cos(math.pi * done)) / 2",
        wrong="return max(floor, peak * (1 + math.cos(math.pi * done)) / 2)",
    ),
    Mistake(
        "learning_rate",
        why="After the last step your cosine turns and climbs again: the rate should stay at `floor`.",
        right="min((step - warmup) / (steps - warmup), 1.0)",
        wrong="(step - warmup) / (steps - warmup)",
    ),
    Mistake(
        "learning_rate",
        why="Your cosine goes a whole turn, down and up again. Half a turn is math.pi.",
        right="math.pi * done",
        wrong="2 * math.pi * done",
    ),
    Mistake(
        "learning_rate",
        why="You took a quarter of a cosine (down from 1 to 0). Wanted is a half, from 1 to -1, halved and lifted.",
        right="(1 + math.cos(math.pi * done)) / 2",
        wrong="math.cos(math.pi * done / 2)",
    ),
    Mistake(
        "learning_rate",
        why="You count steps from 0. Here the first step is number 1, and step `warmup` has the peak.",
        right="return peak * step / warmup",
        wrong="return peak * (step + 1) / (warmup + 1)",
    ),
    Mistake(
        "learning_rate",
        why="Your warm-up begins at `floor`. It begins at 0.",
        right="return peak * step / warmup",
        wrong="return floor + (peak - floor) * step / warmup",
    ),
    # clip_gradients
    Mistake(
        "clip_gradients",
        why="You clipped each gradient by its own length. That turns the step into another direction: all gradients "
        "together are one vector, with one length and one factor.",
        right="grad.mul_(max_norm / norm)",
        wrong="grad.mul_(min(1.0, max_norm / max(grad.norm().item(), 1e-12)))",
    ),
    Mistake(
        "clip_gradients",
        why="You cut each entry off at max_norm (`clamp`). Wanted is one factor for all entries.",
        right="grad.mul_(max_norm / norm)",
        wrong="grad.clamp_(-max_norm, max_norm)",
    ),
    Mistake(
        "clip_gradients",
        why="You return the length after clipping. The one before is what tells you that something went wrong.",
        right="return norm",
        wrong="return min(norm, max_norm)",
    ),
    Mistake(
        "clip_gradients",
        why="You stretched short gradients to max_norm as well. What is at most max_norm stays as it is.",
        right="if norm > max_norm:",
        wrong="if norm > 0:",
    ),
    Mistake(
        "clip_gradients",
        why="You added up the lengths. The length of the whole is the root of the sum of *squares*.",
        right="math.sqrt(sum(grad.double().square().sum().item() for grad in grads))",
        wrong="sum(grad.double().norm().item() for grad in grads)",
    ),
    Mistake(
        "clip_gradients",
        why="You forgot the square root.",
        right="math.sqrt(sum(grad.double().square().sum().item() for grad in grads))",
        wrong="sum(grad.double().square().sum().item() for grad in grads)",
    ),
    Mistake(
        "clip_gradients",
        why="You took the longest single gradient. All of them together count: the root of the sum of all squares.",
        right="math.sqrt(sum(grad.double().square().sum().item() for grad in grads))",
        wrong="max([grad.double().norm().item() for grad in grads], default=0.0)",
    ),
    Mistake(
        "clip_gradients",
        why="You took the mean of the squares, so that the length depends on how many entries there are. Take the sum.",
        right="math.sqrt(sum(grad.double().square().sum().item() for grad in grads))",
        wrong="math.sqrt(sum(grad.double().square().mean().item() for grad in grads))",
    ),
    Mistake(
        "clip_gradients",
        why="You measured and changed nothing: where the gradients are too long, multiply each by max_norm / norm.",
        right="grad.mul_(max_norm / norm)",
        wrong="grad * (max_norm / norm)",
    ),
    Mistake(
        "clip_gradients",
        why="You divided by the length and forgot max_norm: the gradients have length 1 now.",
        right="grad.mul_(max_norm / norm)",
        wrong="grad.div_(norm)",
    ),
    Mistake(
        "clip_gradients",
        why="You went over `parameters` twice. It may be a generator, like `model.parameters()`, and is used up after "
        "one pass: make a list first.",
        wrong="""
norm = math.sqrt(sum(p.grad.double().square().sum().item() for p in parameters if p.grad is not None))
if norm > max_norm:
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.mul_(max_norm / norm)
return norm
""",
    ),
    Mistake(
        "clip_gradients",
        why="You clipped the parameters, not their gradients.",
        wrong="""
parameters = [parameter.data for parameter in parameters if parameter.grad is not None]
norm = math.sqrt(sum(parameter.double().square().sum().item() for parameter in parameters))
if norm > max_norm:
    for parameter in parameters:
        parameter.mul_(max_norm / norm)
return norm
""",
    ),
    # AdamW
    Mistake(
        "AdamW",
        why="You added the decay to the gradient. That is Adam with L2: the decay then gets divided by sqrt(v_hat) as "
        "well. In AdamW it is decoupled: it shrinks p directly, by lr * weight_decay * p.",
        wrong="""
self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
self.counts = [0 for _ in self.parameters]
### NEXT REGION
for parameter in self.parameters:
    parameter.grad = None
### NEXT REGION
beta1, beta2 = self.betas
with torch.no_grad():
    for i, parameter in enumerate(self.parameters):
        if parameter.grad is None:
            continue
        grad = parameter.grad + self.weight_decay * parameter
        self.counts[i] += 1
        mean = self.means[i].lerp_(grad, 1 - beta1)
        square = self.squares[i].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        mean_hat = mean / (1 - beta1 ** self.counts[i])
        square_hat = square / (1 - beta2 ** self.counts[i])
        parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))
""",
    ),
    Mistake(
        "AdamW",
        why="You left out the bias correction: m and v start at zero, and are too small in the first steps.",
        right="mean_hat = mean / (1 - beta1 ** self.counts[i])\n"
        "        square_hat = square / (1 - beta2 ** self.counts[i])",
        wrong="mean_hat, square_hat = mean, square",
    ),
    Mistake(
        "AdamW",
        why="You corrected m for its start at zero, but not v.",
        right="square / (1 - beta2 ** self.counts[i])",
        wrong="square",
    ),
    Mistake(
        "AdamW",
        why="You corrected v for its start at zero, but not m.",
        right="mean / (1 - beta1 ** self.counts[i])",
        wrong="mean",
    ),
    Mistake(
        "AdamW",
        why="Your bias correction is that of the first step, in every step: t grows by one with each step.",
        right="self.counts[i] += 1",
        wrong="self.counts[i] = 1",
    ),
    Mistake(
        "AdamW",
        why="You counted the optimiser's steps. Each parameter has a count of its own: it takes no step while its "
        "gradient is None.",
        right="grad = parameter.grad\n        if grad is None:\n            continue\n        self.counts[i] += 1",
        wrong="grad = parameter.grad\n        self.counts[i] += 1\n        if grad is None:\n            continue",
    ),
    Mistake(
        "AdamW",
        why="You shrank parameters whose gradient is None as well. They take no step, and no decay.",
        right="if grad is None:\n            continue",
        wrong="if grad is None:\n            parameter.mul_(1 - self.lr * self.weight_decay)\n            continue",
    ),
    Mistake(
        "AdamW",
        why="You added eps under the square root. It is added to the root: sqrt(v_hat) + eps.",
        right="(square_hat.sqrt() + self.eps)",
        wrong="(square_hat + self.eps).sqrt()",
    ),
    Mistake(
        "AdamW",
        why="You left out the square root: divide by sqrt(v_hat) + eps.",
        right="square_hat.sqrt()",
        wrong="square_hat",
    ),
    Mistake(
        "AdamW",
        why="Your decay forgot the learning rate: p shrinks by lr * weight_decay * p.",
        right="1 - self.lr * self.weight_decay",
        wrong="1 - self.weight_decay",
    ),
    Mistake(
        "AdamW",
        why="There is no weight decay in your step.",
        right="parameter.mul_(1 - self.lr * self.weight_decay)",
        wrong="pass",
    ),
    Mistake(
        "AdamW",
        why="You let p decay after the step, so that the step itself decays too. The decay uses p as it was before.",
        right="parameter.mul_(1 - self.lr * self.weight_decay)\n"
        "        parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))",
        wrong="parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))\n"
        "        parameter.mul_(1 - self.lr * self.weight_decay)",
    ),
    Mistake(
        "AdamW",
        why="You go uphill: subtract the step.",
        right="parameter.sub_(",
        wrong="parameter.add_(",
    ),
    Mistake(
        "AdamW",
        why="You swapped the two betas: the first is for the mean of the gradients.",
        right="beta1, beta2 = self.betas",
        wrong="beta2, beta1 = self.betas",
    ),
    Mistake(
        "AdamW",
        why="You ignored `betas` and always use 0.9 and 0.999.",
        right="beta1, beta2 = self.betas",
        wrong="beta1, beta2 = 0.9, 0.999",
    ),
    Mistake(
        "AdamW",
        why="There is no momentum in your step: it uses the gradient itself where m_hat belongs.",
        right="mean_hat = mean / (1 - beta1 ** self.counts[i])",
        wrong="mean_hat = grad",
    ),
    Mistake(
        "AdamW",
        why="You weighted the new gradient with beta1 and the old mean with 1 - beta1: the other way round.",
        right="lerp_(grad, 1 - beta1)",
        wrong="lerp_(grad, beta1)",
    ),
    Mistake(
        "AdamW",
        why="You set the gradients to zero. A gradient of zeros is a gradient: the next step would decay and coast on "
        "with m. Set `.grad` to None.",
        right="parameter.grad = None",
        wrong="parameter.grad = None if parameter.grad is None else torch.zeros_like(parameter)",
    ),
    Mistake(
        "AdamW",
        why="Your zero_grad does nothing: gradients pile up from step to step.",
        right="for parameter in self.parameters:\n    parameter.grad = None",
        wrong="pass",
    ),
    Mistake(
        "AdamW",
        why="You keep one mean and one square for all entries of a parameter. Each entry has its own.",
        right="square_hat = square / (1 - beta2 ** self.counts[i])",
        wrong="square_hat = square.mean() / (1 - beta2 ** self.counts[i])",
    ),
    Mistake(
        "AdamW",
        why="You let the gradients vanish in `step`. That is `zero_grad`'s business: others may still want to look.",
        right="parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))",
        wrong="parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))\n        parameter.grad = None",
    ),
    Mistake(
        "AdamW",
        why="After your `step` the model's parameters are what they were. `p = p - ...` makes a new tensor and calls "
        "it p; the parameter itself stays as it was. Change it in place: `p -= ...`, `p.mul_(...)`, `p.sub_(...)`.",
        right="parameter.mul_(1 - self.lr * self.weight_decay)\n"
        "        parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))",
        wrong="parameter = parameter * (1 - self.lr * self.weight_decay)\n"
        "        parameter = parameter - self.lr * mean_hat / (square_hat.sqrt() + self.eps)",
    ),
    Mistake(
        "AdamW",
        why="You put new tensors into `self.parameters`. The model still holds the old ones, and nobody changed those. "
        "Change them in place: `p -= ...`, `p.mul_(...)`, `p.sub_(...)`.",
        right="parameter.mul_(1 - self.lr * self.weight_decay)\n"
        "        parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))",
        wrong="parameter = parameter * (1 - self.lr * self.weight_decay)\n"
        "        self.parameters[i] = parameter - self.lr * mean_hat / (square_hat.sqrt() + self.eps)",
    ),
    Mistake(
        "AdamW",
        why="You compute m and v, and forget them: the next step begins with zeros again. Put them back into what the "
        "optimiser keeps.",
        right="self.means[i].lerp_(grad, 1 - beta1)  # in place: m + (1 - beta1) (g - m)\n"
        "        square = self.squares[i].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)",
        wrong="self.means[i].lerp(grad, 1 - beta1)\n"
        "        square = self.squares[i].mul(beta2).addcmul(grad, grad, value=1 - beta2)",
    ),
    Mistake(
        "AdamW",
        why="You count the step after you have used the count: in the first step it is 0, and the correction divides "
        "by 1 - beta^0, which is 0. Count first.",
        right="(1 - beta2 ** self.counts[i])\n        parameter",
        wrong="(1 - beta2 ** (self.counts[i] - 1))\n        mean_hat = mean / (1 - beta1 ** (self.counts[i] - 1))\n"
        "        parameter",
    ),
    Mistake(
        "AdamW",
        why="You ignored `eps` and always add 1e-8: use `self.eps`.",
        right="self.eps)",
        wrong="1e-8)",
    ),
    Mistake(
        "AdamW",
        why="You stop at the first parameter without a gradient: those after it take no step. Go on with the next "
        "(`continue`).",
        right="continue",
        wrong="break",
    ),
    Mistake(
        "AdamW",
        why="You let only matrices decay. Many trainings do so, by handing over two groups of parameters; the rule "
        "itself makes no difference between shapes.",
        right="parameter.mul_(1 - self.lr * self.weight_decay)",
        wrong="parameter.mul_(1 - self.lr * self.weight_decay * (parameter.ndim > 1))",
    ),
    # train_step
    Mistake(
        "train_step",
        why="You didn't clear the old gradients: `backward` adds to what is there. Call `optimizer.zero_grad()` first.",
        right="optimizer.zero_grad()",
        wrong="pass",
    ),
    Mistake(
        "train_step",
        why="You cleared the gradients after `backward`: the step has nothing left to go by.",
        right="loss.backward()\nnorm = clip_gradients(model.parameters(), max_norm)",
        wrong="loss.backward()\nnorm = clip_gradients(model.parameters(), max_norm)\noptimizer.zero_grad()",
    ),
    Mistake(
        "train_step",
        why="You took the step first and clipped afterwards: too late.",
        right="norm = clip_gradients(model.parameters(), max_norm)\noptimizer.lr = lr\noptimizer.step()",
        wrong="optimizer.lr = lr\noptimizer.step()\nnorm = clip_gradients(model.parameters(), max_norm)",
    ),
    Mistake(
        "train_step",
        why="You measured the gradient's length, and did not clip to `max_norm`.",
        right="clip_gradients(model.parameters(), max_norm)",
        wrong="clip_gradients(model.parameters(), float('inf'))",
    ),
    Mistake(
        "train_step",
        why="You set the learning rate after the step: it came one step late.",
        right="optimizer.lr = lr\noptimizer.step()",
        wrong="optimizer.step()\noptimizer.lr = lr",
    ),
    Mistake(
        "train_step",
        why="You didn't use `lr`: the optimiser kept the rate that it had.",
        right="optimizer.lr = lr",
        wrong="pass",
    ),
    Mistake(
        "train_step",
        why="You divided by all positions, padding included. Count real next tokens only.",
        right="losses.sum() / (rows[:, 1:] != pad).sum()",
        wrong="losses.mean()",
    ),
    Mistake(
        "train_step",
        why="You trained on the sum of the losses, so that a longer batch takes a longer step. Take the mean.",
        right="losses.sum() / (rows[:, 1:] != pad).sum()",
        wrong="losses.sum()",
    ),
    Mistake(
        "train_step",
        why="You averaged each row first, and then the rows. Rows with much padding then count too much: divide the "
        "sum of all losses by the number of all next tokens.",
        right="losses.sum() / (rows[:, 1:] != pad).sum()",
        wrong="(losses.sum(1) / (rows[:, 1:] != pad).sum(1)).mean()",
    ),
    Mistake(
        "train_step",
        why="You return the loss after the step, at the price of a second forward pass. Return the one that you "
        "stepped on.",
        right="return loss.item(), norm",
        wrong="after = loss_by_position(model(rows), rows, pad).sum() / (rows[:, 1:] != pad).sum()\n"
        "return after.item(), norm",
    ),
    Mistake(
        "train_step",
        why="You took two steps on one gradient.",
        right="optimizer.step()",
        wrong="optimizer.step()\noptimizer.step()",
    ),
    Mistake(
        "train_step",
        why="You never call `optimizer.step()`: nothing is learned.",
        right="optimizer.step()",
        wrong="pass",
    ),
    Mistake(
        "train_step",
        why="You put the model into eval mode: it trains without its dropout. Leave the mode alone.",
        right="optimizer.zero_grad()",
        wrong="optimizer.zero_grad()\nmodel.eval()",
    ),
    Mistake(
        "train_step",
        why="You put the model into training mode, though it may have come in eval mode. Leave its mode alone.",
        right="optimizer.zero_grad()",
        wrong="optimizer.zero_grad()\nmodel.train()",
    ),
    Mistake(
        "train_step",
        why="You take the mean over the losses that are more than 0. A token that the model is sure of costs 0, and "
        "counts: divide by the number of next tokens that aren't padding.",
        right="losses.sum() / (rows[:, 1:] != pad).sum()",
        wrong="losses[losses > 0].mean()",
    ),
    Mistake(
        "train_step",
        why="You return the length of the clipped gradient. The one before is what tells you that something is wrong.",
        right="return loss.item(), norm",
        wrong="return loss.item(), min(norm, max_norm)",
    ),
]
ALTERNATIVES = [
    Alternative(
        "loss_by_position",
        how="with the library's cross_entropy",
        code="return nn.functional.cross_entropy(\n"
        "    logits[:, :-1].transpose(1, 2), tokens[:, 1:], ignore_index=pad, reduction='none'\n)",
    ),
    Alternative(
        "loss_by_position",
        how="by logsumexp, with a factor of 0 at padding",
        code="""
rivals = logits.logsumexp(-1)[:, :-1]
chosen = logits[:, :-1].gather(2, tokens[:, 1:, None])[..., 0]
return (rivals - chosen) * (tokens[:, 1:] != pad)
""",
    ),
    Alternative(
        "loss_by_position",
        how="in loops",
        code="""
out = []
for row, forecast in zip(tokens, logits.log_softmax(-1)):
    for p in range(len(row) - 1):
        out.append(forecast[p, row[p + 1]] * 0 if row[p + 1] == pad else -forecast[p, row[p + 1]])
return torch.stack(out).view(len(tokens), -1)
""",
    ),
    Alternative(
        "batch_rows",
        how="with lists and Python's own random",
        code="""
import random
tokens = stream.tolist()
rows = [tokens[at : at + length + 1] for at in range(0, len(tokens) - 1, length)]
rows[-1] += [pad] * (length + 1 - len(rows[-1]))
random.Random(seed).shuffle(rows)
return [torch.tensor(rows[at : at + batch]) for at in range(0, len(rows), batch)]
""",
    ),
    Alternative(
        "batch_rows",
        how="with a table of indices and NumPy's generator",
        code="""
import numpy
starts = torch.arange(0, len(stream) - 1, length)
starts = starts[torch.from_numpy(numpy.random.default_rng(seed).permutation(len(starts)))]
padded = torch.cat([stream, torch.full((length,), pad)])
return [padded[chunk[:, None] + torch.arange(length + 1)] for chunk in starts.split(batch)]
""",
    ),
    Alternative(
        "evaluate_loss",
        how="all losses in one long tensor",
        code="""
was = model.training
model.train(False)
with torch.inference_mode():
    found = [loss_by_position(model(rows), rows, pad)[rows[:, 1:] != pad] for rows in batches]
if was:
    model.train()
return float(torch.cat(found).mean())
""",
    ),
    Alternative(
        "evaluate_loss",
        how="by weighted means of the batches",
        code="""
was = {module: module.training for module in model.modules()}
model.eval()
means, counts = [], []
for rows in batches:
    with torch.no_grad():
        logits = model(rows)[:, :-1].flatten(0, 1)
        means.append(nn.functional.cross_entropy(logits, rows[:, 1:].flatten(), ignore_index=pad).item())
    counts.append((rows[:, 1:] != pad).sum().item())
for module, mode in was.items():
    module.training = mode
return sum(mean * count for mean, count in zip(means, counts)) / sum(counts)
""",
    ),
    Alternative(
        "learning_rate",
        how="with the square of a cosine",
        code="""
if step <= warmup:
    return step / warmup * peak
if step >= steps:
    return floor
turn = math.cos(math.pi / 2 * (step - warmup) / (steps - warmup)) ** 2
return turn * peak + (1 - turn) * floor
""",
    ),
    Alternative(
        "clip_gradients",
        how="with torch's own function",
        code="return nn.utils.clip_grad_norm_(list(parameters), max_norm).item()",
    ),
    Alternative(
        "clip_gradients",
        how="in one long vector, with new gradients",
        code="""
having = [p for p in parameters if p.grad is not None]
if not having:
    return 0.0
norm = torch.cat([p.grad.flatten().double() for p in having]).norm()
for p in having:
    p.grad = p.grad * min(1.0, max_norm / (norm.item() + 1e-6))
return norm.item()
""",
    ),
    Alternative(
        "AdamW",
        how="with plain formulas, and state that is made when it is needed",
        code="""
self.state = {}
### NEXT REGION
for p in self.parameters:
    p.grad = None
### NEXT REGION
b1, b2 = self.betas
for p in self.parameters:
    if p.grad is not None:
        g = p.grad.detach()
        m, v, t = self.state.get(p, (0.0, 0.0, 0))
        m, v, t = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2, t + 1
        self.state[p] = m, v, t
        change = self.weight_decay * p.detach() + (m / (1 - b1**t)) / ((v / (1 - b2**t)) ** 0.5 + self.eps)
        p.data = p.data - self.lr * change
""",
    ),
    Alternative(
        "AdamW",
        how="with the corrections drawn into the step's size",
        code="""
self.m = [None] * len(self.parameters)
self.v = [None] * len(self.parameters)
self.t = [0] * len(self.parameters)
### NEXT REGION
for p in self.parameters:
    p.grad = None
### NEXT REGION
b1, b2 = self.betas
for i, p in enumerate(self.parameters):
    if p.grad is None:
        continue
    if self.t[i] == 0:
        self.m[i], self.v[i] = torch.zeros_like(p.data), torch.zeros_like(p.data)
    self.t[i] += 1
    self.m[i] += (1 - b1) * (p.grad - self.m[i])
    self.v[i] += (1 - b2) * (p.grad * p.grad - self.v[i])
    root = self.v[i].sqrt() / math.sqrt(1 - b2 ** self.t[i]) + self.eps
    p.data -= self.lr * self.weight_decay * p.data
    p.data.addcdiv_(self.m[i], root, value=-self.lr / (1 - b1 ** self.t[i]))
""",
    ),
    Alternative(
        "train_step",
        how="with the library's cross_entropy, and the rate first",
        code="""
optimizer.lr = lr
optimizer.zero_grad()
logits = model(rows)[:, :-1]
loss = nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), ignore_index=pad)
loss.backward()
length = clip_gradients(list(model.parameters()), max_norm)
optimizer.step()
return float(loss), float(length)
""",
    ),
    Alternative(
        "train_step",
        how="with a mask, and gradients cleared by the model and at the end",
        code="""
for parameter in model.parameters():
    parameter.grad = None
losses = loss_by_position(model(rows), rows, pad)
loss = losses[rows[:, 1:] != pad].mean()
loss.backward()
length = clip_gradients(model.parameters(), max_norm)
optimizer.lr = lr
optimizer.step()
optimizer.zero_grad()
return loss.item(), length
""",
    ),
]


def one_loss(scores: list[float], token: int) -> float:
    """-log softmax of one row, by floats."""
    top = max(scores)
    return top + math.log(sum(math.exp(score - top) for score in scores)) - scores[token]


def losses_of(logits: torch.Tensor, tokens: torch.Tensor, pad: int) -> torch.Tensor:
    """The loss of each next token, one at a time."""
    out = torch.zeros(len(tokens), tokens.shape[1] - 1, dtype=torch.float64)
    for b, row in enumerate(tokens.tolist()):
        for p, token in enumerate(row[1:]):
            if token != pad:
                out[b, p] = one_loss(logits[b, p].tolist(), token)
    return out


def mean_loss(table: torch.Tensor, batches: list[torch.Tensor], pad: int) -> float:
    """The mean over all real next tokens of all batches, for a model whose logits are a row of a table."""
    total = sum(losses_of(table[rows], rows, pad).sum().item() for rows in batches)
    return total / sum(int((rows[:, 1:] != pad).sum()) for rows in batches)


def gauss(draw: Draw, *shape: int) -> torch.Tensor:
    """Standard normal floats; without a shape, a single one without axes."""
    return draw.normal(*shape) if shape else draw.normal(1)[0]


def padded_rows(draw: Draw, batch: int, pos: int, d_vocab: int, pad: int) -> torch.Tensor:
    """Rows of tokens with padding at their ends, of another length in each; each has a next token at least."""
    tokens = draw.integers(0, d_vocab - 1, batch, pos)
    tokens = tokens + (tokens >= pad)  # any token but pad
    for row in tokens:
        row[draw.integer(2, pos + 1) :] = pad
    return tokens


@checks("loss_by_position")
def test_it_agrees_with_a_loop(submission, draw: Draw):
    """Each entry is -log p of the next token, as a loop over batch and positions finds it; padding costs nothing."""
    batch, pos, d_vocab = draw.sizes(3, low=4, high=11)
    pad = draw.integer(1, d_vocab)
    logits, tokens = 3 * draw.normal(batch, pos, d_vocab), draw.integers(0, d_vocab, batch, pos)
    tokens[0] = pad
    tokens[1, 1:3] = torch.tensor([pad, (pad + 1) % d_vocab])  # padding before a real token
    tokens[2, 2:4] = torch.tensor([0, pad])  # a real token 0, and one lonely padding
    tokens[2, 1] = (pad + 1) % d_vocab
    hint = "The logits at position p foretell the token at p + 1, and count if that token isn't `pad`."
    losses = submission.loss_by_position(logits, tokens, pad)
    assert_close(losses, losses_of(logits, tokens, pad), "the loss by position", hint=hint)


@checks("loss_by_position")
def test_who_knows_nothing_pays_the_logarithm_of_the_vocabulary(submission, draw: Draw):
    """When all logits are equal, each next token costs ln(d_vocab)."""
    batch, pos, d_vocab = draw.sizes(3, low=3, high=12)
    logits = draw.normal(batch, pos, 1).expand(batch, pos, d_vocab).contiguous()
    losses = submission.loss_by_position(logits, draw.integers(0, d_vocab, batch, pos), -1)
    assert_close(losses, torch.full((batch, pos - 1), math.log(d_vocab)), "the loss of equal logits")


@checks("loss_by_position")
def test_a_hopeless_token_costs_much_and_not_infinity(submission, draw: Draw):
    """Scores hundreds apart give losses of hundreds: finite and right."""
    batch, pos, d_vocab = draw.sizes(3, low=3)
    logits = 300 * draw.normal(batch, pos, d_vocab)
    tokens = logits.argmin(-1).roll(1, 1)  # the next token is the least likely
    losses = submission.loss_by_position(logits, tokens, -1)
    hint = "Use log_softmax: the logarithm of a softmax comes too late."
    assert_close(losses, losses_of(logits, tokens, -1), "the loss of unlikely tokens", hint=hint)


def slopes(learner, logits, tokens, pad, direction):
    """The gradient of a weighted sum of the losses; zeros where none comes through."""
    logits = logits.clone().requires_grad_()
    score = (learner.loss_by_position(logits, tokens, pad) * direction).sum()
    if not score.requires_grad:
        return torch.zeros_like(logits)
    (slope,) = torch.autograd.grad(score, logits)
    return slope


@checks("loss_by_position")
def test_gradients_reach_the_logits(submission, draw: Draw):
    """The gradient of a token's loss is its softmax, less one at the token; at padding and at the end it is zero."""
    batch, pos, d_vocab = draw.sizes(3, low=4)
    pad = draw.integer(0, d_vocab)
    logits, tokens = draw.normal(batch, pos, d_vocab), padded_rows(draw, batch, pos, d_vocab, pad)
    direction = draw.normal(batch, pos - 1)
    expected = torch.zeros(batch, pos, d_vocab)
    for b, p in ((b, p) for b in range(batch) for p in range(pos - 1) if tokens[b, p + 1] != pad):
        expected[b, p] = logits[b, p].softmax(-1) * direction[b, p]
        expected[b, p, tokens[b, p + 1]] -= direction[b, p]
    slope = submission.run(slopes, logits, tokens, pad, direction)
    hint = "Nothing may be detached or turned into a plain number on the way."
    assert_close(slope, expected, "the gradient at the logits", hint=hint)


def rows_of(stream: list[int], length: int, pad: int) -> list[list[int]]:
    """The rows in the order of the text, one token at a time."""
    rows = [[stream[0]]]
    for place, token in enumerate(stream[1:]):
        if place and place % length == 0:
            rows.append([stream[place]])
        rows[-1].append(token)
    return [row + [pad] * (length + 1 - len(row)) for row in rows]


def assert_rows(batches: list[torch.Tensor], stream: torch.Tensor, batch: int, length: int, pad: int) -> None:
    """All rows are there, each once, in batches of the right size."""
    expected = rows_of(stream.tolist(), length, pad)
    sizes = [min(batch, len(expected) - at) for at in range(0, len(expected), batch)]
    told = f"{len(stream)} tokens, batch={batch}, length={length}"
    widths = {rows.shape[-1] for rows in batches if rows.ndim == 2}
    seen = " or ".join(map(str, sorted(widths))) or "none"
    assert widths == {length + 1}, f"With {told}, rows should have {length + 1} tokens, but yours have {seen}."
    found = sorted(row for rows in batches for row in rows.tolist())
    hint = f"Row k begins at token k * {length}, so that each token but the first is a next token just once."
    assert_equal(len(found), len(expected), f"With {told}, the number of rows", hint=hint)
    assert_equal(found, sorted(expected), f"With {told}, the rows, sorted,", hint=hint)
    counts = [len(rows) for rows in batches]
    hint = "All batches are full but the last, which has what is left."
    assert_equal(counts, sizes, f"With {told}, the numbers of rows in the batches", hint=hint)
    kinds = {rows.dtype for rows in batches}
    seen = " and ".join(map(str, kinds))
    assert kinds == {stream.dtype}, f"The tokens have dtype {stream.dtype}, but your rows have {seen}."


@checks("batch_rows")
def test_a_case_worked_by_hand(submission, draw: Draw):
    """Tokens 1 to 8 in rows of three next tokens: 1234, 4567, and 78 with two places filled."""
    pad = draw.integer(10, 20)
    batches = submission.batch_rows(torch.arange(1, 9), 2, 3, pad, draw.integer(0, 1000))
    assert_equal([len(rows) for rows in batches], [2, 1], "the numbers of rows in the batches")
    found = sorted(row for rows in batches for row in rows.tolist())
    assert_equal(found, [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, pad, pad]], "the rows, sorted,")


@checks("batch_rows")
def test_nothing_is_lost_and_nothing_doubled(submission, draw: Draw):
    """Each token but the first is the next token of one place, whatever the sizes are."""
    for _ in range(4):
        length, batch, whole = draw.sizes(3, low=2, high=12)
        stream = 100 + draw.permutation(whole * length + draw.integer(2, length + 1))
        pad, seed = draw.integer(1, 100), draw.integer(0, 1000)
        assert_rows(submission.batch_rows(stream, batch, length, pad, seed), stream, batch, length, pad)


@checks("batch_rows")
def test_where_the_rows_just_fit(submission, draw: Draw):
    """When the stream fills its rows to the last token there is no padding; a very short stream makes one row."""
    length, batch, whole = draw.sizes(3, low=3, high=10)
    pad, seed = draw.integer(1, 100), draw.integer(0, 1000)
    for count in (whole * length + 1, length + 1, 2):
        stream = 100 + draw.permutation(count)
        assert_rows(submission.batch_rows(stream, batch, length, pad, seed), stream, batch, length, pad)


@checks("batch_rows")
def test_a_long_stream(submission, draw: Draw):
    """Some thousand tokens, as in a real epoch: all rows are there, and hardly any follows its neighbour."""
    # False alarm: in a fair order about one pair of neighbours is left; 14 or more have a chance below 1 / 14!.
    stream, pad = 100 + draw.permutation(draw.integer(3000, 4000)), 0
    batch, length = draw.integer(7, 20), draw.integer(20, 60)
    batches = submission.batch_rows(stream, batch, length, pad, draw.integer(0, 10_000))
    assert_rows(batches, stream, batch, length, pad)
    place = {row[0]: at for at, row in enumerate(rows_of(stream.tolist(), length, pad))}
    order = [place[row[0]] for rows in batches for row in rows.tolist()]
    pairs = sum(after == before + 1 for before, after in itertools.pairwise(order))
    told = f"Of {len(order)} rows, {pairs} follow the row that they follow in the text"
    assert pairs < 14, f"{told}; about one is fair. Shuffle all rows, however many there are."


@checks("batch_rows")
def test_the_seed_decides_the_order(submission, draw: Draw):
    """The same seed gives the same batches, and another seed another order."""
    stream, seed = draw.permutation(201), draw.integer(0, 10_000)
    first, again, *others = (submission.batch_rows(stream, 8, 5, 999, s) for s in (seed, seed, seed + 1, seed + 2))
    assert all(map(torch.equal, first, again)), f"Two calls with seed {seed} should give the same, but they don't."
    # 40 rows: two orders agree by chance once in 40! times
    for (low, one), (high, two) in itertools.combinations(enumerate([first, *others], start=seed), 2):
        differ = not all(map(torch.equal, one, two))
        assert differ, f"The seeds {low} and {high} should give different orders, but they give the same."


def numbers_after(learner, stream, seed):
    """What torch's and Python's generators give after a call of the learner's function."""
    import random

    torch.manual_seed(seed)
    random.seed(seed)
    learner.batch_rows(stream, 2, 3, 0, seed + 1)
    return torch.rand(3), random.random()


@checks("batch_rows")
def test_others_keep_their_random_numbers(submission, draw: Draw):
    """The global random generators are left alone: the model's own draws don't change with your batches."""
    seed = draw.integer(0, 10_000)
    found, plain = submission.run(numbers_after, draw.permutation(20), seed)
    hint = "Draw from a generator of your own: torch.Generator().manual_seed(seed)."
    expected = torch.rand(3, generator=torch.Generator().manual_seed(seed))
    assert_close(found, expected, "torch.rand after your call", hint=hint)
    assert_close(plain, random.Random(seed).random(), "random.random() after your call", hint=hint)


def orders(learner, first, count):
    """The order of six rows, for many seeds."""
    stream = torch.arange(13)
    found = [torch.cat(learner.batch_rows(stream, 2, 2, 99, seed)) for seed in range(first, first + count)]
    return torch.stack(found)[:, :, 0] // 2


@checks("batch_rows")
def test_every_order_may_come(submission, draw: Draw):
    """Over many seeds, each row comes in each place, and after each other row, about equally often."""
    # False alarm: each of 66 counts of 1000 lies more than 105 from its mean with a chance below
    # 2 exp(-2 105^2 / 1000) (Hoeffding), all together with one below 1 in 10 million.
    seeds, rows = 1000, 6
    order = submission.run(orders, draw.integer(0, 10_000), seeds)
    fair = isinstance(order, torch.Tensor) and tuple(order.shape) == (seeds, rows)
    assert fair, "Six rows in batches of two should come back as six rows, for each seed."
    for row in range(rows):
        for place in range(rows):
            count = int((order[:, place] == row).sum())
            told = f"Row {row} of {rows} came at place {place} for {count} of {seeds} seeds"
            assert abs(count - seeds / rows) <= 105, f"{told}; about {seeds // rows} are fair. Shuffle the rows."
        for other in set(range(rows)) - {row}:
            count = int(((order[:, :-1] == row) & (order[:, 1:] == other)).sum())
            told = f"Row {other} came right after row {row} for {count} of {seeds} seeds"
            assert abs(count - seeds / rows) <= 105, f"{told}; about {seeds // rows} are fair. Shuffle single rows."


def build_table(learner, table, dropout, training):
    """A model whose logits for the next token are a row of a table; it notes in which mode it runs."""

    class Table(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.dropout, self.notes = nn.Parameter(table.clone()), nn.Dropout(dropout), []

        def forward(self, tokens):
            self.notes.append((self.training, self.dropout.training, torch.is_grad_enabled()))
            return self.dropout(self.table[tokens])

    return Table().train(training)


def notes_of(learner, model):
    """In which modes the model ran, and in which mode it and its dropout are now."""
    return model.notes, [module.training for module in model.modules()]


def uneven_batches(draw: Draw, d_vocab: int, pad: int) -> list[torch.Tensor]:
    """Batches of different sizes, with padding."""
    sizes = [(5, 7), (2, 12), (1, 3)]
    return [padded_rows(draw, batch, pos, d_vocab, pad) for batch, pos in sizes]


@checks("evaluate_loss")
def test_the_mean_is_over_tokens(submission, draw: Draw):
    """Batches of different sizes, with padding: each real next token counts the same."""
    d_vocab = draw.integer(6, 12)
    table, pad = 3 * draw.normal(d_vocab, d_vocab), draw.integer(1, d_vocab)
    batches = uneven_batches(draw, d_vocab, pad)
    model = submission.run(build_table, table, 0.0, False)
    hint = "Sum all losses, count all next tokens that aren't padding, and divide once, at the end."
    found = submission.evaluate_loss(model, batches, pad)
    assert_close(found, mean_loss(table, batches, pad), "the mean loss", hint=hint)


@checks("evaluate_loss")
def test_a_good_model_and_a_bad_batch(submission, draw: Draw):
    """Thirty next tokens that cost almost nothing, ten that cost much: the mean is a quarter of what the bad cost."""
    price = draw.integer(4, 9)
    table = torch.zeros(4, 4)
    table[1, 1], table[2, 2], table[2, 3] = 40.0, float(price), 0.0
    good, bad = torch.full((3, 11), 1), torch.full((2, 6), 3)
    bad[:, 0:5:2] = 2  # 2 3 2 3 2 3: after 2 comes 3, and the table says 2; after 3 it knows nothing
    model = submission.run(build_table, table, 0.0, False)
    expected = mean_loss(table, [good, bad], 0)
    found = submission.evaluate_loss(model, [good, bad], 0)
    assert_close(
        found, expected, "the mean loss", hint="All 40 next tokens count the same, those that cost next to nothing too."
    )


@checks("evaluate_loss")
def test_dropout_is_off_while_you_measure(submission, draw: Draw):
    """A model that comes in training mode, with dropout, is measured without it."""
    d_vocab = draw.integer(6, 12)
    table = 3 * draw.normal(d_vocab, d_vocab)
    batches = uneven_batches(draw, d_vocab, 0)
    model = submission.run(build_table, table, 0.5, True)
    found = submission.evaluate_loss(model, batches, 0)
    notes, _ = submission.run(notes_of, model)
    modes = [mode for training, dropout, _ in notes for mode in (training, dropout)]
    assert modes, "Your call never ran the model."
    assert not any(modes), "Your call ran the model in training mode. Call `model.eval()` before you measure."
    assert_close(found, mean_loss(table, batches, 0), "the mean loss of a model with dropout")


@checks("evaluate_loss")
def test_the_mode_is_as_before(submission, draw: Draw):
    """Training mode stays training mode, and eval mode stays eval mode."""
    table = draw.normal(5, 5)
    for training in (True, False):
        model = submission.run(build_table, table, 0.1, training)
        submission.evaluate_loss(model, [draw.integers(1, 5, 2, 4)], 0)
        _, modes = submission.run(notes_of, model)
        hint = "Keep `model.training` before you call `model.eval()`, and give it to `model.train(...)` at the end."
        assert_equal(modes, [training, training], "`training` of the model and its dropout, after the call,", hint=hint)


@checks("evaluate_loss")
def test_no_way_back_is_recorded(submission, draw: Draw):
    """The model runs once for each batch, with gradients switched off."""
    model = submission.run(build_table, draw.normal(5, 5), 0.0, draw.integer(0, 2) == 1)
    count = draw.integer(2, 6)
    submission.evaluate_loss(model, [draw.integers(1, 5, 2, 4) for _ in range(count)], 0)
    notes, _ = submission.run(notes_of, model)
    assert_equal(len(notes), count, "the number of times that the model ran")
    recorded = any(note[2] for note in notes)
    assert not recorded, "The model ran with gradients switched on. Measure under `with torch.no_grad():`."


def measured_once(learner, model, batches, pad):
    """The learner's result for batches that come from a generator, and whether gradients are recorded afterwards."""
    torch.set_grad_enabled(True)
    found = learner.evaluate_loss(model, (rows for rows in batches), pad)
    recorded = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    return found, recorded


@checks("evaluate_loss")
def test_batches_may_come_from_a_generator(submission, draw: Draw):
    """`batches` may be a generator: it can be gone through once. After the call torch records gradients again."""
    table = 2 * draw.normal(6, 6)
    batches = uneven_batches(draw, 6, 0)
    model = submission.run(build_table, table, 0.0, True)
    found, recorded = submission.run(measured_once, model, batches, 0)
    assert_close(found, mean_loss(table, batches, 0), "the mean loss", hint="Go through `batches` once.")
    assert recorded, (
        "After your call torch records no gradients any more: nobody could train on. Use `with torch.no_grad():`, "
        "which ends with its block, and not `torch.set_grad_enabled(False)`."
    )


def plan(draw: Draw) -> tuple[int, float, int, float]:
    """steps, peak, warmup, floor. The fall has a multiple of four steps, so that its quarters are steps."""
    warmup, quarter = draw.integer(3, 40), draw.integer(2, 60)
    peak = float(draw.uniform(1, low=0.5, high=3.0))
    return warmup + 4 * quarter, peak, warmup, peak * float(draw.uniform(1, low=0.1, high=0.4))


@checks("learning_rate")
def test_the_corners(submission, draw: Draw):
    """Nothing at step 0, the peak at step `warmup`, the floor at the last step."""
    steps, peak, warmup, floor = plan(draw)
    for step, rate, what in ((0, 0.0, "0"), (warmup, peak, "`warmup`"), (steps, floor, "`steps`")):
        found = submission.learning_rate(step, steps, peak, warmup, floor)
        assert_close(found, rate, f"the rate at step {what} (steps={steps}, warmup={warmup})", rtol=1e-6, atol=1e-9)


@checks("learning_rate")
def test_the_warm_up_is_a_straight_line(submission, draw: Draw):
    """Step s of the warm-up has s / warmup of the peak."""
    steps, peak, warmup, floor = plan(draw)
    for step in range(1, warmup):
        found = submission.learning_rate(step, steps, peak, warmup, floor)
        told = f"the rate at step {step} of a warm-up of {warmup}, with peak {peak:.4g},"
        assert_close(found, peak * step / warmup, told, rtol=1e-6)


@checks("learning_rate")
def test_the_fall_is_half_a_cosine(submission, draw: Draw):
    """After a quarter of the fall 85.4 % of the way from floor to peak are left, then half, then 14.6 %."""
    steps, peak, warmup, floor = plan(draw)
    quarter = (steps - warmup) // 4
    for part, left in ((1, (2 + math.sqrt(2)) / 4), (2, 0.5), (3, (2 - math.sqrt(2)) / 4)):
        found = submission.learning_rate(warmup + part * quarter, steps, peak, warmup, floor)
        told = f"the rate when {part} of 4 quarters of the fall are over (steps={steps}, warmup={warmup})"
        assert_close(found, floor + left * (peak - floor), told, rtol=1e-6)


@checks("learning_rate")
def test_every_step_of_the_fall(submission, draw: Draw):
    """Each step of the fall lies on the cosine: the square of the cosine of half the angle is left, of peak - floor."""
    steps, peak, warmup, floor = plan(draw)
    for step in range(warmup, steps + 1):
        left = math.cos(math.pi / 2 * (step - warmup) / (steps - warmup)) ** 2
        told = f"the rate at step {step} (steps={steps}, warmup={warmup}, peak={peak:.4g}, floor={floor:.4g})"
        found = submission.learning_rate(step, steps, peak, warmup, floor)
        assert_close(found, left * peak + (1 - left) * floor, told, rtol=1e-6)


@checks("learning_rate")
def test_without_warm_up(submission, draw: Draw):
    """With `warmup=0` the run begins on the cosine at once, and nothing is divided by zero."""
    half, peak = draw.integer(3, 40), float(draw.uniform(1, low=0.5, high=3.0))
    first = peak * math.cos(math.pi / 4 / half) ** 2
    for step, rate in ((1, first), (half, peak / 2), (2 * half, 0.0)):
        found = submission.learning_rate(step, 2 * half, peak, 0, 0.0)
        assert_close(found, rate, f"the rate at step {step} of {2 * half}, without warm-up,", rtol=1e-6)


@checks("learning_rate")
def test_after_the_end(submission, draw: Draw):
    """Whoever trains on after the last step does so at the floor."""
    steps, peak, warmup, floor = plan(draw)
    for more in (1, draw.integer(2, steps), 3 * steps):
        found = submission.learning_rate(steps + more, steps, peak, warmup, floor)
        assert_close(found, floor, f"the rate {more} step{'s' * (more > 1)} after the end (steps={steps})", rtol=1e-6)


def clipped(learner, values, grads, max_norm, lazily):
    """Calls the learner's function on parameters with these gradients: its result, gradients and values after."""
    parameters = [nn.Parameter(value.clone()) for value in values]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = None if grad is None else grad.clone()
    norm = learner.clip_gradients((p for p in parameters) if lazily else parameters, max_norm)
    return norm, [parameter.grad for parameter in parameters], [parameter.data for parameter in parameters]


def assert_clipped(submission, grads: list, max_norm: float, draw: Draw, *, lazily: bool = False) -> None:
    """Gradients (None: none) are clipped as floats say that they should be."""
    values = [draw.normal(3, 2) if grad is None else gauss(draw, *grad.shape).to(grad) for grad in grads]
    found, after, kept = submission.run(clipped, values, grads, max_norm, lazily)
    norm = math.sqrt(sum(x * x for grad in grads if grad is not None for x in grad.flatten().tolist()))
    told = f"With gradients of length {norm:.5g} and max_norm={max_norm:.5g}, "
    kind = type(found).__name__
    assert isinstance(found, float), f"{told}the result should be a plain float (`.item()` makes one), not {kind}."
    assert_close(found, norm, told + "the result")
    for i, (grad, now) in enumerate(zip(grads, after, strict=True)):
        if grad is None:
            assert now is None, f"Parameter {i} had no gradient, and has one after your call."
            continue
        assert now is not None, f"Parameter {i} had a gradient, and has none after your call."
        if norm <= max_norm:
            assert_equal(now, grad, told + f"gradient {i} (which should not change)")
        else:
            assert_close(now, grad * (max_norm / norm), told + f"gradient {i}", hint="One factor for all.")
    for i, (value, now) in enumerate(zip(values, kept, strict=True)):
        assert_equal(now, value, f"parameter {i} itself, after your call,")


@checks("clip_gradients")
def test_three_four_five(submission, draw: Draw):
    """Gradients 3 and (0, 4) have the length 5 together; clipped to 1 they are 0.6 and (0, 0.8)."""
    assert_clipped(submission, [torch.tensor([3.0]), torch.tensor([0.0, 4.0])], 1.0, draw)


@checks("clip_gradients")
def test_gradients_that_are_too_long(submission, draw: Draw):
    """Gradients of all shapes, one far longer than the others, are shrunk by one common factor."""
    shapes = [(draw.integer(2, 6), draw.integer(2, 6)), (), (draw.integer(2, 9),), (2, 3, 4)]
    grads = [gauss(draw, *shape) * (1 + 9 * (i == 2)) for i, shape in enumerate(shapes)]
    for max_norm in (0.5, 2.0):
        assert_clipped(submission, grads, max_norm, draw)


@checks("clip_gradients")
def test_gradients_that_are_short_enough(submission, draw: Draw):
    """Gradients that are shorter than max_norm stay the same to the last digit, zeros too."""
    grads = [draw.normal(draw.integer(2, 6)), draw.normal(2, 3)]
    norm = math.sqrt(sum(grad.square().sum().item() for grad in grads))
    for max_norm in (1.05 * norm, 100.0):
        assert_clipped(submission, grads, max_norm, draw)
    assert_clipped(submission, [torch.zeros(3), torch.zeros(2, 2)], 1.0, draw)


@checks("clip_gradients")
def test_parameters_without_a_gradient(submission, draw: Draw):
    """Parameters whose .grad is None have no part in it, and when nobody has one the length is 0."""
    grads = [None, 5 * draw.normal(4), None, 5 * draw.normal(2, 3)]
    assert_clipped(submission, grads, 1.0, draw)
    assert_clipped(submission, [None, None], 1.0, draw)


@checks("clip_gradients")
def test_parameters_from_a_generator(submission, draw: Draw):
    """`parameters` may be a generator, as `model.parameters()` is."""
    assert_clipped(submission, [10 * draw.normal(3, 2), 10 * draw.normal(5)], 1.5, draw, lazily=True)


@checks("clip_gradients")
def test_two_kinds_of_floats(submission, draw: Draw):
    """float32 and float64 side by side keep their dtype, and many entries add up."""
    assert_clipped(submission, [draw.normal(40, 50).double(), draw.normal(30, 70)], 3.0, draw)


def optimised(learner, values, grads, rates, options):
    """Runs the learner's optimiser: the parameters after each step. `grads` has a list for each step."""
    parameters = [nn.Parameter(value.clone()) for value in values]
    optimizer = learner.AdamW((parameter for parameter in parameters), lr=rates[0], **options)
    found, same = [], True
    for rate, step in zip(rates, grads, strict=True):
        for parameter, grad in zip(parameters, step, strict=True):
            parameter.grad = None if grad is None else grad.clone()
        optimizer.lr = rate
        optimizer.step()
        found.append([parameter.detach().clone() for parameter in parameters])
        for parameter, grad in zip(parameters, step, strict=True):
            now = parameter.grad
            same &= now is grad if now is None or grad is None else torch.equal(now, grad)
    return found, same, [parameter.requires_grad for parameter in parameters]


def reference(values: list, grads: list, rates: list, options: dict) -> list:
    """The same with torch's optimiser, by its functional form: the class takes a second to load what it never uses."""
    from torch.optim.adamw import adamw

    parameters = [value.clone() for value in values]
    means, squares = [torch.zeros_like(value) for value in values], [torch.zeros_like(value) for value in values]
    counts, found = [torch.tensor(0.0) for _ in values], []
    given = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, **options}
    (beta1, beta2), rest = given.pop("betas"), given
    for rate, step in zip(rates, grads, strict=True):
        having = [i for i, grad in enumerate(step) if grad is not None]
        state = [[kept[i] for i in having] for kept in (parameters, step, means, squares)]
        steps, flags = [counts[i] for i in having], {"foreach": False, "amsgrad": False, "maximize": False}
        adamw(*state, [], steps, beta1=beta1, beta2=beta2, lr=rate, **rest, **flags)
        found.append([parameter.clone() for parameter in parameters])
    return found


def assert_optimised(submission, values: list, grads: list, rates: list, options: dict, hint: str = "") -> None:
    """The learner's optimiser goes where torch's goes, step by step."""
    found, same, flags = submission.run(optimised, values, grads, rates, options)
    for step, (mine, theirs) in enumerate(zip(found, reference(values, grads, rates, options), strict=True), start=1):
        for i, (value, expected) in enumerate(zip(mine, theirs, strict=True)):
            told = f"parameter {i} (shape {tuple(expected.shape)}) after step {step}"
            assert_close(value, expected, told, hint=hint, rtol=1e-4, atol=1e-6)
            assert_equal(value.dtype, expected.dtype, f"the dtype of {told}")
    assert same, "Your `step` changed a gradient. Leave them: clearing them is the business of `zero_grad`."
    assert all(flags), "After your `step` a parameter doesn't require a gradient any more: change it in place."


def some_options(draw: Draw) -> dict:
    """Betas, an eps that can be seen, and a strong decay."""
    beta1, beta2 = draw.uniform(2, low=0.5, high=0.95).tolist()
    eps, decay = draw.uniform(2, low=0.1, high=0.3).tolist()
    return {"betas": (beta1, beta2), "eps": eps, "weight_decay": decay}


@checks("AdamW")
def test_two_steps_worked_by_hand(submission, draw: Draw):
    """One number, two steps, by the formulas of the docstring."""
    p, g1, g2 = (draw.uniform(3, low=0.5, high=2.0) * torch.tensor([1, 1, -1])).tolist()
    lr, b1, b2, eps, decay = 0.1, 0.8, 0.9, 1e-8, 0.5
    found, *_ = submission.run(
        optimised,
        [torch.tensor([p])],
        [[torch.tensor([g1])], [torch.tensor([g2])]],
        [lr, lr],
        {"betas": (b1, b2), "eps": eps, "weight_decay": decay},
    )
    m = v = 0.0
    for t, g in enumerate((g1, g2), start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        step = (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
        told = f"the parameter, {p:.4f} before step {t} with gradient {g:.4f} (lr 0.1, betas 0.8 and 0.9, decay 0.5),"
        still = torch.equal(found[t - 1][0], torch.tensor([p])) if t == 1 else False
        assert not still, "Your `step` left the parameter as it was. Change it in place: `p -= ...` or `p.sub_(...)`."
        p = p - lr * decay * p - lr * step
        assert_close(found[t - 1][0], torch.tensor([p]), told)


@checks("AdamW")
def test_the_first_step_has_the_size_of_the_learning_rate(submission, draw: Draw):
    """Without decay, the first step moves each entry by lr against the sign of its gradient, however large that is."""
    sizes = 10.0 ** draw.uniform(24, low=-3, high=3).view(4, 6)
    grad, value = sizes * draw.normal(4, 6).sign(), draw.normal(4, 6)
    lr = float(draw.uniform(1, low=0.01, high=0.1))
    found, *_ = submission.run(optimised, [value], [[grad]], [lr], {"weight_decay": 0.0})
    hint = "Then m_hat is the gradient and sqrt(v_hat) its size: is the bias correction there?"
    assert_close(found[0][0], value - lr * grad.sign(), "the parameter after the first step", hint=hint)


@checks("AdamW")
def test_it_goes_where_torch_goes(submission, draw: Draw):
    """Several parameters, of different shapes and dtypes, over six steps: equal to torch.optim.AdamW."""
    shapes = [draw.sizes(2), (), (draw.integer(2, 9),), (2, 3, 4)]
    values = [gauss(draw, *shape) for shape in shapes]
    values[1] = values[1].double()
    grads = [[gauss(draw, *value.shape).to(value.dtype) for value in values] for _ in range(6)]
    assert_optimised(submission, values, grads, [0.1] * 6, some_options(draw))


@checks("AdamW")
def test_the_defaults(submission, draw: Draw):
    """Without further arguments: betas 0.9 and 0.999, eps 1e-8, decay 0.01, over many steps."""
    value = draw.normal(draw.integer(2, 9))
    grads = [[draw.normal(*value.shape) + 0.5] for _ in range(40)]
    assert_optimised(submission, [value], grads, [0.05] * 40, {})


@checks("AdamW")
def test_a_parameter_without_a_gradient_takes_no_step(submission, draw: Draw):
    """While its .grad is None a parameter stays as it is, without decay, and its count t stands still."""
    values = [draw.normal(3), draw.normal(2, 4), draw.normal(5)]
    missing = [(1,), (1, 2), (), (0,), (2,)]  # who has none, in each step
    grads = [[None if i in none else draw.normal(*v.shape) for i, v in enumerate(values)] for none in missing]
    hint = "Skip it, and count the steps of each parameter by itself."
    assert_optimised(submission, values, grads, [0.1] * 5, some_options(draw), hint)


@checks("AdamW")
def test_the_learning_rate_may_change(submission, draw: Draw):
    """`optimizer.lr` is read anew in each step: for the step and for the decay."""
    value, rates = draw.normal(2, 3), [0.0, 0.3, 0.01, 0.1]
    grads = [[draw.normal(2, 3)] for _ in rates]
    assert_optimised(submission, [value], grads, rates, some_options(draw), "Use self.lr in `step`.")


@checks("AdamW")
def test_a_gradient_of_zeros_leaves_the_decay_alone(submission, draw: Draw):
    """With a gradient of zeros, k steps shrink a parameter by the factor (1 - lr weight_decay)^k and do no more."""
    value, lr, decay, count = draw.normal(3, 4), 0.2, 0.6, draw.integer(2, 6)
    grads = [[torch.zeros(3, 4)] for _ in range(count)]
    found, *_ = submission.run(optimised, [value], grads, [lr] * count, {"weight_decay": decay})
    told = f"the parameter after {count} steps without a gradient, lr {lr}, decay {decay},"
    hint = "The decay is not a part of the gradient: it acts on the parameter itself."
    assert_close(found[-1][0], value * (1 - lr * decay) ** count, told, hint=hint)


def forgetting(learner, value, grads):
    """Two steps with gradients, zero_grad, and a step: is `.grad` None, and where are the parameters?"""
    first, second = nn.Parameter(value.clone()), nn.Parameter(value.clone())
    optimizer = learner.AdamW([first, second], lr=0.1)
    for grad in grads:
        first.grad = grad.clone()
        optimizer.step()
    before = first.detach().clone()
    optimizer.zero_grad()
    cleared = first.grad is None and second.grad is None
    optimizer.step()
    return cleared, before, first.detach().clone()


@checks("AdamW")
def test_zero_grad_forgets(submission, draw: Draw):
    """After zero_grad each .grad is None, and a step changes nothing."""
    value, grads = draw.normal(4), [draw.normal(4), draw.normal(4)]
    cleared, before, after = submission.run(forgetting, value, grads)
    expected = reference([value], [[grad] for grad in grads], [0.1, 0.1], {})[-1][0]
    assert_close(before, expected, "the parameter after two steps")
    assert_close(after, before, "the parameter after zero_grad and another step", hint="Set `.grad` to None.")
    assert cleared, "After zero_grad, a parameter's .grad is not None."


def side_by_side(learner, values, grads):
    """Two optimisers that take turns, the second with a parameter of its own."""
    parameters = [nn.Parameter(value.clone()) for value in values]
    optimizers = [learner.AdamW([parameter], lr=0.1) for parameter in parameters]
    for pair in grads:
        for parameter, optimizer, grad in zip(parameters, optimizers, pair, strict=True):
            parameter.grad = grad.clone()
            optimizer.step()
    return [parameter.detach() for parameter in parameters]


@checks("AdamW")
def test_two_optimisers_share_nothing(submission, draw: Draw):
    """Two optimisers side by side, each with its own memory: each goes where it would go alone."""
    values = [draw.normal(3), draw.normal(3)]
    grads = [[draw.normal(3), draw.normal(3)] for _ in range(4)]
    found = submission.run(side_by_side, values, grads)
    for i, expected in enumerate(reference(values, grads, [0.1] * 4, {})[-1]):
        assert_close(found[i], expected, f"the parameter of optimiser {i}", hint="Keep the state on `self`.")


def trained(learner, table, batches, pad, rates, max_norm):
    """Some steps of training with the learner's own optimiser: losses, and the table afterwards."""

    class Table(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(table.clone())

        def forward(self, tokens):
            return self.table[tokens]

    model = Table()
    optimizer = learner.AdamW(model.parameters(), lr=1.0, weight_decay=0.1)
    found = [learner.train_step(model, optimizer, b, pad, r, max_norm)[0] for b, r in zip(batches, rates, strict=True)]
    return found, model.table.detach()


def build_recorder(learner, model, lr):
    """An optimiser that goes straight downhill and keeps what it was given."""

    class Recorder:
        def __init__(self):
            self.parameters, self.lr, self.seen = list(model.parameters()), lr, []

        def zero_grad(self):
            for parameter in self.parameters:
                parameter.grad = None

        def step(self):
            grads = [None if p.grad is None else p.grad.clone() for p in self.parameters]
            self.seen.append((float(self.lr), grads[0]))
            with torch.no_grad():
                for parameter, grad in zip(self.parameters, grads, strict=True):
                    if grad is not None:
                        parameter -= self.lr * grad

    return Recorder()


def state_of(learner, model, optimizer):
    """What the optimiser saw, in which modes the model ran, where its table is, and the gradient that is left.

    The last tells apart who clips too late from who doesn't clip; it may be anything in a right answer.
    """
    return optimizer.seen, model.notes, model.table.detach().clone(), model.table.grad


def leave_gradient(learner, model, grad):
    """Puts a gradient of some earlier batch on the table."""
    model.table.grad = grad.clone()


def slope_of(table: torch.Tensor, rows: torch.Tensor, pad: int) -> tuple[float, torch.Tensor]:
    """The mean loss of one batch and its gradient, token by token: softmax less one at the token that came."""
    table, slope, total = table.double(), torch.zeros_like(table, dtype=torch.float64), 0.0
    pairs = [(a, b) for row in rows.tolist() for a, b in itertools.pairwise(row) if b != pad]
    for a, b in pairs:
        total += one_loss(table[a].tolist(), b)
        slope[a] += table[a].softmax(-1)
        slope[a, b] -= 1
    return total / len(pairs), slope / len(pairs)


def assert_step(
    submission, draw: Draw, *, tight: bool, left_over: bool, steps: int = 1, training: bool = True, sure: bool = False
) -> None:
    """Steps of training on a table: what comes back, what the optimiser was given, where the table is."""
    d_vocab = draw.integer(6, 10)
    table, pad = 2 * draw.normal(d_vocab, d_vocab), draw.integer(0, d_vocab)
    if sure:  # after every other token the model knows what comes, and often it does come
        table[::2, (pad + 1) % d_vocab] = 60.0
    model = submission.run(build_table, table, 0.0, training)
    optimizer = submission.run(build_recorder, model, 7.0)
    if left_over:
        submission.run(leave_gradient, model, draw.normal(d_vocab, d_vocab))
    for number in range(1, steps + 1):
        rows = padded_rows(draw, *draw.sizes(2, low=4), d_vocab, pad)
        if sure:
            rows[0, :2] = torch.tensor([2 * (pad == 0), (pad + 1) % d_vocab])
        lr = float(draw.uniform(1, low=0.5, high=2.0))
        loss, slope = slope_of(table, rows, pad)
        norm = slope.norm().item()
        max_norm = (0.4 if tight else 3.0) * norm
        found = submission.train_step(model, optimizer, rows, pad, lr, max_norm)
        told = f"in step {number}, with max_norm={max_norm:.4g} and lr={lr:.4g}, "
        assert_close(found[0], loss, told + "the loss", hint="The mean over the batch's real next tokens, before.")
        assert_close(found[1], norm, told + "the gradient's length", hint="That before clipping.")
        seen, notes, now, _ = submission.run(state_of, model, optimizer)
        assert_equal(len(seen), number, "the number of steps that the optimiser has taken")
        rate, given = seen[-1]
        assert given is not None, told + "the optimiser took its step without a gradient."
        shrunk = slope * min(1.0, max_norm / norm)
        hint = "This batch's gradient alone, clipped before the step."
        assert_close(given, shrunk, told + "the gradient that the optimiser steps on", hint=hint)
        assert_close(rate, lr, told + "the learning rate of the optimiser's step", hint="Set it before the step.")
        table = table - lr * shrunk.float()
        assert_close(now, table, told + "the model's table after the step")
        assert_equal(len(notes), number, "the number of times that the model ran")
        mode, other = ("training", "eval") if training else ("eval", "training")
        kept = all(note[:2] == (training, training) for note in notes)
        assert kept, f"The model came in {mode} mode, and ran in {other} mode. Leave its mode alone."


@checks("train_step")
def test_one_step(submission, draw: Draw):
    """Loss and length come back, and the optimiser steps on the batch's gradient, at the rate that is asked for."""
    assert_step(submission, draw, tight=False, left_over=False)


@checks("train_step")
def test_tokens_that_the_model_is_sure_of_count(submission, draw: Draw):
    """A next token that costs nothing is one of those that the mean is over."""
    assert_step(submission, draw, tight=False, left_over=False, sure=True)


@checks("train_step")
def test_eval_mode_stays(submission, draw: Draw):
    """A model that comes in eval mode takes its step in eval mode."""
    assert_step(submission, draw, tight=False, left_over=True, training=False)


@checks("train_step")
def test_a_gradient_that_is_too_long(submission, draw: Draw):
    """The gradient is clipped before the step; the length that comes back is that from before."""
    assert_step(submission, draw, tight=True, left_over=False)


@checks("train_step")
def test_old_gradients_are_forgotten(submission, draw: Draw):
    """What an earlier batch left in .grad has no part in the step."""
    assert_step(submission, draw, tight=False, left_over=True)


@checks("train_step")
def test_step_after_step(submission, draw: Draw):
    """Three steps, each with a batch and a rate of its own."""
    assert_step(submission, draw, tight=draw.integer(0, 2) == 1, left_over=True, steps=3)


@checks("train_step")
def test_it_trains_with_your_own_optimiser(submission, draw: Draw):
    """Eight steps with your AdamW and your clipping lead where torch's lead, and the loss falls."""
    d_vocab, pad, steps, max_norm = draw.integer(6, 10), 0, 8, 0.2
    table = 2 * draw.normal(d_vocab, d_vocab)
    batch = padded_rows(draw, 6, 9, d_vocab, pad)
    rates = draw.uniform(steps, low=0.1, high=0.3).tolist()
    found, after = submission.run(trained, table, [batch] * steps, pad, rates, max_norm)
    now, grads = table, []
    for step in range(steps):
        loss, slope = slope_of(now, batch, pad)
        assert_close(found[step], loss, f"the loss in step {step + 1}", rtol=1e-3)
        grads.append([(slope * min(1.0, max_norm / slope.norm().item())).float()])
        now = reference([table], grads, rates[: step + 1], {"weight_decay": 0.1})[-1][0]
    assert_close(after, now, "the table after eight steps", rtol=1e-3, atol=1e-3)
