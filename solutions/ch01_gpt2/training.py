"""Training: the loss of each position, batches, a fair measurement, AdamW, its schedule, and the run itself."""

import argparse
import math
import time
from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

CORPUS = "storybook"


def loss_by_position(
    logits: Float[Tensor, "batch pos d_vocab"], tokens: Int[Tensor, "batch pos"], pad: int
) -> Float[Tensor, "batch pos-1"]:
    """How surprised the model is by each next token, in nats: entry `[b, p]` is `-log p(tokens[b, p + 1])`.

    The forecast for it stands at `logits[b, p]`. Where the next token is `pad`, there was nothing to foretell, and the
    entry is 0. Gradients flow through the result to the logits.

    Example: all logits equal, 50 tokens in the vocabulary, no padding: `ln(50)`, about 3.912, everywhere.
    """
    ### BEGIN SOLUTION
    targets = tokens[:, 1:]
    log_probs = logits[:, :-1].log_softmax(-1)  # the last position foretells what comes after the end
    losses = -log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return losses.masked_fill(targets == pad, 0.0)
    ### END SOLUTION


def batch_rows(
    stream: Int[Tensor, " n"], batch: int, length: int, pad: int, seed: int
) -> list[Int[Tensor, "_ row_length"]]:
    """One epoch: the stream cut into rows of `length + 1` tokens, the rows shuffled, `batch` rows in each batch.

    Each row begins with the last token of the row before it, so that each token of the stream, save the very first,
    is the next token of exactly one place. The last row is filled up with `pad`; the last batch may have fewer rows.
    The same seed gives the same order. The stream has at least two tokens.

    Example: tokens 1 to 6, `length=3`, `pad=0`: the rows are `[1, 2, 3, 4]` and `[4, 5, 6, 0]`, in some order.
    """
    ### BEGIN SOLUTION
    count = math.ceil((len(stream) - 1) / length)
    missing = count * length + 1 - len(stream)
    rows = torch.cat([stream, stream.new_full((missing,), pad)]).unfold(0, length + 1, length)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return list(rows[order].split(batch))
    ### END SOLUTION


def evaluate_loss(model: nn.Module, batches: Iterable[Int[Tensor, "_ _"]], pad: int) -> float:
    """The mean loss of the model per next token, in nats, over all batches together. Padding doesn't count.

    The model runs in eval mode and no gradient is recorded. Afterwards it is in the mode it was in before.

    Example: a batch with 30 next tokens and a mean of 2.0, and one with 10 and a mean of 4.0: the answer is 2.5.
    """
    ### BEGIN SOLUTION
    training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for rows in batches:
            total += loss_by_position(model(rows), rows, pad).sum().item()
            count += int((rows[:, 1:] != pad).sum())
    model.train(training)
    return total / count
    ### END SOLUTION


def learning_rate(step: int, steps: int, peak: float, warmup: int, floor: float) -> float:
    """The learning rate of step number `step`, counted from 1, in a run of `steps` steps.

    It rises in a straight line, from 0 at step 0 to `peak` at step `warmup`; then it falls along half a cosine, down
    to `floor` at step `steps`, and stays there. `warmup` is less than `steps`, and may be 0.

    Example: `learning_rate(s, steps=10, peak=4.0, warmup=2, floor=0.0)` is 2, 4, 2, 0 for s = 1, 2, 6, 10.
    """
    ### BEGIN SOLUTION
    if step < warmup:
        return peak * step / warmup
    done = min((step - warmup) / (steps - warmup), 1.0)
    return floor + (peak - floor) * (1 + math.cos(math.pi * done)) / 2
    ### END SOLUTION


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Shrinks all gradients by one common factor, in place, if together they are longer than `max_norm`.

    Their length is that of all gradients laid end to end in one long vector; the result is this length *before*. If
    it is at most `max_norm`, nothing is changed. A parameter whose `.grad` is None has no part in it.

    Example: gradients `[3.0]` and `[0.0, 4.0]`, `max_norm=1`: they become `[0.6]` and `[0.0, 0.8]`; the result is 5.0.
    """
    ### BEGIN SOLUTION
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = math.sqrt(sum(grad.double().square().sum().item() for grad in grads))
    if norm > max_norm:
        for grad in grads:
            grad.mul_(max_norm / norm)
    return norm
    ### END SOLUTION


class AdamW:
    """Adam with decoupled weight decay. It changes the parameters in place, by their `.grad`.

    `lr` is an attribute, and may be changed between steps. Each step, for each parameter p with gradient g:

        m <- beta1 m + (1 - beta1) g          the mean of recent gradients
        v <- beta2 v + (1 - beta2) g^2        the mean of their squares
        p <- p - lr weight_decay p - lr m_hat / (sqrt(v_hat) + eps)

    where m_hat = m / (1 - beta1^t) and v_hat = v / (1 - beta2^t) undo the start at zero, t is the number of steps
    that *this* parameter has taken, this one included, and the decay uses p as it was before the step. A parameter
    whose `.grad` is None is left alone: it takes no step.

    Example: with weight_decay 0, the first step moves each entry by about `lr`, against the sign of its gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        ### BEGIN SOLUTION
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.counts = [0 for _ in self.parameters]
        ### END SOLUTION

    def zero_grad(self) -> None:
        """Forgets all gradients: each parameter's `.grad` is None afterwards."""
        ### BEGIN SOLUTION
        for parameter in self.parameters:
            parameter.grad = None
        ### END SOLUTION

    def step(self) -> None:
        """One step for each parameter that has a gradient. The gradients stay as they are."""
        ### BEGIN SOLUTION
        beta1, beta2 = self.betas
        with torch.no_grad():
            for i, parameter in enumerate(self.parameters):
                grad = parameter.grad
                if grad is None:
                    continue
                self.counts[i] += 1
                mean = self.means[i].lerp_(grad, 1 - beta1)  # in place: m + (1 - beta1) (g - m)
                square = self.squares[i].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                mean_hat = mean / (1 - beta1 ** self.counts[i])
                square_hat = square / (1 - beta2 ** self.counts[i])
                parameter.mul_(1 - self.lr * self.weight_decay)
                parameter.sub_(self.lr * mean_hat / (square_hat.sqrt() + self.eps))
        ### END SOLUTION


def train_step(
    model: nn.Module, optimizer: AdamW, rows: Int[Tensor, "batch pos"], pad: int, lr: float, max_norm: float
) -> tuple[float, float]:
    """One step of training on one batch: the mean loss per next token and the length of its gradient, as floats.

    Both are from before: the loss that the model had before it was changed, and the length before clipping. Padding
    doesn't count. The optimiser takes one step, with this learning rate, on the gradient of this batch alone, clipped
    to `max_norm`.

    Example: on an untrained model that knows 50 tokens, the loss is near `ln(50)`, about 3.9.
    """
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    losses = loss_by_position(model(rows), rows, pad)
    loss = losses.sum() / (rows[:, 1:] != pad).sum()
    loss.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    optimizer.lr = lr
    optimizer.step()
    return loss.item(), norm
    ### END SOLUTION


# From here on all is given: a text to read, the yardsticks, and the run that is made of your functions.


def read_stream(split: str, documents: int, seed: int) -> tuple[Int[Tensor, " n"], int, int]:
    """Given. Documents of the corpus, one after another: their tokens, how many tokens there are, and which one is pad.

    The split "test" has names and turns of phrase that "train" never has; another seed only has other documents.
    """
    from unravel.interp import load_corpus

    corpus = load_corpus(CORPUS, packed=False, n_ctx=256)
    rows = next(corpus.batches(split, documents, seed))
    return rows[rows != corpus.vocabulary.pad], len(corpus.vocabulary), corpus.vocabulary.pad


def baselines(read: Int[Tensor, " n"], new: Int[Tensor, " m"], d_vocab: int) -> dict[str, float]:
    """Given. What three simple forecasters, who have counted the tokens of `read`, pay for each token of `new`."""
    single = torch.bincount(read, minlength=d_vocab) + 0.1  # a little of everything: nothing is impossible
    single = single / single.sum()
    pairs = torch.bincount(read[:-1] * d_vocab + read[1:], minlength=d_vocab**2).view(d_vocab, d_vocab)
    # Where few pairs were seen, or many kinds of them, the single tokens have the more to say.
    kinds = (pairs > 0).sum(-1, keepdim=True) + 1
    double = (pairs + kinds * single) / (pairs.sum(-1, keepdim=True) + kinds)
    return {
        "uniform": math.log(d_vocab),
        "unigram": -single[new[1:]].log().mean().item(),
        "bigram": -double[new[:-1], new[1:]].log().mean().item(),
    }


def endless(
    stream: Int[Tensor, " n"], batch: int, length: int, pad: int, seed: int
) -> Iterator[Int[Tensor, "batch pos"]]:
    """Given. Epoch after epoch, each in an order of its own."""
    while True:
        yield from batch_rows(stream, batch, length, pad, seed)
        seed += 1


def show_progress(step: int, steps: int, began: float, loss: float) -> None:
    """Given. A bar that is drawn over itself, with the time that is left."""
    left = (time.monotonic() - began) / step * (steps - step)
    bar = "#" * (30 * step // steps)
    print(f"\r[{bar:30}] {step}/{steps}  loss {loss:.3f}  {left:4.0f} s left ", end="", flush=True)


def main() -> None:
    """Trains a small GPT on storybook with your own functions, and draws the curve with its yardsticks."""
    from unravel.interp import GPTConfig, HookedGPT, plots

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="training_curve.html")
    given = parser.parse_args()
    batch, length, peak = 32, 64, 3e-3

    stream, d_vocab, pad = read_stream("train", 100_000, given.seed)
    names = {"new documents": "train", "new names and phrases": "test"}
    texts = {name: read_stream(split, 2000, -1)[0] for name, split in names.items()}
    held = {name: batch_rows(text, 64, length, pad, 0) for name, text in texts.items()}
    lines = baselines(stream, texts["new documents"], d_vocab)
    config = GPTConfig(n_layers=2, d_model=128, n_heads=4, d_vocab=d_vocab, n_ctx=length + 1)
    model = HookedGPT(config, seed=given.seed)
    optimizer = AdamW(model.parameters(), weight_decay=0.05)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(stream):,} tokens of {d_vocab} kinds")
    print("  ".join(f"{name} {loss:.3f}" for name, loss in lines.items()))

    rows = endless(stream, batch, length, pad, given.seed)
    curve: dict[str, list[float]] = {"step": [], "this batch, before its step": [], **{name: [] for name in held}}
    began = time.monotonic()
    for step in range(1, given.steps + 1):
        lr = learning_rate(step, given.steps, peak, warmup=given.steps // 10, floor=peak / 50)
        loss, _ = train_step(model, optimizer, next(rows), pad, lr, max_norm=1.0)
        show_progress(step, given.steps, began, loss)
        if step % 50 == 0 or step in (1, given.steps):
            found = {name: evaluate_loss(model, batches[:2], pad) for name, batches in held.items()}
            for name, value in {"step": step, "this batch, before its step": loss, **found}.items():
                curve[name].append(value)
    print()
    for name, batches in held.items():
        print(f"{name}: {evaluate_loss(model, batches, pad):.3f} nats per token")
    x = curve.pop("step")
    figure = plots.lines(curve, x=x, title="Training on storybook", x_label="step", y_label="loss in nats per token")
    for name, loss in lines.items():
        figure.add_hline(y=loss, line_dash="dash", line_color=plots.INK, annotation_text=name)
    figure.write_html(given.out)
    print(f"The curve is in {given.out}.")


if __name__ == "__main__":
    main()
