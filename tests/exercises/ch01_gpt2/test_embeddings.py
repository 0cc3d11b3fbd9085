"""Checks of the lesson `embeddings`: cases worked by hand, loops over floats, torch's own functions, laws."""

import math

import torch
from torch import nn

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # embed
    Mistake(
        "embed",
        why="You left the positions out: the same token gets the same vector wherever it stands.",
        wrong="return W_E[tokens] + 0.0",
    ),
    Mistake(
        "embed",
        why="You left the tokens out: what you return are the positions alone.",
        wrong="return W_pos[: tokens.shape[-1]].expand(*tokens.shape, -1).clone()",
    ),
    Mistake(
        "embed",
        why="You looked `W_pos` up by the token. Its rows belong to places: the first position gets row 0, the next "
        "row 1, whatever stands there.",
        right="W_pos[: tokens.shape[-1]]",
        wrong="W_pos[tokens % len(W_pos)]",
    ),
    Mistake(
        "embed",
        why="You count positions from 1. The first position gets row 0 of `W_pos`.",
        right="W_pos[: tokens.shape[-1]]",
        wrong="W_pos.roll(-1, 0)[: tokens.shape[-1]]",
    ),
    Mistake(
        "embed",
        why="You took the last rows of `W_pos`. Positions are counted from the start: take the first ones.",
        right="W_pos[: tokens.shape[-1]]",
        wrong="W_pos[len(W_pos) - tokens.shape[-1] :]",
    ),
    Mistake(
        "embed",
        why="You added the same position to every token: position p gets row p of `W_pos`.",
        right="W_pos[: tokens.shape[-1]]",
        wrong="W_pos[0]",
    ),
    Mistake(
        "embed",
        why="You chose the position by the row of the batch. Every prompt begins at position 0: count along the last "
        "axis of `tokens`.",
        right="W_pos[: tokens.shape[-1]]",
        wrong="W_pos[torch.arange(len(tokens)) % len(W_pos)][:, None]",
    ),
    Mistake(
        "embed",
        why="You multiplied the embedding by sqrt(d_model). The first transformer did that; GPT-2 doesn't.",
        right="W_E[tokens]",
        wrong="W_E[tokens] * W_E.shape[1] ** 0.5",
    ),
    Mistake(
        "embed",
        why="You multiplied the two. The stream is a *sum*: add them.",
        right="W_E[tokens] + W_pos",
        wrong="W_E[tokens] * W_pos",
    ),
    Mistake(
        "embed",
        why="You cut the way back (`detach`, `.data` or a `no_grad`): the numbers are right, but neither table could "
        "be trained.",
        right="W_E[tokens] + W_pos[: tokens.shape[-1]]",
        wrong="(W_E[tokens] + W_pos[: tokens.shape[-1]]).detach()",
    ),
    # LayerNorm
    Mistake(
        "LayerNorm",
        why="You divide by d_model - 1 in the variance, as `torch.var` and `torch.std` do unless told otherwise. Here "
        "it is the plain mean of the squares: `correction=0`.",
        right="variance = centred.pow(2).mean(-1, keepdim=True)",
        wrong="variance = x.var(-1, keepdim=True)",
    ),
    Mistake(
        "LayerNorm",
        why="You add `eps` to the standard deviation. It belongs inside the root: sqrt(variance + eps).",
        right="(variance + self.eps).sqrt()",
        wrong="(variance.sqrt() + self.eps)",
    ),
    Mistake(
        "LayerNorm",
        why="`x.std(-1)` differs twice from what is asked for: it divides by d_model - 1 unless told otherwise, and "
        "`eps` then comes after the root. Take the variance with `correction=0`, add `eps`, then take the root.",
        right="(variance + self.eps).sqrt()",
        wrong="(x.std(-1, keepdim=True) + self.eps)",
    ),
    Mistake(
        "LayerNorm",
        why="You left `eps` out: a vector whose entries are all equal becomes 0 / 0.",
        right="(variance + self.eps).sqrt()",
        wrong="variance.sqrt()",
    ),
    Mistake(
        "LayerNorm",
        why="You use 1e-5 whatever `eps` is: take `self.eps`.",
        right="self.eps).sqrt()",
        wrong="1e-5).sqrt()",
    ),
    Mistake(
        "LayerNorm",
        why="You divide by the variance. Take its root first, else the result depends on the vector's scale.",
        right="(variance + self.eps).sqrt()",
        wrong="(variance + self.eps)",
    ),
    Mistake(
        "LayerNorm",
        why="You never take the mean away from what you divide.",
        right="return centred / ",
        wrong="return x / ",
    ),
    Mistake(
        "LayerNorm",
        why="You take the mean away but divide by the root mean square of the vector as it was before.",
        right="centred.pow(2)",
        wrong="x.pow(2)",
    ),
    Mistake(
        "LayerNorm",
        why="That is RMSNorm: take the mean away first.",
        right="x - x.mean(-1, keepdim=True)",
        wrong="x",
    ),
    Mistake(
        "LayerNorm",
        why="You took one mean and one variance over the whole tensor. Each vector has its own: the last axis only.",
        right="x - x.mean(-1, keepdim=True)\n"
        "# Subtle: the mean of squares less the square of the mean is the same on paper, but loses all its digits\n"
        "# where the mean is large.\n"
        "variance = centred.pow(2).mean(-1, keepdim=True)",
        wrong="x - x.mean()\nvariance = centred.pow(2).mean()",
    ),
    Mistake(
        "LayerNorm",
        why="You normalise over the first axis, as BatchNorm does: a vector then depends on the others of its batch. "
        "Use the last axis.",
        wrong="""
self.w = nn.Parameter(torch.ones(d_model))
self.b = nn.Parameter(torch.zeros(d_model))
### NEXT REGION
centred = x - x.mean(0, keepdim=True)
variance = centred.pow(2).mean(0, keepdim=True)
return centred / (variance + self.eps).sqrt() * self.w + self.b
""",
    ),
    Mistake(
        "LayerNorm",
        why="You shift before you scale: `w` comes first, and `b` is added at the end.",
        right="centred / (variance + self.eps).sqrt() * self.w + self.b",
        wrong="(centred / (variance + self.eps).sqrt() + self.b) * self.w",
    ),
    Mistake(
        "LayerNorm",
        why="You left `w` out of the forward pass.",
        right=" * self.w + self.b",
        wrong=" + self.b",
    ),
    Mistake(
        "LayerNorm",
        why="You left `b` out of the forward pass.",
        right=" * self.w + self.b",
        wrong=" * self.w",
    ),
    Mistake(
        "LayerNorm",
        why="`w` starts at zero: everything that goes through a new LayerNorm becomes zero. Start it at ones.",
        right="torch.ones(d_model)",
        wrong="torch.zeros(d_model)",
    ),
    Mistake(
        "LayerNorm",
        why="`w` and `b` are plain tensors, so the module doesn't know them: they are neither trained nor saved. Wrap "
        "each in `nn.Parameter`.",
        right="self.w = nn.Parameter(torch.ones(d_model))\nself.b = nn.Parameter(torch.zeros(d_model))",
        wrong="self.w = torch.ones(d_model)\nself.b = torch.zeros(d_model)",
    ),
    Mistake(
        "LayerNorm",
        why="`w` and `b` are buffers: saved and loaded, but no optimiser trains them. Make each an `nn.Parameter`.",
        right="self.w = nn.Parameter(torch.ones(d_model))\nself.b = nn.Parameter(torch.zeros(d_model))",
        wrong='self.register_buffer("w", torch.ones(d_model))\nself.register_buffer("b", torch.zeros(d_model))',
    ),
    Mistake(
        "LayerNorm",
        why="You compute the variance as the mean of the squares less the square of the mean. The two are nearly equal "
        "where the mean is large, and their difference is rounding error. Take the mean away first, then square.",
        right="centred.pow(2).mean(-1, keepdim=True)",
        wrong="x.pow(2).mean(-1, keepdim=True) - x.mean(-1, keepdim=True).pow(2)",
    ),
    Mistake(
        "LayerNorm",
        why="You cut the way back through the scale (`detach` or `no_grad`): the gradients are those of another "
        "function. That is a useful trick later, and wrong in training.",
        right="(variance + self.eps).sqrt()",
        wrong="(variance + self.eps).sqrt().detach()",
    ),
    # rms_norm
    Mistake(
        "rms_norm",
        why="You took the mean away. RMSNorm leaves it in: only the division is left of LayerNorm.",
        wrong="""
x = x - x.mean(-1, keepdim=True)
return x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt() * w
""",
    ),
    Mistake(
        "rms_norm",
        why="You divided `x` by its standard deviation: that is measured from the mean. The root mean square is "
        "measured from zero.",
        right="x.pow(2).mean(-1, keepdim=True)",
        wrong="x.var(-1, keepdim=True, correction=0)",
    ),
    Mistake(
        "rms_norm",
        why="You divided by the length of the vector, the root of the *sum* of its squares. Take their mean.",
        right="x.pow(2).mean(-1, keepdim=True)",
        wrong="x.pow(2).sum(-1, keepdim=True)",
    ),
    Mistake(
        "rms_norm",
        why="You add `eps` after the root. It belongs inside: sqrt(mean(x^2) + eps).",
        right="(x.pow(2).mean(-1, keepdim=True) + eps).sqrt()",
        wrong="(x.pow(2).mean(-1, keepdim=True).sqrt() + eps)",
    ),
    Mistake(
        "rms_norm",
        why="You left `eps` out: a vector of zeros becomes 0 / 0.",
        right="(x.pow(2).mean(-1, keepdim=True) + eps)",
        wrong="x.pow(2).mean(-1, keepdim=True)",
    ),
    Mistake(
        "rms_norm",
        why="You use 1e-5 whatever `eps` is.",
        right=" + eps)",
        wrong=" + 1e-5)",
    ),
    Mistake("rms_norm", why="You left `w` out.", right=".sqrt() * w", wrong=".sqrt()"),
    Mistake(
        "rms_norm",
        why="You scaled by 1 + w. Some models keep their `w` in that form; here `w` is the factor itself.",
        right=".sqrt() * w",
        wrong=".sqrt() * (1 + w)",
    ),
    Mistake(
        "rms_norm",
        why="You divide by the mean square itself. Take its root.",
        right=" + eps).sqrt()",
        wrong=" + eps)",
    ),
    Mistake(
        "rms_norm",
        why="You divide by the mean of the absolute values. Square, take the mean, then the root.",
        right="(x.pow(2).mean(-1, keepdim=True) + eps).sqrt()",
        wrong="(x.abs().mean(-1, keepdim=True).pow(2) + eps).sqrt()",
    ),
    Mistake(
        "rms_norm",
        why="You took one mean square over the whole tensor. Each vector has its own: use the last axis only.",
        right="mean(-1, keepdim=True)",
        wrong="mean()",
    ),
    # fold_layer_norm
    Mistake(
        "fold_layer_norm",
        why="You forgot what `b` does: each output gains b @ W, and the new bias must hold that.",
        right='bias + torch.einsum("d,d...->...", b, W)',
        wrong="bias + 0.0",
    ),
    Mistake(
        "fold_layer_norm",
        why="You read `b` through the matrix that is scaled by `w` already. In the LayerNorm `b` comes after `w`, so "
        "it is read by the old `W`.",
        right='torch.einsum("d,d...->...", b, W)',
        wrong='torch.einsum("d,d...->...", b, scaled)',
    ),
    Mistake(
        "fold_layer_norm",
        why="You read `b` through the new matrix, scaled and centred. `b` is added after the norm, and nothing takes "
        "its mean away: read it by the old `W`.",
        right='torch.einsum("d,d...->...", b, W)',
        wrong='torch.einsum("d,d...->...", b, scaled - scaled.mean(0))',
    ),
    Mistake(
        "fold_layer_norm",
        why="You read `b` through a centred matrix. Nothing takes the mean of `b` away: read it by the old `W`.",
        right='torch.einsum("d,d...->...", b, W)',
        wrong='torch.einsum("d,d...->...", b, W - W.mean(0))',
    ),
    Mistake(
        "fold_layer_norm",
        why="You left the old bias out: the new one is the old one plus b @ W.",
        right="bias + torch",
        wrong="torch",
    ),
    Mistake(
        "fold_layer_norm",
        why="You left the centring out. Behind a LayerNorm the map is right, but it doesn't ignore the mean yet: take "
        "away each output's mean over d_model.",
        right="scaled - scaled.mean(0)",
        wrong="scaled",
    ),
    Mistake(
        "fold_layer_norm",
        why="You centred along the outputs. It is the mean over what is *read*, the first axis, that must vanish.",
        right="scaled - scaled.mean(0)",
        wrong="scaled - scaled.mean(-1, keepdim=True)",
    ),
    Mistake(
        "fold_layer_norm",
        why="You took one mean over the whole matrix. Each output has its own: the mean over the first axis.",
        right="scaled.mean(0)",
        wrong="scaled.mean()",
    ),
    Mistake(
        "fold_layer_norm",
        why="You centred before you scaled by `w`, and the scaling brought the mean back. Scale first.",
        wrong="""
centred = W - W.mean(0)
return torch.einsum("d,d...->d...", w, centred), bias + torch.einsum("d,d...->...", b, W)
""",
    ),
    Mistake(
        "fold_layer_norm",
        why="You left `w` out: row d of the matrix is to be multiplied by `w[d]`.",
        right='torch.einsum("d,d...->d...", w, W)',
        wrong="W",
    ),
    Mistake(
        "fold_layer_norm",
        why="You divided by `w`. The norm multiplies by `w` before the matrix reads; so must the new matrix.",
        right='torch.einsum("d,d...->d...", w, W)',
        wrong='torch.einsum("d,d...->d...", 1 / w, W)',
    ),
    Mistake(
        "fold_layer_norm",
        why="You multiplied by `w[:, None]`: that lines `w` up with the second-last axis of `W`, which is d_model only "
        "where there is one axis of outputs. `w` belongs to the *first* axis, however many follow.",
        right='torch.einsum("d,d...->d...", w, W)',
        wrong="w[:, None] * W",
    ),
    Mistake(
        "fold_layer_norm",
        why="`w[:, None] * W` and `b @ W` both go along the second-last axis of `W`, which is d_model only where there "
        "is one axis of outputs. `w` and `b` belong to the *first* axis, however many follow.",
        wrong="""
scaled = w[:, None] * W
return scaled - scaled.mean(0), bias + b @ W
""",
    ),
    Mistake(
        "fold_layer_norm",
        why="You read `b` by `b @ W`: that sums over the second-last axis of `W`, which is d_model only where there is "
        "one axis of outputs. Sum over the *first* axis, however many follow.",
        right='torch.einsum("d,d...->...", b, W)',
        wrong="b @ W",
    ),
    # logit_shares
    Mistake(
        "logit_shares",
        why="You took `wrong` less `right`: all signs are turned. What speaks for `right` is positive.",
        right="direction = (W_U[:, right] - W_U[:, wrong]).T",
        wrong="right, wrong = wrong, right\ndirection = (W_U[:, right] - W_U[:, wrong]).T",
    ),
    Mistake(
        "logit_shares",
        why="You took each part out and let the norm divide by its new number. Those are effects, and they don't add "
        "up: all shares are taken with the scale of the whole stream.",
        wrong="""
prompts = torch.arange(len(right))
def difference(stream):
    centred = stream - stream.mean(-1, keepdim=True)
    logits = centred / (centred.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt() * norm.w + norm.b
    logits = logits @ W_U + b_U
    return logits[prompts, right] - logits[prompts, wrong]
whole = parts.sum(0)
shares = torch.stack([difference(whole) - difference(whole - part) for part in parts])
return torch.cat([shares, (difference(whole) - shares.sum(0))[None]])
""",
    ),
    Mistake(
        "logit_shares",
        why="You called `norm` on each part. That divides every part by its own spread, and adds `norm.b` to each of "
        "them. Divide all parts by the one number of the whole stream; `norm.b` belongs to the last row.",
        wrong="""
direction = (W_U[:, right] - W_U[:, wrong]).T
shares = (norm(parts) * direction).sum(-1)
return torch.cat([shares, (b_U[right] - b_U[wrong])[None]])
""",
    ),
    Mistake(
        "logit_shares",
        why="You called `norm` on each part. That divides every part by its own spread, and adds `norm.b` to each of "
        "them and once more to the last row. Divide all parts by the one number of the whole stream.",
        wrong="""
direction = (W_U[:, right] - W_U[:, wrong]).T
shares = (norm(parts) * direction).sum(-1)
return torch.cat([shares, (direction @ norm.b + b_U[right] - b_U[wrong])[None]])
""",
    ),
    Mistake(
        "logit_shares",
        why="You left the norm out altogether: `W_U` never reads the parts as they are, but less their means, divided "
        "by the stream's scale and times `norm.w`; and `norm.b` belongs to the last row.",
        wrong="""
direction = (W_U[:, right] - W_U[:, wrong]).T
return torch.cat([(parts * direction).sum(-1), (b_U[right] - b_U[wrong])[None]])
""",
    ),
    Mistake(
        "logit_shares",
        why="Of the norm you kept `b` alone. `W_U` reads each part less its mean, divided by the stream's scale and "
        "times `norm.w`.",
        right="(centred * norm.w * direction).sum(-1) / scale",
        wrong="(parts * direction).sum(-1)",
    ),
    Mistake(
        "logit_shares",
        why="You took the root of the sum of the parts' variances. Variances add up only where parts are "
        "uncorrelated: sum the parts first, then take the variance of that sum.",
        right="(centred.sum(0).pow(2).mean(-1) + norm.eps).sqrt()",
        wrong="(centred.pow(2).mean(-1).sum(0) + norm.eps).sqrt()",
    ),
    Mistake(
        "logit_shares",
        why="You normalised each part by its own standard deviation. The norm divides the whole stream by one number, "
        "that of the sum: only with it do the shares add up.",
        right="(centred.sum(0).pow(2).mean(-1) + norm.eps).sqrt()",
        wrong="(centred.pow(2).mean(-1) + norm.eps).sqrt()",
    ),
    Mistake(
        "logit_shares",
        why="You left the division by the norm's scale out.",
        right="(centred * norm.w * direction).sum(-1) / scale",
        wrong="(centred * norm.w * direction).sum(-1)",
    ),
    Mistake(
        "logit_shares",
        why="You left the norm's `w` out: it stretches each axis of the stream before `W_U` reads it.",
        right="centred * norm.w * direction",
        wrong="centred * direction",
    ),
    Mistake(
        "logit_shares",
        why="You didn't take each part's mean away. The norm removes the mean of the stream, and that is the sum of "
        "the parts' means.",
        right="(centred * norm.w * direction)",
        wrong="(parts * norm.w * direction)",
    ),
    Mistake(
        "logit_shares",
        why="You took the mean of the whole stream away from every part. Each part has a mean of its own.",
        right="(centred * norm.w * direction)",
        wrong="((parts - parts.sum(0).mean(-1, keepdim=True)) * norm.w * direction)",
    ),
    Mistake(
        "logit_shares",
        why="You forgot `norm.b`: it is added to every stream, so its share belongs to the last row.",
        right="direction @ norm.b + b_U[right]",
        wrong="b_U[right]",
    ),
    Mistake(
        "logit_shares",
        why="You forgot `b_U`: its two entries differ, and the difference belongs to the last row.",
        right="direction @ norm.b + b_U[right] - b_U[wrong]",
        wrong="direction @ norm.b",
    ),
    Mistake(
        "logit_shares",
        why="You divided the share of `norm.b` by the scale. It is added after the division.",
        right="direction @ norm.b +",
        wrong="direction @ norm.b / scale +",
    ),
    Mistake(
        "logit_shares",
        why="You measured the logit of `right` alone; take that of `wrong` away.",
        wrong="""
direction = W_U[:, right].T
centred = parts - parts.mean(-1, keepdim=True)
scale = (centred.sum(0).pow(2).mean(-1) + norm.eps).sqrt()
shares = (centred * norm.w * direction).sum(-1) / scale
return torch.cat([shares, (direction @ norm.b + b_U[right])[None]])
""",
    ),
    Mistake(
        "logit_shares",
        why="You left `eps` out of the scale.",
        right=" + norm.eps)",
        wrong=")",
    ),
    Mistake(
        "logit_shares",
        why="You divide by d_model - 1 in the variance (torch's default). The norm takes the plain mean of squares.",
        right="centred.sum(0).pow(2).mean(-1)",
        wrong="parts.sum(0).var(-1)",
    ),
    Mistake(
        "logit_shares",
        why="You took the scale from the mean of the parts. The stream is their sum.",
        right="centred.sum(0)",
        wrong="centred.mean(0)",
    ),
    Mistake(
        "logit_shares",
        why="You turned the shares into fractions of the whole. A share is in logits, so that it can be compared "
        "between prompts; and where the whole is near zero, fractions explode.",
        right="return torch.cat([shares, constant[None]])",
        wrong="every = torch.cat([shares, constant[None]])\nreturn every / every.sum(0)",
    ),
    Mistake(
        "logit_shares",
        why="You took each part out and ran the norm anew, with another scale each time. That is an ablation, a good "
        "question too; but its answers don't add up. Hold the scale of the whole stream fixed.",
        wrong="""
def difference(stream):
    centred = stream - stream.mean(-1, keepdim=True)
    out = centred / (centred.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt() * norm.w + norm.b
    return (out * (W_U[:, right] - W_U[:, wrong]).T).sum(-1)

whole = parts.sum(0)
shares = torch.stack([difference(whole) - difference(whole - part) for part in parts])
constant = (W_U[:, right] - W_U[:, wrong]).T @ norm.b + b_U[right] - b_U[wrong]
return torch.cat([shares, constant[None]])
""",
    ),
    Mistake(
        "logit_shares",
        why="You put the biases' share first. It belongs in the last row, so that row i is part i.",
        right="[shares, constant[None]]",
        wrong="[constant[None], shares]",
    ),
]

ALTERNATIVES = [
    Alternative(
        "embed",
        how="with nn.functional and arange",
        code="""
positions = torch.arange(tokens.shape[1])
return nn.functional.embedding(tokens, W_E) + nn.functional.embedding(positions, W_pos)
""",
    ),
    Alternative(
        "embed",
        how="as a one-hot product",
        code="""
one_hot = nn.functional.one_hot(tokens, W_E.shape[0]).to(W_E.dtype)
return one_hot @ W_E + W_pos[None, : tokens.size(1), :]
""",
    ),
    Alternative(
        "embed",
        how="row by row",
        code="""
rows = [torch.stack([W_E[t] + W_pos[p] for p, t in enumerate(row)]) for row in tokens.tolist()]
return torch.stack(rows)
""",
    ),
    Alternative(
        "LayerNorm",
        how="torch's own",
        code="""
self.w = nn.Parameter(torch.ones(d_model))
self.b = nn.Parameter(torch.zeros(d_model))
### NEXT REGION
return nn.functional.layer_norm(x, x.shape[-1:], self.w, self.b, self.eps)
""",
    ),
    Alternative(
        "LayerNorm",
        how="by var_mean and rsqrt",
        code="""
self.w, self.b = nn.Parameter(torch.empty(d_model).fill_(1)), nn.Parameter(torch.empty(d_model).fill_(0))
### NEXT REGION
variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
return (x - mean) * torch.rsqrt(variance + self.eps) * self.w + self.b
""",
    ),
    Alternative(
        "LayerNorm",
        how="by the biased standard deviation",
        code="""
self.register_parameter("b", nn.Parameter(torch.zeros(d_model)))
self.register_parameter("w", nn.Parameter(torch.ones(d_model)))
### NEXT REGION
var = x.var(dim=-1, unbiased=False).unsqueeze(-1)
return torch.addcmul(self.b, (x - x.mean(dim=-1).unsqueeze(-1)) / torch.sqrt(var + self.eps), self.w)
""",
    ),
    Alternative("rms_norm", how="torch's own", code="return nn.functional.rms_norm(x, x.shape[-1:], w, eps)"),
    Alternative(
        "rms_norm",
        how="by the vector's length and rsqrt",
        code="""
mean_square = x.norm(dim=-1, keepdim=True) ** 2 / x.shape[-1]
return w * (x * torch.rsqrt(mean_square + eps))
""",
    ),
    Alternative(
        "fold_layer_norm",
        how="flattened, with matrices",
        code="""
flat = W.flatten(1) if W.ndim > 1 else W[:, None]
centre = torch.eye(len(w), dtype=W.dtype) - 1 / len(w)
return (centre @ torch.diag(w) @ flat).reshape(W.shape), bias + (b @ flat).reshape(bias.shape)
""",
    ),
    Alternative(
        "fold_layer_norm",
        how="with tensordot and a view",
        code="""
tall = w.view(-1, *[1] * (W.ndim - 1)) * W
return tall - tall.mean(dim=0, keepdim=True), torch.tensordot(b, W, dims=1) + bias
""",
    ),
    Alternative(
        "logit_shares",
        how="by folding the norm into the direction first",
        code="""
direction = (W_U[:, right] - W_U[:, wrong]).T
read = direction * norm.w
read = read - read.mean(-1, keepdim=True)
scale = (parts.sum(0).var(-1, correction=0) + norm.eps).sqrt()
shares = torch.einsum("pbd,bd->pb", parts, read / scale[:, None])
constant = torch.einsum("bd,d->b", direction, norm.b) + (b_U[right] - b_U[wrong])
return torch.cat([shares, constant.unsqueeze(0)])
""",
    ),
    Alternative(
        "logit_shares",
        how="all logits of each part, the biases as what is missing from the whole",
        code="""
stream = parts.sum(0)
scale = (stream.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
rows = torch.arange(parts.shape[1])

def difference(logits):
    return logits[rows, right] - logits[rows, wrong]

shares = [difference((part - part.mean(-1, keepdim=True)) / scale * norm.w @ W_U) for part in parts]
whole = difference(norm(stream) @ W_U + b_U)
return torch.stack([*shares, whole - sum(shares)])
""",
    ),
    Alternative(
        "logit_shares",
        how="by gradient times part, with the scale detached",
        code="""
leaf = parts.detach().clone().requires_grad_()
stream = leaf.sum(0)
scale = (stream.var(-1, correction=0, keepdim=True) + norm.eps).sqrt().detach()
out = (stream - stream.mean(-1, keepdim=True)) / scale * norm.w.detach()
direction = (W_U[:, right] - W_U[:, wrong]).T
with torch.enable_grad():
    (slope,) = torch.autograd.grad((out * direction).sum(), leaf)
constant = direction @ norm.b.detach() + b_U[right] - b_U[wrong]
return torch.cat([(slope * parts).sum(-1), constant[None]])
""",
    ),
]

# --- oracles: plain Python over floats ------------------------------------------------------------


def normalised(row: list[float], eps: float) -> list[float]:
    """One vector, its mean taken away, divided by the root of variance plus eps."""
    mean = math.fsum(row) / len(row)
    variance = math.fsum((value - mean) ** 2 for value in row) / len(row)
    return [(value - mean) / math.sqrt(variance + eps) for value in row]


def layer_norm_of(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, eps: float) -> torch.Tensor:
    """LayerNorm of each vector of `x`, in float64, one float at a time."""
    rows = [normalised(row, eps) for row in x.double().reshape(-1, x.shape[-1]).tolist()]
    return torch.tensor(rows, dtype=torch.float64).reshape(x.shape) * w.double() + b.double()


def dot(first: list[float], second: list[float]) -> float:
    """The sum of products."""
    return math.fsum(one * other for one, other in zip(first, second, strict=True))


# --- embed ----------------------------------------------------------------------------------------


def embedded(tokens: torch.Tensor, table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """One entry at a time."""
    width = range(table.shape[1])
    return torch.tensor(
        [
            [[table[t, i].item() + places[p, i].item() for i in width] for p, t in enumerate(row)]
            for row in tokens.tolist()
        ],
        dtype=table.dtype,
    )


@checks("embed")
def test_a_case_worked_by_hand(submission):
    """Two tokens, three positions: each gets its own row of either table."""
    table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 6.0]])
    places = torch.tensor([[10.0, 10.0], [20.0, 20.0], [30.0, 30.0], [40.0, 40.0]])
    expected = torch.tensor([[[10.0, 11.0], [21.0, 20.0], [30.0, 31.0]]])
    hint = "Position p of the result is W_E[the token there] + W_pos[p]."
    assert_close(submission.embed(torch.tensor([[1, 0, 1]]), table, places), expected, "the stream", hint=hint)


@checks("embed")
def test_every_entry_is_token_plus_position(submission, draw: Draw):
    """Entry by entry, the result is the token's row plus the position's row; there are more positions than needed."""
    batch, pos, d_model, d_vocab = draw.sizes(4, low=3)
    for tall in (d_vocab, 20 + d_vocab):
        tokens, table = draw.integers(0, tall, batch, pos), draw.normal(tall, d_model)
        tokens[0, 0], tokens[-1, -1], tokens[1, 0] = tall - 1, 0, tall - 1
        places = draw.normal(pos + draw.integer(2, 6), d_model)
        hint = "Take the first rows of W_pos, as many as there are positions in `tokens`."
        assert_close(submission.embed(tokens, table, places), embedded(tokens, table, places), "the stream", hint=hint)


@checks("embed")
def test_prompts_as_long_as_the_context_and_as_short_as_one_token(submission, draw: Draw):
    """All of W_pos may be needed, or one row of it; and a batch may hold one prompt."""
    d_vocab, d_model, n_ctx, batch = draw.sizes(4, low=3)
    table, places = draw.normal(d_vocab, d_model), draw.normal(n_ctx, d_model)
    for rows, pos in ((batch, n_ctx), (batch, 1), (1, n_ctx), (1, 1)):
        tokens = draw.integers(0, d_vocab, rows, pos)
        what = f"the stream of {rows} x {pos} tokens, where n_ctx is {n_ctx},"
        assert_close(submission.embed(tokens, table, places), embedded(tokens, table, places), what)


@checks("embed")
def test_sizes_of_a_real_model(submission, draw: Draw):
    """A vocabulary of thousands and wide vectors, in float64, which stays float64."""
    table, places = draw.normal(3000, 96).double() * math.pi, draw.normal(70, 96).double() * math.pi
    tokens = draw.integers(0, 3000, 3, 65)
    found = submission.embed(tokens, table, places)
    assert_equal(str(found.dtype), "torch.float64", "the dtype of the result for float64 tables")
    expected = table[tokens.flatten()].reshape(3, 65, 96) + torch.stack([places[p] for p in range(65)])
    assert_close(found, expected, "the stream", rtol=1e-12, atol=1e-12)


def slopes(learner, tokens, table, places, weight):
    """The gradients of a weighted sum of the result, for both tables; None where nothing flows back."""
    table, places = table.clone().requires_grad_(), places.clone().requires_grad_()
    score = (learner.embed(tokens, table, places) * weight).sum()
    if not score.requires_grad:
        return None, None
    return torch.autograd.grad(score, (table, places), allow_unused=True)


@checks("embed")
def test_both_tables_can_be_trained(submission, draw: Draw):
    """A gradient flows back to the rows that were looked up: from every place where a token stands, added up."""
    batch, pos, d_model, d_vocab = draw.sizes(4, low=3)
    tokens, weight = draw.integers(0, d_vocab, batch, pos), draw.normal(batch, pos, d_model)
    table, places = draw.normal(d_vocab, d_model), draw.normal(pos + 2, d_model)
    for_table, for_places = torch.zeros(d_vocab, d_model), torch.zeros(pos + 2, d_model)
    for row, place in ((r, p) for r in range(batch) for p in range(pos)):
        for_table[tokens[row, place]] += weight[row, place]
        for_places[place] += weight[row, place]
    found = submission.run(slopes, tokens, table, places, weight)
    for name, got, wanted in zip(("W_E", "W_pos"), found, (for_table, for_places), strict=True):
        hint = "Index the tables you were given: no detach(), no .data, no torch.tensor(...) of their numbers."
        assert got is not None, f"No gradient reaches {name}. {hint}"
        assert_close(got, wanted, f"the gradient at {name}", hint=hint)


# --- LayerNorm ------------------------------------------------------------------------------------


def parameter_names(learner, module):
    """The names of what an optimiser would train."""
    return sorted(name for name, value in module.named_parameters() if value.requires_grad)


def set_weights(module, w: torch.Tensor, b: torch.Tensor) -> None:
    """Gives the learner's module these weights."""
    module.set("w", w)
    module.set("b", b)


@checks("LayerNorm")
def test_a_new_layer_norm_has_w_of_ones_and_b_of_zeros(submission, draw: Draw):
    """Its parameters are `w` and `b`, of shape [d_model], and they change nothing at first."""
    for d_model in (*draw.sizes(2), 300):
        module = submission.LayerNorm(d_model)
        state = module.state_dict()
        hint = "self.w = nn.Parameter(torch.ones(d_model)), and `b` likewise, with zeros."
        assert_equal(sorted(state), ["b", "w"], f"the names in LayerNorm({d_model}).state_dict()", hint=hint)
        assert_equal(submission.run(parameter_names, module), ["b", "w"], "the names of the parameters", hint=hint)
        assert_close(state["w"], torch.ones(d_model), "a new `w`", hint=hint, rtol=0, atol=0)
        assert_close(state["b"], torch.zeros(d_model), "a new `b`", hint=hint, rtol=0, atol=0)


@checks("LayerNorm")
def test_layer_norm_worked_by_hand(submission):
    """[0, 4] has the mean 2 and the variance 4; with eps = 5 the root is 3."""
    module = submission.LayerNorm(2, 5.0)
    x = torch.tensor([[0.0, 4.0], [14.0, 10.0]])
    first = torch.tensor([[-2.0, 2.0], [2.0, -2.0]]) / 3
    hint = "The variance is the mean of the squared distances from the mean, and eps is added to it inside of the root."
    assert_close(module(x), first, "LayerNorm with eps = 5 of [[0, 4], [14, 10]]", hint=hint)
    set_weights(module, torch.tensor([3.0, 30.0]), torch.tensor([100.0, 200.0]))
    expected = torch.tensor([[98.0, 220.0], [102.0, 180.0]])
    assert_close(module(x), expected, "the same with w = [3, 30] and b = [100, 200]", hint="Scale by w, then add b.")


@checks("LayerNorm")
def test_layer_norm_is_right_for_tensors_of_any_shape(submission, draw: Draw):
    """One vector, a batch, a batch of positions: each vector along the last axis is normalised by itself."""
    batch, pos, d_model, extra = draw.sizes(4, low=3)
    module, eps = submission.LayerNorm(d_model, 0.3), 0.3
    w, b = 1 + draw.normal(d_model), draw.normal(d_model)
    set_weights(module, w, b)
    for shape in ((d_model,), (batch, d_model), (batch, pos, d_model), (extra, 1, pos, d_model)):
        x = 3 * draw.normal(*shape) + draw.normal(*shape[:-1], 1)
        hint = "Usual causes: the variance is divided by d_model - 1 (torch's default; `correction=0` turns it off), "
        hint += "eps is added outside of the root, or mean and variance aren't over the last axis alone."
        what = f"LayerNorm of a tensor of shape {shape}"
        assert_close(module(x), layer_norm_of(x, w, b, eps), what, hint=hint, rtol=1e-3)


@checks("LayerNorm")
def test_it_agrees_with_torch(submission, draw: Draw):
    """It agrees with torch.nn.LayerNorm at the size of GPT-2, in value and in all gradients."""
    x, weight = 5 * draw.normal(2, 3, 768) + draw.normal(1, 1, 768), draw.normal(2, 3, 768)
    torchs = nn.LayerNorm(768)
    torchs.weight.data, torchs.bias.data = draw.normal(768), draw.normal(768)
    module = submission.LayerNorm(768)
    set_weights(module, torchs.weight.data, torchs.bias.data)
    leaf = x.clone().requires_grad_()
    out = torchs(leaf)
    hint = "If all are off by a little: is the variance divided by d_model - 1, or eps added outside of the root?"
    assert_close(module(x), out.detach(), "LayerNorm of 2 x 3 vectors of 768", hint=hint, rtol=1e-4, atol=1e-4)
    wanted = torch.autograd.grad((out * weight).sum(), (leaf, torchs.weight, torchs.bias))
    found = submission.run(norm_slopes, module, x, weight)
    for name, got, want in zip(("x", "w", "b"), found, wanted, strict=True):
        hint = "Is there a detach() or a no_grad on the way? Mean and variance depend on x as well."
        assert got is not None, f"No gradient reaches {name}. {hint}"
        assert_close(got, want, f"the gradient at {name}", hint=hint, rtol=1e-3, atol=1e-3)


def norm_slopes(learner, module, x, weight):
    """The gradients of a weighted sum of the module's output at its input, w and b."""
    x = x.clone().requires_grad_()
    score = (module(x) * weight).sum()
    if not score.requires_grad:
        return None, None, None
    return [
        torch.autograd.grad(score, leaf, retain_graph=True, allow_unused=True)[0] if leaf.requires_grad else None
        for leaf in (x, module.w, module.b)
    ]


@checks("LayerNorm")
def test_scale_and_mean_are_forgotten(submission, draw: Draw):
    """A vector, the same vector times 50, and that plus 20: one result. Turned over, the result turns over."""
    batch, d_model = draw.sizes(2, low=4)
    x = draw.permutation(d_model).float() + 0.3 * draw.normal(batch, d_model)
    plain = layer_norm_of(x, torch.ones(d_model), torch.zeros(d_model), 1e-5)
    module = submission.LayerNorm(d_model)
    hint = "Take the mean away, then divide by the standard deviation, with d_model in the variance, not d_model - 1."
    for changed, sign, name in ((50 * x, 1, "50 x"), (50 * x + 20, 1, "50 x + 20"), (-x - 7, -1, "-x - 7")):
        assert_close(module(changed), sign * plain, f"LayerNorm of {name}", hint=hint, rtol=1e-3, atol=1e-3)


@checks("LayerNorm")
def test_tiny_and_constant_vectors_stay_finite(submission, draw: Draw):
    """Where the variance is far below eps, eps decides: and equal entries give exactly `b`, not 0 / 0."""
    d_model = draw.integer(4, 9)
    ones, b = torch.ones(d_model), draw.normal(d_model)
    tiny = 1e-4 * draw.normal(3, d_model)
    hint = "sqrt(variance + eps): eps stands inside of the root."
    expected = layer_norm_of(tiny, ones, 0 * ones, 1e-5)
    assert_close(
        submission.LayerNorm(d_model)(tiny), expected, "LayerNorm of vectors of size 0.0001", hint=hint, rtol=1e-3
    )
    module = submission.LayerNorm(d_model, 0.01)
    set_weights(module, ones, b)
    expected = layer_norm_of(100 * tiny, ones, b, 0.01)
    own = "The root is sqrt(variance + self.eps), and the variance divides by d_model, not by d_model - 1."
    assert_close(module(100 * tiny), expected, "LayerNorm with eps = 0.01", hint=own, rtol=1e-3)
    assert_close(module(torch.full((2, d_model), 4.0)), b.expand(2, -1), "LayerNorm of equal entries", hint=hint)


@checks("LayerNorm")
def test_a_large_mean_costs_no_digits(submission, draw: Draw):
    """Entries near 4096 that differ by a few: the differences are what counts, and they come out right."""
    d_model = draw.integer(10, 30)
    x = 4096.0 + torch.stack([draw.permutation(d_model) % 7 for _ in range(16)])
    ones = torch.ones(d_model)
    hint = "Usual causes: the squares are taken before the mean is taken away, or the variance is divided by "
    hint += "d_model - 1 (torch's default)."
    expected = layer_norm_of(x, ones, 0 * ones, 1e-5)
    assert_close(submission.LayerNorm(d_model)(x), expected, "LayerNorm of x + 4096", hint=hint, rtol=1e-3, atol=5e-3)


def in_double(learner, d_model, x):
    """A LayerNorm in float64, on x in float64; and its state afterwards."""
    module = learner.LayerNorm(d_model).double()
    out = module(x)
    return out, module.w, module.b


@checks("LayerNorm")
def test_float64_stays_float64_and_w_and_b_stay_as_they_are(submission, draw: Draw):
    """Made `.double()`, the module computes in float64; and a forward pass changes no parameter."""
    batch, d_model = draw.sizes(2, low=3)
    x = math.pi * draw.normal(batch, d_model).double()
    out, w, b = submission.run(in_double, d_model, x)
    ones = torch.ones(d_model)
    assert_equal(str(out.dtype), "torch.float64", "the dtype of the result")
    assert_close(out, layer_norm_of(x, ones, 0 * ones, 1e-5), "LayerNorm in float64", rtol=1e-9, atol=1e-9)
    assert_close(w, ones, "`w` after a forward pass", rtol=0, atol=0)
    assert_close(b, 0 * ones, "`b` after a forward pass", rtol=0, atol=0)


# --- rms_norm -------------------------------------------------------------------------------------


def rms_of(x: torch.Tensor, w: torch.Tensor, eps: float) -> torch.Tensor:
    """RMSNorm of each vector, in float64, one float at a time."""
    rows = []
    for row in x.double().reshape(-1, x.shape[-1]).tolist():
        root = math.sqrt(math.fsum(value * value for value in row) / len(row) + eps)
        rows.append([value / root for value in row])
    return torch.tensor(rows, dtype=torch.float64).reshape(x.shape) * w.double()


@checks("rms_norm")
def test_rms_norm_worked_by_hand(submission):
    """[1, 7] has the mean square 25; with eps = 11 the root is 6."""
    x, w = torch.tensor([1.0, 7.0]), torch.tensor([10.0, 5.0])
    assert_close(submission.rms_norm(x, w, 0.0), torch.tensor([2.0, 7.0]), "rms_norm([1, 7], [10, 5], 0)")
    expected = torch.tensor([10.0, 35.0]) / 6
    assert_close(submission.rms_norm(x, w, 11.0), expected, "rms_norm([1, 7], [10, 5], 11)", hint="sqrt(25 + 11) = 6.")


@checks("rms_norm")
def test_rms_norm_is_right_for_tensors_of_any_shape(submission, draw: Draw):
    """Each vector along the last axis is divided by its own root mean square."""
    batch, pos, d_model, extra = draw.sizes(4, low=3)
    w, eps = draw.normal(d_model), 0.4
    for shape in ((d_model,), (batch, d_model), (batch, pos, d_model), (extra, 1, pos, d_model), (2, 700)):
        w = draw.normal(shape[-1])
        x = 3 * draw.normal(*shape) + draw.normal(*shape[:-1], 1)
        what, hint = f"RMSNorm of a tensor of shape {shape}", "The mean of the squares is over the last axis only."
        assert_close(submission.rms_norm(x, w, eps), rms_of(x, w, eps), what, hint=hint, rtol=1e-3)


@checks("rms_norm")
def test_rms_norm_agrees_with_torch_in_float64(submission, draw: Draw):
    """It agrees with torch's rms_norm to twelve digits, and float64 stays float64."""
    batch, d_model = draw.sizes(2, low=4)
    x, w = math.pi * draw.normal(batch, d_model).double(), draw.normal(d_model).double()
    found = submission.rms_norm(x, w)
    assert_equal(str(found.dtype), "torch.float64", "the dtype of the result")
    expected = nn.functional.rms_norm(x, (d_model,), w, 1e-5)
    assert_close(found, expected, "RMSNorm", rtol=1e-12, atol=1e-12)


@checks("rms_norm")
def test_rms_norm_forgets_the_scale_but_not_the_mean(submission, draw: Draw):
    """A vector times 50 gives what the vector gives; the vector plus 2 doesn't."""
    batch, d_model = draw.sizes(2, low=4)
    x, w = 1 + draw.normal(batch, d_model), 1 + draw.uniform(d_model)
    plain = rms_of(x, w, 0.0)
    assert_close(submission.rms_norm(50 * x, w), plain, "RMSNorm of 50 x", rtol=1e-3, atol=1e-3)
    moved = rms_of(x + 2, w, 0.0)
    hint = "Nothing is subtracted: the mean stays in."
    assert_close(submission.rms_norm(x + 2, w), moved, "RMSNorm of x + 2", hint=hint, rtol=1e-3, atol=1e-3)


@checks("rms_norm")
def test_tiny_vectors_and_zeros_stay_finite(submission, draw: Draw):
    """Where the mean square is far below eps, eps decides; a vector of zeros stays zero."""
    d_model = draw.integer(3, 9)
    x, w = 1e-4 * draw.normal(4, d_model), draw.normal(d_model)
    x[2] = 0
    hint = "sqrt(mean(x^2) + eps): eps stands inside of the root."
    assert_close(submission.rms_norm(x, w), rms_of(x, w, 1e-5), "RMSNorm of tiny vectors", hint=hint, rtol=1e-3)


# --- a norm and its logits, for the checks below --------------------------------------------------


def build_norm(learner, w, b, eps):
    """A LayerNorm of the check's own."""

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.b, self.eps = nn.Parameter(w.clone()), nn.Parameter(b.clone()), eps
            self.requires_grad_(False)

        def forward(self, x):
            return nn.functional.layer_norm(x, x.shape[-1:], self.w, self.b, self.eps)

    return Norm()


def assert_untouched(norm, w: torch.Tensor, b: torch.Tensor) -> None:
    """The norm that was passed still has its weights."""
    hint = "The norm belongs to the model: read from it, and change nothing in it."
    assert_close(norm.get("w"), w, "norm.w after the call", hint=hint, rtol=0, atol=0)
    assert_close(norm.get("b"), b, "norm.b after the call", hint=hint, rtol=0, atol=0)


def logits_of(normal: torch.Tensor, to_vocab: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The map, one logit at a time."""
    columns = to_vocab.double().T.tolist()
    rows = normal.double().reshape(-1, normal.shape[-1]).tolist()
    flat = torch.tensor([[dot(row, column) for column in columns] for row in rows], dtype=torch.float64)
    return flat.reshape(*normal.shape[:-1], len(columns)) + bias.double()


# --- fold_layer_norm ------------------------------------------------------------------------------


def read(x: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`x @ matrix + bias`, for a matrix with any number of axes of outputs, in float64."""
    return torch.tensordot(x.double(), matrix.double(), dims=1) + bias.double()


def shapes_of_outputs(d_model: int, sizes: list[int]) -> list[list[int]]:
    """From no axis of outputs to three.

    The second has as many heads as there are dimensions: `w` along a wrong axis then fits too, and only its numbers
    tell.
    """
    return [sizes[:1], [d_model, sizes[0]], [], sizes[:2], sizes]


@checks("fold_layer_norm")
def test_folding_worked_by_hand(submission):
    """Two dimensions, one output; then three dimensions, two outputs."""
    w, b = torch.tensor([2.0, 2.0]), torch.tensor([1.0, 0.0])
    matrix, bias = submission.fold_layer_norm(w, b, torch.tensor([[3.0], [1.0]]), torch.tensor([10.0]))
    assert_close(matrix, torch.tensor([[2.0], [-2.0]]), "the new matrix", hint="w makes it [[6], [2]]: its mean is 4.")
    assert_close(bias, torch.tensor([13.0]), "the new bias", hint="10 and what W reads from b: 1 * 3 + 0 * 1.")
    w, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0, -1.0])
    old = torch.tensor([[3.0, 0.0], [6.0, 3.0], [1.0, 1.0]])
    matrix, bias = submission.fold_layer_norm(w, b, old, torch.tensor([0.5, -0.5]))
    hint = "Row d is multiplied by w[d]; then each column's mean (6 and 3) is taken away."
    assert_close(matrix, torch.tensor([[-3.0, -3.0], [6.0, 3.0], [-3.0, 0.0]]), "the new matrix", hint=hint)
    hint = "The old bias, plus the sum over d of b[d] * W[d]."
    assert_close(bias, torch.tensor([8.5, 1.5]), "the new bias", hint=hint)


@checks("fold_layer_norm")
def test_the_function_stays_the_same(submission, draw: Draw):
    """The new map behind a bare norm gives what the old one gave behind LayerNorm, for any stream, to 1e-5."""
    d_model, *sizes, batch = draw.sizes(5, low=3)
    for out in shapes_of_outputs(d_model, sizes):
        w, b = 1 + draw.normal(d_model), draw.normal(d_model)
        old, bias = draw.normal(d_model, *out) + 0.5, draw.normal(1, *out)[0]
        x = 3 * draw.normal(batch, d_model) + draw.normal(batch, 1)
        wanted = read(layer_norm_of(x, w, b, 1e-5), old, bias)
        new, new_bias = submission.fold_layer_norm(w, b, old, bias)
        bare = layer_norm_of(x, torch.ones(d_model), torch.zeros(d_model), 1e-5)
        what = f"what the new map reads, with W of shape {(d_model, *out)},"
        hint = "LayerNorm is n * w + b, with n the bare norm: multiply out (n * w + b) @ W + bias. "
        hint += "`w` and `b` go along the first axis of W, however many axes follow."
        assert_close(read(bare, new, new_bias), wanted, what, hint=hint, rtol=1e-5, atol=2e-5)


@checks("fold_layer_norm")
def test_the_new_matrix_ignores_the_mean(submission, draw: Draw):
    """Along d_model each output's entries sum to zero, so that the stream's mean may stay where it is."""
    d_model, *sizes, batch = draw.sizes(5, low=3)
    for out in shapes_of_outputs(d_model, sizes):
        w, b = 1 + draw.normal(d_model), draw.normal(d_model)
        old, bias = draw.normal(d_model, *out) + 0.5, draw.normal(1, *out)[0]
        new, new_bias = submission.fold_layer_norm(w, b, old, bias)
        hint = "Take away the mean along d_model, the first axis, after scaling by w."
        what = f"the sum of the new matrix of shape {(d_model, *out)} along d_model"
        assert_close(new.sum(0), torch.zeros(out), what, hint=hint, atol=1e-4)
        x = 3 * draw.normal(batch, d_model) + 5 * draw.normal(batch, 1)
        std = x.double().var(-1, correction=0, keepdim=True).sqrt()
        wanted = read(layer_norm_of(x, w, b, 0.0), old, bias)
        what = "what the new map reads from x / std, with x not centred,"
        hint = "The matrix ignores the mean, as it should; what is left to go wrong are `w`, `b` and the old bias."
        assert_close(read(x / std, new, new_bias), wanted, what, hint=hint, rtol=1e-4, atol=1e-4)


@checks("fold_layer_norm")
def test_folding_at_the_size_of_a_model_in_float64(submission, draw: Draw):
    """192 dimensions, heads of 32, in float64: twelve digits, and the result is float64 too."""
    w, b = draw.normal(192).double(), draw.normal(192).double()
    x = draw.normal(4, 192).double() + 2
    bare, normal = layer_norm_of(x, torch.ones(192), torch.zeros(192), 1e-5), layer_norm_of(x, w, b, 1e-5)
    for out in ((192, 2), (3, 32)):
        old, bias = draw.normal(192, *out).double() + 1, draw.normal(*out).double()
        new, new_bias = submission.fold_layer_norm(w, b, old, bias)
        assert_equal(str(new.dtype), "torch.float64", "the dtype of the new matrix")
        what = f"what the new map reads, with W of shape {(192, *out)},"
        assert_close(read(bare, new, new_bias), read(normal, old, bias), what, rtol=1e-10, atol=1e-10)
        assert_close(new.mean(0), torch.zeros(out), "the mean of the new matrix along d_model", atol=1e-12)


# --- logit_shares ---------------------------------------------------------------------------------


class Case:
    """Parts of a stream, a final norm and an unembedding, with sizes that differ on all axes."""

    def __init__(self, draw: Draw, *, n_parts: int | None = None, spread: float = 1.0):
        self.n_parts, self.batch, self.d_model, self.d_vocab = draw.sizes(4, low=3, high=10)
        self.n_parts = n_parts or self.n_parts
        sizes = 0.3 + 2 * draw.uniform(self.n_parts, 1, 1)  # some parts are louder than others
        self.parts = spread * (sizes * draw.normal(self.n_parts, self.batch, self.d_model) + draw.normal(1))
        self.w, self.b = 1 + 0.5 * draw.normal(self.d_model), draw.normal(self.d_model)
        self.eps = 0.2 + draw.uniform(1).item()
        self.W_U, self.b_U = draw.normal(self.d_model, self.d_vocab), draw.normal(self.d_vocab)
        self.right = draw.integers(0, self.d_vocab, self.batch)
        self.wrong = (self.right + draw.integers(1, self.d_vocab, self.batch)) % self.d_vocab

    def norm(self, submission):
        """The norm, in the child."""
        return submission.run(build_norm, self.w, self.b, self.eps)

    def ask(self, submission, norm):
        """What the learner's function says."""
        return submission.logit_shares(self.parts, norm, self.W_U, self.b_U, self.right, self.wrong)

    def difference(self) -> torch.Tensor:
        """The logit difference of the whole stream, for each prompt."""
        out = layer_norm_of(self.parts.double().sum(0), self.w, self.b, self.eps)
        logits = logits_of(out, self.W_U, self.b_U)
        rows = range(self.batch)
        return logits[rows, self.right] - logits[rows, self.wrong]

    def shares(self) -> torch.Tensor:
        """Share by share, one float at a time."""
        table = torch.zeros(self.n_parts + 1, self.batch, dtype=torch.float64)
        for prompt in range(self.batch):
            right, wrong = int(self.right[prompt]), int(self.wrong[prompt])
            toward = (self.W_U[:, right].double() - self.W_U[:, wrong].double()).tolist()
            rows = self.parts[:, prompt].double().tolist()
            stream = [math.fsum(column) for column in zip(*rows, strict=True)]
            mean = math.fsum(stream) / len(stream)
            variance = math.fsum((value - mean) ** 2 for value in stream) / len(stream)
            scale = math.sqrt(variance + self.eps)
            for part, row in enumerate(rows):
                own = math.fsum(row) / len(row)
                written = [(value - own) / scale * w for value, w in zip(row, self.w.double().tolist(), strict=True)]
                table[part, prompt] = dot(written, toward)
            biases = (self.b_U[right] - self.b_U[wrong]).item()
            table[-1, prompt] = dot(self.b.double().tolist(), toward) + biases
        return table


def assert_rows(found: torch.Tensor, parts: list[list[float]], biases: list[float], hints: tuple[str, str]) -> None:
    """The rows of the parts first, then the last one, each with a hint of its own."""
    what = f"the tensor of shares, in rows 0 to {len(parts) - 1} (the parts),"
    assert_close(found[:-1], torch.tensor(parts), what, hint=hints[0])
    assert_close(found[-1], torch.tensor(biases), "the last row of the shares (the biases)", hint=hints[1])


@checks("logit_shares")
def test_shares_worked_by_hand(submission):
    """Two parts in two dimensions; then the same with w, b_U and eps in play."""
    norm = submission.run(build_norm, torch.ones(2), torch.tensor([0.0, 7.0]), 0.0)
    parts = torch.tensor([[[3.0, 1.0]], [[1.0, -1.0]]])
    first, second = torch.tensor([0]), torch.tensor([1])
    found = submission.logit_shares(parts, norm, torch.eye(2), torch.zeros(2), first, second)
    hints = (
        "The stream is [4, 0]: its standard deviation, 2, divides both parts, less their own means.",
        "norm.b = [0, 7] is read along W_U[right] - W_U[wrong] = [1, -1], undivided; b_U is zero here.",
    )
    assert_rows(found, [[1.0], [1.0]], [-7.0], hints)
    norm = submission.run(build_norm, torch.tensor([2.0, 1.0]), torch.tensor([1.0, 1.0]), 5.0)
    found = submission.logit_shares(parts, norm, torch.eye(2), torch.tensor([0.5, 0.0]), first, second)
    hints = (
        "With eps = 5 the scale is sqrt(4 + 5) = 3, and w = [2, 1] stretches the first axis.",
        "norm.b = [1, 1] adds 1 - 1 = 0, and b_U = [0.5, 0] adds 0.5 - 0.",
    )
    assert_rows(found, [[1.0], [1.0]], [0.5], hints)


@checks("logit_shares")
def test_the_shares_add_up_to_the_logit_difference(submission, draw: Draw):
    """The sum of all rows is logit[right] - logit[wrong] of the whole stream, for each prompt."""
    for spread in (1.0, 0.1, 20.0):
        case = Case(draw, spread=spread)
        norm = case.norm(submission)
        found = case.ask(submission, norm)
        hint = "One scale for all parts, that of the whole stream; and the biases in the last row."
        assert_close(found.sum(0), case.difference(), "the sum of the shares", hint=hint, rtol=1e-3, atol=2e-3)
    assert_untouched(norm, case.w, case.b)


@checks("logit_shares")
def test_each_share_belongs_to_its_part(submission, draw: Draw):
    """Share by share: the part less its mean, over the stream's scale, times w, along W_U[right] - W_U[wrong]."""
    for case in (Case(draw), Case(draw, spread=0.2), Case(draw, n_parts=1), Case(draw, n_parts=20)):
        found = case.ask(submission, case.norm(submission))
        hint = "Rows 0 to part - 1 are the parts in their order, the last row is that of the biases."
        assert_close(
            found,
            case.shares(),
            f"the tensor of shares, with n_parts = {case.n_parts},",
            hint=hint,
            rtol=1e-3,
            atol=2e-3,
        )


@checks("logit_shares")
def test_a_part_that_the_norm_removes_has_no_share(submission, draw: Draw):
    """A part that writes the same number in every dimension changes nothing, and neither does a part of zeros."""
    case = Case(draw, n_parts=5)
    case.parts[1], case.parts[3] = 3 * draw.normal(case.batch, 1), 0.0
    found = case.ask(submission, case.norm(submission))
    hint = "The norm takes the mean away: that of each part goes with it."
    assert_close(found[1], torch.zeros(case.batch), "the share of a part with equal entries", hint=hint, atol=1e-4)
    assert_close(found[3], torch.zeros(case.batch), "the share of a part of zeros", atol=1e-6)
    assert_close(found, case.shares(), "the tensor of shares", rtol=1e-3, atol=2e-3)


@checks("logit_shares")
def test_shares_in_float64_add_up_to_ten_digits(submission, draw: Draw):
    """At the size of a small model, in float64: nothing is approximate about the sum."""
    case = Case(draw)
    case.n_parts, case.batch, case.d_model, case.d_vocab = 9, 4, 96, 200
    case.parts = draw.normal(9, 4, 96).double()
    case.w, case.b = draw.normal(96).double(), draw.normal(96).double()
    case.W_U, case.b_U = draw.normal(96, 200).double(), draw.normal(200).double()
    case.right, case.wrong = torch.tensor([199, 0, 7, 50]), torch.tensor([0, 199, 8, 50])
    found = case.ask(submission, case.norm(submission))
    assert_equal(str(found.dtype), "torch.float64", "the dtype of the shares")
    assert_close(found.sum(0), case.difference(), "the sum of the shares", rtol=1e-10, atol=1e-10)
    assert_close(found, case.shares(), "the tensor of shares", rtol=1e-10, atol=1e-10)
