"""Checks of the lesson `probabilities`: oracles are Python loops over floats, closed forms, and laws."""

import math

import torch
from torch import nn

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # softmax
    Mistake(
        "softmax",
        why="You ignored `dim`: you always normalise along the last axis.",
        wrong="return torch.softmax(x, -1)",
    ),
    Mistake(
        "softmax",
        why="You divided by the sum over all entries: it is each slice along `dim` that must sum to one.",
        right="weights.sum(dim, keepdim=True)",
        wrong="weights.sum()",
    ),
    Mistake(
        "softmax",
        why="You take exp of the raw numbers: exp(1000) is inf, inf / inf is nan. Subtract the maximum.",
        right="(x - x.amax(dim, keepdim=True)).exp()",
        wrong="x.exp()",
    ),
    Mistake(
        "softmax",
        why="You subtract one maximum, that of the whole tensor. A slice far below it becomes 0 / 0: "
        "each slice along `dim` needs its own maximum.",
        right="x.amax(dim, keepdim=True)",
        wrong="x.max()",
    ),
    Mistake(
        "softmax",
        why="You cut large numbers off before exp. That stops the overflow, and makes unequal scores equal.",
        right="(x - x.amax(dim, keepdim=True)).exp()",
        wrong="x.clamp(-80, 80).exp()",
    ),
    Mistake(
        "softmax",
        why="You divided the scores themselves by their sum. Take exp first: scores may be negative.",
        wrong="return x / x.sum(dim, keepdim=True)",
    ),
    Mistake(
        "softmax",
        why="You return exp(x - max) without dividing by its sum: nothing makes it sum to one.",
        right="weights / weights.sum(dim, keepdim=True)",
        wrong="weights",
    ),
    Mistake(
        "softmax",
        why="That is the sigmoid of each entry on its own; in a softmax the entries compete.",
        wrong="return torch.sigmoid(x)",
    ),
    Mistake(
        "softmax",
        why="You give every entry the same probability, whatever its score.",
        wrong="return torch.ones_like(x) / x.shape[dim]",
    ),
    Mistake(
        "softmax",
        why="You subtract the median of each slice. The largest score may lie far above it, and then its exp is inf: "
        "only the maximum leaves no exponent above zero.",
        right="x.amax(dim, keepdim=True)",
        wrong="x.median(dim, keepdim=True).values",
    ),
    Mistake(
        "softmax",
        why="You subtract the mean of each slice. The mean of a slice with -inf is -inf, and even without one the "
        "largest score may lie so far above it that its exp is inf. Subtract the maximum.",
        right="x.amax(dim, keepdim=True)",
        wrong="x.mean(dim, keepdim=True)",
    ),
    Mistake(
        "softmax",
        why="You subtract the mean of each slice's finite scores. The largest may lie far above the mean, and then "
        "its exp is inf: only the maximum leaves no exponent above zero.",
        right="x.amax(dim, keepdim=True)",
        wrong='x.masked_fill(x.isinf(), float("nan")).nanmean(dim, keepdim=True)',
    ),
    Mistake(
        "softmax",
        why="You subtract the minimum of each slice's finite scores, so that all exponents are above zero: the "
        "wrong side, for it is large exponents that overflow. Subtract the maximum.",
        right="x.amax(dim, keepdim=True)",
        wrong='x.masked_fill(x.isinf(), float("inf")).amin(dim, keepdim=True)',
    ),
    Mistake(
        "softmax",
        why="You turned the scores into float64 and left the result so: whoever called you with float32 can't "
        "multiply it with their other tensors. Keep the dtype of `x`.",
        right="(x - x.amax(dim, keepdim=True))",
        wrong="(x.double() - x.amax(dim, keepdim=True))",
    ),
    # log_softmax
    Mistake(
        "log_softmax",
        why="You took the log of the softmax. Where a probability rounds to zero its log is -inf: "
        "work with the logarithms from the start, x - max - log(sum(exp(x - max))).",
        wrong="return torch.softmax(x, dim).log()",
    ),
    Mistake(
        "log_softmax",
        why="You take exp of the raw numbers, and exp(1000) is inf. Subtract the maximum first.",
        wrong="return x - x.exp().sum(dim, keepdim=True).log()",
    ),
    Mistake(
        "log_softmax",
        why="You added a small number inside the log. That hides the -inf behind a floor: "
        "the log-probability of an unlikely token is then wrong, not merely imprecise.",
        wrong="return (torch.softmax(x, dim) + 1e-9).log()",
    ),
    Mistake(
        "log_softmax",
        why="You subtract the maximum inside the sum, but not outside. Both or neither: use `shifted` twice.",
        right="return shifted - ",
        wrong="return x - ",
    ),
    Mistake(
        "log_softmax",
        why="You ignored `dim`: you always normalise along the last axis.",
        wrong="return x - x.logsumexp(-1, keepdim=True)",
    ),
    Mistake(
        "log_softmax",
        why="You took the normaliser's logarithm to base 2, while the scores are natural logarithms. Everything in "
        "this course is in nats: `.log()`.",
        right=".log()",
        wrong=".log2()",
    ),
    Mistake(
        "log_softmax",
        why="You took the normaliser's logarithm to base 10. The natural one undoes exp: `.log()`.",
        right=".log()",
        wrong=".log10()",
    ),
    Mistake(
        "log_softmax",
        why="Your answer is in bits, with logarithms to base 2. Everything in this course is in nats: "
        "don't divide by ln 2.",
        right="return shifted - shifted.exp().sum(dim, keepdim=True).log()",
        wrong="return (shifted - shifted.exp().sum(dim, keepdim=True).log()) / 0.6931471805599453",
    ),
    Mistake(
        "log_softmax",
        why="You subtract one maximum, that of the whole tensor. In a slice far below it all exponentials are 0, "
        "and the log of their sum is -inf: each slice along `dim` needs its own maximum.",
        right="x.amax(dim, keepdim=True)",
        wrong="x.max()",
    ),
    Mistake(
        "log_softmax",
        why="You subtract the mean of each slice. The largest score may lie far above it, and then its exp is inf: "
        "subtract the maximum.",
        right="x.amax(dim, keepdim=True)",
        wrong="x.mean(dim, keepdim=True)",
    ),
    Mistake(
        "log_softmax",
        why="You return the probabilities, not their logarithms.",
        wrong="return torch.softmax(x, dim)",
    ),
    Mistake(
        "log_softmax",
        why="You subtract the maximum and stop there: the exponentials don't sum to one yet.",
        wrong="return x - x.amax(dim, keepdim=True)",
    ),
    # cross_entropy
    Mistake(
        "cross_entropy",
        why="You summed over the positions. The loss is per token: take the mean.",
        right="-of_tokens.mean()",
        wrong="-of_tokens.sum()",
    ),
    Mistake(
        "cross_entropy",
        why="You left out the minus sign: a surprise is positive.",
        right="-of_tokens.mean()",
        wrong="of_tokens.mean()",
    ),
    Mistake(
        "cross_entropy",
        why="You took the log of the mean probability. It is the mean of the logs: a single very surprising "
        "token must be allowed to cost a lot.",
        right="-of_tokens.mean()",
        wrong="-of_tokens.exp().mean().log()",
    ),
    Mistake(
        "cross_entropy",
        why="You picked out logits without normalising them: a logit means nothing without its rivals.",
        right="log_softmax(logits, dim=-1)",
        wrong="logits",
    ),
    Mistake(
        "cross_entropy",
        why="You normalised over the positions. Probabilities are over the vocabulary, the last axis.",
        right="log_softmax(logits, dim=-1)",
        wrong="log_softmax(logits, dim=1)",
    ),
    Mistake(
        "cross_entropy",
        why="You applied softmax and then log_softmax: probabilities were used as if they were logits.",
        right="log_softmax(logits, dim=-1)",
        wrong="log_softmax(torch.softmax(logits, dim=-1), dim=-1)",
    ),
    Mistake(
        "cross_entropy",
        why="You shifted the tokens by one. Here logits and tokens are aligned already.",
        right="log_probs.gather(-1, tokens.unsqueeze(-1))",
        wrong="log_probs[:, :-1].gather(-1, tokens[:, 1:].unsqueeze(-1))",
    ),
    Mistake(
        "cross_entropy",
        why="You took the log of the softmax: too late, an unlikely token's probability has been rounded to 0 by "
        "then. Build on `log_softmax`.",
        right="log_softmax(logits, dim=-1)",
        wrong="softmax(logits, dim=-1).log()",
    ),
    Mistake(
        "cross_entropy",
        why="You took the most likely token in place of the one that came: that is confidence, not loss.",
        right="log_probs.gather(-1, tokens.unsqueeze(-1))",
        wrong="log_probs.amax(-1, keepdim=True)",
    ),
    Mistake(
        "cross_entropy",
        why="You measured in bits. In nats the logarithm is the natural one.",
        right="-of_tokens.mean()",
        wrong="-of_tokens.mean() / 0.6931471805599453",
    ),
    Mistake(
        "cross_entropy",
        why="You always return ln(d_vocab), which is right only when all logits are equal.",
        wrong="return torch.tensor(float(logits.shape[-1]), dtype=logits.dtype).log()",
    ),
    # kl_divergence
    Mistake(
        "kl_divergence",
        why="You swapped P and Q: the mean is taken under P, the first argument.",
        right="log_p.exp() * (log_p - log_q)",
        wrong="log_q.exp() * (log_q - log_p)",
    ),
    Mistake(
        "kl_divergence",
        why="The sign is turned over: it is log P - log Q, the surprise of Q less that of P. A KL divergence is "
        "never negative.",
        right="(log_p - log_q)",
        wrong="(log_q - log_p)",
    ),
    Mistake(
        "kl_divergence",
        why="You left out the entropy of P: that is the cross-entropy, and not zero when P and Q agree.",
        right="log_p.exp() * (log_p - log_q)",
        wrong="-log_p.exp() * log_q",
    ),
    Mistake(
        "kl_divergence",
        why="You took the mean over the vocabulary. The weights are the probabilities of P, so sum.",
        right=".sum(-1)",
        wrong=".mean(-1)",
    ),
    Mistake(
        "kl_divergence",
        why="You compared logits, not log-probabilities: a constant added to one of them changes the answer.",
        right="(log_p - log_q)",
        wrong="(logits_p - logits_q)",
    ),
    Mistake(
        "kl_divergence",
        why="You symmetrised: that is the mean of both directions. KL(P || Q) is one of them.",
        right="log_p.exp() * (log_p - log_q)",
        wrong="0.5 * (log_p.exp() - log_q.exp()) * (log_p - log_q)",
    ),
    Mistake(
        "kl_divergence",
        why="You added a small number inside the logs: where Q gives next to nothing to what P expects, "
        "the divergence is huge, and you cut it off.",
        right="(log_p - log_q)",
        wrong="((log_p.exp() + 1e-9).log() - (log_q.exp() + 1e-9).log())",
    ),
    Mistake(
        "kl_divergence",
        why="You took the absolute value of each term. Single terms may be negative; their sum is not.",
        right="(log_p - log_q)",
        wrong="(log_p - log_q).abs()",
    ),
    Mistake(
        "kl_divergence",
        why="You measured in bits. In nats the logarithm is the natural one.",
        right=".sum(-1)",
        wrong=".sum(-1) / 0.6931471805599453",
    ),
    Mistake(
        "kl_divergence",
        why="You always return zero, as if P and Q agreed.",
        wrong="return torch.zeros_like(logits_p[..., 0])",
    ),
    # TwoLayerMLP
    Mistake(
        "TwoLayerMLP",
        why="`b_in` is a plain tensor, so the module doesn't know it: wrap it in `nn.Parameter`.",
        right="nn.Parameter(torch.zeros(d_mlp))",
        wrong="torch.zeros(d_mlp)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="`b_out` is a buffer: saved and loaded, but no optimiser trains it. Make it an `nn.Parameter`.",
        right="self.b_out = nn.Parameter(torch.zeros(d_model))",
        wrong='self.register_buffer("b_out", torch.zeros(d_model))',
    ),
    Mistake(
        "TwoLayerMLP",
        why="`W_out` has its axes the other way round, as in `nn.Linear`. Here it is [d_mlp d_model].",
        right="torch.randn(d_mlp, d_model)",
        wrong="torch.randn(d_model, d_mlp)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="There is no ReLU: two linear maps in a row are one linear map.",
        right="torch.relu(x @ self.W_in + self.b_in)",
        wrong="(x @ self.W_in + self.b_in)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You left `b_in` out of the forward pass.",
        right="x @ self.W_in + self.b_in",
        wrong="x @ self.W_in",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You added `b_in` after the ReLU. It belongs inside: it sets where each neuron starts to fire.",
        right="torch.relu(x @ self.W_in + self.b_in)",
        wrong="torch.relu(x @ self.W_in) + self.b_in",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You left `b_out` out of the forward pass.",
        right="hidden @ self.W_out + self.b_out",
        wrong="hidden @ self.W_out",
    ),
    Mistake(
        "TwoLayerMLP",
        why="There is a second ReLU, on the output: the MLP could then only add to the residual stream.",
        right="return hidden @ self.W_out + self.b_out",
        wrong="return torch.relu(hidden @ self.W_out + self.b_out)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You used GELU. It is close to ReLU, and it isn't what is asked for.",
        right="torch.relu(x @ self.W_in + self.b_in)",
        wrong="nn.functional.gelu(x @ self.W_in + self.b_in)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="`W_in` starts at zero: all neurons are alike and, since relu'(0) is 0, they never learn.",
        right="torch.randn(d_model, d_mlp)",
        wrong="torch.zeros(d_model, d_mlp)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You added `x` itself. The MLP returns only what it adds to the stream; the block that it stands in does "
        "the adding.",
        right="return hidden @ self.W_out + self.b_out",
        wrong="return x + hidden @ self.W_out + self.b_out",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You scaled each matrix by its number of columns. Each output adds up as many terms as the matrix has "
        "*rows*, and it is that sum which must keep its size: divide by the root of the number of rows.",
        right="torch.randn(d_model, d_mlp) / d_model**0.5)\nself.b_in = nn.Parameter(torch.zeros(d_mlp))\n"
        "self.W_out = nn.Parameter(torch.randn(d_mlp, d_model) / d_mlp**0.5)",
        wrong="torch.randn(d_model, d_mlp) / d_mlp**0.5)\nself.b_in = nn.Parameter(torch.zeros(d_mlp))\n"
        "self.W_out = nn.Parameter(torch.randn(d_mlp, d_model) / d_model**0.5)",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You divided both matrices by the root of d_model. `W_out` has d_mlp rows: divide it by the root of d_mlp.",
        right="torch.randn(d_mlp, d_model) / d_mlp**0.5",
        wrong="torch.randn(d_mlp, d_model) / d_model**0.5",
    ),
    Mistake(
        "TwoLayerMLP",
        why="The entries of a new `W_in` lie around 1. They must lie around 0: else all neurons read nearly the same "
        "direction.",
        right="torch.randn(d_model, d_mlp) / d_model**0.5",
        wrong="torch.randn(d_model, d_mlp) / d_model**0.5 + 1",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You drew the matrices from a uniform distribution. Of the right width it would do as well, but what is "
        "asked for is the normal one: `torch.randn`.",
        right="torch.randn(d_model, d_mlp) / d_model**0.5",
        wrong="(2 * torch.rand(d_model, d_mlp) - 1) * (3 / d_model) ** 0.5",
    ),
    Mistake(
        "TwoLayerMLP",
        why="You set the seed inside `__init__`: every new module is a copy of the first, and the caller's own random "
        "numbers start anew as well. Seeds are the caller's business.",
        right="self.W_in = nn.Parameter(",
        wrong="torch.manual_seed(0)\nself.W_in = nn.Parameter(",
    ),
    # activation_and_gradient
    Mistake(
        "activation_and_gradient",
        why="You never remove the hook: it runs in every later forward pass.",
        right="handle.remove()",
        wrong="pass",
    ),
    Mistake(
        "activation_and_gradient",
        why="You remove the hook only when all goes well. Put `handle.remove()` into `finally:`.",
        right="try:\n    score = metric(model(inputs))\nfinally:\n    handle.remove()",
        wrong="score = metric(model(inputs))\nhandle.remove()",
    ),
    Mistake(
        "activation_and_gradient",
        why="You swallowed the error: the caller never learns that the run failed. "
        "Use `finally:`, which lets it through.",
        right="finally:\n    handle.remove()",
        wrong="except Exception:\n    score = kept[0].sum()\nhandle.remove()",
    ),
    Mistake(
        "activation_and_gradient",
        why="You called `backward()`, which adds to the `.grad` of every parameter. "
        "`torch.autograd.grad` returns the gradient and leaves the parameters alone.",
        right="(gradient,) = torch.autograd.grad(score, kept[0])",
        wrong="score.backward()\ngradient = kept[0].grad",
    ),
    Mistake(
        "activation_and_gradient",
        why="You called `backward()` and then cleared all gradients: those that the parameters had before your call "
        "are gone too. `torch.autograd.grad` returns the gradient and touches no `.grad`.",
        right="(gradient,) = torch.autograd.grad(score, kept[0])",
        wrong="score.backward()\ngradient = kept[0].grad\nmodel.zero_grad()",
    ),
    Mistake(
        "activation_and_gradient",
        why="You switched `requires_grad` on for all parameters: what was frozen is trained from now on. A leaf of "
        "your own in the hook needs none of them.",
        right="handle = model.get_submodule(name)",
        wrong="model.requires_grad_(True)\nhandle = model.get_submodule(name)",
    ),
    Mistake(
        "activation_and_gradient",
        why="You ran the model twice. One run gives both: keep the activation in the hook, and take the gradient of "
        "that same run's score.",
        right="try:\n    score = metric(model(inputs))",
        wrong="try:\n    model(inputs)\n    kept.clear()\n    score = metric(model(inputs))",
    ),
    Mistake(
        "activation_and_gradient",
        why="Your activation shares its memory with the submodule's output: `detach()` doesn't copy. Whoever changes "
        "one in place changes the other. Take `output.detach().clone()`.",
        right="output.detach().clone().requires_grad_()",
        wrong="output.detach().requires_grad_()",
    ),
    Mistake(
        "activation_and_gradient",
        why="You froze the model's parameters and left them frozen: later training would do nothing.",
        right="handle = model.get_submodule(name)",
        wrong="model.requires_grad_(False)\nhandle = model.get_submodule(name)",
    ),
    Mistake(
        "activation_and_gradient",
        why="You kept the model's own tensor, and the next module worked on it in place: "
        "what you hold is no longer what the submodule put out.",
        right="leaf = output.detach().clone().requires_grad_()\n    kept.append(leaf)\n    "
        "return leaf.clone()  # subtle: the next module may work in place; let it work on a copy",
        wrong="kept.append(output if output.requires_grad else output.requires_grad_())\n    return output",
    ),
    Mistake(
        "activation_and_gradient",
        why="You caught what goes into the submodule. A forward hook gets `(module, args, output)`: take the output.",
        wrong="""
kept: list[Tensor] = []

def keep(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    leaf = args[0].detach().clone().requires_grad_()
    kept.append(leaf)
    return (leaf.clone(),)

handle = model.get_submodule(name).register_forward_pre_hook(keep)
try:
    score = metric(model(inputs))
finally:
    handle.remove()
(gradient,) = torch.autograd.grad(score, kept[0])
return kept[0].detach(), gradient
""",
    ),
    Mistake(
        "activation_and_gradient",
        why="You ignored `name` and hooked the last module of the model.",
        right="model.get_submodule(name)",
        wrong="list(model.modules())[-1]",
    ),
    Mistake(
        "activation_and_gradient",
        why="You took the gradient of the sum of the output and ignored the metric.",
        right="metric(model(inputs))",
        wrong="model(inputs).sum()",
    ),
    Mistake(
        "activation_and_gradient",
        why="You returned gradient times activation. That product is useful (it is the next lesson's "
        "business); here the gradient alone is asked for.",
        right="return kept[0].detach(), gradient",
        wrong="return kept[0].detach(), gradient * kept[0].detach()",
    ),
    Mistake(
        "activation_and_gradient",
        why="The activation still requires a gradient: whoever uses it drags your graph along. Detach it.",
        right="return kept[0].detach(), gradient",
        wrong="return kept[0], gradient",
    ),
    Mistake(
        "activation_and_gradient",
        why="Your gradient is zero everywhere.",
        right="return kept[0].detach(), gradient",
        wrong="return kept[0].detach(), torch.zeros_like(gradient)",
    ),
]

ALTERNATIVES = [
    Alternative("softmax", how="by logsumexp", code="return (x - x.logsumexp(dim, keepdim=True)).exp()"),
    Alternative("softmax", how="torch's own", code="return torch.softmax(x, dim)"),
    Alternative(
        "softmax",
        how="with the axis moved to the end",
        code="""
moved = x.movedim(dim, -1)
weights = torch.exp(moved - moved.max(-1, keepdim=True).values)
return (weights / weights.sum(-1, keepdim=True)).movedim(-1, dim)
""",
    ),
    Alternative("log_softmax", how="by logsumexp", code="return x - torch.logsumexp(x, dim, keepdim=True)"),
    Alternative(
        "log_softmax",
        how="with the maximum put back into the normaliser",
        code="""
top = x.max(dim=dim, keepdim=True).values
normaliser = top + torch.log(torch.sum(torch.exp(x - top), dim=dim, keepdim=True))
return x - normaliser
""",
    ),
    Alternative("log_softmax", how="torch's own", code="return torch.log_softmax(x, dim)"),
    Alternative(
        "cross_entropy",
        how="torch's own, flattened",
        code="return nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())",
    ),
    Alternative(
        "cross_entropy",
        how="by a one-hot mask",
        code="""
one_hot = nn.functional.one_hot(tokens, logits.shape[-1]).to(logits.dtype)
return -(log_softmax(logits) * one_hot).sum(-1).mean()
""",
    ),
    Alternative(
        "cross_entropy",
        how="by indexing with two ranges",
        code="""
batch, pos, _ = logits.shape
log_probs = log_softmax(logits)
picked = log_probs[torch.arange(batch)[:, None], torch.arange(pos)[None, :], tokens]
return -picked.mean()
""",
    ),
    Alternative(
        "kl_divergence",
        how="torch's own, which takes Q first",
        code="""
log_p, log_q = log_softmax(logits_p), log_softmax(logits_q)
return nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)
""",
    ),
    Alternative(
        "kl_divergence",
        how="cross-entropy less entropy, in one einsum each",
        code="""
log_p, log_q = log_softmax(logits_p), log_softmax(logits_q)
p = softmax(logits_p)
return torch.einsum("...v,...v->...", p, log_p) - torch.einsum("...v,...v->...", p, log_q)
""",
    ),
    Alternative(
        "TwoLayerMLP",
        how="with nn.init, clamp and einsum",
        code="""
self.W_in = nn.Parameter(torch.empty(d_model, d_mlp))
self.b_in = nn.Parameter(torch.zeros(d_mlp))
self.W_out = nn.Parameter(torch.empty(d_mlp, d_model))
self.b_out = nn.Parameter(torch.zeros(d_model))
nn.init.normal_(self.W_in, std=d_model**-0.5)
nn.init.normal_(self.W_out, std=d_mlp**-0.5)
### NEXT REGION
into = torch.einsum("...m,mh->...h", x, self.W_in) + self.b_in
return torch.einsum("...h,hm->...m", into.clamp(min=0), self.W_out) + self.b_out
""",
    ),
    Alternative(
        "TwoLayerMLP",
        how="registered by name, with nn.functional",
        code="""
for name, rows, columns in (("W_in", d_model, d_mlp), ("W_out", d_mlp, d_model)):
    self.register_parameter(name, nn.Parameter(torch.randn(rows, columns) * rows**-0.5))
self.register_parameter("b_in", nn.Parameter(torch.zeros(d_mlp)))
self.register_parameter("b_out", nn.Parameter(torch.zeros(d_model)))
### NEXT REGION
hidden = nn.functional.relu(nn.functional.linear(x, self.W_in.T, self.b_in))
return nn.functional.linear(hidden, self.W_out.T, self.b_out)
""",
    ),
    Alternative(
        "activation_and_gradient",
        how="with the handle as a context manager",
        code="""
kept = {}

def keep(module, args, output):
    kept["a"] = output.clone().detach().requires_grad_(True)
    return kept["a"] * 1.0

with dict(model.named_modules())[name].register_forward_hook(keep):
    score = metric(model(inputs))
gradient = torch.autograd.grad(score, kept["a"])[0]
return kept["a"].detach().clone(), gradient.detach()
""",
    ),
    Alternative(
        "activation_and_gradient",
        how="by the gradient of the model's own tensor",
        code="""
kept = []

def keep(module, args, output):
    if not output.requires_grad:
        output.requires_grad_()
    kept.append(output)
    return output.clone()

handle = model.get_submodule(name).register_forward_hook(keep)
try:
    gradient = torch.autograd.grad(metric(model(inputs)), kept)[0]
finally:
    handle.remove()
return kept[0].detach().clone(), gradient.clone()
""",
    ),
    Alternative(
        "activation_and_gradient",
        how="by what has to be added: a tensor of zeros",
        code="""
kept = []

def keep(module, args, output):
    nudge = torch.zeros_like(output, requires_grad=True)
    kept.extend([output.detach().clone(), nudge])
    return output.detach() + nudge

handle = model.get_submodule(name).register_forward_hook(keep)
try:
    score = metric(model(inputs))
finally:
    handle.remove()
return kept[0], torch.autograd.grad(score, kept[1])[0]
""",
    ),
]

# --- oracles: plain Python over floats ------------------------------------------------------------


def log_probs_of(row: list[float]) -> list[float]:
    """Log-probabilities of one row of logits, one float at a time."""
    top = max(row)
    total = math.fsum(math.exp(value - top) for value in row)
    return [value - top - math.log(total) for value in row]


def table(x: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """`log_probs_of` of each slice of `x` along `dim`, in float64."""
    moved = x.double().movedim(dim, -1)
    rows = [log_probs_of(row) for row in moved.reshape(-1, moved.shape[-1]).tolist()]
    return torch.tensor(rows, dtype=torch.float64).reshape(moved.shape).movedim(-1, dim)


def skewed(draw: Draw, rows: int, columns: int) -> torch.Tensor:
    """Whole-number logits: each row has its own height, from -1000 to 1000; two rows take the ends."""
    heights = draw.integers(-900, 901, rows)
    heights[0], heights[1] = 1000, -1000
    return (heights[:, None] + draw.integers(-4, 5, rows, columns)).float()


# --- softmax --------------------------------------------------------------------------------------


@checks("softmax")
def test_probabilities_are_in_the_ratio_of_the_exponentials(submission, draw: Draw):
    """The softmax of `log(w)` is `w / sum(w)`, along whichever axis is asked for."""
    weights = draw.integers(1, 10, *draw.sizes(3)).double()
    for dim in (2, 1, 0, -2, -3):
        expected = weights / weights.sum(dim, keepdim=True)
        what = f"the softmax of log(w) with dim={dim}"
        hint = "Take exp, and divide by the sum along `dim`; keepdim=True keeps the shapes aligned."
        assert_close(submission.softmax(weights.log().float(), dim), expected, what, hint=hint)
    hint = "Without `dim`, normalise along the last axis."
    expected = weights / weights.sum(-1, keepdim=True)
    assert_close(submission.softmax(weights.log().float()), expected, "the softmax of log(w)", hint=hint)


@checks("softmax")
def test_each_slice_sums_to_one(submission, draw: Draw):
    """Along `dim` the probabilities are positive and sum to one."""
    x = 2 * draw.normal(*draw.sizes(3))
    for dim in (-1, 0, 1):
        probs = submission.softmax(x, dim)
        sums = probs.sum(dim)
        assert_close(sums, torch.ones_like(sums), f"the sum along dim={dim}")
        assert bool((probs > 0).all()), f"With dim={dim}, an entry is not positive: no score is that low here."


@checks("softmax")
def test_a_constant_added_to_a_row_changes_nothing(submission, draw: Draw):
    """Each row may be moved up or down as a whole: only differences between its entries count."""
    x = draw.normal(*draw.sizes(2)).double()
    constants = draw.uniform(x.shape[0], 1, low=-20.0, high=20.0).double()
    hint = "exp(x + c) is exp(c) times exp(x): the factor must cancel."
    before, after = submission.softmax(x), submission.softmax(x + constants)
    assert_close(after, before, "the softmax of the moved rows", hint=hint)
    assert_close(before, table(x).exp(), "the softmax", hint="Compare with exp(x) / sum(exp(x)), row by row.")


@checks("softmax")
def test_scores_of_a_thousand_overflow_nowhere(submission, draw: Draw):
    """Rows at heights between -1000 and 1000 give the same finite probabilities as rows near zero."""
    x = skewed(draw, *draw.sizes(2))
    hint = "exp(1000) is inf and exp(-1000) is 0: subtract each row's own maximum before exp."
    assert_close(submission.softmax(x), table(x).exp(), "the softmax of large scores", hint=hint, rtol=1e-3)
    hint = "The maximum, too, is taken along `dim`."
    columns = submission.softmax(x.T.contiguous(), 0)
    assert_close(columns, table(x).exp().T, "the softmax of large scores with dim=0", hint=hint, rtol=1e-3)


@checks("softmax")
def test_one_row_may_span_a_thousand_up_and_down(submission, draw: Draw):
    """A row may hold scores of 1000 and of -1000 at once: the largest takes all, and nothing overflows."""
    columns = draw.integer(5, 9)
    # Below its mean, its median or its minimum lies the best score of some row by more than 89: exp of that is inf.
    rows = [[1000.0, -1000.0], [-200.0], [-1000.0], [300.0, 300.0]]
    x = torch.stack([torch.tensor(row + [0.0] * (columns - len(row)))[draw.permutation(columns)] for row in rows])
    hint = "Which constant leaves no exponent above zero, however far apart the scores of a row are? The largest score."
    assert_close(submission.softmax(x), table(x).exp(), "the softmax of rows with distant scores", hint=hint)


@checks("softmax")
def test_a_score_of_minus_infinity_gets_probability_zero(submission, draw: Draw):
    """Masking: an entry of -inf gets probability 0, and the others share the rest."""
    rows, columns = draw.sizes(2, low=3)
    x = skewed(draw, rows, columns)
    hole = draw.integer(0, columns)
    kept = [column for column in range(columns) if column != hole]
    masked = x.clone()
    masked[:, hole] = -math.inf
    probs = submission.softmax(masked)
    assert_close(probs[:, hole], torch.zeros(rows), "the probability of the masked entry")
    hint = "A masked entry is left out, wherever the others lie: exp(-inf) is 0 already."
    if bool(probs.isnan().any()):
        hint = "The mean or the minimum of a row with -inf is -inf, and -inf - (-inf) is NaN: subtract the maximum."
        assert_close(probs, torch.where(masked.isinf(), 0.0, probs.nan_to_num()), "the softmax", hint=hint)
    assert_close(probs[:, kept], table(x[:, kept]).exp(), "the distribution over the others", hint=hint, rtol=1e-3)


@checks("softmax")
def test_the_dtype_stays_what_it_was(submission, draw: Draw):
    """A float32 input gives a float32 result; a float64 input gives float64, right to twelve digits."""
    x = draw.normal(*draw.sizes(2)).double()
    hint = "Don't convert: keep the dtype of `x`."
    for dtype in (torch.float32, torch.float64):
        probs = submission.softmax(x.to(dtype))
        assert_equal(str(probs.dtype), str(dtype), f"the dtype of the softmax of a {dtype} tensor", hint=hint)
    assert_close(probs, table(x).exp(), "the softmax in float64", rtol=1e-12, atol=1e-12)


# --- log_softmax ----------------------------------------------------------------------------------


@checks("log_softmax")
def test_log_probabilities_of_known_weights(submission, draw: Draw):
    """The log-softmax of `log(w)` is `log(w) - log(sum(w))`, along whichever axis is asked for."""
    weights = draw.integers(1, 10, *draw.sizes(3)).double()
    for dim in (2, 1, 0, -2, -3):
        expected = (weights / weights.sum(dim, keepdim=True)).log()
        what = f"the log-softmax of log(w) with dim={dim}"
        hint = "It is x - log(sum(exp(x))), the sum taken along `dim`, the logarithm the natural one."
        assert_close(submission.log_softmax(weights.log().float(), dim), expected, what, hint=hint)
    expected = (weights / weights.sum(-1, keepdim=True)).log()
    hint = "Without `dim`, normalise along the last axis."
    assert_close(submission.log_softmax(weights.log().float()), expected, "the log-softmax of log(w)", hint=hint)


@checks("log_softmax")
def test_the_exponentials_sum_to_one(submission, draw: Draw):
    """exp of the result is a probability distribution along `dim`."""
    x = 2 * draw.normal(*draw.sizes(3))
    for dim in (-1, 0, 1):
        sums = submission.log_softmax(x, dim).exp().sum(dim)
        assert_close(sums, torch.ones_like(sums), f"the sum of the exponentials along dim={dim}")


@checks("log_softmax")
def test_differences_of_scores_are_kept(submission, draw: Draw):
    """Two log-probabilities differ by exactly as much as their scores: only a constant is subtracted."""
    x = draw.normal(*draw.sizes(2)).double()
    log_probs = submission.log_softmax(x)
    hint = "Log-softmax subtracts one number, the same for all entries of a row."
    assert_close(log_probs - log_probs[:, :1], x - x[:, :1], "the difference to the row's first entry", hint=hint)
    assert_close(log_probs, table(x), "the log-softmax")


@checks("log_softmax")
def test_large_scores_overflow_nowhere(submission, draw: Draw):
    """Rows at heights between -1000 and 1000 give the same finite log-probabilities as rows near zero."""
    x = skewed(draw, *draw.sizes(2))
    hint = "exp(1000) is inf and exp(-1000) is 0: subtract each row's own maximum before exp."
    assert_close(submission.log_softmax(x), table(x), "the log-softmax of large scores", hint=hint, atol=1e-3)
    hint = "The maximum, too, is taken along `dim`."
    columns = submission.log_softmax(x.T.contiguous(), 0)
    assert_close(columns, table(x).T, "the log-softmax of large scores with dim=0", hint=hint, atol=1e-3)


@checks("log_softmax")
def test_an_unlikely_entry_keeps_its_finite_logarithm(submission, draw: Draw):
    """An entry far below the others, by up to 1000, gets minus that number, not -inf and not a floor."""
    rows, columns = draw.sizes(2)
    x = draw.integers(-1000, -200, rows, columns).float()
    top = draw.integers(0, columns, rows)
    x[torch.arange(rows), top] = 0.0
    x[0, (int(top[0]) + 1) % columns] = -1000.0  # beyond float64, too
    log_probs = submission.log_softmax(x)
    hint = "The best score of each row is 0 here, so each entry of the answer is very nearly its own score."
    best, rest = log_probs[x == 0], log_probs[x < 0]
    if bool((best.abs() < 1e-3).all()) and bool((rest.isneginf() | (rest > -199)).any()):
        hint = "log(softmax(x)) is too late: exp(-200) has rounded to 0 already. Never leave the logarithms."
    assert_close(log_probs, table(x), "the log-softmax of unequal scores", hint=hint, atol=1e-3)


# --- cross_entropy --------------------------------------------------------------------------------


@checks("cross_entropy")
def test_equal_logits_cost_the_log_of_the_vocabulary(submission, draw: Draw):
    """When all logits of a position are equal, the loss is ln(d_vocab), whatever the tokens are."""
    batch, pos = draw.sizes(2)
    d_vocab = draw.integer(10, 60)
    logits = draw.normal(batch, pos, 1).expand(batch, pos, d_vocab).contiguous()
    loss = submission.cross_entropy(logits, draw.integers(0, d_vocab, batch, pos))
    assert_close(loss, torch.tensor(math.log(d_vocab)), f"the loss of a uniform guess among {d_vocab}")


@checks("cross_entropy")
def test_one_token_of_known_probability(submission, draw: Draw):
    """One position, logits log(w): the loss is ln(sum(w) / w[token])."""
    weights = draw.integers(1, 20, draw.integer(3, 9))
    token = draw.integer(0, len(weights))
    logits = weights.float().log().reshape(1, 1, -1)
    expected = math.log(int(weights.sum()) / int(weights[token]))
    hint = "The loss of a token is -log p(token), with the natural logarithm."
    loss = submission.cross_entropy(logits, torch.tensor([[token]]))
    assert_close(loss, torch.tensor(expected), "the loss of the single token", hint=hint)


@checks("cross_entropy")
def test_the_loss_is_the_mean_over_all_positions(submission, draw: Draw):
    """Random logits and tokens, against a loop over batch and positions."""
    batch, pos, d_vocab = draw.sizes(3, low=3)
    logits, tokens = 2 * draw.normal(batch, pos, d_vocab), draw.integers(0, d_vocab, batch, pos)
    log_probs = table(logits).tolist()
    losses = [-log_probs[b][p][int(tokens[b, p])] for b in range(batch) for p in range(pos)]
    hint = "For each position, -log p(its token); then the mean over batch and positions."
    loss = submission.cross_entropy(logits, tokens)
    assert_close(loss, torch.tensor(math.fsum(losses) / len(losses)), "the loss", hint=hint)


@checks("cross_entropy")
def test_a_sure_and_right_model_loses_nothing(submission, draw: Draw):
    """Logits that are higher by a gap of 150 or more at the right token cost 0; at a wrong token they cost the gap."""
    (batch, pos, d_vocab), gap = draw.sizes(3), float(draw.integer(150, 400))
    tokens = draw.integers(0, d_vocab, batch, pos)
    logits = torch.zeros(batch, pos, d_vocab)
    logits[torch.arange(batch)[:, None], torch.arange(pos), tokens] = gap
    right = submission.cross_entropy(logits, tokens)
    assert_close(right, torch.tensor(0.0), "the loss of a sure model that is right")
    wrong = submission.cross_entropy(logits, (tokens + 1) % d_vocab)
    what = f"the loss of a model that is sure by {gap:.0f} logits, and wrong,"
    hint = "Take the log-probabilities from your `log_softmax`: the log of a probability that was rounded to 0 is -inf."
    assert_close(wrong, torch.tensor(gap), what, hint=hint)


@checks("cross_entropy")
def test_logits_of_a_thousand_give_a_finite_loss(submission, draw: Draw):
    """Positions whose logits lie around 1000 or -1000 cost what they would cost near zero."""
    batch, pos, d_vocab = draw.sizes(3)
    logits = torch.stack([skewed(draw, pos, d_vocab) for _ in range(batch)])
    tokens = draw.integers(0, d_vocab, batch, pos)
    expected = -table(logits).gather(-1, tokens[..., None]).mean()
    hint = "Build on your `log_softmax`: it doesn't overflow."
    assert_close(submission.cross_entropy(logits, tokens), expected, "the loss", hint=hint, atol=1e-3)


# --- kl_divergence --------------------------------------------------------------------------------


@checks("kl_divergence")
def test_two_coins(submission, draw: Draw):
    """A fair coin P and a biased coin Q: the sum of p * ln(p / q) over two terms, and one number per row."""
    q = draw.uniform(draw.integer(2, 7), low=0.05, high=0.4).double()
    logits_q = torch.stack([q, 1 - q], -1).log()
    expected = 0.5 * (0.5 / q).log() + 0.5 * (0.5 / (1 - q)).log()
    hint = "The mean is taken under P, the first argument: each log(p / q) is weighted with p."
    divergence = submission.kl_divergence(torch.zeros_like(logits_q), logits_q)
    assert_close(divergence, expected, "KL(fair || biased)", hint=hint)


@checks("kl_divergence")
def test_random_rows_against_a_loop(submission, draw: Draw):
    """Random logits of shape [batch pos d_vocab], against a loop over single floats."""
    batch, pos, d_vocab = draw.sizes(3, low=3)
    logits_p, logits_q = 2 * draw.normal(batch, pos, d_vocab), 2 * draw.normal(batch, pos, d_vocab)
    log_p, log_q = table(logits_p).tolist(), table(logits_q).tolist()
    expected = [
        [math.fsum(math.exp(a) * (a - b) for a, b in zip(ps, qs, strict=True)) for ps, qs in zip(*rows, strict=True)]
        for rows in zip(log_p, log_q, strict=True)
    ]
    hint = "Sum p * (log p - log q) over the last axis only, with natural logarithms."
    assert_close(submission.kl_divergence(logits_p, logits_q), torch.tensor(expected), "KL(P || Q)", hint=hint)


@checks("kl_divergence")
def test_zero_for_equals_and_never_negative(submission, draw: Draw):
    """KL is zero when P and Q are the same distribution, and above zero when they differ."""
    rows, d_vocab = draw.sizes(2, low=3)
    p, q = draw.normal(rows, d_vocab).double(), draw.normal(rows, d_vocab).double()
    hint = "The same logits, moved by a constant, are the same distribution."
    same = submission.kl_divergence(p, p + draw.normal(rows, 1).double())
    assert_close(same, torch.zeros(rows), "KL(P || P)", hint=hint)
    divergence = submission.kl_divergence(p, q)
    assert bool((divergence > 0).all()), "KL(P || Q) of two different distributions must be above zero."


@checks("kl_divergence")
def test_against_a_uniform_guess(submission, draw: Draw):
    """KL(P || uniform) is ln(d_vocab) less the entropy of P."""
    rows, d_vocab = draw.sizes(2)
    p = draw.integers(1, 10, rows, d_vocab).double()
    p = p / p.sum(-1, keepdim=True)
    expected = math.log(d_vocab) + (p * p.log()).sum(-1)
    uniform = draw.normal(rows, 1).double().expand(rows, d_vocab).contiguous()
    assert_close(submission.kl_divergence(p.log(), uniform), expected, "KL(P || uniform)")


@checks("kl_divergence")
def test_a_sure_model_that_is_wrong_pays_in_full(submission, draw: Draw):
    """P is sure of one token, Q is sure of another by hundreds of logits: KL is that gap, and finite."""
    d_vocab, gap = draw.integer(3, 9), draw.integer(200, 1001)
    first, second = draw.permutation(d_vocab)[:2].tolist()
    p, q = torch.zeros(d_vocab), torch.zeros(d_vocab)
    p[first], q[second] = gap, gap
    hint = "Work with log_softmax: log(softmax) gives -inf, and a small number added inside the log cuts it off."
    divergence = submission.kl_divergence(p, q)
    assert_close(divergence, torch.tensor(float(gap)), "KL(P || Q)", hint=hint)


# --- TwoLayerMLP ----------------------------------------------------------------------------------

SHAPES = {"W_in": "[d_model d_mlp]", "b_in": "[d_mlp]", "W_out": "[d_mlp d_model]", "b_out": "[d_model]"}


def assert_named(state, d_model: int, d_mlp: int) -> None:
    """The state dict has the four names with the right shapes."""
    hint = "A tensor joins the state dict when it is wrapped in nn.Parameter and set as an attribute of self."
    assert_equal(sorted(state), sorted(SHAPES), f"the names in TwoLayerMLP({d_model}, {d_mlp}).state_dict()", hint=hint)
    sizes = {"d_model": d_model, "d_mlp": d_mlp}
    for name, axes in SHAPES.items():
        wanted = tuple(sizes[axis] for axis in axes.strip("[]").split())
        assert_equal(tuple(state[name].shape), wanted, f"the shape of {name}, {axes},")


def loaded(submission, draw: Draw, d_model: int, d_mlp: int):
    """An MLP with drawn weights, and those weights."""
    mlp = submission.TwoLayerMLP(d_model, d_mlp)
    assert_named(mlp.state_dict(), d_model, d_mlp)
    weights = {
        "W_in": draw.normal(d_model, d_mlp),
        "b_in": draw.normal(d_mlp),
        "W_out": draw.normal(d_mlp, d_model),
        "b_out": draw.normal(d_model),
    }
    mlp.load_state_dict(weights)
    return mlp, weights


@checks("TwoLayerMLP")
def test_the_four_parameters_have_their_names_and_shapes(submission, draw: Draw):
    """The state dict holds W_in, b_in, W_out and b_out, with the shapes of the docstring."""
    for _ in range(2):
        d_model, d_mlp = draw.sizes(2)
        assert_named(submission.TwoLayerMLP(d_model, d_mlp).state_dict(), d_model, d_mlp)


@checks("TwoLayerMLP")
def test_one_neuron_by_hand(submission, draw: Draw):
    """One neuron that reads the first entry and writes to the last: it fires above its threshold only."""
    d_model, size = draw.integer(3, 8), float(draw.integer(2, 6))
    mlp, _ = loaded(submission, draw, d_model, 1)
    w_in, w_out, b_out = torch.zeros(d_model, 1), torch.zeros(1, d_model), draw.normal(d_model)
    w_in[0, 0], w_out[0, -1] = 1.0, size
    mlp.load_state_dict({"W_in": w_in, "b_in": torch.tensor([-1.0]), "W_out": w_out, "b_out": b_out})
    x = draw.normal(3, d_model)
    x[:, 0] = torch.tensor([-2.0, 0.5, 3.0])
    fires = torch.tensor([0.0, 0.0, 2.0])  # relu(x - 1)
    expected = b_out.repeat(3, 1)
    expected[:, -1] += size * fires
    assert_close(mlp(x), expected, "the output", hint="The neuron is relu(x[0] - 1): 0, 0 and 2 for these rows.")


@checks("TwoLayerMLP")
def test_two_mirrored_halves_give_the_input_back(submission, draw: Draw):
    """With W_in = [I, -I] and W_out its transpose, the output is relu(x) - relu(-x), which is x."""
    d_model = draw.integer(2, 7)
    mlp, _ = loaded(submission, draw, d_model, 2 * d_model)
    both = torch.cat([torch.eye(d_model), -torch.eye(d_model)], dim=1)
    zeros = {"b_in": torch.zeros(2 * d_model), "b_out": torch.zeros(d_model)}
    mlp.load_state_dict({"W_in": both, "W_out": both.T.contiguous(), **zeros})
    x = draw.normal(draw.integer(2, 6), d_model)
    hint = "Is there one ReLU, and is it in the middle? And is the output that of the MLP alone, without `x` added?"
    assert_close(mlp(x), x, "the output", hint=hint)


@checks("TwoLayerMLP")
def test_random_weights_against_a_loop(submission, draw: Draw):
    """Random weights, inputs of shape [batch pos d_model], against a loop over positions and neurons."""
    d_model, d_mlp, batch, pos = draw.sizes(4)
    mlp, weights = loaded(submission, draw, d_model, d_mlp)
    x = draw.normal(batch, pos, d_model)
    expected = torch.empty(batch, pos, d_model, dtype=torch.float64)
    for b in range(batch):
        for p in range(pos):
            out = weights["b_out"].double()
            for neuron in range(d_mlp):
                into = float(x[b, p].double() @ weights["W_in"][:, neuron].double() + weights["b_in"][neuron])
                out = out + max(0.0, into) * weights["W_out"][neuron].double()
            expected[b, p] = out
    hint = "relu(x @ W_in + b_in) @ W_out + b_out, in this order."
    assert_close(mlp(x), expected, "the output", hint=hint, rtol=1e-3, atol=1e-4)
    assert_close(mlp(x[0, 0]), expected[0, 0], "the output for one vector", hint=hint, rtol=1e-3, atol=1e-4)


def gradients(learner, mlp, x, direction):
    """The gradient of the output's component along `direction`, for each parameter that has one."""
    score = (mlp(x) * direction).sum()
    if score.requires_grad:
        score.backward()
    return {name: parameter.grad for name, parameter in mlp.named_parameters() if parameter.grad is not None}


@checks("TwoLayerMLP")
def test_every_parameter_gets_its_gradient(submission, draw: Draw):
    """After `backward()` all four parameters have a gradient, and it is the right one."""
    d_model, d_mlp, batch = draw.sizes(3)
    mlp, weights = loaded(submission, draw, d_model, d_mlp)
    # Whole numbers and a half: no neuron sits on the kink of its ReLU, where slopes are a matter of taste.
    weights["W_in"], weights["b_in"] = (2 * weights["W_in"]).round(), (2 * weights["b_in"]).round() + 0.5
    mlp.load_state_dict(weights)
    x, direction = draw.integers(-3, 4, batch, d_model).float(), draw.normal(batch, d_model)
    found = submission.run(gradients, mlp, x, direction)
    hint = "A buffer or a plain tensor gets none: wrap each of the four in nn.Parameter."
    assert_equal(sorted(found), sorted(SHAPES), "the names of the parameters with a gradient", hint=hint)
    into = x @ weights["W_in"] + weights["b_in"]
    back = (direction @ weights["W_out"].T) * (into > 0)
    expected = {
        "W_in": x.T @ back,
        "b_in": back.sum(0),
        "W_out": into.relu().T @ direction,
        "b_out": direction.sum(0),
    }
    for name, value in expected.items():
        assert_close(found[name], value, f"the gradient of {name}", rtol=1e-3, atol=1e-4)


@checks("TwoLayerMLP")
def test_a_new_module_starts_random_and_without_bias(submission, draw: Draw):
    """A new module has normal random matrices of the size of 1 / sqrt(number of rows), and biases of zero."""
    d_model = draw.integer(40, 60)
    d_mlp = 4 * d_model + draw.integer(0, 20)  # so that the root of rows and that of columns differ by a factor of 2
    state = submission.TwoLayerMLP(d_model, d_mlp).state_dict()
    assert_named(state, d_model, d_mlp)
    for name, rows in (("W_in", d_model), ("W_out", d_mlp)):
        assert_normal(name, state[name].double() * rows**0.5, rows)
    for name in ("b_in", "b_out"):
        assert_close(state[name], torch.zeros_like(state[name]), f"a new {name}")


def assert_normal(name: str, entries: torch.Tensor, rows: int) -> None:
    """The entries, divided by the standard deviation that they should have, look standard normal.

    There are n >= 40 * 160 = 6400 of them. All bounds together raise a false alarm in fewer than one in 10^12 runs:
    the measured deviation errs by 1 / sqrt(2n) < 0.009 (the bounds are 20 of these away), the mean by 1 / sqrt(n) <
    0.0125 (8 away), and 6400 normal numbers without one beyond 2.2 have a chance of 0.972^6400 < 10^-78. The means of
    rows and of columns spread by 0.06 or more, with at least 39 degrees of freedom: below 0.01 is under 10^-20.
    """
    size, mean = float(entries.std()), float(entries.mean())
    assert 0.8 < size < 1.25, (
        f"The entries of a new {name} should have a standard deviation of about 1 / sqrt({rows}), by its number of "
        f"rows; yours is {size:.3g} times that."
    )
    assert abs(mean) < 0.1, (
        f"The entries of a new {name} should lie around 0; yours lie around {mean / rows**0.5:.3g}, where their "
        f"standard deviation is {size / rows**0.5:.3g}."
    )
    for axis, what in ((0, "columns"), (1, "rows")):
        spread = float(entries.mean(axis).std()) / size
        assert spread > 0.01, f"All {what} of a new {name} are alike: draw each entry on its own."
    largest = float(entries.abs().max())
    assert largest > 2.2, (
        f"No entry of a new {name} is beyond {largest:.2f} standard deviations. Among so many normal numbers some "
        "lie beyond 3: draw with torch.randn."
    )


@checks("TwoLayerMLP")
def test_two_new_modules_differ(submission, draw: Draw):
    """Each new module draws its own random matrices."""
    d_model, d_mlp = draw.sizes(2, low=4)
    first, second = (submission.TwoLayerMLP(d_model, d_mlp).state_dict() for _ in range(2))
    for state in (first, second):
        assert_named(state, d_model, d_mlp)
    for name in ("W_in", "W_out"):
        # At least 20 normal numbers in float32: that all agree by chance is out of the question (below 10^-100).
        assert not torch.equal(first[name], second[name]), (
            f"Two new modules have the same {name}. Do you set a seed in `__init__`, or is the matrix not random? "
            "Seeds are the caller's business."
        )


# --- activation_and_gradient ----------------------------------------------------------------------


def build_residual(learner, matrices, unembed, frozen):
    """x -> x + tanh(x @ W) in each block, then the unembedding. Submodules: blocks.k.lin, blocks.k.act."""

    class Block(nn.Module):
        def __init__(self, matrix):
            super().__init__()
            self.lin = nn.Linear(*matrix.shape, bias=False)
            self.lin.weight.data = matrix.T.contiguous()
            self.act = nn.Tanh()

        def forward(self, resid):
            return resid + self.act(self.lin(resid))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(matrix) for matrix in matrices])
            self.unembed = nn.Linear(*unembed.shape, bias=False)
            self.unembed.weight.data = unembed.T.contiguous()

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return self.unembed(x)

    return Model().requires_grad_(not frozen)


def build_difference(learner, first, second):
    """A metric: the logit of `first` less that of `second`, summed over the batch."""
    return lambda logits: (logits[:, first] - logits[:, second]).sum()


def build_log_prob(learner, token):
    """A metric: the log-probability of `token`, summed over the batch."""
    return lambda logits: logits.log_softmax(-1)[:, token].sum()


class Residual:
    """The same model worked out by hand, in float64: what each block puts out, and the way back."""

    def __init__(self, draw: Draw, n_layers: int):
        batch, d_model, self.d_vocab = draw.sizes(3, low=3)
        self.matrices = [draw.normal(d_model, d_model) / d_model**0.5 for _ in range(n_layers)]
        self.unembed, self.x = draw.normal(d_model, self.d_vocab), draw.normal(batch, d_model)
        self.lin, self.act, resid = [], [], self.x.double()
        for matrix in self.matrices:
            self.lin.append(resid @ matrix.double())
            self.act.append(self.lin[-1].tanh())
            resid = resid + self.act[-1]
        self.logits = resid @ self.unembed.double()

    def back(self, from_logits: torch.Tensor, layer: int) -> torch.Tensor:
        """The gradient at the output of block `layer`, by the chain rule."""
        gradient = from_logits @ self.unembed.double().T
        for above in range(len(self.matrices) - 1, layer, -1):
            gradient = gradient + (gradient * (1 - self.act[above] ** 2)) @ self.matrices[above].double().T
        return gradient


def unused_leaf(learner, model, name, x, metric):
    """What PyTorch says when the gradient is asked for at a tensor that the score doesn't depend on; "" if all is well.

    Every other error goes on to the learner, with their own lines in it.
    """
    try:
        learner.activation_and_gradient(model, name, x, metric)
    except RuntimeError as fault:
        if "differentiated Tensor" in str(fault) or "does not require grad" in str(fault):
            return str(fault)
        raise
    return ""


@checks("activation_and_gradient")
def test_the_score_depends_on_what_you_kept(submission, draw: Draw):
    """The tensor at which the gradient is asked for takes part in the computation of the metric."""
    truth = Residual(draw, n_layers=2)
    metric = submission.run(build_difference, 0, 1)
    for frozen in (False, True):
        model = submission.run(build_residual, truth.matrices, truth.unembed, frozen)
        said = submission.run(unused_leaf, model, "blocks.0.act", truth.x, metric)
        where = "In a frozen model, the" if frozen else "The"
        assert not said, (
            f"{where} tensor that you kept is not part of the computation, or requires no gradient: PyTorch finds no "
            "way from the score back to it. Make a leaf of your own, with requires_grad, and let the hook return it "
            f"(or its clone, not detached), so that the rest of the model computes with it. (PyTorch said: {said})"
        )


@checks("activation_and_gradient")
def test_the_activation_is_what_the_named_module_puts_out(submission, draw: Draw):
    """For each submodule, whatever its depth, the first result is that submodule's output."""
    truth = Residual(draw, n_layers=3)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    metric = submission.run(build_difference, 0, 1)
    for layer in range(3):
        for part, expected in (("lin", truth.lin[layer]), ("act", truth.act[layer])):
            name = f"blocks.{layer}.{part}"
            activation, _ = submission.activation_and_gradient(model, name, truth.x, metric)
            hint = "Hook model.get_submodule(name) and keep what it puts out."
            assert_close(activation, expected, f"the activation of {name!r}", hint=hint)


@checks("activation_and_gradient")
def test_a_logit_difference_has_the_unembeddings_for_a_gradient(submission, draw: Draw):
    """At the end of the residual stream, the gradient of a logit difference is the same for every input."""
    truth = Residual(draw, n_layers=2)
    first, second = draw.permutation(truth.d_vocab)[:2].tolist()
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    metric = submission.run(build_difference, first, second)
    _, gradient = submission.activation_and_gradient(model, "blocks.1.act", truth.x, metric)
    expected = (truth.unembed[:, first] - truth.unembed[:, second]).expand_as(truth.x)
    hint = "It is W_U[:, first] - W_U[:, second] in each row: take the gradient of metric(model(inputs))."
    assert_close(gradient, expected, "the gradient", hint=hint)


@checks("activation_and_gradient")
def test_a_log_probability_mixes_in_all_tokens(submission, draw: Draw):
    """The gradient of a log-probability takes away the mean unembedding, at each depth of the model."""
    truth = Residual(draw, n_layers=3)
    token, layer = draw.integer(0, truth.d_vocab), draw.integer(0, 3)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    metric = submission.run(build_log_prob, token)
    from_logits = -table(truth.logits).exp()
    from_logits[:, token] += 1
    expected = truth.back(from_logits, layer)
    _, gradient = submission.activation_and_gradient(model, f"blocks.{layer}.act", truth.x, metric)
    assert_close(gradient, expected, f"the gradient at blocks.{layer}.act", rtol=1e-3, atol=1e-4)
    expected = expected * (1 - truth.act[layer] ** 2)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    _, gradient = submission.activation_and_gradient(model, f"blocks.{layer}.lin", truth.x, metric)
    assert_close(gradient, expected, f"the gradient at blocks.{layer}.lin", rtol=1e-3, atol=1e-4)


@checks("activation_and_gradient")
def test_a_frozen_model_has_gradients_at_its_activations(submission, draw: Draw):
    """It works as well when no parameter requires a gradient."""
    truth = Residual(draw, n_layers=2)
    model = submission.run(build_residual, truth.matrices, truth.unembed, True)
    metric = submission.run(build_difference, 1, 0)
    activation, gradient = submission.activation_and_gradient(model, "blocks.0.act", truth.x, metric)
    from_logits = torch.zeros_like(truth.logits)
    from_logits[:, 1], from_logits[:, 0] = 1.0, -1.0
    assert_close(activation, truth.act[0], "the activation in a frozen model")
    hint = "Give the model an activation that requires a gradient by itself: .detach().clone().requires_grad_()."
    expected = truth.back(from_logits, 0)
    assert_close(gradient, expected, "the gradient in a frozen model", hint=hint, rtol=1e-3, atol=1e-4)


def build_inplace(learner, first, second):
    """Linear, a ReLU that overwrites its input, Linear."""
    model = nn.Sequential(
        nn.Linear(*first.shape, bias=False),
        nn.ReLU(inplace=True),
        nn.Linear(*second.shape, bias=False),
    )
    model[0].weight.data, model[2].weight.data = first.T.contiguous(), second.T.contiguous()
    return model


@checks("activation_and_gradient")
def test_a_module_that_works_in_place_spoils_nothing(submission, draw: Draw):
    """The next module overwrites its input: activation and gradient are still those of the named module."""
    d_model, d_mlp, batch, d_vocab = draw.sizes(4, low=3)
    # Whole numbers, so that no rounding decides on which side of the ReLU's kink a value lies.
    first, x = draw.integers(-3, 4, d_model, d_mlp).float(), draw.integers(-3, 4, batch, d_model).float()
    second = draw.normal(d_mlp, d_vocab)
    model = submission.run(build_inplace, first, second)
    metric = submission.run(build_difference, 2, 0)
    activation, gradient = submission.activation_and_gradient(model, "0", x, metric)
    hint = "nn.ReLU(inplace=True) overwrites what it gets: let your hook return a copy of what you keep."
    assert_close(activation, x @ first, "the activation before the in-place ReLU", hint=hint, rtol=1e-3)
    expected = (second[:, 2] - second[:, 0]) * ((x @ first) > 0)
    assert_close(gradient, expected, "the gradient before the in-place ReLU", hint=hint, rtol=1e-3)


def runs_of(learner, model, x):
    """How often each module of the model ran during one call of the learner's function."""
    runs = {}

    def counted(name, forward):
        def run(*args):
            runs[name] += 1
            return forward(*args)

        return run

    for name, module in model.named_modules():
        runs[name], module.forward = 0, counted(name, module.forward)
    learner.activation_and_gradient(model, "blocks.0.act", x, lambda logits: logits.sum())
    return runs


@checks("activation_and_gradient")
def test_the_model_runs_once(submission, draw: Draw):
    """One forward pass is enough for both results: on a large model each further one costs as much again."""
    truth = Residual(draw, n_layers=2)
    model = submission.run(build_residual, truth.matrices, truth.unembed, draw.integer(0, 2) == 1)
    runs = submission.run(runs_of, model, truth.x)
    hint = "Keep the activation in the hook, and take the gradient of that same run's score."
    assert_equal(runs[""], 1, "the number of times that your call runs the model", hint=hint)
    for name in ("blocks.0.lin", "blocks.0.act", "blocks.1", "unembed"):
        assert_equal(runs[name], 1, f"the number of times that your call runs {name}", hint=hint)


def changed_in_place(learner, width, x, direction):
    """Adds 1 to the activation of a module that returns its own input; gives back the activation and that input."""
    model = nn.Sequential(nn.Identity(), nn.Linear(width, width))
    activation, _ = learner.activation_and_gradient(model, "0", x, lambda out: (out * direction).sum())
    found = activation.detach().clone()
    with torch.no_grad():
        activation += 1
    return found, x.detach()


@checks("activation_and_gradient")
def test_the_activation_is_a_copy(submission, draw: Draw):
    """Whoever changes the returned activation in place changes nothing in the model or its input."""
    batch, width = draw.sizes(2)
    x, direction = draw.normal(batch, width), draw.normal(batch, width)
    activation, after = submission.run(changed_in_place, width, x, direction)
    assert_close(activation, x, "the activation of nn.Identity, which puts out its input,")
    hint = "nn.Identity puts out the very tensor that it got, and `detach()` doesn't copy: use `.detach().clone()`."
    assert_close(after, x, "the model's input, after 1 was added to your activation in place,", hint=hint)


def hooks_after(learner, model, x, own, trouble):
    """Puts `own` hooks on the model, calls the learner's function, which may fail, and counts what is there.

    `trouble`: "" for none, or where a RuntimeError with a number of its own comes up: in a module "before" the
    named one, in one "after" it, or in the "metric".
    """

    def stumble(*args):
        raise RuntimeError(f"trouble {own}")

    for _ in range(own):
        model.blocks[0].act.register_forward_hook(lambda module, args, output: None)
    places = {"before": model.blocks[0].lin, "after": model.unembed}
    trap = places[trouble].register_forward_pre_hook(stumble) if trouble in places else None
    error = ""
    try:
        metric = stumble if trouble == "metric" else (lambda logits: logits.sum())
        learner.activation_and_gradient(model, "blocks.0.act", x, metric)
    except NotImplementedError:
        raise
    except Exception as fault:
        error = str(fault) or type(fault).__name__
    if trap is not None:
        trap.remove()
    count = len(nn.modules.module._global_forward_hooks)
    count += len(nn.modules.module._global_forward_pre_hooks)
    for module in model.modules():
        count += len(module._forward_hooks) + len(module._forward_pre_hooks)
        count += len(module._backward_hooks) + len(module._backward_pre_hooks)
    return count, error


@checks("activation_and_gradient")
def test_no_hook_is_left_behind(submission, draw: Draw):
    """After the call the model has the hooks that it had before: no more, and no fewer."""
    truth, own = Residual(draw, n_layers=2), draw.integer(2, 9)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    count, error = submission.run(hooks_after, model, truth.x, own, "")
    assert not error, f"The call raised an error, though nothing went wrong in the model or the metric: {error}"
    assert_hooks(count, own, "after the call", "Call handle.remove() when the run is over.")


def assert_hooks(count: int, own: int, when: str, hint: str) -> None:
    """The model has the `own` hooks that the check put there, no more and no fewer."""
    told = f"The model had {own} hooks before the call; {when} it should have {own}, but it has {count}."
    assert count <= own, f"{told} {hint}"
    assert count >= own, f"{told} Take away your own hook, by its handle, and nobody else's."


@checks("activation_and_gradient")
def test_no_hook_is_left_behind_after_an_error(submission, draw: Draw):
    """When the model or the metric raises, the error comes through, and the hook is gone all the same."""
    truth = Residual(draw, n_layers=2)
    told = {"before": "a module before yours", "after": "a module after yours", "metric": "the metric"}
    for trouble, where in told.items():
        own = draw.integer(2, 9)
        model = submission.run(build_residual, truth.matrices, truth.unembed, False)
        count, error = submission.run(hooks_after, model, truth.x, own, trouble)
        hint = "Don't catch it: `try:` with `finally:` cleans up and lets it through."
        assert_equal(error, f"trouble {own}", f"the error that {where} raised", hint=hint)
        when = f"{where} raised an error, and afterwards"
        assert_hooks(count, own, when, "Put handle.remove() into `finally:`.")


def flags_after(learner, model, x, flags, training):
    """Whether each parameter requires a gradient, and whether the model is in training mode, after the call."""
    for parameter, flag in zip(model.parameters(), flags, strict=True):
        parameter.requires_grad_(flag)
    model.train(training)
    learner.activation_and_gradient(model, "blocks.0.lin", x, lambda logits: logits[:, 0].sum())
    return [parameter.requires_grad for parameter in model.parameters()], model.training


@checks("activation_and_gradient")
def test_the_model_is_left_as_it_was(submission, draw: Draw):
    """Parameters that were frozen stay frozen, the others stay trainable, and train or eval mode stays."""
    truth = Residual(draw, n_layers=4)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    flags = [True, False, *(draw.integer(0, 2) == 1 for _ in range(3))]
    flags = [flags[i] for i in draw.permutation(5).tolist()]
    for training in (True, False):
        after, mode = submission.run(flags_after, model, truth.x, flags, training)
        hint = "There is no need to change requires_grad: ask torch.autograd.grad for the one gradient you want."
        assert_equal(after, flags, "requires_grad of the parameters, after the call,", hint=hint)
        assert_equal(mode, training, "model.training, after the call,")


def trained_after(learner, model, x, direction):
    """One call of the learner's function, then a backward pass as in training: the first block's gradient."""
    learner.activation_and_gradient(model, "blocks.0.act", x, lambda logits: logits.sum())
    score = (model(x) * direction).sum()
    if score.requires_grad:
        score.backward()
    return model.blocks[0].lin.weight.grad


@checks("activation_and_gradient")
def test_training_goes_on_as_before(submission, draw: Draw):
    """A training step after the call gives the gradients that it would have given without it."""
    truth = Residual(draw, n_layers=2)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    direction = draw.normal(*truth.logits.shape)
    found = submission.run(trained_after, model, truth.x, direction)
    hint = "Is your hook still on the submodule, putting out your detached leaf? Or did your call add to `.grad`?"
    assert found is not None, "After the call, no gradient reaches the first block any more. " + hint
    at_lin = truth.back(direction.double(), 0) * (1 - truth.act[0] ** 2)
    expected = at_lin.T @ truth.x.double()
    assert_close(found, expected, "the gradient of blocks.0.lin.weight", hint=hint, rtol=1e-3, atol=1e-3)


def grads_after(learner, model, x, before):
    """Sets the `.grad` of all parameters but the last, calls the learner's function, returns all `.grad`."""
    parameters = list(model.parameters())
    for parameter, value in zip(parameters[:-1], before, strict=True):
        parameter.grad = value.clone()
    learner.activation_and_gradient(model, "blocks.0.lin", x, lambda logits: logits[:, 0].sum())
    return [parameter.grad for parameter in parameters]


@checks("activation_and_gradient")
def test_parameters_keep_the_gradients_that_they_had(submission, draw: Draw):
    """No parameter's `.grad` is changed: neither one that was set before, nor one that was None."""
    truth = Residual(draw, n_layers=2)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    before = [draw.normal(*matrix.shape) for matrix in truth.matrices]
    *after, last = submission.run(grads_after, model, truth.x, before)
    hint = "torch.autograd.grad(score, activation) returns the gradient; score.backward() adds to every .grad."
    assert last is None, "A parameter without a gradient has got one. " + hint
    for layer, (value, wanted) in enumerate(zip(after, before, strict=True)):
        gone = f"blocks.{layer}.lin.weight had a .grad before the call, and now it is gone. "
        assert value is not None, gone + "Clear no gradients: they belong to the caller. " + hint
        assert_close(value, wanted, f"the .grad of blocks.{layer}.lin.weight", hint=hint)


def wanting(learner, model, x):
    """Both results, each with a one added where the tensor still requires a gradient."""
    results = learner.activation_and_gradient(model, "blocks.1.lin", x, lambda logits: (logits**2).sum())
    return [result.detach() + float(result.requires_grad) for result in results]


@checks("activation_and_gradient")
def test_both_results_are_detached(submission, draw: Draw):
    """Neither result requires a gradient: else whoever keeps it keeps the record of the whole computation alive."""
    truth = Residual(draw, n_layers=2)
    model = submission.run(build_residual, truth.matrices, truth.unembed, False)
    activation, gradient = submission.run(wanting, model, truth.x)
    slope = truth.back(2 * truth.logits, 1) * (1 - truth.act[1] ** 2)
    for name, value, expected in (("activation", activation, truth.lin[1]), ("gradient", gradient, slope)):
        one_more = value.shape == expected.shape and torch.allclose(value - 1, expected.float(), rtol=1e-3, atol=1e-3)
        assert not one_more, f"The {name} still requires a gradient: return it with `.detach()`."
        assert_close(value, expected, f"the {name}", rtol=1e-3, atol=1e-3)
