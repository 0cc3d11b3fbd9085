"""Checks of the lesson `logit_attribution`: oracles are models cut short, interventions, slopes, loops, training."""

import copy

import torch
from torch.nn import functional

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks, shared_model

MISTAKES = [
    # logit_lens
    Mistake(
        "logit_lens",
        why="You left out the final LayerNorm. W_U was trained on what comes out of it.",
        right="model.ln_final(torch.stack(streams))",
        wrong="torch.stack(streams)",
    ),
    Mistake(
        "logit_lens",
        why="You left out `b_U`: `model.unembed` adds it, a product with `W_U` doesn't.",
        right="model.unembed(model.ln_final(torch.stack(streams)))",
        wrong="model.ln_final(torch.stack(streams)) @ model.W_U",
    ),
    Mistake(
        "logit_lens",
        why="You return probabilities. Logits are asked for: the softmax can always be taken later.",
        right="model.unembed(model.ln_final(torch.stack(streams)))",
        wrong="model.unembed(model.ln_final(torch.stack(streams))).softmax(-1)",
    ),
    Mistake(
        "logit_lens",
        why="You read each layer's own output and not the stream: a layer *adds* to the stream, and what the layers "
        "before it wrote is still there.",
        right='streams = [cache["resid_pre", layer] for layer in range(n_layers)]',
        wrong='streams = [cache["attn_out", layer] for layer in range(n_layers)]',
    ),
    Mistake(
        "logit_lens",
        why="You divided every stream by the scale that the final LayerNorm has at the last depth. Here each stream is "
        "read as if it were the last, so each gets its own scale. (To hold the scale is for shares of one stream.)",
        right="return model.unembed(model.ln_final(torch.stack(streams)))",
        wrong="x = torch.stack(streams)\n"
        "x = x - x.mean(-1, keepdim=True)\n"
        "scale = (x[-1].pow(2).mean(-1, keepdim=True) + model.config.eps).sqrt()\n"
        "norm = model.ln_final\n"
        "if model.config.normalization_type is None:\n"
        "    return model.unembed(torch.stack(streams))\n"
        "return model.unembed(x / scale * norm.w + norm.b)",
    ),
    Mistake(
        "logit_lens",
        why="The stream before layer 0 is missing: there are n_layers + 1 depths, and the first has no layer in it.",
        wrong="_, cache = model.run_with_cache(tokens)\n"
        'streams = [cache["resid_post", layer] for layer in range(model.config.n_layers)]\n'
        "return model.unembed(model.ln_final(torch.stack(streams)))",
    ),
    Mistake(
        "logit_lens",
        why="The stream after the last layer is missing: the last depth should give the model's own logits.",
        right=' + [cache["resid_post", n_layers - 1]]',
        wrong="",
    ),
    Mistake(
        "logit_lens",
        why="Your first depth is the token embedding alone. The positions are in the stream too before layer 0.",
        right="return model.unembed(",
        wrong='streams[0] = cache["embed"]\nreturn model.unembed(',
    ),
    Mistake(
        "logit_lens",
        why="Your depths stand in the opposite order: depth 0 is the stream before layer 0.",
        right="torch.stack(streams)",
        wrong="torch.stack(streams[::-1])",
    ),
    Mistake(
        "logit_lens",
        why="You normalised with the LayerNorms of the next layers, `ln1`. The lens pretends that the stream is the "
        "final one, so it goes through `ln_final`.",
        right="return model.unembed(model.ln_final(torch.stack(streams)))",
        wrong="norms = [block.ln1 for block in model.blocks] + [model.ln_final]\n"
        "return model.unembed(torch.stack([norm(x) for norm, x in zip(norms, streams)]))",
    ),
    Mistake(
        "logit_lens",
        why="You normalised by hand and left out `ln_final.w` and `ln_final.b`. `model.ln_final(x)` does all of it.",
        right="return model.unembed(model.ln_final(torch.stack(streams)))",
        wrong="x = torch.stack(streams)\n"
        "if model.config.normalization_type is None:\n"
        "    return model.unembed(x)\n"
        "x = x - x.mean(-1, keepdim=True)\n"
        "return model.unembed(x / (x.pow(2).mean(-1, keepdim=True) + model.config.eps).sqrt())",
    ),
    Mistake(
        "logit_lens",
        why="Your axes stand as [batch depth pos d_vocab]. The depth comes first: [depth batch pos d_vocab].",
        right="torch.stack(streams)",
        wrong="torch.stack(streams, dim=1)",
    ),
    # parts_by_head
    Mistake(
        "parts_by_head",
        why="Under each head's name you put what all heads of its layer wrote together.",
        right="z[:, :, head] @ block.attn.W_O[head]",
        wrong='torch.einsum("bphk,hkd->bpd", z, block.attn.W_O)',
    ),
    Mistake(
        "parts_by_head",
        why="You shared `b_O` out among the heads and left nothing in its row. The sum is right, but the bias belongs "
        "to no head: give it the row of its own that the docstring names.",
        right='parts[f"L{layer} bias"] = block.attn.b_O.expand_as(parts["embed"])',
        wrong='parts[f"L{layer} bias"] = torch.zeros_like(parts["embed"])\n'
        "    for head in range(model.config.n_heads):\n"
        '        parts[f"L{layer}H{head}"] = parts[f"L{layer}H{head}"] + block.attn.b_O / model.config.n_heads',
    ),
    Mistake(
        "parts_by_head",
        why="You left `b_O` out of the bias's row and put zeros there: the sum lacks it.",
        right='block.attn.b_O.expand_as(parts["embed"])',
        wrong='torch.zeros_like(parts["embed"])',
    ),
    Mistake(
        "parts_by_head",
        why="You added `b_O` to every head. It belongs to the layer, and its own row counts it already.",
        right="z[:, :, head] @ block.attn.W_O[head]",
        wrong="z[:, :, head] @ block.attn.W_O[head] + block.attn.b_O",
    ),
    Mistake(
        "parts_by_head",
        why="You shared `b_O` out among the heads as well as keeping it in its own row: it is counted twice.",
        right="z[:, :, head] @ block.attn.W_O[head]",
        wrong="z[:, :, head] @ block.attn.W_O[head] + block.attn.b_O / model.config.n_heads",
    ),
    Mistake(
        "parts_by_head",
        why="You took the values (`v`) of each position itself. A head writes `z`, the mix of the values it looked at.",
        right='z = cache["z", layer]',
        wrong='z = cache["v", layer]',
    ),
    Mistake(
        "parts_by_head",
        why="You shared out the attention's output evenly among the heads. The sum is right, and no head's part is.",
        right="z[:, :, head] @ block.attn.W_O[head]",
        wrong='(cache["attn_out", layer] - block.attn.b_O) / model.config.n_heads',
    ),
    Mistake(
        "parts_by_head",
        why="You used the W_O of head 0 for every head.",
        right="block.attn.W_O[head]",
        wrong="block.attn.W_O[0]",
    ),
    Mistake(
        "parts_by_head",
        why="You used the W_O of layer 0 in every layer.",
        right="block.attn.W_O[head]",
        wrong="model.blocks[0].attn.W_O[head]",
    ),
    Mistake(
        "parts_by_head",
        why="The MLP's bias `b_out` is missing: it is part of what the MLP writes.",
        right='parts[f"L{layer} MLP"] = cache["mlp_out", layer]',
        wrong='parts[f"L{layer} MLP"] = cache["mlp_out", layer] - block.mlp.b_out',
    ),
    Mistake(
        "parts_by_head",
        why="Under the MLP's name you put the stream after the MLP, with all that others wrote in it.",
        right='parts[f"L{layer} MLP"] = cache["mlp_out", layer]',
        wrong='parts[f"L{layer} MLP"] = cache["resid_post", layer]',
    ),
    Mistake(
        "parts_by_head",
        why="The positions are missing: they are added to the stream before the first layer.",
        right='    parts["pos_embed"] = cache["pos_embed"]',
        wrong="    pass",
    ),
    Mistake(
        "parts_by_head",
        why='Your "embed" is the stream before layer 0, which has the positions in it already: they are counted twice.',
        right='{"embed": cache["embed"]}',
        wrong='{"embed": cache["resid_pre", 0]}',
    ),
    Mistake(
        "parts_by_head",
        why="You counted heads from 1. The first head of a layer is head 0.",
        right='parts[f"L{layer}H{head}"]',
        wrong='parts[f"L{layer}H{head + 1}"]',
    ),
    # reading_direction
    Mistake(
        "reading_direction",
        why="You return the bare difference of the two columns of W_U. It reads what comes out of the final norm; what "
        "the norm does to the stream (centring, scale, `w`) has to go into it.",
        right="(read - read.mean(-1, keepdim=True)) / scale",
        wrong="(model.W_U[:, right] - model.W_U[:, wrong]).T",
    ),
    Mistake(
        "reading_direction",
        why="You used `std`, which divides by d_model - 1 unless told otherwise, and left eps out. LayerNorm's scale "
        "is the root of mean square + eps, after the mean is taken out.",
        right="(centred.pow(2).mean(-1, keepdim=True) + model.config.eps).sqrt()",
        wrong="stream.std(-1, keepdim=True)",
    ),
    Mistake(
        "reading_direction",
        why="You left `ln_final.w` out.",
        right=".T * model.ln_final.w",
        wrong=".T",
    ),
    Mistake(
        "reading_direction",
        why="You didn't take the mean out of the direction. The norm centres the stream, so what all dimensions have "
        "in common must have no effect.",
        right="(read - read.mean(-1, keepdim=True)) / scale",
        wrong="read / scale",
    ),
    Mistake(
        "reading_direction",
        why="You centred first and multiplied by `w` afterwards. From the logit's side it is the other way round: `w` "
        "stands between the centring and W_U, so it comes first, and then the mean is taken out.",
        right="return (read - read.mean(-1, keepdim=True)) / scale",
        wrong="read = (model.W_U[:, right] - model.W_U[:, wrong]).T\n"
        "return (read - read.mean(-1, keepdim=True)) * model.ln_final.w / scale",
    ),
    Mistake(
        "reading_direction",
        why="You left the scale out: the final norm divides the stream by it.",
        right="(read - read.mean(-1, keepdim=True)) / scale",
        wrong="(read - read.mean(-1, keepdim=True))",
    ),
    Mistake(
        "reading_direction",
        why="You multiplied by the scale in place of dividing.",
        right=".mean(-1, keepdim=True)) / scale",
        wrong=".mean(-1, keepdim=True)) * scale",
    ),
    Mistake(
        "reading_direction",
        why="Your scale is the stream's root mean square. LayerNorm takes the mean out before it measures.",
        right="centred.pow(2)",
        wrong="stream.pow(2)",
    ),
    Mistake(
        "reading_direction",
        why="You left eps out of the scale, or put a number of your own in its place. `model.config.eps` is added to "
        "the variance: small streams are divided by more than their own size.",
        right=" + model.config.eps",
        wrong="",
    ),
    Mistake(
        "reading_direction",
        why="You added eps after the root. It stands under the root, with the variance.",
        right="(centred.pow(2).mean(-1, keepdim=True) + model.config.eps).sqrt()",
        wrong="(centred.pow(2).mean(-1, keepdim=True).sqrt() + model.config.eps)",
    ),
    Mistake(
        "reading_direction",
        why="You divided by the stream's length, the root of the *sum* of squares. The norm's scale is the root of "
        "their mean (plus eps).",
        right="(centred.pow(2).mean(-1, keepdim=True) + model.config.eps).sqrt()",
        wrong="centred.norm(dim=-1, keepdim=True)",
    ),
    Mistake(
        "reading_direction",
        why="You took the slope of the whole norm, in which the scale moves with the stream. Hold the scale: `detach` "
        "it before you take the slope.",
        wrong="x = stream.clone().requires_grad_()\n"
        "logits = model.unembed(model.ln_final(x))\n"
        "rows = torch.arange(len(x))\n"
        "return torch.autograd.grad((logits[rows, right] - logits[rows, wrong]).sum(), x)[0]",
    ),
    Mistake(
        "reading_direction",
        why="You divided by d_model - 1 in the variance (torch's default). LayerNorm divides by d_model.",
        right="centred.pow(2).mean(-1, keepdim=True)",
        wrong="stream.var(-1, keepdim=True)",
    ),
    Mistake(
        "reading_direction",
        why="You forgot the root: the norm divides by the square root of variance + eps.",
        right=".sqrt()",
        wrong="",
    ),
    Mistake(
        "reading_direction",
        why="You used one scale for all prompts. Each prompt's stream has its own.",
        right="/ scale",
        wrong="/ scale.mean()",
    ),
    Mistake(
        "reading_direction",
        why="You read the right token's logit only. The difference of two logits is asked for.",
        right="(model.W_U[:, right] - model.W_U[:, wrong]).T",
        wrong="model.W_U[:, right].T",
    ),
    Mistake(
        "reading_direction",
        why="You read the right token's logit against the mean of all tokens: that answers another question. The "
        "other token is given.",
        right="model.W_U[:, wrong]",
        wrong="model.W_U.mean(-1, keepdim=True)",
    ),
    Mistake(
        "reading_direction",
        why="Your difference is wrong minus right: all signs are turned over.",
        right="(model.W_U[:, right] - model.W_U[:, wrong])",
        wrong="(model.W_U[:, wrong] - model.W_U[:, right])",
    ),
    Mistake(
        "reading_direction",
        why="You read with rows of the embedding W_E. The logits are read by columns of W_U.",
        right="(model.W_U[:, right] - model.W_U[:, wrong]).T",
        wrong="(model.W_E[right] - model.W_E[wrong])",
    ),
    # direct_shares
    Mistake(
        "direct_shares",
        why="You left `b_U` out of the constant.",
        right=" + model.b_U[right] - model.b_U[wrong]",
        wrong="",
    ),
    Mistake(
        "direct_shares",
        why="You left the bias of the final norm out of the constant: W_U reads it as well.",
        right="read @ model.ln_final.b + model.b_U[right]",
        wrong="model.b_U[right]",
    ),
    Mistake(
        "direct_shares",
        why="You read the norm's bias by the direction of the stream. But it is added after the scale and after `w`: "
        "the bare columns of W_U read it.",
        right="read @ model.ln_final.b",
        wrong="direction @ model.ln_final.b",
    ),
    Mistake(
        "direct_shares",
        why="Your constant is zero. The biases favour some tokens whatever the stream holds.",
        right="read @ model.ln_final.b + model.b_U[right] - model.b_U[wrong]",
        wrong="torch.zeros(len(tokens))",
    ),
    Mistake(
        "direct_shares",
        why="You added the constant to every part: it comes once.",
        right='shares["constant"] = read',
        wrong="constant = read @ model.ln_final.b + model.b_U[right] - model.b_U[wrong]\n"
        "shares = {name: share + constant for name, share in shares.items()}\n"
        'shares["constant"] = read',
    ),
    Mistake(
        "direct_shares",
        why="You read the first position. The answer stands at the last.",
        right="part[:, -1]",
        wrong="part[:, 0]",
    ),
    Mistake(
        "direct_shares",
        why="You took the mean of each part over all positions. The answer stands at the last.",
        right="part[:, -1]",
        wrong="part.mean(1)",
    ),
    Mistake(
        "direct_shares",
        why="You measured the scale of each part by itself. All go through one norm, and are divided by one number.",
        right="shares = {name: (part * direction).sum(-1) for name, part in parts.items()}",
        wrong="shares = {n: (p * reading_direction(model, p, right, wrong)).sum(-1) for n, p in parts.items()}",
    ),
    Mistake(
        "direct_shares",
        why="You swapped right and wrong in the direction.",
        right="sum(parts.values()), right, wrong)",
        wrong="sum(parts.values()), wrong, right)",
    ),
    Mistake(
        "direct_shares",
        why="Your stream lacks what the last layer wrote, so the scale is another than the model's.",
        right="sum(parts.values())",
        wrong='sum(part for name, part in parts.items() if not name.startswith(f"L{model.config.n_layers - 1}"))',
    ),
    Mistake(
        "direct_shares",
        why="You divided the shares by their sum. They are asked for in logits.",
        right='shares["constant"] = read @ model.ln_final.b + model.b_U[right] - model.b_U[wrong]',
        wrong='shares["constant"] = read @ model.ln_final.b + model.b_U[right] - model.b_U[wrong]\n'
        "total = sum(shares.values())\n"
        "shares = {name: share / total for name, share in shares.items()}",
    ),
    # source_shares
    Mistake(
        "source_shares",
        why="You left the attention out: a value counts by the weight that the last position gives to it.",
        right="weight[..., None] * cache",
        wrong="cache",
    ),
    Mistake(
        "source_shares",
        why="You took the column of the pattern, who looks *at* the last position. Its row says where it looks itself.",
        right='cache["pattern", layer][:, head, -1]',
        wrong='cache["pattern", layer][:, head, :, -1]',
    ),
    Mistake(
        "source_shares",
        why="You took the first position's row of the pattern. The answer is written at the last position.",
        right='cache["pattern", layer][:, head, -1]',
        wrong='cache["pattern", layer][:, head, 0]',
    ),
    Mistake(
        "source_shares",
        why="You took the mean of the pattern over all positions that look. The answer is written at the last.",
        right='cache["pattern", layer][:, head, -1]',
        wrong='cache["pattern", layer][:, head].mean(1)',
    ),
    Mistake(
        "source_shares",
        why="You used the keys. What is carried over are the values.",
        right='cache["v", layer]',
        wrong='cache["k", layer]',
    ),
    Mistake(
        "source_shares",
        why="You used `z`, which is mixed already. Before the mixing, each position has its value, `v`.",
        right='cache["v", layer]',
        wrong='cache["z", layer]',
    ),
    Mistake(
        "source_shares",
        why="You measured the scale at the layer of the head. The answer is read from the *final* stream.",
        right='cache["resid_post", model.config.n_layers - 1]',
        wrong='cache["resid_post", layer]',
    ),
    Mistake(
        "source_shares",
        why="You measured the scale at the first position. The answer is read at the last.",
        right="[:, -1]\ndirection",
        wrong="[:, 0]\ndirection",
    ),
    Mistake(
        "source_shares",
        why="You return the attention pattern, where the head looks. A share is in logits: what it brought from there, "
        "read by the direction.",
        right="return (brought * direction[:, None]).sum(-1)",
        wrong="return weight",
    ),
    Mistake(
        "source_shares",
        why="You weighted the values by the scores. The pattern is their softmax, and those are the weights.",
        right='cache["pattern", layer]',
        wrong='cache["attn_scores", layer]',
    ),
    Mistake(
        "source_shares",
        why="You made a direction for each source position, from the final stream there. All that the head brings is "
        "written at the last position, and one direction reads it: that of the last.",
        right="return (brought * direction[:, None]).sum(-1)",
        wrong='final = cache["resid_post", model.config.n_layers - 1]\n'
        "ways = [reading_direction(model, final[:, k], right, wrong) for k in range(final.shape[1])]\n"
        "return (brought * torch.stack(ways, 1)).sum(-1)",
    ),
    Mistake(
        "source_shares",
        why="You shared out the head's share by the attention pattern. But the values differ: a place that is looked "
        "at hard may have nothing to say.",
        right="return (brought * direction[:, None]).sum(-1)",
        wrong="return weight * (brought.sum(1) * direction).sum(-1, keepdim=True)",
    ),
    Mistake(
        "source_shares",
        why="You used the W_O of head 0, whatever `head` says.",
        right=".attn.W_O[head]",
        wrong=".attn.W_O[0]",
    ),
    Mistake(
        "source_shares",
        why="You used the W_O of layer 0, whatever `layer` says.",
        right="model.blocks[layer]",
        wrong="model.blocks[0]",
    ),
    Mistake(
        "source_shares",
        why="You swapped right and wrong.",
        right="stream, right, wrong)",
        wrong="stream, wrong, right)",
    ),
    # TunedLens
    Mistake(
        "TunedLens",
        why="Your translator replaces the stream: `x @ A + b`. It should add to it, so that A = 0 and b = 0 is the "
        "logit lens.",
        right="stream + stream @ self.A[depth] + self.b[depth]",
        wrong="stream @ self.A[depth] + self.b[depth]",
    ),
    Mistake(
        "TunedLens",
        why="You left b out of the translator.",
        right=" + self.b[depth]",
        wrong="",
    ),
    Mistake(
        "TunedLens",
        why="You multiplied by A from the other side: a row vector times the matrix is wanted, `stream @ A`.",
        right="stream @ self.A[depth]",
        wrong="stream @ self.A[depth].T",
    ),
    Mistake(
        "TunedLens",
        why="You used the translator of depth 0 at every depth.",
        right="stream @ self.A[depth] + self.b[depth]",
        wrong="stream @ self.A[0] + self.b[0]",
    ),
    Mistake(
        "TunedLens",
        why="You left out the final LayerNorm.",
        right="model.unembed(model.ln_final(stream + stream @ self.A[depth] + self.b[depth]))",
        wrong="model.unembed(stream + stream @ self.A[depth] + self.b[depth])",
    ),
    Mistake(
        "TunedLens",
        why="You translate after the norm. The translator's place is the stream; norm and unembedding come after it.",
        right="model.unembed(model.ln_final(stream + stream @ self.A[depth] + self.b[depth]))",
        wrong="model.unembed(model.ln_final(stream) + model.ln_final(stream) @ self.A[depth] + self.b[depth])",
    ),
    Mistake(
        "TunedLens",
        why="Your KL is the other way round, KL(lens || model): the mean has to be taken under the *model's* "
        "probabilities.",
        right="(own.exp() * (own - lens))",
        wrong="(lens.exp() * (lens - own))",
    ),
    Mistake(
        "TunedLens",
        why="Your loss is the cross-entropy with the model's prediction. It lacks `own.exp() * own`: even a perfect "
        "lens would not come to zero.",
        right="(own.exp() * (own - lens))",
        wrong="(-own.exp() * lens)",
    ),
    Mistake(
        "TunedLens",
        why="You took the mean over the vocabulary too. KL is a sum over the vocabulary.",
        right=".sum(-1).mean()",
        wrong=".mean()",
    ),
    Mistake(
        "TunedLens",
        why="You summed over all positions. The mean is asked for, so that losses of other texts can be compared.",
        right=".sum(-1).mean()",
        wrong=".sum()",
    ),
    Mistake(
        "TunedLens",
        why="You divided by the number of texts only, so the positions are summed (as `kl_div` does with `batchmean` "
        "when texts and positions are two axes). The mean runs over both.",
        right=".sum(-1).mean()",
        wrong=".sum((-1, -2)).mean()",
    ),
    Mistake(
        "TunedLens",
        why="You train the lens to guess the next word of the text. It should say what the *model* will say.",
        right="losses.append((own.exp() * (own - lens)).sum(-1).mean())",
        wrong="losses.append(-lens[:, :-1].gather(-1, tokens[:, 1:, None]).mean())",
    ),
    Mistake(
        "TunedLens",
        why="You compared at the last position only. The mean runs over all positions.",
        right=".sum(-1).mean()",
        wrong=".sum(-1)[:, -1].mean()",
    ),
    Mistake(
        "TunedLens",
        why="You read the streams after the layers. Depth d is the stream *before* layer d.",
        right='cache["resid_pre", depth]',
        wrong='cache["resid_post", depth]',
    ),
    Mistake(
        "TunedLens",
        why="You never clear the gradients: each step adds those of all steps before.",
        right="    optimizer.zero_grad()\n",
        wrong="",
    ),
    Mistake(
        "TunedLens",
        why="You trained only the first depth: take the sum of all depths' losses.",
        right="losses.sum().backward",
        wrong="losses[0].backward",
    ),
    Mistake(
        "TunedLens",
        why="You gave the optimizer the model's parameters as well. Then the model is bent to fit the lens: what you "
        "look at is no longer what you were asked to look at.",
        wrong="""return model.unembed(model.ln_final(stream + stream @ self.A[depth] + self.b[depth]))
### NEXT REGION
with torch.no_grad():
    logits, cache = model.run_with_cache(tokens)
own = logits.log_softmax(-1)
losses = []
for depth in range(len(self.A)):
    lens = self(model, cache["resid_pre", depth], depth).log_softmax(-1)
    losses.append((own.exp() * (own - lens)).sum(-1).mean())
return torch.stack(losses)
### NEXT REGION
optimizer = torch.optim.Adam([*self.parameters(), *model.parameters()], lr=lr)
history = []
for tokens in batches:
    losses = self.loss(model, tokens)
    optimizer.zero_grad()
    losses.sum().backward()
    optimizer.step()
    history.append(losses.detach())
return torch.stack(history)""",
    ),
    Mistake(
        "TunedLens",
        why="You made a new optimizer for each batch. Adam then forgets what it knows of earlier slopes, and each step "
        "has its full length.",
        right="losses = self.loss(model, tokens)",
        wrong="optimizer = torch.optim.Adam(self.parameters(), lr=lr)\n    losses = self.loss(model, tokens)",
    ),
    Mistake(
        "TunedLens",
        why="You went uphill: a step reduces the loss, so the loss itself is what `backward` starts from.",
        right="losses.sum().backward",
        wrong="(-losses.sum()).backward",
    ),
    Mistake(
        "TunedLens",
        why="You used plain gradient descent. Adam was asked for, and it gets much further in so few steps.",
        right="torch.optim.Adam(",
        wrong="torch.optim.SGD(",
    ),
    Mistake(
        "TunedLens",
        why="You ignore `lr`: Adam's own default is used.",
        right="torch.optim.Adam(self.parameters(), lr=lr)",
        wrong="torch.optim.Adam(self.parameters())",
    ),
    Mistake(
        "TunedLens",
        why="You return the losses after each step. Those before it are asked for: the first row is the logit lens.",
        right="history.append(losses.detach())",
        wrong="history.append(self.loss(model, tokens).detach())",
    ),
    Mistake(
        "TunedLens",
        why="You trained on the first batch again and again.",
        right="losses = self.loss(model, tokens)",
        wrong="losses = self.loss(model, batches[0])",
    ),
]
ALTERNATIVES = [
    Alternative(
        "logit_lens",
        how="by runs that start after the last layer",
        code="_, cache = model.run_with_cache(tokens)\n"
        "n_layers = model.config.n_layers\n"
        'streams = [cache["resid_pre", d] for d in range(n_layers)] + [cache["resid_post", n_layers - 1]]\n'
        "return torch.stack([model(stream, start_at_layer=n_layers) for stream in streams])",
    ),
    Alternative(
        "logit_lens",
        how="by runs that stop at each layer",
        code="with torch.no_grad():\n"
        "    streams = [model(tokens, stop_at_layer=d) for d in range(model.config.n_layers + 1)]\n"
        "    return torch.stack([model.unembed(model.ln_final(stream)) for stream in streams])",
    ),
    Alternative(
        "parts_by_head",
        how="by the switch for each head's result, turned off again",
        code="model.set_use_attn_result(True)\n"
        "try:\n"
        "    _, cache = model.run_with_cache(tokens)\n"
        "finally:\n"
        "    model.set_use_attn_result(False)\n"
        'parts = {"embed": cache["embed"]}\n'
        'if "hook_pos_embed" in cache:\n'
        '    parts["pos_embed"] = cache["hook_pos_embed"]\n'
        "for layer in range(model.config.n_layers):\n"
        '    result = cache["result", layer]\n'
        "    for head in range(result.shape[2]):\n"
        '        parts[f"L{layer}H{head}"] = result[:, :, head]\n'
        '    parts[f"L{layer} bias"] = cache["attn_out", layer] - result.sum(2)\n'
        "    if not model.config.attn_only:\n"
        '        parts[f"L{layer} MLP"] = cache["mlp_out", layer]\n'
        "return parts",
    ),
    Alternative(
        "reading_direction",
        how="by the slope of the difference, with the scale held",
        code="x = stream.clone().requires_grad_()\n"
        "centred = x - x.mean(-1, keepdim=True)\n"
        "scale = (centred.pow(2).mean(-1, keepdim=True) + model.ln_final.eps).sqrt().detach()\n"
        "logits = model.unembed(centred / scale * model.ln_final.w + model.ln_final.b)\n"
        "rows = torch.arange(len(x))\n"
        "said = (logits[rows, right] - logits[rows, wrong]).sum()\n"
        "return torch.autograd.grad(said, x)[0]",
    ),
    Alternative(
        "direct_shares",
        how="part by part through the norm, with the scale in the cache",
        code="_, cache = model.run_with_cache(tokens)\n"
        'scale = cache["ln_final.hook_scale"][:, -1]\n'
        "read = (model.W_U[:, right] - model.W_U[:, wrong]).T\n"
        "shares = {}\n"
        "for name, part in parts_by_head(model, tokens).items():\n"
        "    x = part[:, -1]\n"
        "    shares[name] = ((x - x.mean(-1, keepdim=True)) / scale * model.ln_final.w * read).sum(-1)\n"
        'shares["constant"] = (model.ln_final.b * read).sum(-1) + (model.b_U[right] - model.b_U[wrong])\n'
        "return shares",
    ),
    Alternative(
        "source_shares",
        how="by reading what each value says, before it is weighted",
        code="_, cache = model.run_with_cache(tokens)\n"
        'direction = reading_direction(model, cache["resid_post", len(model.blocks) - 1][:, -1], right, wrong)\n'
        "says = direction @ model.W_O[layer, head].T\n"
        'return cache["pattern", layer][:, head, -1] * (cache["v", layer][:, :, head] @ says[..., None])[..., 0]',
    ),
    Alternative(
        "TunedLens",
        how="with torch's kl_div, one optimizer step after another, and the model's gradients left to be cleared",
        code="x = stream + torch.einsum('bpi,ij->bpj', stream, self.A[depth])\n"
        "return model(x + self.b[depth], start_at_layer=model.config.n_layers)\n"
        "### NEXT REGION\n"
        "logits, cache = model.run_with_cache(tokens)\n"
        "own = logits.detach().log_softmax(-1)\n"
        "return torch.stack([\n"
        "    nn.functional.kl_div(\n"
        "        self(model, cache['resid_pre', d].detach(), d).log_softmax(-1).flatten(0, 1),\n"
        "        own.flatten(0, 1), log_target=True, reduction='batchmean',\n"
        "    )\n"
        "    for d in range(self.A.shape[0])\n"
        "])\n"
        "### NEXT REGION\n"
        "optimizer = torch.optim.Adam([self.A, self.b], lr)\n"
        "history = torch.zeros(len(batches), len(self.A))\n"
        "for step, tokens in enumerate(batches):\n"
        "    optimizer.zero_grad()\n"
        "    losses = self.loss(model, tokens)\n"
        "    losses.mean().backward()\n"
        "    optimizer.step()\n"
        "    history[step] = losses.detach()\n"
        "return history",
    ),
]


KINDS = {
    "with MLPs": {},
    "without MLPs": {"attn_only": True},
    "with rotary positions": {"positional": "rotary"},
    "with attention and MLP side by side": {"parallel_attn_mlp": True},
}


def small(draw: Draw, n_layers: int = 0, **kind):
    """A random model of two or three layers, the other sizes all different, and tokens for it."""
    n_heads, half, batch, pos = draw.sizes(4, low=2, high=6)
    sizes = {"n_layers": n_layers or draw.integer(2, 4), "n_heads": n_heads, "d_head": 2 * half + 5, "n_ctx": pos + 3}
    if kind.get("positional"):
        sizes["d_head"] = 2 * half + 4
    model = draw.model(**sizes, d_model=21 + draw.integer(0, 4), d_vocab=37 + draw.integer(0, 9), **kind)
    return model, draw.integers(0, model.config.d_vocab, batch, pos)


def silenced(model, depth: int):
    """A copy whose layers from `depth` on write nothing: a model that stops there."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for block in other.blocks[depth:]:
            silent = [block.attn.W_O, block.attn.b_O]
            silent += [] if model.config.attn_only else [block.mlp.W_out, block.mlp.b_out]
            for weight in silent:
                weight.zero_()
    return other


def named_parts(model) -> list[str]:
    """The names that `parts_by_head` should use."""
    c = model.config
    names = ["embed"] + (["pos_embed"] if c.positional == "standard" else [])
    for layer in range(c.n_layers):
        names += [f"L{layer}H{head}" for head in range(c.n_heads)] + [f"L{layer} bias"]
        names += [] if c.attn_only else [f"L{layer} MLP"]
    return names


def assert_names(found: dict, names: list[str], what: str) -> None:
    """The keys of a dictionary, in any order."""
    missing, strange = [n for n in names if n not in found], [n for n in found if n not in names]
    assert not missing, f"{what} lacks the name {missing[0]!r}. It has: {', '.join(map(repr, found))}."
    assert not strange, f"{what} has a name too many: {strange[0]!r}. It should have: {', '.join(map(repr, names))}."


def true_parts(model, tokens) -> dict[str, torch.Tensor]:
    """What each part wrote, by the model's own hooks on each head's result."""
    c = model.config
    model.set_use_attn_result(True)
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
    model.set_use_attn_result(False)
    parts = {"embed": cache["embed"]}
    if c.positional == "standard":
        parts["pos_embed"] = cache["pos_embed"]
    for layer in range(c.n_layers):
        result = cache["result", layer]
        parts |= {f"L{layer}H{head}": result[:, :, head] for head in range(c.n_heads)}
        parts[f"L{layer} bias"] = cache["attn_out", layer] - result.sum(2)
        if not c.attn_only:
            parts[f"L{layer} MLP"] = cache["mlp_out", layer]
    return parts


def end_stream(model, tokens) -> torch.Tensor:
    """The final stream at every position."""
    with torch.no_grad():
        return model(tokens, stop_at_layer=model.config.n_layers)


def gap_at_end(model, stream, right, wrong, scale_of=None) -> torch.Tensor:
    """The logit difference of final streams `[batch d_model]`, with the norm's scale held at that of `scale_of`."""
    x = (stream if scale_of is None else scale_of).double()
    scale = x.var(-1, unbiased=False, keepdim=True).add(model.config.eps).sqrt()
    y = stream.double()
    y = (y - y.mean(-1, keepdim=True)) / scale * model.ln_final.w.double() + model.ln_final.b.double()
    logits = y @ model.W_U.double() + model.b_U.double()
    rows = torch.arange(len(logits))
    return (logits[rows, right] - logits[rows, wrong]).detach()


def true_share(model, part, stream, right, wrong) -> torch.Tensor:
    """By how much the difference falls when `part` is taken out of the stream and the norm still divides as before."""
    return gap_at_end(model, stream, right, wrong, stream) - gap_at_end(model, stream - part, right, wrong, stream)


def two_answers(draw: Draw, model, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A right and a wrong token for each prompt, never the same."""
    orders = torch.stack([draw.permutation(model.config.d_vocab)[:2] for _ in range(batch)])
    return orders[:, 0], orders[:, 1]


@checks("logit_lens")
def test_each_depth_is_a_model_that_stops_there(submission, draw: Draw):
    """The logits at depth d are those of a model whose later layers write nothing, in models of several kinds."""
    for what, kind in {**KINDS, "without a LayerNorm": {"normalization_type": None}}.items():
        model, tokens = small(draw, **kind)
        found = submission.logit_lens(model, tokens)
        depths = model.config.n_layers + 1
        with torch.no_grad():
            expected = torch.stack([silenced(model, depth)(tokens) for depth in range(depths)])
        assert_equal(len(found), depths, f"the number of depths for {depths - 1} layers")
        for depth in range(depths):
            text = f"the table of logits at depth {depth} (of {depths - 1}) in a model {what}"
            assert_close(found[depth], expected[depth], text, rtol=1e-3, atol=1e-4)


@checks("logit_lens", seconds=15.0)
def test_the_last_depth_is_the_answer_of_the_model(submission, draw: Draw):
    """On a trained model, induction-2l: the last depth gives the model's own logits, the others don't."""
    model = shared_model("induction-2l")
    tokens = draw.integers(4, model.config.d_vocab, 3, 12)
    found = submission.logit_lens(model, tokens)
    with torch.no_grad():
        assert_close(found[-1], model(tokens), "the table of logits at the last depth", rtol=1e-3, atol=1e-3)
        assert_close(found[0], silenced(model, 0)(tokens), "the table of logits at depth 0", rtol=1e-3, atol=1e-3)


@checks("parts_by_head")
def test_the_names_are_those_of_the_parts(submission, draw: Draw):
    """Every part that the model has is there under its name, and nothing else is."""
    for what, kind in KINDS.items():
        model, tokens = small(draw, **kind)
        assert_names(submission.parts_by_head(model, tokens), named_parts(model), f"The dictionary for a model {what}")


@checks("parts_by_head")
def test_the_parts_sum_to_the_final_stream(submission, draw: Draw):
    """At every position of every prompt the parts add up to the stream that enters the final norm."""
    for what, kind in KINDS.items():
        model, tokens = small(draw, **kind)
        found = submission.parts_by_head(model, tokens)
        total = sum(found.values())
        assert_close(total, end_stream(model, tokens), f"the sum of the parts of a model {what}", rtol=1e-3, atol=1e-4)


@checks("parts_by_head")
def test_each_part_wrote_what_is_under_its_name(submission, draw: Draw):
    """Part by part: what is under "L1H0" is what head 0 of layer 1 wrote, and so on."""
    for kind in KINDS.values():
        model, tokens = small(draw, **kind)
        found, expected = submission.parts_by_head(model, tokens), true_parts(model, tokens)
        assert_names(found, list(expected), "The dictionary")
        for name, part in expected.items():
            assert_close(found[name], part, f"what is under {name!r}", rtol=1e-3, atol=1e-4)


@checks("reading_direction")
def test_the_example_by_hand(submission):
    """The worked example: w = [1, 3], the columns [3, 1] and [1, 0], the stream [6, 2]."""
    from unravel.interp import GPTConfig, HookedGPT

    model = HookedGPT(GPTConfig(1, 2, 1, 3, 4, eps=1e-12), seed=0)
    with torch.no_grad():
        model.ln_final.w.copy_(torch.tensor([1.0, 3.0]))
        model.W_U.copy_(torch.tensor([[1.0, 9.0, 3.0], [0.0, 9.0, 1.0]]))
    found = submission.reading_direction(model, torch.tensor([[6.0, 2.0]]), torch.tensor([2]), torch.tensor([0]))
    assert_close(found, torch.tensor([[-0.25, 0.25]]), "the direction of the worked example")


@checks("reading_direction")
def test_its_dot_product_is_the_logit_difference(submission, draw: Draw):
    """For the whole stream, the dot product and the biases' constant give the difference of the two logits."""
    for eps in (1e-5, 0.7):
        model, tokens = small(draw, eps=eps)
        stream = end_stream(model, tokens)[:, -1] + draw.normal(len(tokens), 1)  # with a mean that isn't zero
        right, wrong = two_answers(draw, model, len(tokens))
        found = submission.reading_direction(model, stream, right, wrong)
        constant = gap_at_end(model, torch.zeros_like(stream), right, wrong, stream)
        told = (stream * found).sum(-1) + constant
        hint = f"It is what the direction reads off the stream, plus the constant. (Here eps is {eps:g}.)"
        expected = gap_at_end(model, stream, right, wrong)
        assert_close(told, expected, "the row of logit differences", hint=hint, rtol=1e-3, atol=1e-4)


@checks("reading_direction")
def test_each_entry_reads_one_dimension(submission, draw: Draw):
    """Entry i is what a part that wrote 1 into dimension i alone would add, with the scale held at the stream's."""
    model, tokens = small(draw, eps=0.2)
    batch, d_model = len(tokens), model.config.d_model
    stream = draw.normal(batch, d_model) * (0.2 + draw.uniform(batch, 1)) + 3 * draw.normal(batch, 1)
    right, wrong = two_answers(draw, model, batch)
    found = submission.reading_direction(model, stream, right, wrong)
    units = torch.eye(d_model)
    expected = [true_share(model, unit.expand(batch, -1), stream, right, wrong) for unit in units]
    assert_close(found, torch.stack(expected, -1), "the direction", rtol=1e-3, atol=1e-4)


@checks("direct_shares")
def test_the_shares_sum_to_the_logit_difference(submission, draw: Draw):
    """The shares of all parts and the constant add up to the difference of the model's two logits at the end."""
    for what, kind in KINDS.items():
        model, tokens = small(draw, **kind)
        right, wrong = two_answers(draw, model, len(tokens))
        found = submission.direct_shares(model, tokens, right, wrong)
        assert_names(found, [*named_parts(model), "constant"], f"The dictionary for a model {what}")
        expected = gap_at_end(model, end_stream(model, tokens)[:, -1], right, wrong)
        text = f"the sum of all shares in a model {what}"
        assert_close(sum(found.values()), expected, text, rtol=1e-3, atol=1e-3)


@checks("direct_shares")
def test_each_share_is_what_its_removal_takes_away(submission, draw: Draw):
    """A part's share is the fall of the difference when it is taken out of the stream, and the scale stays."""
    for kind in KINDS.values():
        model, tokens = small(draw, **kind)
        right, wrong = two_answers(draw, model, len(tokens))
        found = submission.direct_shares(model, tokens, right, wrong)
        stream = end_stream(model, tokens)[:, -1]
        assert_names(found, [*named_parts(model), "constant"], "The dictionary")
        for name, part in true_parts(model, tokens).items():
            expected = true_share(model, part[:, -1], stream, right, wrong)
            assert_close(found[name], expected, f"the row of shares of {name!r}", rtol=1e-3, atol=1e-4)
        expected = gap_at_end(model, torch.zeros_like(stream), right, wrong, stream)
        hint = "It is the difference of the logits of a stream that holds nothing at all."
        assert_close(found["constant"], expected, "the row of shares of 'constant'", hint=hint, rtol=1e-3, atol=1e-4)


@checks("direct_shares", seconds=15.0)
def test_a_trained_model(submission, draw: Draw):
    """On induction-2l, where a random text comes again, the heads of layer 1 write the token that came next before."""
    model = shared_model("induction-2l")
    text = 4 + torch.stack([draw.permutation(model.config.d_vocab - 4)[:12] for _ in range(6)])
    start = torch.full((6, 1), int(model.tokenizer.bos))
    tokens = torch.cat([start, text, text[:, :-1]], dim=1)
    right, wrong = text[:, -1], text[:, 4]
    found = submission.direct_shares(model, tokens, right, wrong)
    stream = end_stream(model, tokens)[:, -1]
    for name, part in true_parts(model, tokens).items():
        expected = true_share(model, part[:, -1], stream, right, wrong)
        assert_close(found[name], expected, f"the row of shares of {name!r} in induction-2l", rtol=1e-3, atol=1e-3)


def slow_sources(model, tokens, layer: int, head: int, right, wrong) -> torch.Tensor:
    """Source by source: value times weight, through W_O, then what its removal from the final stream takes away."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
    stream = end_stream(model, tokens)[:, -1]
    shares = torch.zeros(tokens.shape, dtype=torch.double)
    for k in range(tokens.shape[1]):
        brought = torch.zeros_like(stream)
        for b in range(len(tokens)):
            value = cache["v", layer][b, k, head]
            brought[b] = cache["pattern", layer][b, head, -1, k] * (model.W_O[layer, head].T @ value).detach()
        shares[:, k] = true_share(model, brought, stream, right, wrong)
    return shares


@checks("source_shares", seconds=10.0)
def test_each_source_by_itself(submission, draw: Draw):
    """For two heads of each layer of a small model, position by position, against a slow loop."""
    for kind in ({}, {"attn_only": True, "positional": "rotary"}):
        model, tokens = small(draw, n_layers=2, **kind)
        right, wrong = two_answers(draw, model, len(tokens))
        for layer in range(2):
            for head in draw.permutation(model.config.n_heads)[:2].tolist():
                found = submission.source_shares(model, tokens, layer, head, right, wrong)
                expected = slow_sources(model, tokens, layer, head, right, wrong)
                what = f"the table of shares by source of L{layer}H{head}"
                assert_close(found, expected, what, rtol=1e-3, atol=1e-4)


@checks("source_shares")
def test_the_sources_sum_to_the_share_of_the_head(submission, draw: Draw):
    """Summed over the positions it is the share of all that the head wrote."""
    model, tokens = small(draw, n_layers=3)
    right, wrong = two_answers(draw, model, len(tokens))
    stream, parts = end_stream(model, tokens)[:, -1], true_parts(model, tokens)
    for layer in range(3):
        head = draw.integer(0, model.config.n_heads)
        found = submission.source_shares(model, tokens, layer, head, right, wrong)
        expected = true_share(model, parts[f"L{layer}H{head}"][:, -1], stream, right, wrong)
        assert_close(
            found.sum(-1), expected, f"the row of sums over the sources of L{layer}H{head}", rtol=1e-3, atol=1e-4
        )


@checks("source_shares")
def test_a_head_that_looks_at_one_place(submission, draw: Draw):
    """Where a head looks at one position alone, every other position has a share of zero."""
    model, tokens = small(draw, n_layers=1, attn_only=True)
    pos, place = tokens.shape[1], draw.integer(0, tokens.shape[1])
    with torch.no_grad():  # the key's position decides the score, and by far
        model.pos_embed.W_pos.zero_()
        model.pos_embed.W_pos[place, 0] = 40.0
        model.blocks[0].ln1.w.fill_(1.0)
        attn = model.blocks[0].attn
        attn.b_Q.fill_(5.0)
        attn.W_Q.zero_()
        attn.W_K.zero_()
        attn.W_K[:, 0] = 5.0
    right, wrong = two_answers(draw, model, len(tokens))
    found = submission.source_shares(model, tokens, 0, 1, right, wrong)
    others = [k for k in range(pos) if k != place]
    stream, parts = end_stream(model, tokens)[:, -1], true_parts(model, tokens)
    expected = true_share(model, parts["L0H1"][:, -1], stream, right, wrong)
    assert_close(found[:, place], expected, f"the row of shares of position {place}, the only one looked at", atol=1e-3)
    assert_close(found[:, others], torch.zeros(len(tokens), pos - 1), "the shares of all other positions", atol=1e-3)


def slow_lens(model, stream, A, b) -> torch.Tensor:
    """The translated stream's log-probabilities, in double precision, by torch's own layer norm."""
    x = stream.double()
    x = x + torch.einsum("...i,ij->...j", x, A.double()) + b.double()
    y = functional.layer_norm(x, x.shape[-1:], model.ln_final.w.double(), model.ln_final.b.double(), model.config.eps)
    return (y @ model.W_U.double() + model.b_U.double()).log_softmax(-1)


def true_losses(model, tokens, A, b) -> torch.Tensor:
    """KL(model || lens) for each depth, in double precision; slopes flow to A and b."""
    with torch.no_grad():
        logits, cache = model.run_with_cache(tokens)
    own = logits.double().log_softmax(-1)
    lenses = [slow_lens(model, cache["resid_pre", depth], A[depth], b[depth]) for depth in range(len(A))]
    return torch.stack([functional.kl_div(q, own, reduction="none", log_target=True).sum(-1).mean() for q in lenses])


def a_lens(submission, draw: Draw, model, size: float = 0.3):
    """A lens with random translators, here and over there."""
    c = model.config
    A, b = size * draw.normal(c.n_layers, c.d_model, c.d_model), draw.normal(c.n_layers, c.d_model)
    lens = submission.TunedLens(c.n_layers, c.d_model)
    lens.load_state_dict({"A": A, "b": b})
    return lens, A, b


@checks("TunedLens")
def test_untrained_it_is_the_logit_lens(submission, draw: Draw):
    """With A and b at zero, every depth reads the stream as the logit lens does."""
    model, tokens = small(draw)
    c = model.config
    lens, stream = submission.TunedLens(c.n_layers, c.d_model), draw.normal(*tokens.shape, c.d_model)
    with torch.no_grad():
        expected = model(stream, start_at_layer=c.n_layers)
    for depth in range(c.n_layers):
        what = f"the table of logits of an untrained lens at depth {depth}"
        assert_close(lens(model, stream, depth), expected, what, rtol=1e-3, atol=1e-4)


@checks("TunedLens")
def test_each_depth_has_a_translator_of_its_own(submission, draw: Draw):
    """With random A and b: the stream, plus the stream times A[depth], plus b[depth], is read by the lens."""
    model, tokens = small(draw)
    lens, A, b = a_lens(submission, draw, model)
    for depth in range(model.config.n_layers):
        stream = draw.normal(*tokens.shape, model.config.d_model)
        found = lens(model, stream, depth)
        with torch.no_grad():
            expected = model(stream + stream @ A[depth] + b[depth], start_at_layer=model.config.n_layers)
        assert_close(found, expected, f"the table of logits at depth {depth}", rtol=1e-3, atol=1e-3)


@checks("TunedLens")
def test_the_loss_is_the_divergence_from_what_the_model_predicts(submission, draw: Draw):
    """At each depth the mean over all positions of KL(model || lens), in nats, against a slow computation."""
    for kind in ({}, {"attn_only": True}):
        model, tokens = small(draw, **kind)
        lens, A, b = a_lens(submission, draw, model)
        hint = "The weights are the model's probabilities; the sum runs over the vocabulary, the mean over the rest."
        expected = true_losses(model, tokens, A, b)
        assert_close(lens.loss(model, tokens), expected, "the row of losses", hint=hint, rtol=1e-3, atol=1e-4)


@checks("TunedLens")
def test_a_layer_that_writes_nothing_needs_no_translation(submission, draw: Draw):
    """In a model whose last layers write nothing, the untrained lens costs nothing at their depths."""
    model, tokens = small(draw, n_layers=3)
    model = silenced(model, 1)
    found = submission.TunedLens(3, model.config.d_model).loss(model, tokens)
    assert_close(
        found[1:], torch.zeros(2), "the losses at depths 1 and 2, where the stream is final already", atol=1e-5
    )
    assert float(found[0]) > 1e-3, "At depth 0 the loss should not be zero: layer 0 has yet to write."


def slopes_of(learner, model, tokens, A, b):
    """The slopes of the summed losses at A and b."""
    lens = learner.TunedLens(*b.shape)
    lens.load_state_dict({"A": A, "b": b})
    total = lens.loss(model, tokens).sum()
    if not total.requires_grad:
        return None
    return torch.autograd.grad(total, [lens.A, lens.b], allow_unused=True)


@checks("TunedLens")
def test_the_slope_reaches_the_translators(submission, draw: Draw):
    """The slopes of the losses at A and b are the true ones: nothing is detached on the way."""
    model, tokens = small(draw)
    c = model.config
    A, b = 0.3 * draw.normal(c.n_layers, c.d_model, c.d_model), draw.normal(c.n_layers, c.d_model)
    found = submission.run(slopes_of, model, tokens, A, b)
    assert found is not None, (
        "The losses have no slope at all. Is `forward` or all of `loss` under `no_grad`, or a result detached?"
    )
    truth = A.double().requires_grad_(), b.double().requires_grad_()
    expected = torch.autograd.grad(true_losses(model, tokens, *truth).sum(), truth)
    for name, mine, right in zip("Ab", found, expected, strict=True):
        assert mine is not None, f"No slope reaches {name}."
        assert_close(mine, right, f"the slope at {name}", rtol=1e-2, atol=1e-4)


def fit(learner, model, first, second, lr):
    """Trains a lens, and the same lens again; what came back, and what it learned."""
    lens = learner.TunedLens(model.config.n_layers, model.config.d_model)
    history = lens.fit(model, first, lr)
    kept = [lens.A.detach().clone(), lens.b.detach().clone()]
    again = lens.fit(model, second, lr)
    return history, again, *kept, lens.A.detach().clone(), lens.b.detach().clone()


def texts(draw: Draw, model, count: int, batch: int) -> list[torch.Tensor]:
    """Batches for induction-2l: random text, and the same text again."""
    pages = []
    for _ in range(count):
        text = 4 + torch.stack([draw.permutation(model.config.d_vocab - 4)[:10] for _ in range(batch)])
        pages.append(torch.cat([torch.full((batch, 1), int(model.tokenizer.bos)), text, text], dim=1))
    return pages


def true_fit(model, batches, A, b, lr: float) -> torch.Tensor:
    """Trains A and b in place; the losses before each step."""
    optimizer, history = torch.optim.Adam([A, b], lr=lr), []
    for tokens in batches:
        losses = true_losses(model, tokens, A, b)
        grads = torch.autograd.grad(losses.sum(), [A, b])
        A.grad, b.grad = (grad.clone() for grad in grads)
        optimizer.step()
        history.append(losses.detach())
    return torch.stack(history)


def assert_history(history, steps: int, depths: int) -> None:
    """What `fit` returns is a tensor of the right shape."""
    kind = tuple(history.shape) if isinstance(history, torch.Tensor) else type(history).__name__
    wanted = f"`fit` should return a tensor [step depth], here ({steps}, {depths}), but it returns {kind}."
    assert kind == (steps, depths), wanted


@checks("TunedLens", seconds=15.0)
def test_training_brings_it_near_the_model(submission, draw: Draw):
    """Trained on a small model's texts, it is nearer to the model than the logit lens, on texts that it hasn't seen."""
    model = shared_model("induction-2l")
    *batches, held_out = texts(draw, model, 25, 6)
    start = torch.zeros(2, 64, 64), torch.zeros(2, 64)
    history, _, A, b, _, _ = submission.run(fit, model, batches, batches[:1], 2e-3)
    assert_history(history, len(batches), 2)
    plain, tuned = true_losses(model, held_out, *start), true_losses(model, held_out, A, b)
    own = [weight.double().requires_grad_() for weight in start]
    expected = true_fit(model, batches, *own, 2e-3)
    told = ", ".join(f"{a:.3f} to {c:.3f}" for a, c in zip(plain.tolist(), tuned.tolist(), strict=True))
    goal = true_losses(model, held_out, *own).detach()
    want = ", ".join(f"{c:.3f}" for c in goal.tolist())
    message = f"On new texts the KL went from {told} (one for each depth). These steps can bring it to {want}."
    assert bool((tuned < goal + 0.05 * (plain - goal).abs()).all()), message
    assert_close(
        history[0], plain_of(model, batches[0]), "the row of losses before the first step", rtol=1e-3, atol=1e-4
    )
    assert_close(history, expected, "the table of losses before each step", rtol=0.03, atol=1e-3)


def plain_of(model, tokens) -> torch.Tensor:
    """The losses of an untrained lens."""
    return true_losses(model, tokens, torch.zeros(2, 64, 64), torch.zeros(2, 64))


@checks("TunedLens")
def test_training_takes_one_step_for_each_batch(submission, draw: Draw):
    """One step of Adam for each batch, in their order, with the given rate; a second call goes on from there."""
    model, tokens = small(draw)
    c, lr = model.config, 0.003 + 0.01 * float(draw.uniform(1))
    batches = [draw.integers(0, c.d_vocab, 2 + i, tokens.shape[1]) for i in range(3)]
    more = [draw.integers(0, c.d_vocab, 2, tokens.shape[1])]
    history, again, A, b, A_then, _ = submission.run(fit, model, batches, more, lr)
    assert_history(history, len(batches), c.n_layers)
    assert_history(again, 1, c.n_layers)
    own = [torch.zeros(*weight.shape, dtype=torch.double).requires_grad_() for weight in (A, b)]
    expected = true_fit(model, batches, *own, lr)
    assert_close(history, expected, "the table of losses before each step", rtol=1e-2, atol=1e-4)
    for name, mine, right in zip("Ab", (A, b), own, strict=True):
        # In the mean: an entry whose slope is next to nothing may go either way, by rounding.
        off = float(((mine - right).abs().mean() / right.abs().mean()).detach())
        assert off < 0.05, f"After {len(batches)} steps {name} is {off:.0%} off. Is each step Adam's?"
    expected = true_losses(model, more[0], A, b)
    what = "the row of losses at the start of a second call of `fit`"
    assert_close(again[0], expected, what, hint="It goes on with the A and b that it has.", rtol=1e-2, atol=1e-4)
    assert float((A_then - A).abs().amax()) > 0, "A second call of `fit` changed nothing."
