"""Checks of the lesson `transformer`: a slow GPT-2 in double precision, cases worked by hand, and laws."""

import math

import torch

from unravel.grading import Alternative, Draw, Mistake, assert_close, assert_equal, checks

MISTAKES = [
    # MLP: its gelu
    Mistake(
        "MLP",
        why="That is the exact GELU, with the error function. It is never more than about 0.0005 away, but GPT-2 was "
        "trained with the tanh form, and through twelve layers the gap adds up.",
        right="0.5 * x * (1 + torch.tanh(root * (x + 0.044715 * (x * x * x))))",
        wrong="0.5 * x * (1 + torch.erf(x / 2**0.5))",
    ),
    Mistake(
        "MLP",
        why="That is the quick form, x * sigmoid(1.702 x). GPT-2 uses the tanh form.",
        right="0.5 * x * (1 + torch.tanh(root * (x + 0.044715 * (x * x * x))))",
        wrong="x * torch.sigmoid(1.702 * x)",
    ),
    Mistake(
        "MLP",
        why="Your `gelu` is the ReLU: it has a corner at 0, and never dips below it.",
        right="0.5 * x * (1 + torch.tanh(root * (x + 0.044715 * (x * x * x))))",
        wrong="x.relu()",
    ),
    Mistake("MLP", why="The factor 1/2 is missing.", right="0.5 * x * (1", wrong="x * (1"),
    Mistake(
        "MLP",
        why="You multiply with the 2/pi itself: the formula has its square root.",
        right="(2 / torch.pi) ** 0.5",
        wrong="2 / torch.pi",
    ),
    Mistake("MLP", why="The root is that of 2/pi, not of pi/2.", right="(2 / torch.pi)", wrong="(torch.pi / 2)"),
    Mistake(
        "MLP",
        why="Look at the brackets: the root multiplies the whole sum, the cube too.",
        right="root * (x + 0.044715 * (x * x * x))",
        wrong="root * x + 0.044715 * (x * x * x)",
    ),
    Mistake("MLP", why="You squared x where the formula has its cube.", right="(x * x * x)", wrong="(x * x)"),
    Mistake(
        "MLP",
        why="You return the gate, a number between 0 and 1: it has to be multiplied with x.",
        right="0.5 * x *",
        wrong="0.5 *",
    ),
    Mistake("MLP", why="You left out the cube.", right=" + 0.044715 * (x * x * x)", wrong=""),
    Mistake(
        "MLP",
        why="You change the dtype: what comes in as float64 must come out as float64.",
        right="0.5 * x * (1 + torch.tanh(root * (x + 0.044715 * (x * x * x))))",
        wrong='nn.functional.gelu(x.float(), approximate="tanh")',
    ),
    # MLP: its forward
    Mistake(
        "MLP", why="There is no GELU in `forward`: two matrices in a row are one.", right="self.gelu(pre)", wrong="pre"
    ),
    Mistake("MLP", why="Your `forward` has a ReLU; use your `gelu`.", right="self.gelu(pre)", wrong="pre.relu()"),
    Mistake(
        "MLP",
        why="You added `x`: the MLP returns what it writes, and the block adds it.",
        right="return post @ self.W_out + self.b_out",
        wrong="return x + post @ self.W_out + self.b_out",
    ),
    Mistake("MLP", why="b_in is missing: no neuron has its threshold.", right=" + self.b_in", wrong=""),
    Mistake("MLP", why="b_out is missing.", right=" + self.b_out", wrong=""),
    Mistake(
        "MLP",
        why="The GELU stands at the end; it belongs between the two matrices.",
        wrong="return nn.functional.gelu(x, approximate='tanh')\n### NEXT REGION\n"
        "post = self.hook_post(self.hook_pre(x @ self.W_in + self.b_in))\n"
        "return self.gelu(post @ self.W_out + self.b_out)",
    ),
    Mistake(
        "MLP",
        why="hook_pre gets what comes after the GELU. It is for what goes into it.",
        wrong="return nn.functional.gelu(x, approximate='tanh')\n### NEXT REGION\n"
        "post = self.hook_post(self.hook_pre(self.gelu(x @ self.W_in + self.b_in)))\n"
        "return post @ self.W_out + self.b_out",
    ),
    Mistake(
        "MLP",
        why="You passed the activations to the hooks, but went on with your own: return values of a hook are what the "
        "next step must use, or nobody can change anything through it.",
        wrong="return nn.functional.gelu(x, approximate='tanh')\n### NEXT REGION\n"
        "pre = x @ self.W_in + self.b_in\nself.hook_pre(pre)\npost = self.gelu(pre)\nself.hook_post(post)\n"
        "return post @ self.W_out + self.b_out",
    ),
    Mistake(
        "MLP",
        why="You pass the activation through hook_post twice: whoever halves it there gets a quarter. Once is enough.",
        right="post @ self.W_out",
        wrong="self.hook_post(post) @ self.W_out",
    ),
    # Block
    Mistake(
        "Block",
        why="You normalise after adding (post-LN, as in the transformer of 2017). GPT-2 normalises what a part reads, "
        "and leaves the stream itself alone.",
        wrong="resid = self.hook_resid_pre(resid)\n"
        "resid = self.hook_resid_mid(self.ln1(resid + self.hook_attn_out(self.attn(resid))))\n"
        "return self.hook_resid_post(self.ln2(resid + self.hook_mlp_out(self.mlp(resid))))",
    ),
    Mistake(
        "Block",
        why="Your MLP reads the stream as it was before attention. In GPT-2 it reads what attention has left.",
        wrong="resid = self.hook_resid_pre(resid)\nattn_out = self.hook_attn_out(self.attn(self.ln1(resid)))\n"
        "mlp_out = self.hook_mlp_out(self.mlp(self.ln2(resid)))\nmid = self.hook_resid_mid(resid + attn_out)\n"
        "return self.hook_resid_post(mid + mlp_out)",
    ),
    Mistake(
        "Block",
        why="What attention writes replaces the stream; it has to be added to it.",
        right="self.hook_resid_mid(resid + self",
        wrong="self.hook_resid_mid(self",
    ),
    Mistake(
        "Block",
        why="What the MLP writes replaces the stream; it has to be added to it.",
        right="self.hook_resid_post(resid + self",
        wrong="self.hook_resid_post(self",
    ),
    Mistake(
        "Block",
        why="Attention reads the raw stream: ln1 is missing.",
        right="self.attn(self.ln1(resid))",
        wrong="self.attn(resid)",
    ),
    Mistake(
        "Block",
        why="The MLP reads the raw stream: ln2 is missing.",
        right="self.mlp(self.ln2(resid))",
        wrong="self.mlp(resid)",
    ),
    Mistake("Block", why="You use ln1 twice. The MLP has a norm of its own, ln2.", right="self.ln2", wrong="self.ln1"),
    Mistake(
        "Block",
        why="ln1 and ln2 are swapped.",
        wrong="resid = self.hook_resid_pre(resid)\n"
        "resid = self.hook_resid_mid(resid + self.hook_attn_out(self.attn(self.ln2(resid))))\n"
        "return self.hook_resid_post(resid + self.hook_mlp_out(self.mlp(self.ln1(resid))))",
    ),
    Mistake(
        "Block",
        why="You add attention's output to the normalised stream. Add it to the stream itself.",
        right="self.hook_resid_mid(resid + self",
        wrong="self.hook_resid_mid(self.ln1(resid) + self",
    ),
    Mistake(
        "Block",
        why="You changed the stream in place (`+=` does that to a tensor). What a hook has kept of it changes as well, "
        "and so may the tensor of whoever called you. Write `resid = resid + ...`.",
        wrong="resid = self.hook_resid_pre(resid)\nresid += self.hook_attn_out(self.attn(self.ln1(resid)))\n"
        "resid = self.hook_resid_mid(resid)\nresid += self.hook_mlp_out(self.mlp(self.ln2(resid)))\n"
        "return self.hook_resid_post(resid)",
    ),
    Mistake(
        "Block",
        why="You changed the stream in place (`+=` does that to a tensor). What a hook has kept of it changes as well, "
        "and so may the tensor of whoever called you. Write `resid = resid + ...`.",
        wrong="resid = self.hook_resid_pre(resid)\n"
        "resid = self.hook_resid_mid(resid + self.hook_attn_out(self.attn(self.ln1(resid))))\n"
        "resid += self.hook_mlp_out(self.mlp(self.ln2(resid)))\nreturn self.hook_resid_post(resid)",
    ),
    Mistake(
        "Block",
        why="You changed the stream in place (`+=` does that to a tensor). What a hook has kept of it changes as well, "
        "and so may the tensor of whoever called you. Write `resid = resid + ...`.",
        wrong="resid = self.hook_resid_pre(resid.clone())\nresid += self.hook_attn_out(self.attn(self.ln1(resid)))\n"
        "resid = self.hook_resid_mid(resid)\nresid += self.hook_mlp_out(self.mlp(self.ln2(resid)))\n"
        "return self.hook_resid_post(resid)",
    ),
    Mistake(
        "Block",
        why="hook_attn_out gets the stream after the addition. It is for what attention writes, by itself.",
        right="resid + self.hook_attn_out(self.attn(self.ln1(resid)))",
        wrong="self.hook_attn_out(resid + self.attn(self.ln1(resid)))",
    ),
    Mistake(
        "Block",
        why="You cut the stream off from the gradient: nothing before this block could learn. Leave `.detach()` out.",
        right="resid = self.hook_resid_pre(resid)",
        wrong="resid = self.hook_resid_pre(resid).detach()",
    ),
    # GPT2
    Mistake(
        "GPT2",
        why="Your blocks are in a plain list, so the module doesn't know of them: they are neither trained, nor saved, "
        "nor loaded. Use nn.ModuleList.",
        right="nn.ModuleList(Block(n_heads, d_model, d_mlp) for _ in range(n_layers))",
        wrong="[Block(n_heads, d_model, d_mlp) for _ in range(n_layers)]",
    ),
    Mistake(
        "GPT2",
        why="All your layers are one and the same block: `[block] * n` repeats the object. Make a new one each time.",
        right="nn.ModuleList(Block(n_heads, d_model, d_mlp) for _ in range(n_layers))",
        wrong="nn.ModuleList([Block(n_heads, d_model, d_mlp)] * n_layers)",
    ),
    Mistake(
        "GPT2",
        why="Your W_U is W_E's own memory, seen from the side: loading one overwrites the other. A transpose copies "
        "nothing. Make W_U a new weight, with `normal`.",
        right="self.W_U = normal(d_model, d_vocab)",
        wrong="self.W_U = nn.Parameter(self.W_E.data.T)",
    ),
    Mistake("GPT2", why="The last LayerNorm is missing.", right="self.ln_final(resid) @", wrong="resid @"),
    Mistake(
        "GPT2",
        why="The embeddings of the positions are not added, so the order of the earlier tokens can't matter.",
        right="+ self.hook_pos_embed(self.W_pos[: tokens.shape[1]])",
        wrong="+ 0 * self.hook_pos_embed(self.W_pos[: tokens.shape[1]])",
    ),
    Mistake(
        "GPT2",
        why="You take the last rows of W_pos. The first token stands at position 0.",
        right="self.W_pos[: tokens.shape[1]]",
        wrong="self.W_pos[-tokens.shape[1] :]",
    ),
    Mistake(
        "GPT2",
        why="You look the positions up by the tokens' own numbers. A position is a place: 0, 1, 2, and so on.",
        right="self.W_pos[: tokens.shape[1]]",
        wrong="self.W_pos[tokens % len(self.W_pos)]",
    ),
    Mistake(
        "GPT2",
        why="You return probabilities. The model gives logits; whoever wants a softmax takes it.",
        right="return self.ln_final(resid) @ self.W_U",
        wrong="return (self.ln_final(resid) @ self.W_U).softmax(-1)",
    ),
    Mistake(
        "GPT2",
        why="You unembed with W_E transposed. W_U is a weight of its own here: not every model ties the two.",
        right="@ self.W_U",
        wrong="@ self.W_E.T",
    ),
    Mistake(
        "GPT2",
        why="You add the positions in place (`+=` does that to a tensor): what a hook has kept of hook_embed changes "
        "as well. Write the sum as `a + b`.",
        right="resid = self.hook_embed(self.W_E[tokens]) + self.hook_pos_embed(self.W_pos[: tokens.shape[1]])",
        wrong="resid = self.hook_embed(self.W_E[tokens])\nresid += self.hook_pos_embed(self.W_pos[: tokens.shape[1]])",
    ),
    Mistake("GPT2", why="You skip the last block.", right="in self.blocks:", wrong="in self.blocks[:-1]:"),
    Mistake(
        "GPT2",
        why="You run the blocks from the last to the first.",
        right="in self.blocks:",
        wrong="in reversed(self.blocks):",
    ),
    Mistake(
        "GPT2",
        why="You cut the stream off from the gradient: nothing before the last block can learn. Leave `.detach()` out.",
        right="resid = block(resid)",
        wrong="resid = block(resid.detach())",
    ),
    Mistake(
        "GPT2",
        why="The final LayerNorm stands before the blocks; it belongs behind them, before the unembedding.",
        wrong="self.W_E, self.W_pos = normal(d_vocab, d_model), normal(n_ctx, d_model)\n"
        "self.blocks = nn.ModuleList(Block(n_heads, d_model, d_mlp) for _ in range(n_layers))\n"
        "self.ln_final = LayerNorm(d_model)\nself.W_U = normal(d_model, d_vocab)\n### NEXT REGION\n"
        "resid = self.hook_embed(self.W_E[tokens]) + self.hook_pos_embed(self.W_pos[: tokens.shape[1]])\n"
        "resid = self.ln_final(resid)\nfor block in self.blocks:\n    resid = block(resid)\nreturn resid @ self.W_U",
    ),
    Mistake(
        "GPT2",
        why="Your embeddings start with standard deviation 1, fifty times what GPT-2 starts with: use `normal`.",
        right="self.W_E, self.W_pos = normal(d_vocab, d_model), normal(n_ctx, d_model)",
        wrong="self.W_E = nn.Parameter(torch.randn(d_vocab, d_model))\n"
        "self.W_pos = nn.Parameter(torch.randn(n_ctx, d_model))",
    ),
    Mistake(
        "GPT2",
        why="hook_embed gets the sum of both embeddings: it is for the rows of W_E, before the positions are added.",
        right="self.hook_embed(self.W_E[tokens]) + self.hook_pos_embed(self.W_pos[: tokens.shape[1]])",
        wrong="self.hook_embed(self.W_E[tokens] + self.hook_pos_embed(self.W_pos[: tokens.shape[1]]))",
    ),
    # convert_weights
    Mistake(
        "convert_weights",
        why="You cut c_attn head by head, each with q, k and v. It holds all heads' q first, then all k, then all v.",
        right='weights = theirs[f"{their}.attn.c_attn.weight"].chunk(3, dim=1)',
        wrong='whole = theirs[f"{their}.attn.c_attn.weight"].unflatten(1, (n_heads, 3, -1))\n'
        "    weights = [whole[:, :, part].flatten(1) for part in range(3)]",
    ),
    Mistake(
        "convert_weights",
        why="You reshape straight to [n_heads, d_model, d_head]: the shape is right, and the numbers are shuffled. The "
        "heads lie side by side in the columns: split that axis first, then move it to the front.",
        right="weight.unflatten(1, (n_heads, -1)).transpose(0, 1)",
        wrong="weight.reshape(n_heads, len(weight), -1)",
    ),
    Mistake(
        "convert_weights",
        why="Within q (and k, and v) you let the heads take turns, column by column. All columns of head 0 come first.",
        right="weight.unflatten(1, (n_heads, -1)).transpose(0, 1)",
        wrong="weight.unflatten(1, (-1, n_heads)).permute(2, 0, 1)",
    ),
    Mistake(
        "convert_weights", why="You took c_attn for k | q | v; it is q | k | v.", right='zip("QKV"', wrong='zip("KQV"'
    ),
    Mistake(
        "convert_weights", why="You took c_attn for v | k | q; it is q | k | v.", right='zip("QKV"', wrong='zip("VKQ"'
    ),
    Mistake(
        "convert_weights",
        why="The biases of c_attn are cut in another way than its columns: within q, head 0 comes first, whole.",
        right="bias.unflatten(0, (n_heads, -1))",
        wrong="bias.unflatten(0, (-1, n_heads)).T",
    ),
    Mistake(
        "convert_weights",
        why="You transposed the c_proj of attention. It is a Conv1D, [in, out] already: its rows are the heads' z.",
        right='theirs[f"{their}.attn.c_proj.weight"]',
        wrong='theirs[f"{their}.attn.c_proj.weight"].T',
    ),
    Mistake(
        "convert_weights",
        why="You transposed the MLP's matrices, as one has to with nn.Linear. These are Conv1D, [in, out] already.",
        right='theirs[f"{their}.mlp.{other}.weight"]',
        wrong='theirs[f"{their}.mlp.{other}.weight"].T',
    ),
    Mistake(
        "convert_weights",
        why="W_U is not transposed: their lm_head is an nn.Linear, [out, in], and W_U is [d_model, d_vocab].",
        right='theirs.get("lm_head.weight", W_E).T',
        wrong='theirs.get("lm_head.weight", W_E)',
    ),
    Mistake(
        "convert_weights",
        why="You always unembed with wte. Where there is an `lm_head.weight`, that is the unembedding.",
        right='theirs.get("lm_head.weight", W_E).T',
        wrong="W_E.T",
    ),
    Mistake(
        "convert_weights",
        why="ln_1 and ln_2 are swapped.",
        right='(("ln1", "ln_1"), ("ln2", "ln_2"))',
        wrong='(("ln1", "ln_2"), ("ln2", "ln_1"))',
    ),
    Mistake(
        "convert_weights",
        why="The last layer is left out.",
        right="range(n_layers)",
        wrong="range(n_layers - 1)",
    ),
    Mistake(
        "convert_weights",
        why="Every layer gets the weights of layer 0: the number of the layer has to go into both names.",
        right='their, our = f"transformer.h.{layer}"',
        wrong='their, our = "transformer.h.0"',
    ),
    # first_difference
    Mistake(
        "first_difference",
        why="You hold each entry to the tolerance times its own size. The measure is the largest absolute value of "
        "the whole reference: beside large numbers, small ones are mostly rounding.",
        right="(found - truth).abs().max() <= tolerance * truth.abs().max()",
        wrong="((found - truth).abs() <= tolerance * truth.abs()).all()",
    ),
    Mistake(
        "first_difference",
        why="`allclose` adds an absolute tolerance and one by each entry's own size. The measure here is the largest "
        "absolute value of the whole reference.",
        right="(found - truth).abs().max() <= tolerance * truth.abs().max()",
        wrong="torch.allclose(found, truth, rtol=tolerance, atol=tolerance)",
    ),
    Mistake(
        "first_difference",
        why="You hold the difference itself to the tolerance. Activations of size 1000 differ by more than 0.0001 from "
        "rounding alone: compare with the tolerance times the largest absolute value of the reference.",
        right="tolerance * truth.abs().max()",
        wrong="tolerance",
    ),
    Mistake(
        "first_difference",
        why="You are blind to nan: every comparison with it is False. Ask whether the two agree, and turn that round.",
        right="agree = (found - truth).abs().max() <= tolerance * truth.abs().max()",
        wrong="agree = not ((found - truth).abs().max() > tolerance * truth.abs().max())",
    ),
    Mistake(
        "first_difference",
        why="You look at the mean difference. One wrong entry among thousands hardly moves it: look at the largest.",
        right="(found - truth).abs().max()",
        wrong="(found - truth).abs().mean()",
    ),
    Mistake(
        "first_difference",
        why="You compare by the root of the mean square. One wrong entry of many hides there: look at the largest.",
        right="agree = (found - truth).abs().max() <= tolerance * truth.abs().max()",
        wrong="agree = (found - truth).square().mean().sqrt() <= tolerance * truth.square().mean().sqrt()",
    ),
    Mistake(
        "first_difference",
        why="You compare sums. The same numbers in other places have the same sum: compare entry with entry.",
        right="(found - truth).abs().max()",
        wrong="(found.sum() - truth.sum()).abs()",
    ),
    Mistake(
        "first_difference",
        why="You measure by the size of `mine`. If that is far too large, everything is within its tolerance. It is "
        "the reference that can be trusted.",
        right="tolerance * truth.abs().max()",
        wrong="tolerance * found.abs().max()",
    ),
    Mistake(
        "first_difference",
        why="You forgot the absolute value of the difference: what is too small by far counts as equal.",
        right="(found - truth).abs().max()",
        wrong="(found - truth).max()",
    ),
    Mistake(
        "first_difference",
        why="You return the activation with the largest difference. Errors grow on their way: the first is the cause.",
        wrong="gaps = {}\nfor name, truth in reference.items():\n    found = mine.get(name)\n"
        "    if found is None or found.shape != truth.shape or not bool((found - truth).isfinite().all()):\n"
        "        return name\n    gap = float((found - truth).abs().max() / truth.abs().max().clamp(min=1e-30))\n"
        "    if gap > tolerance:\n        gaps[name] = gap\nreturn max(gaps, key=gaps.get, default=None)",
    ),
    Mistake(
        "first_difference",
        why="You return the last difference, not the first.",
        wrong="last = None\nfor name, truth in reference.items():\n    found = mine.get(name)\n"
        "    if found is None or found.shape != truth.shape:\n        last = name\n"
        "    elif not (found - truth).abs().max() <= tolerance * truth.abs().max():\n        last = name\nreturn last",
    ),
    Mistake(
        "first_difference",
        why="You go through the names in alphabetical order. First means first in the computation, the order of "
        "`reference`.",
        right="in reference.items():",
        wrong="in sorted(reference.items(), key=lambda item: item[0]):",
    ),
    Mistake(
        "first_difference",
        why="You go in the order of `mine`; the order that counts is that of `reference`.",
        right="in reference.items():",
        wrong="in sorted(reference.items(), key=lambda item: (list(mine) + [item[0]]).index(item[0])):",
    ),
    Mistake(
        "first_difference",
        why="You skip what `mine` lacks. A model that doesn't have the activation differs from one that does.",
        right="if found is None or found.shape != truth.shape:",
        wrong="if found is None:\n        continue\n    if found.shape != truth.shape:",
    ),
    Mistake(
        "first_difference",
        why="You compare across shapes: subtraction broadcasts, and [1, n] against [n] looks equal. Another shape is a "
        "difference.",
        right="if found is None or found.shape != truth.shape:",
        wrong="if found is None:",
    ),
    Mistake(
        "first_difference",
        why="You use a tolerance of your own, whatever the caller asks for.",
        right="tolerance * truth",
        wrong="1e-4 * truth",
    ),
]

ALTERNATIVES = [
    Alternative(
        "MLP",
        how="with the root as a tensor of its own, by einsum, with the hooks called on their own lines",
        code="inner = torch.sqrt(torch.tensor(2 / torch.pi)) * (x + 0.044715 * x**3)\n"
        "return x / 2 * (1 + inner.tanh())\n### NEXT REGION\n"
        'pre = torch.einsum("...m,mn->...n", x, self.W_in)\npre = self.hook_pre(pre + self.b_in)\n'
        'return torch.einsum("...n,nm->...m", self.hook_post(self.gelu(pre)), self.W_out) + self.b_out',
    ),
    Alternative(
        "MLP",
        how="with torch's own GELU, and by nn.functional.linear",
        code='return nn.functional.gelu(x, approximate="tanh")\n### NEXT REGION\n'
        "hidden = self.hook_pre(nn.functional.linear(x, self.W_in.T, self.b_in))\n"
        "return nn.functional.linear(self.hook_post(self.gelu(hidden)), self.W_out.T, self.b_out)",
    ),
    Alternative(
        "MLP",
        how="with the cube by pow, and the gate as a sigmoid",
        code="return x * torch.sigmoid(2 * (2 / torch.pi) ** 0.5 * (x + 0.044715 * x.pow(3)))\n### NEXT REGION\n"
        "return self.hook_post(self.gelu(self.hook_pre(x @ self.W_in + self.b_in))) @ self.W_out + self.b_out",
    ),
    Alternative(
        "Block",
        how="with a name for each step",
        code="before = self.hook_resid_pre(resid)\nattn_out = self.hook_attn_out(self.attn(self.ln1(before)))\n"
        "middle = self.hook_resid_mid(before + attn_out)\nmlp_out = self.hook_mlp_out(self.mlp(self.ln2(middle)))\n"
        "return self.hook_resid_post(middle + mlp_out)",
    ),
    Alternative(
        "GPT2",
        how="with a list handed to ModuleList, nn.Sequential's loop and an expanded position",
        code="self.W_E = normal(d_vocab, d_model)\nself.W_pos = normal(n_ctx, d_model)\n"
        "self.blocks = nn.ModuleList([Block(n_heads, d_model, d_mlp) for _ in range(n_layers)])\n"
        "self.ln_final = LayerNorm(d_model)\nself.W_U = normal(d_model, d_vocab)\n### NEXT REGION\n"
        "batch, pos = tokens.shape\nplaces = torch.arange(pos, device=tokens.device).expand(batch, pos)\n"
        "embed = self.hook_embed(nn.functional.embedding(tokens, self.W_E))\n"
        "resid = embed + self.hook_pos_embed(self.W_pos[places])\n"
        "for layer in range(len(self.blocks)):\n    resid = self.blocks[layer](resid)\n"
        'return torch.einsum("bpm,mv->bpv", self.ln_final(resid), self.W_U)',
    ),
    Alternative(
        "convert_weights",
        how="key by key, with einops and clones",
        code="""
import einops

ours = {}
for name, value in theirs.items():
    if name.endswith((".attn.bias", ".attn.masked_bias")):
        continue
    parts = name.removeprefix("transformer.").split(".")
    if parts[0] != "h":
        continue
    layer, kind, leaf = f"blocks.{parts[1]}", ".".join(parts[2:-1]), parts[-1]
    if kind in ("ln_1", "ln_2"):
        ours[f"{layer}.{kind.replace('_', '')}.{leaf[0]}"] = value.clone()
    elif kind == "attn.c_attn" and leaf == "weight":
        cut = einops.rearrange(value, "m (qkv h d) -> qkv h m d", qkv=3, h=n_heads)
        ours.update({f"{layer}.attn.W_{part}": cut[i].contiguous() for i, part in enumerate("QKV")})
    elif kind == "attn.c_attn":
        cut = einops.rearrange(value, "(qkv h d) -> qkv h d", qkv=3, h=n_heads)
        ours.update({f"{layer}.attn.b_{part}": cut[i].clone() for i, part in enumerate("QKV")})
    elif kind == "attn.c_proj":
        wide = leaf == "weight"
        ours[f"{layer}.attn.{'W' if wide else 'b'}_O"] = (
            einops.rearrange(value, "(h d) m -> h d m", h=n_heads) if wide else value
        )
    else:
        side = "in" if kind == "mlp.c_fc" else "out"
        ours[f"{layer}.mlp.{'W' if leaf == 'weight' else 'b'}_{side}"] = value
W_U = theirs["lm_head.weight"] if "lm_head.weight" in theirs else theirs["transformer.wte.weight"]
ours["W_E"], ours["W_pos"] = theirs["transformer.wte.weight"], theirs["transformer.wpe.weight"]
ours["W_U"] = W_U.T.contiguous()
ours["ln_final.w"], ours["ln_final.b"] = theirs["transformer.ln_f.weight"], theirs["transformer.ln_f.bias"]
return ours
""",
    ),
    Alternative(
        "first_difference",
        how="entry by entry, by a generator",
        code="""
def differs(name, truth):
    if name not in mine or mine[name].shape != truth.shape:
        return True
    limit = tolerance * truth.abs().max()
    return not bool(((mine[name] - truth).abs() <= limit).all())

return next((name for name, truth in reference.items() if differs(name, truth)), None)
""",
    ),
    Alternative(
        "first_difference",
        how="with nan asked for by name",
        code="""
for name in reference:
    if name not in mine:
        return name
    a, b = mine[name], reference[name]
    if a.shape != b.shape or a.isnan().any() or b.isnan().any():
        return name
    if torch.max(torch.abs(a - b)).item() > tolerance * torch.max(torch.abs(b)).item():
        return name
""",
    ),
]


# --- a GPT-2 of our own: slow, plain, in double precision -----------------------------------------


def random_block(draw: Draw, n_heads: int, d_model: int, d_head: int, d_mlp: int) -> dict[str, torch.Tensor]:
    """Weights of one block, all of them drawn: with biases of 0 and scales of 1 half of the mistakes don't show."""
    weights = {}
    for norm in ("ln1", "ln2"):
        weights[f"{norm}.w"], weights[f"{norm}.b"] = 1 + 0.4 * draw.normal(d_model), 0.4 * draw.normal(d_model)
    for part in "QKV":
        weights[f"attn.W_{part}"] = draw.normal(n_heads, d_model, d_head) / d_model**0.5
        weights[f"attn.b_{part}"] = 0.5 * draw.normal(n_heads, d_head)
    weights["attn.W_O"] = draw.normal(n_heads, d_head, d_model) / d_model**0.5
    weights["attn.b_O"] = 0.5 * draw.normal(d_model)
    weights["mlp.W_in"], weights["mlp.b_in"] = draw.normal(d_model, d_mlp) / d_model**0.5, 0.5 * draw.normal(d_mlp)
    weights["mlp.W_out"], weights["mlp.b_out"] = draw.normal(d_mlp, d_model) / d_mlp**0.5, 0.5 * draw.normal(d_model)
    return weights


class Sizes:
    """Sizes of a small model, all different; d_model is n_heads * d_head."""

    def __init__(self, draw: Draw, n_layers: int):
        self.n_layers = n_layers
        self.n_heads, self.d_head = draw.choice([(2, 3), (3, 2), (2, 5), (3, 4), (4, 3), (2, 7), (5, 2)])
        self.d_model = self.n_heads * self.d_head
        self.d_mlp = 3 * self.d_model + draw.integer(1, 5)
        self.n_ctx, self.d_vocab = 8 + draw.integer(0, 2), 17 + draw.integer(0, 3)

    @property
    def arguments(self) -> tuple[int, ...]:
        """Those of `GPT2`."""
        return self.n_layers, self.n_heads, self.d_model, self.d_mlp, self.d_vocab, self.n_ctx

    def block(self, draw: Draw) -> dict[str, torch.Tensor]:
        """Random weights of one block."""
        return random_block(draw, self.n_heads, self.d_model, self.d_head, self.d_mlp)

    def model(self, draw: Draw) -> dict[str, torch.Tensor]:
        """Random weights of a whole model."""
        weights = {"W_E": draw.normal(self.d_vocab, self.d_model), "W_pos": draw.normal(self.n_ctx, self.d_model)}
        for layer in range(self.n_layers):
            weights.update({f"blocks.{layer}.{name}": value for name, value in self.block(draw).items()})
        weights["ln_final.w"] = 1 + 0.4 * draw.normal(self.d_model)
        weights["ln_final.b"] = 0.4 * draw.normal(self.d_model)
        weights["W_U"] = draw.normal(self.d_model, self.d_vocab)
        return weights


def slow_norm(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """LayerNorm, by its definition."""
    gap = x - x.mean(-1, keepdim=True)
    return gap / (gap.square().mean(-1, keepdim=True) + 1e-5).sqrt() * w + b


def slow_gelu(x: torch.Tensor) -> torch.Tensor:
    """The tanh form, number by number."""
    root = math.sqrt(2 / math.pi)
    values = [0.5 * v * (1 + math.tanh(root * (v + 0.044715 * v**3))) for v in x.double().flatten().tolist()]
    return torch.tensor(values, dtype=torch.float64).reshape(x.shape)


def slow_attention(x: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """What attention writes: a loop over texts, heads and queries."""
    out = weights["attn.b_O"].double().expand_as(x).clone()
    W, b = ({part: weights[f"attn.{kind}_{part}"].double() for part in "QKV"} for kind in "Wb")
    for text in range(len(x)):
        for head, W_O in enumerate(weights["attn.W_O"].double()):
            q, k, v = (x[text] @ W[part][head] + b[part][head] for part in "QKV")
            for place in range(x.shape[1]):
                scores = k[: place + 1] @ q[place] / q.shape[-1] ** 0.5
                out[text, place] += scores.softmax(-1) @ v[: place + 1] @ W_O
    return out


def slow_block(resid: torch.Tensor, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The activations of one block, by the names of its hooks, in order."""
    w = {name: value.double() for name, value in weights.items()}
    found = {"hook_resid_pre": resid.double()}
    found["hook_attn_out"] = slow_attention(slow_norm(resid.double(), w["ln1.w"], w["ln1.b"]), weights)
    found["hook_resid_mid"] = resid + found["hook_attn_out"]
    pre = slow_norm(found["hook_resid_mid"], w["ln2.w"], w["ln2.b"]) @ w["mlp.W_in"] + w["mlp.b_in"]
    found["mlp.hook_pre"], found["mlp.hook_post"] = pre, slow_gelu(pre)
    found["hook_mlp_out"] = found["mlp.hook_post"] @ w["mlp.W_out"] + w["mlp.b_out"]
    found["hook_resid_post"] = found["hook_resid_mid"] + found["hook_mlp_out"]
    return found


def slow_model(tokens: torch.Tensor, weights: dict[str, torch.Tensor], n_layers: int) -> dict[str, torch.Tensor]:
    """The activations of a whole model, by the names of its hooks, in order, and the logits."""
    w = {name: value.double() for name, value in weights.items()}
    embed = torch.stack([torch.stack([w["W_E"][token] for token in row.tolist()]) for row in tokens])
    places = torch.stack([w["W_pos"][place] for place in range(tokens.shape[1])])
    found, resid = {"hook_embed": embed, "hook_pos_embed": places}, embed + places
    for layer in range(n_layers):
        at = f"blocks.{layer}."
        block = slow_block(resid, {name[len(at) :]: value for name, value in weights.items() if name.startswith(at)})
        found.update({at + name: value for name, value in block.items()})
        resid = block["hook_resid_post"]
    found["logits"] = slow_norm(resid, w["ln_final.w"], w["ln_final.b"]) @ w["W_U"]
    return found


def watch(learner, model, x, changes):
    """Runs the model; what each hook saw, and the "output". `changes`: what hooks of these names return instead.

    "in place": the hooks whose tensor the code changed after they had seen it. "again": those called more than once.
    """
    found, kept, handles, again = {}, {}, [], []

    def listen(name, module):
        def hook(module, args, output):
            if name in kept:
                again.append(name)
            kept[name] = output
            found[name] = output.clone() if isinstance(output, torch.Tensor) else output
            return changes.get(name)

        handles.append(module.register_forward_hook(hook))

    for name, module in model.named_modules():
        if "hook_" in name:
            listen(name, module)
    try:
        with torch.no_grad():
            found["output"] = model(x)
    finally:
        for handle in handles:
            handle.remove()
    tensors = [name for name in kept if isinstance(kept[name], torch.Tensor)]
    found["in place"] = [n for n in tensors if not torch.equal(found[n].nan_to_num(), kept[n].nan_to_num())]
    found["again"] = again
    return found


def assert_hook(found: dict[str, torch.Tensor], name: str, expected: torch.Tensor, before: str, hint: str) -> None:
    """One activation is right, and all those before it were."""
    right = f" Everything up to {before} is right." if before else ""
    fired = f"Nothing went through {name}: in `forward`, call it with the activation, and go on with what it returns."
    assert name in found, fired + right
    assert_close(found[name], expected, f"what {name} sees", hint=(right + " " + hint).strip(), rtol=1e-3, atol=1e-4)
    assert name not in found["again"], (
        f"Your code calls {name} more than once in one run: whoever changes something there changes it twice. Call "
        "each hook once."
    )
    assert name not in found["in place"], (
        f"What {name} sees is right, but your code has changed that tensor in place afterwards (`+=` does that), and "
        "with it what the hook has kept. Write `a = a + b`, not `a += b`."
    )


def gradients(learner, model, x, direction):
    """The names of the parameters that get a gradient other than zero."""
    (model(x) * direction).sum().backward()
    return sorted(name for name, p in model.named_parameters() if p.grad is not None and bool((p.grad != 0).any()))


def assert_learning(found: list[str], weights: dict[str, torch.Tensor]) -> None:
    """Every weight gets a gradient; the failure names a few of those that don't."""
    # The bias of the keys adds the same to all scores of a query, and the softmax ignores it: rounding is all it gets.
    missing = sorted(name for name in weights if name not in found and not name.endswith("attn.b_K"))
    named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    assert not missing, (
        f"No gradient reaches {named} ({len(missing)} of {len(weights)} parameters). Is each used in `forward`, and "
        "nothing cut off by `.detach()`, `.data` or `torch.no_grad()`?"
    )


# --- MLP: its gelu --------------------------------------------------------------------------------


@checks("MLP")
def test_three_values_by_hand(submission, draw: Draw):
    """`gelu` is 0 at 0; far to the right it gives x back; far to the left it is 0."""
    far = 10.0 + draw.integer(0, 90)
    x = torch.tensor([far, 0.0, -far, 1e4, -1e4])
    expected = torch.tensor([far, 0.0, 0.0, 1e4, 0.0])
    assert_close(submission.MLP(2, 3).gelu(x), expected, f"gelu of {x.tolist()}")


@checks("MLP")
def test_it_is_the_tanh_form_number_by_number(submission, draw: Draw):
    """`gelu` agrees with the formula, evaluated with Python's own numbers, on both sides of 0."""
    rows, columns, more = draw.sizes(3)
    for shape in ((rows, columns), (more,), (rows, more, columns)):
        x = draw.uniform(*shape, low=-5, high=5)
        hint = "x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))"
        assert_close(submission.MLP(2, 3).gelu(x), slow_gelu(x), "what `gelu` returns", hint=hint, rtol=1e-5, atol=2e-6)


@checks("MLP")
def test_the_two_sides_belong_together(submission, draw: Draw):
    """gelu(x) - gelu(-x) is x: the gate's share for x and that for -x make one."""
    x = draw.normal(*draw.sizes(2)) * 3
    assert_close(submission.MLP(2, 3).gelu(x) - submission.MLP(2, 3).gelu(-x), x, "gelu(x) - gelu(-x)", atol=1e-5)


@checks("MLP")
def test_the_dtype_stays(submission, draw: Draw):
    """`gelu` of float64 is float64, with all its digits."""
    x = draw.uniform(*draw.sizes(2), low=1, high=9).double() / 3  # a third has more digits than float32 can hold
    found = submission.MLP(2, 3).gelu(x)
    assert_equal(str(found.dtype), str(x.dtype), "the dtype of the result")
    assert not torch.equal(found, found.float().double()), (
        "The result is float64 by name, but each of its numbers fits in float32: digits were lost by a cast on the way."
    )


def slope(learner, x):
    """The derivative of the learner's gelu at each entry."""
    x.requires_grad_()
    (found,) = torch.autograd.grad(learner.MLP(2, 3).gelu(x).sum(), x)
    return found


@checks("MLP")
def test_it_can_be_trained_through(submission, draw: Draw):
    """The derivative of `gelu` is that of the formula: 1/2 at zero, and a little above 1 further right."""
    x = torch.cat([torch.zeros(1), draw.uniform(draw.integer(4, 9), low=-3, high=3)]).double()
    step = 1e-5
    expected = (slow_gelu(x + step) - slow_gelu(x - step)) / (2 * step)
    assert_close(submission.run(slope, x.clone()), expected, "the derivative of `gelu`", rtol=1e-4, atol=1e-6)


# --- MLP: its forward -----------------------------------------------------------------------------


def loaded_mlp(submission, draw: Draw, d_model: int, d_mlp: int):
    """An MLP with weights that we know."""
    mlp = submission.MLP(d_model, d_mlp)
    weights = {name[4:]: value for name, value in random_block(draw, 1, d_model, 1, d_mlp).items() if "mlp" in name}
    mlp.load_state_dict(weights)
    return mlp, weights


@checks("MLP")
def test_one_neuron_by_hand(submission, draw: Draw):
    """One neuron that reads the first entry and writes to the last: far above its threshold it is a straight line."""
    d_model, size = draw.integer(3, 8), float(draw.integer(2, 6))
    mlp, _ = loaded_mlp(submission, draw, d_model, 1)
    w_in, w_out, b_out = torch.zeros(d_model, 1), torch.zeros(1, d_model), draw.normal(d_model)
    w_in[0, 0], w_out[0, -1] = 1.0, size
    mlp.load_state_dict({"W_in": w_in, "b_in": torch.tensor([-20.0]), "W_out": w_out, "b_out": b_out})
    x = draw.normal(3, d_model)
    x[:, 0] = torch.tensor([0.0, 20.0, 50.0])
    expected = b_out.repeat(3, 1)
    expected[:, -1] += size * torch.tensor([0.0, 0.0, 30.0])
    assert_close(mlp(x), expected, "the output", hint="The neuron is gelu(x[0] - 20): 0, 0 and 30 for these rows.")


@checks("MLP")
def test_random_weights_and_both_hooks(submission, draw: Draw):
    """With random weights, hook_pre, hook_post and the output are right, for inputs of any number of axes."""
    d_model, d_mlp, batch, pos = draw.sizes(4)
    mlp, w = loaded_mlp(submission, draw, d_model, d_mlp)
    w = {name: value.double() for name, value in w.items()}
    for shape in ((batch, pos), (batch,), ()):
        x = draw.normal(*shape, d_model)
        found = submission.run(watch, mlp, x, {})
        pre = x.double() @ w["W_in"] + w["b_in"]
        assert_hook(found, "hook_pre", pre, "", "It is x @ W_in + b_in.")
        assert_hook(found, "hook_post", slow_gelu(pre), "hook_pre", "It is the GELU of what hook_pre returns.")
        expected = slow_gelu(pre) @ w["W_out"] + w["b_out"]
        hint = "Both hooks are right. post @ W_out + b_out, and nothing else is added."
        assert_close(found["output"], expected, "the output", hint=hint, rtol=1e-3, atol=1e-4)
        assert_close(mlp(x), expected, "the output without anyone listening", rtol=1e-3, atol=1e-4)


@checks("MLP")
def test_what_a_hook_returns_is_what_counts(submission, draw: Draw):
    """When someone replaces what goes through hook_pre or hook_post, the output follows."""
    d_model, d_mlp, batch = draw.sizes(3)
    mlp, w = loaded_mlp(submission, draw, d_model, d_mlp)
    x, new = draw.normal(batch, d_model), draw.normal(batch, d_mlp)
    hint = "Go on with the hook's return value: pre = self.hook_pre(...)."
    found = submission.run(watch, mlp, x, {"hook_pre": new})
    expected = slow_gelu(new) @ w["W_out"].double() + w["b_out"]
    assert_close(found["output"], expected, "the output, with hook_pre replaced", hint=hint, rtol=1e-3, atol=1e-4)
    found = submission.run(watch, mlp, x, {"hook_post": new})
    expected = new @ w["W_out"] + w["b_out"]
    assert_close(found["output"], expected, "the output, with hook_post replaced", hint=hint, rtol=1e-3, atol=1e-4)


@checks("MLP")
def test_all_four_weights_can_learn(submission, draw: Draw):
    """All four parameters get a gradient."""
    d_model, d_mlp, batch = draw.sizes(3)
    mlp, weights = loaded_mlp(submission, draw, d_model, d_mlp)
    assert_learning(submission.run(gradients, mlp, draw.normal(batch, d_model), draw.normal(batch, d_model)), weights)


# --- Block ----------------------------------------------------------------------------------------


def loaded_block(submission, draw: Draw):
    """A block with weights that we know, an input for it, and those weights."""
    sizes = Sizes(draw, 1)
    weights = sizes.block(draw)
    block = submission.Block(sizes.n_heads, sizes.d_model, sizes.d_mlp)
    block.load_state_dict(weights)
    batch, pos = draw.sizes(2, low=2, high=6)
    return block, draw.normal(batch, pos, sizes.d_model), weights


BLOCK_HINTS = {
    "hook_resid_pre": "It is the stream as it comes in.",
    "hook_attn_out": "It is what attention makes of ln1 of the stream.",
    "hook_resid_mid": "It is the stream as it came in, plus what attention writes.",
    "mlp.hook_pre": "The MLP reads ln2 of the stream as attention has left it.",
    "hook_mlp_out": "It is what the MLP returns, before anything is added.",
    "hook_resid_post": "It is the stream after attention, plus what the MLP writes.",
}


@checks("Block")
def test_a_block_that_writes_nothing_changes_nothing(submission, draw: Draw):
    """With zeros in W_O, b_O, W_out and b_out the stream goes through untouched."""
    block, x, weights = loaded_block(submission, draw)
    silent = {name: torch.zeros_like(weights[name]) for name in ("attn.W_O", "attn.b_O", "mlp.W_out", "mlp.b_out")}
    block.load_state_dict({**weights, **silent})
    hint = "The stream itself is never normalised: only what a part reads is. And both parts add to it."
    assert_close(block(x), x, "the stream after a block that writes nothing", hint=hint)


@checks("Block")
def test_random_weights_hook_by_hook(submission, draw: Draw):
    """With random weights every hook sees what it should, and the output is the last of them."""
    block, x, weights = loaded_block(submission, draw)
    truth, before = slow_block(x, weights), ""
    found = submission.run(watch, block, x, {})
    for name, hint in BLOCK_HINTS.items():
        assert_hook(found, name, truth[name], before, hint)
        before = name
    assert_close(found["output"], truth["hook_resid_post"], "the output", rtol=1e-3, atol=1e-4)
    expected = truth["hook_resid_post"]
    assert_close(block(x), expected, "the output without anyone listening", rtol=1e-3, atol=1e-4)


@checks("Block")
def test_what_is_written_does_not_depend_on_the_length_of_the_stream(submission, draw: Draw):
    """Attention reads a normalised stream: ten times the stream, and it writes the same."""
    block, x, weights = loaded_block(submission, draw)
    silent = {name: torch.zeros_like(weights[name]) for name in ("mlp.W_out", "mlp.b_out")}
    block.load_state_dict({**weights, **silent})
    x = 10 * x
    once, tenfold = block(x) - x, block(10 * x) - 10 * x
    assert_close(tenfold, once, "what is written to ten times the stream", rtol=1e-2, atol=3e-3)


@checks("Block")
def test_whoever_replaces_an_activation_is_heard(submission, draw: Draw):
    """When someone replaces what goes through a hook, everything behind it follows, and nothing before it does."""
    block, x, weights = loaded_block(submission, draw)
    new = draw.normal(*x.shape)

    def after(mid: torch.Tensor) -> torch.Tensor:
        w = {name: value.double() for name, value in weights.items()}
        pre = slow_norm(mid.double(), w["ln2.w"], w["ln2.b"]) @ w["mlp.W_in"] + w["mlp.b_in"]
        return mid + slow_gelu(pre) @ w["mlp.W_out"] + w["mlp.b_out"]

    truth = slow_block(x, weights)
    expected = {
        "hook_resid_pre": slow_block(new, weights)["hook_resid_post"],
        "hook_attn_out": after(x + new),
        "hook_resid_mid": after(new),
        "hook_mlp_out": truth["hook_resid_mid"] + new,
        "hook_resid_post": new.double(),
    }
    for name, value in expected.items():
        found = submission.run(watch, block, x, {name: new})["output"]
        hint = "Go on with what the hook returns, everywhere where that activation is used."
        assert_close(found, value, f"the output, with {name} replaced", hint=hint, rtol=1e-3, atol=1e-4)


def slope_along(learner, block, x, along, direction):
    """How fast the output moves along `direction` when the input moves along `along`; and who gets a gradient."""
    x.requires_grad_()
    try:
        (block(x) * direction).sum().backward()
    except NotImplementedError:
        raise
    except RuntimeError as fault:
        return str(fault), torch.zeros(()), []
    learning = sorted(name for name, p in block.named_parameters() if p.grad is not None and bool((p.grad != 0).any()))
    return "", torch.zeros(()) if x.grad is None else (x.grad * along).sum(), learning


@checks("Block")
def test_gradients_go_through_the_stream(submission, draw: Draw):
    """The derivative with respect to the incoming stream is right, and every parameter gets a gradient."""
    block, x, weights = loaded_block(submission, draw)
    along, direction, step = draw.normal(*x.shape).double(), draw.normal(*x.shape), 1e-5
    up, down = (slow_block(x.double() + sign * step * along, weights)["hook_resid_post"] for sign in (1, -1))
    expected = ((up - down) * direction).sum() / (2 * step)
    fault, found, learning = submission.run(slope_along, block, x, along.float(), direction)
    assert not fault, f"The backward pass fails. Do you change a tensor in place, by `+=` for instance? {fault[:160]}"
    hint = "Does the stream go on as it is, without `.detach()` and without `torch.no_grad()`?"
    assert_close(found, expected, "the slope along a random direction", hint=hint, rtol=1e-2, atol=2e-2)
    assert_learning(learning, weights)


# --- GPT2 -----------------------------------------------------------------------------------------


def loaded_model(submission, draw: Draw, n_layers: int):
    """A model with weights that we know; its sizes, and those weights."""
    sizes = Sizes(draw, n_layers)
    weights = sizes.model(draw)
    model = submission.GPT2(*sizes.arguments)
    assert_parameters(model.state_dict(), weights)
    model.load_state_dict(weights)
    assert_kept(model.state_dict(), weights)
    return model, sizes, weights


def assert_kept(state: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]) -> None:
    """Each parameter still holds what was loaded into it; it does not where two are one piece of memory."""
    for name, value in weights.items():
        found = state[name]
        if torch.equal(found, value):
            continue
        turned = [found, found.t()] if found.dim() == 2 else [found]
        same = [n for n, other in weights.items() if any(torch.equal(view, other) for view in turned)]
        told = f"what was meant for {same[0]}" if same else "other numbers"
        raise AssertionError(
            f"After the weights of a whole model were loaded, {name} holds {told}: two of your parameters are "
            "one piece of memory. Make each block and each weight anew."
        )


def assert_parameters(state: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]) -> None:
    """The model's parameters have the names and shapes of the docstring."""
    missing, extra = sorted(set(weights) - set(state)), sorted(set(state) - set(weights))
    hint = "Is `blocks` an nn.ModuleList? And is each weight an nn.Parameter, under the name of the docstring?"
    assert not missing, f"Your model has no parameter {missing[0]} ({len(missing)} are missing). {hint}"
    assert not extra, f"Your model has a parameter too many: {extra[0]} ({len(extra)} in all)."
    for name, value in weights.items():
        assert_equal(list(state[name].shape), list(value.shape), f"the shape of {name}")


@checks("GPT2")
def test_the_parameters_have_their_names_and_shapes(submission, draw: Draw):
    """The state dict holds what the docstring says, for models of one layer and of several."""
    for n_layers in (1, draw.integer(2, 5)):
        loaded_model(submission, draw, n_layers)


@checks("GPT2")
def test_with_silent_blocks_each_position_depends_on_its_own_token_alone(submission, draw: Draw):
    """When no block writes anything, the logits are those of embedding plus position, normalised and unembedded."""
    model, sizes, weights = loaded_model(submission, draw, 2)
    for name, value in weights.items():
        if name.endswith(("W_O", "b_O", "W_out", "b_out")):
            weights[name] = torch.zeros_like(value)
    model.load_state_dict(weights)
    tokens = draw.integers(0, sizes.d_vocab, 3, sizes.n_ctx - 2)
    stream = weights["W_E"][tokens] + weights["W_pos"][: sizes.n_ctx - 2]
    expected = slow_norm(stream, weights["ln_final.w"], weights["ln_final.b"]) @ weights["W_U"]
    hint = "W_E[tokens] + W_pos[:pos], ln_final, @ W_U."
    assert_close(model(tokens), expected, "the output (the logits)", hint=hint, rtol=1e-3, atol=1e-4)


@checks("GPT2")
def test_random_weights_layer_by_layer(submission, draw: Draw):
    """With random weights every hook of every layer sees what it should, and so do the logits."""
    model, sizes, weights = loaded_model(submission, draw, draw.integer(3, 5))
    for batch, pos in ((3, sizes.n_ctx - draw.integer(1, 5)), (1, sizes.n_ctx), (2, 1)):
        tokens = draw.integers(0, sizes.d_vocab, batch, pos)
        truth = slow_model(tokens, weights, sizes.n_layers)
        found = submission.run(watch, model, tokens, {})
        places = found.get("hook_pos_embed")
        if places is not None and places.shape == truth["hook_embed"].shape:
            truth["hook_pos_embed"] = truth["hook_pos_embed"].expand_as(truth["hook_embed"])
        before = ""
        for name in [name for name in truth if name != "logits"]:
            assert_hook(found, name, truth[name], before, "")
            before = name
        hint = "All blocks are right: look at ln_final and W_U."
        assert_close(found["output"], truth["logits"], "the output (the logits)", hint=hint, rtol=1e-3, atol=1e-3)
        assert_close(model(tokens), truth["logits"], "the output without anyone listening", rtol=1e-3, atol=1e-3)


@checks("GPT2")
def test_no_token_sees_a_later_one(submission, draw: Draw):
    """Changing a later token leaves the logits before it as they were, and changes those from there on."""
    model, sizes, _ = loaded_model(submission, draw, 2)
    tokens = draw.integers(0, sizes.d_vocab, 2, sizes.n_ctx)
    place = draw.integer(2, sizes.n_ctx - 1)
    other = tokens.clone()
    other[:, place] = (other[:, place] + 1) % sizes.d_vocab
    before, after = model(tokens), model(other)
    assert_close(after[:, :place], before[:, :place], f"the output before position {place}, whose token was changed,")
    moved = (after - before).abs().amax(-1)[:, place:]
    assert bool((moved > 1e-5).all()), f"The token at {place} was changed, but some logits from there on did not move."


@checks("GPT2")
def test_what_a_hook_of_the_model_returns_is_what_counts(submission, draw: Draw):
    """When someone replaces the embedding, the positions, or the stream in the middle, the logits follow."""
    model, sizes, weights = loaded_model(submission, draw, 2)
    tokens = draw.integers(0, sizes.d_vocab, 2, sizes.n_ctx - 1)
    new, other = (draw.normal(2, sizes.n_ctx - 1, sizes.d_model) for _ in range(2))
    found = submission.run(watch, model, tokens, {"hook_embed": new, "hook_pos_embed": other})
    expected = new + other
    for layer in range(2):
        at = f"blocks.{layer}."
        block = {name[len(at) :]: value for name, value in weights.items() if name.startswith(at)}
        expected = slow_block(expected, block)["hook_resid_post"]
    final = {name: weights[name].double() for name in ("ln_final.w", "ln_final.b", "W_U")}
    expected = slow_norm(expected, final["ln_final.w"], final["ln_final.b"]) @ final["W_U"]
    hint = "Go on with what the hooks return."
    assert_close(
        found["output"], expected, "the output, with both embeddings replaced", hint=hint, rtol=1e-3, atol=1e-3
    )
    found = submission.run(watch, model, tokens, {"blocks.1.hook_resid_post": new})
    expected = slow_norm(new.double(), final["ln_final.w"], final["ln_final.b"]) @ final["W_U"]
    assert_close(found["output"], expected, "the output, with the last stream replaced", rtol=1e-3, atol=1e-3)


@checks("GPT2")
def test_a_new_model_starts_with_small_random_weights(submission, draw: Draw):
    """In a new model W_E, W_pos and W_U are normal with standard deviation 0.02, and two new models differ."""
    sizes = (2, 2, 40, 90, 70 + draw.integer(0, 9), 60 + draw.integer(0, 9))
    first, second = (submission.GPT2(*sizes).state_dict() for _ in range(2))
    for name in ("W_E", "W_pos", "W_U"):
        assert name in first, f"Your model has no parameter {name}."
        values = first[name].double().flatten()
        # At least 2400 normal numbers: these bounds are more than 8 standard errors away, below one in 10^14.
        assert 0.0176 < float(values.square().mean().sqrt()) < 0.0224, (
            f"The entries of a new {name} have size {float(values.square().mean().sqrt()):.3g}; "
            "they should have standard deviation 0.02: `normal(rows, columns)` makes them."
        )
        # A normal number is within one standard deviation with probability 0.683; for 2400 of them 0.06 is more than
        # six standard errors, below one in 10^9.
        near = float((values.abs() < 0.02).double().mean())
        assert abs(near - 0.6827) < 0.06, (
            f"{near:.0%} of the entries of a new {name} are within 0.02 of zero; of normal numbers 68% are."
        )
        assert abs(float(values.mean())) < 0.0036, f"The mean of a new {name} is {float(values.mean()):.3g}, not 0."
        assert not torch.equal(first[name], second[name]), (
            f"Two new models have the same {name}: seeds are the caller's."
        )
    same = (
        torch.equal(first["blocks.0.mlp.W_in"], first["blocks.1.mlp.W_in"]) if "blocks.1.mlp.W_in" in first else False
    )
    assert not same, "Two layers of a new model have the same weights: make a new Block for each layer."


@checks("GPT2")
def test_every_weight_of_the_model_can_learn(submission, draw: Draw):
    """After one backward pass every parameter has a gradient, down to the embedding."""
    model, sizes, weights = loaded_model(submission, draw, 2)
    tokens = draw.integers(0, sizes.d_vocab, 2, sizes.n_ctx)
    direction = draw.normal(2, sizes.n_ctx, sizes.d_vocab)
    assert_learning(submission.run(gradients, model, tokens, direction), weights)


# --- convert_weights ------------------------------------------------------------------------------


def checkpoint(draw: Draw, n_layers: int, untied: bool, old: bool) -> tuple[dict[str, torch.Tensor], Sizes]:
    """A random state dict of a GPT2LMHeadModel: `untied` with an lm_head, `old` with the masks of old files."""
    sizes = Sizes(draw, n_layers)
    wide, d_mlp = sizes.d_model, sizes.d_mlp
    state = {"transformer.wte.weight": draw.normal(sizes.d_vocab, wide)}
    state["transformer.wpe.weight"] = draw.normal(sizes.n_ctx, wide)
    for layer in range(n_layers):
        at = f"transformer.h.{layer}"
        shapes = {"ln_1.weight": (wide,), "ln_1.bias": (wide,)}
        shapes |= {"attn.c_attn.weight": (wide, 3 * wide), "attn.c_attn.bias": (3 * wide,)}
        shapes |= {"attn.c_proj.weight": (wide, wide), "attn.c_proj.bias": (wide,)}
        shapes |= {"ln_2.weight": (wide,), "ln_2.bias": (wide,)}
        shapes |= {"mlp.c_fc.weight": (wide, d_mlp), "mlp.c_fc.bias": (d_mlp,)}
        shapes |= {"mlp.c_proj.weight": (d_mlp, wide), "mlp.c_proj.bias": (wide,)}
        state.update({f"{at}.{name}": draw.normal(*shape) for name, shape in shapes.items()})
        if old:
            state[f"{at}.attn.bias"] = torch.ones(1, 1, sizes.n_ctx, sizes.n_ctx).tril()
            state[f"{at}.attn.masked_bias"] = torch.tensor(-1e4)
    state["transformer.ln_f.weight"], state["transformer.ln_f.bias"] = draw.normal(wide), draw.normal(wide)
    if untied:
        state["lm_head.weight"] = draw.normal(sizes.d_vocab, wide)
    return state, sizes


CUT = (
    "Look at how you cut c_attn: its columns are all of q, then all of k, then all of v, and within each of them head "
    "after head."
)
CONV = "A Conv1D keeps its matrix as [in, out], as you do: nothing is to be transposed."
NORMS = "ln_1 stands before attention and ln_2 before the MLP; `weight` is your w, and `bias` your b."


def cut(state: dict[str, torch.Tensor], at: str, part: int, n_heads: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One of q, k, v, cut out column by column."""
    weight, bias = state[f"{at}.attn.c_attn.weight"], state[f"{at}.attn.c_attn.bias"]
    wide = len(weight)
    columns = [[part * wide + head * wide // n_heads + i for i in range(wide // n_heads)] for head in range(n_heads)]
    return torch.stack([weight[:, c] for c in columns]), torch.stack([bias[c] for c in columns])


def in_order(state: dict[str, torch.Tensor], sizes: Sizes):
    """(name, value, where it shows first, what to look at) of each weight, in the order in which they are used."""
    yield "W_E", state["transformer.wte.weight"], "hook_embed", "It is transformer.wte.weight as it is."
    yield "W_pos", state["transformer.wpe.weight"], "hook_pos_embed", "It is transformer.wpe.weight as it is."
    for layer in range(sizes.n_layers):
        at, our = f"transformer.h.{layer}", f"blocks.{layer}"
        yield f"{our}.ln1.w", state[f"{at}.ln_1.weight"], f"what {our}.ln1 puts out", NORMS
        yield f"{our}.ln1.b", state[f"{at}.ln_1.bias"], f"what {our}.ln1 puts out", NORMS
        for part, name in enumerate("QKV"):
            weight, bias = cut(state, at, part, sizes.n_heads)
            yield f"{our}.attn.W_{name}", weight, f"{our}.attn.hook_{name.lower()}", CUT
            yield f"{our}.attn.b_{name}", bias, f"{our}.attn.hook_{name.lower()}", CUT
        out = state[f"{at}.attn.c_proj.weight"]
        rows = [out[head * sizes.d_head : (head + 1) * sizes.d_head] for head in range(sizes.n_heads)]
        hint = f"The rows of c_proj are for the heads' z, head after head. {CONV}"
        yield f"{our}.attn.W_O", torch.stack(rows), f"{our}.hook_attn_out", hint
        yield f"{our}.attn.b_O", state[f"{at}.attn.c_proj.bias"], f"{our}.hook_attn_out", "It is c_proj's bias."
        yield f"{our}.ln2.w", state[f"{at}.ln_2.weight"], f"what {our}.ln2 puts out", NORMS
        yield f"{our}.ln2.b", state[f"{at}.ln_2.bias"], f"what {our}.ln2 puts out", NORMS
        yield f"{our}.mlp.W_in", state[f"{at}.mlp.c_fc.weight"], f"{our}.mlp.hook_pre", f"It is mlp.c_fc. {CONV}"
        yield f"{our}.mlp.b_in", state[f"{at}.mlp.c_fc.bias"], f"{our}.mlp.hook_pre", "It is the bias of mlp.c_fc."
        yield f"{our}.mlp.W_out", state[f"{at}.mlp.c_proj.weight"], f"{our}.hook_mlp_out", f"It is mlp.c_proj. {CONV}"
        yield f"{our}.mlp.b_out", state[f"{at}.mlp.c_proj.bias"], f"{our}.hook_mlp_out", "It is mlp.c_proj's bias."
    yield "ln_final.w", state["transformer.ln_f.weight"], "what ln_final puts out", "It is ln_f's weight."
    yield "ln_final.b", state["transformer.ln_f.bias"], "what ln_final puts out", "It is ln_f's bias."
    head = state.get("lm_head.weight", state["transformer.wte.weight"])
    hint = "It is lm_head.weight transposed; only where there is none is it wte.weight transposed."
    yield "W_U", head.t(), "the output (the logits)", hint


def assert_converted(found: dict[str, torch.Tensor], state: dict[str, torch.Tensor], sizes: Sizes) -> None:
    """Every weight is right; the failure tells where in the model the first wrong one shows."""
    expected = list(in_order(state, sizes))
    names = [name for name, *_ in expected]
    missing, extra = [name for name in names if name not in found], sorted(set(found) - set(names))
    assert not missing, f"Your dict has no {missing[0]} ({len(missing)} of {len(names)} weights are missing)."
    assert not extra, f"Your dict holds {extra[0]!r}, which is no weight of your GPT2 ({len(extra)} such in all)."
    places = [""]
    for name, value, where, hint in expected:
        before = [place for place in places if place != where][-1]
        right = f"The stream is right up to {before}; {where} is the first that comes out wrong" if before else where
        told = f"{right}, because of {name}. " if before else f"{where} comes out wrong, because of {name}. "
        assert_close(found[name], value, name, hint=f"{told}{hint}", rtol=0, atol=0)
        assert_equal(str(found[name].dtype), str(value.dtype), f"the dtype of {name}")
        places.append(where)


def assert_plain(submission) -> None:
    """One plain checkpoint, the same for every check: what fails already here is told in one voice, and told once."""
    state, sizes = checkpoint(Draw(0), 2, untied=False, old=False)
    assert_converted(submission.convert_weights(state, sizes.n_heads), state, sizes)


@checks("convert_weights")
def test_every_weight_arrives_layer_by_layer(submission, draw: Draw):
    """Each weight of a random checkpoint arrives under its name, in its shape; a failure says where it would show."""
    assert_plain(submission)
    state, sizes = checkpoint(draw, draw.integer(2, 5), untied=False, old=False)
    assert_converted(submission.convert_weights(state, sizes.n_heads), state, sizes)


@checks("convert_weights")
def test_eleven_layers_and_more(submission, draw: Draw):
    """A deeper checkpoint arrives as well: layer 1 is not layer 10."""
    assert_plain(submission)
    state, sizes = checkpoint(draw, draw.integer(11, 14), untied=False, old=False)
    assert_converted(submission.convert_weights(state, sizes.n_heads), state, sizes)


@checks("convert_weights")
def test_an_unembedding_of_its_own_is_used(submission, draw: Draw):
    """Where the checkpoint has an lm_head.weight, that is the unembedding, whatever wte is."""
    assert_plain(submission)
    state, sizes = checkpoint(draw, draw.integer(1, 4), untied=True, old=False)
    assert_converted(submission.convert_weights(state, sizes.n_heads), state, sizes)


@checks("convert_weights")
def test_masks_are_no_weights(submission, draw: Draw):
    """Old files hold attn.bias and attn.masked_bias, masks of attention; they are left out."""
    assert_plain(submission)
    state, sizes = checkpoint(draw, draw.integer(1, 4), untied=False, old=True)
    names = draw.permutation(len(state)).tolist()
    state = {list(state)[i]: list(state.values())[i] for i in names}  # a file may hold them in any order
    assert_converted(submission.convert_weights(state, sizes.n_heads), state, sizes)


# --- first_difference -----------------------------------------------------------------------------


def runs(draw: Draw, count: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Two equal runs of a model: activations whose names are in no alphabetical order, of sizes from 0.1 to 1000."""
    names = [f"blocks.{draw.integer(0, 90)}.{place}" for place in draw.permutation(count).tolist()]
    reference = {name: 10.0 ** draw.integer(-1, 4) * draw.normal(*draw.sizes(3)) for name in names}
    return {name: value.clone() for name, value in reference.items()}, reference


def spoil(value: torch.Tensor, draw: Draw, by: float) -> None:
    """Moves one entry away from zero, by so many times the largest absolute value there."""
    place = tuple(draw.integer(0, size) for size in value.shape)
    value[place] += by * float(value.abs().max())


@checks("first_difference")
def test_two_equal_runs_give_none(submission, draw: Draw):
    """Two runs that agree, but for rounding, give None; also where the activations are large."""
    mine, reference = runs(draw, 6)
    assert_equal(submission.first_difference(mine, reference), None, "the answer for two equal runs")
    mine = {name: value * (1 + 2e-5 * (draw.uniform(*value.shape) - 0.5)) for name, value in mine.items()}
    hint = "An activation of size 1000 is off by more than 0.0001 from rounding alone."
    assert_equal(
        submission.first_difference(mine, reference), None, "the answer for runs equal up to rounding", hint=hint
    )
    assert_equal(submission.first_difference({}, {}), None, "the answer for two empty runs")


@checks("first_difference")
def test_the_first_of_several_is_named(submission, draw: Draw):
    """Of several differences the first in the order of the reference is named, however small it is."""
    for sign in (1, -1):
        mine, reference = runs(draw, 9)
        names = list(reference)
        at = draw.integer(2, 5)
        for later, name in enumerate(names[at:], start=1):
            place = tuple(draw.integer(0, size) for size in reference[name].shape)
            mine[name][place] += sign * 0.02 * 3.0**later * float(reference[name].abs().max())
        mine = {name: mine[name] for name in reversed(names)}
        hint = "First means first in the order of `reference`, the order of the computation."
        assert_equal(submission.first_difference(mine, reference), names[at], "the first difference", hint=hint)


@checks("first_difference")
def test_the_order_is_that_of_the_reference(submission, draw: Draw):
    """Names come in the order of the computation, which is not that of the alphabet."""
    value = draw.normal(3, 2)
    order = [f"blocks.{layer}.{part}" for layer in (2, 10) for part in ("ln1", "attn", "mlp")]
    reference, wrong = dict.fromkeys(order, value), dict.fromkeys(order, value + 1)
    assert_equal(submission.first_difference(wrong, reference), order[0], "the first of differences everywhere")
    alphabet = {name: wrong[name] for name in sorted(order)}
    assert_equal(submission.first_difference(alphabet, reference), order[0], "the first of differences everywhere")


@checks("first_difference")
def test_one_entry_is_enough(submission, draw: Draw):
    """One wrong entry among thousands is a difference, too large or too small."""
    for by in (0.001, -0.001):
        big = draw.normal(40, 50, 6)
        mine = {"fine": big.clone(), "off": big.clone()}
        spoil(mine["off"], draw, by)
        assert_equal(submission.first_difference(mine, {"fine": big, "off": big}), "off", "the first difference")


@checks("first_difference")
def test_the_same_numbers_in_other_places_are_a_difference(submission, draw: Draw):
    """Rows that have changed places are a difference, though sum, mean and size are what they were."""
    mine, reference = runs(draw, 5)
    name = list(reference)[draw.integer(1, 5)]
    mine[name] = reference[name].roll(1, 0)
    hint = "Compare entry with entry."
    assert_equal(submission.first_difference(mine, reference), name, "the first difference", hint=hint)


@checks("first_difference")
def test_the_tolerance_is_relative_to_the_reference(submission, draw: Draw):
    """A difference counts when it is more than the tolerance times the reference's largest absolute value."""
    size, tolerance = 10.0 ** draw.integer(-3, 4), 10.0 ** draw.integer(-5, 0)
    reference = {"a": torch.tensor([[0.0, -size], [size / 2, 0.0]])}
    hint = f"The tolerance is {tolerance:g}, the reference's largest absolute value {size:g}."
    for share, answer in ((0.8, None), (1.25, "a")):
        mine = {"a": reference["a"].clone()}
        mine["a"][0, 0] += share * tolerance * size
        found = submission.first_difference(mine, reference, tolerance)
        assert_equal(found, answer, f"the answer for a difference of {share * tolerance * size:g}", hint=hint)
    threefold = {"a": 3 * reference["a"]}
    found = submission.first_difference(threefold, reference, 0.9)
    hint = "The difference is twice the reference's largest absolute value, far more than 0.9 times it."
    assert_equal(found, "a", "the answer for three times the reference, with tolerance 0.9,", hint=hint)
    zeros = {"a": torch.zeros(2, 3)}
    hint = "A difference of 0 is not more than the tolerance times 0."
    found = submission.first_difference(zeros, zeros, tolerance)
    assert_equal(found, None, "the answer for zeros against zeros", hint=hint)
    large = {"a": torch.full((2, 3), size)}
    assert_equal(submission.first_difference(large, zeros, tolerance), "a", f"the answer for {size:g} against zeros")
    assert_equal(submission.first_difference(zeros, large, 0.5), "a", f"the answer for zeros against {size:g}")


@checks("first_difference")
def test_a_small_entry_beside_a_large_one(submission, draw: Draw):
    """The reference's largest value is the measure for all entries: a small one may be off by more than its size."""
    order = draw.permutation(4)
    for size, small, off in ((1.0, 0.0, 5e-5), (100.0, 0.001, 0.001)):
        reference = {"a": torch.tensor([size, small, -size / 2, size / 3])[order]}
        mine = {"a": torch.tensor([size, small + off, -size / 2, size / 3])[order]}
        what = f"the answer where {small + off:g} stands beside {size:g}, and {small:g} is meant,"
        hint = f"The tolerance is 0.0001 times the largest absolute value, {1e-4 * size:g}, for every entry."
        assert_equal(submission.first_difference(mine, reference), None, what, hint=hint)


@checks("first_difference")
def test_nan_is_a_difference(submission, draw: Draw):
    """A nan on either side is a difference."""
    for side in range(2):
        mine, reference = runs(draw, 4)
        name = list(reference)[2]
        (mine, reference)[side][name][0, 0, 0] = math.nan
        hint = "`nan > x` is False, and so is `nan <= x`: choose the question whose False means trouble."
        assert_equal(submission.first_difference(mine, reference), name, "the answer for a nan", hint=hint)


@checks("first_difference")
def test_missing_names_and_other_shapes_are_differences(submission, draw: Draw):
    """A name that `mine` lacks is a difference, and so is another shape; a name that only `mine` has is none."""
    mine, reference = runs(draw, 5)
    names = list(reference)
    without = {name: value for name, value in mine.items() if name != names[3]}
    assert_equal(submission.first_difference(without, reference), names[3], f"the answer where {names[3]} is missing")
    more = {"extra": draw.normal(2), **mine}
    assert_equal(submission.first_difference(more, reference), None, "the answer where `mine` has a name more")
    reshaped = {**mine, names[1]: mine[names[1]].unsqueeze(0)}
    hint = "Look at the shapes first: subtraction broadcasts."
    assert_equal(submission.first_difference(reshaped, reference), names[1], "the answer for another shape", hint=hint)
