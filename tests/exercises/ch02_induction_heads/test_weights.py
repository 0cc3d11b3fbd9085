"""Checks of the lesson `weights`: oracles are cases by hand, full products of small matrices, runs of small models."""

import math

import torch
from torch.nn import functional

from unravel.grading import Alternative, Draw, Mistake, assert_close, checks, shared_model

MISTAKES = [
    # copying_score
    Mistake(
        "copying_score",
        why="You divided by the absolute value of the sum, which makes every score 1 or -1. Take the absolute value of "
        "each eigenvalue first, then the sum.",
        right="eigenvalues.abs().sum()",
        wrong="eigenvalues.sum().abs()",
    ),
    Mistake(
        "copying_score",
        why="You used the real parts' sizes below. A complex eigenvalue's `.abs()` is its length, with the imaginary "
        "part.",
        right="eigenvalues.abs().sum()",
        wrong="eigenvalues.real.abs().sum()",
    ),
    Mistake(
        "copying_score",
        why="You took the absolute value of the sum on top: that hides a head that does the opposite of copying.",
        right="eigenvalues.sum().real",
        wrong="eigenvalues.sum().abs()",
    ),
    Mistake(
        "copying_score",
        why="You divided by the sum of the singular values. Those are of another kind: they don't know of signs or "
        "of what is mapped to itself.",
        right="eigenvalues.abs().sum()",
        wrong="torch.linalg.svdvals(circuit).sum()",
    ),
    Mistake(
        "copying_score",
        why="You used `eigvalsh`, which is for symmetric matrices, and looks at one half of the matrix only.",
        right="torch.linalg.eigvals(circuit)",
        wrong="torch.linalg.eigvalsh(circuit).to(torch.complex64)",
    ),
    Mistake(
        "copying_score",
        why="You counted the share of eigenvalues with a positive real part. The score weighs each by its size.",
        right="(eigenvalues.sum().real / eigenvalues.abs().sum()).item()",
        wrong="(eigenvalues.real > 0).float().mean().item()",
    ),
    Mistake(
        "copying_score",
        why="You took the mean of each eigenvalue's own ratio. Sum above and below first, and divide once.",
        right="(eigenvalues.sum().real / eigenvalues.abs().sum()).item()",
        wrong="(eigenvalues.real / eigenvalues.abs()).mean().item()",
    ),
    Mistake(
        "copying_score",
        why="You returned the sum of the eigenvalues, without dividing.",
        right=" / eigenvalues.abs().sum()",
        wrong="",
    ),
    Mistake(
        "copying_score",
        why="You took the diagonal for the eigenvalues. Its sum is the sum of the eigenvalues, but one by one they are "
        "others.",
        right="torch.linalg.eigvals(circuit)",
        wrong="circuit.diagonal().to(torch.complex64)",
    ),
    # Factored
    Mistake(
        "Factored",
        why="Your `norm` builds the full product. Use the trace: two matrices of mdim times mdim are enough.",
        right="squares = (self.A.mT @ self.A) * (self.B @ self.B.mT)",
        wrong="squares = (self.A @ self.B) ** 2",
    ),
    Mistake(
        "Factored",
        why="Your `norm` multiplies the norms of the factors. That is only a bound: the product can be much smaller.",
        right="squares.sum((-2, -1)).clamp(min=0).sqrt()",
        wrong="self.A.norm(dim=(-2, -1)) * self.B.norm(dim=(-2, -1))",
    ),
    Mistake(
        "Factored",
        why="Your `norm` is the square of the norm: the root is missing.",
        right=".clamp(min=0).sqrt()",
        wrong="",
    ),
    Mistake(
        "Factored",
        why="In `norm` you multiplied the two small matrices as matrices and summed all entries. The trace of P Q is "
        "the sum of all entries of P * Q, entry by entry (both are symmetric).",
        right="(self.A.mT @ self.A) * (self.B @ self.B.mT)",
        wrong="(self.A.mT @ self.A) @ (self.B @ self.B.mT)",
    ),
    Mistake(
        "Factored",
        why="In `norm` you took only the diagonals of the two small matrices: the columns of A are not at right "
        "angles.",
        right="squares.sum((-2, -1))",
        wrong="squares.diagonal(dim1=-2, dim2=-1).sum(-1)",
    ),
    Mistake(
        "Factored",
        why="Your `eigenvalues` are those of the full product, which is built for it: it has ldim of them, nearly "
        "all zero.",
        right="self.B @ self.A)",
        wrong="self.A @ self.B)",
    ),
    Mistake(
        "Factored",
        why="Your `eigenvalues` are singular values of B A: never negative, and something else.",
        right="torch.linalg.eigvals(self.B @ self.A)",
        wrong="torch.linalg.svdvals(self.B @ self.A).to(torch.complex64)",
    ),
    Mistake(
        "Factored",
        why="You dropped the imaginary parts of the eigenvalues.",
        right="torch.linalg.eigvals(self.B @ self.A)",
        wrong="torch.linalg.eigvals(self.B @ self.A).real + 0j",
    ),
    Mistake(
        "Factored",
        why="Your product with a tensor multiplies A and B out first. (A B) C is A (B C): keep A, and change B.",
        right="Factored(self.A, self.B @ other)",
        wrong="Factored(self.A @ self.B, other)",
    ),
    Mistake(
        "Factored",
        why="Your product with a `Factored` multiplies *its* factors out first. Of four factors in a row, multiply the "
        "two in the middle.",
        right="Factored(self.A @ (self.B @ other.A), other.B)",
        wrong="Factored(self.A, self.B @ (other.A @ other.B))",
    ),
    Mistake(
        "Factored",
        why="`M @ other` changes M itself and returns it. Make a new `Factored`.",
        right="return Factored(self.A, self.B @ other)",
        wrong="self.B = self.B @ other\nreturn self",
    ),
    Mistake(
        "Factored",
        why="`M @ tensor` returns a tensor, multiplied out. Return a `Factored`.",
        right="return Factored(self.A, self.B @ other)",
        wrong="return self.A @ (self.B @ other)",
    ),
    Mistake(
        "Factored",
        why="`diagonal_wins` builds all rows at once. Make `at_once` of them, count, and go on.",
        right="range(0, n, at_once)",
        wrong="range(0, n, at_once := n)",
    ),
    Mistake(
        "Factored",
        why="In `diagonal_wins` each chunk of rows is compared with the columns 0, 1, 2, ...: the diagonal of the "
        "rows from `start` on stands in the columns from `start` on.",
        right="torch.arange(start, start + rows.shape[-2], device=rows.device)",
        wrong="torch.arange(rows.shape[-2], device=rows.device)",
    ),
    Mistake(
        "Factored",
        why="In `diagonal_wins` the last rows are left out when `at_once` doesn't divide their number.",
        right="range(0, n, at_once)",
        wrong="range(0, n - at_once + 1, at_once)",
    ),
    Mistake(
        "Factored",
        why="In `diagonal_wins` you looked for the entry that is largest in size: a very negative one doesn't win.",
        right="rows.argmax(-1)",
        wrong="rows.abs().argmax(-1)",
    ),
    Mistake(
        "Factored",
        why="`diagonal_wins` returns how many rows are won, not which share of them.",
        right="wins / n",
        wrong="wins",
    ),
    Mistake(
        "Factored",
        why="`diagonal_wins` asks whether the diagonal is positive. It should be the largest entry of its row.",
        right="(rows.argmax(-1) == diagonal)",
        wrong="(rows.gather(-1, diagonal.expand(rows.shape[:-1])[..., None])[..., 0] > 0)",
    ),
    Mistake(
        "Factored",
        why="Both of your products multiply A and B out first, and keep them as one wide factor. Multiply B with what "
        "comes behind it: (A B) C is A (B C).",
        right="    return Factored(self.A @ (self.B @ other.A), other.B)\nreturn Factored(self.A, self.B @ other)",
        wrong="    return Factored(self.A @ self.B, other.A @ other.B)\nreturn Factored(self.A @ self.B, other)",
    ),
    Mistake(
        "Factored",
        why="`diagonal_wins` takes the share of each chunk and then the mean of the shares: a last chunk of fewer rows "
        "counts too much. Count the rows won, and divide by n once, at the end.",
        right=".float().sum(-1)\nreturn wins / n",
        wrong=".float().mean(-1)\nreturn wins / len(range(0, n, at_once))",
    ),
    # position_pattern
    Mistake(
        "position_pattern",
        why="You left the biases out. They count here: b_Q makes some keys popular with all queries.",
        right="x @ W_Q + b_Q[:, None], x @ W_K + b_K[:, None]",
        wrong="x @ W_Q, x @ W_K",
    ),
    Mistake(
        "position_pattern",
        why="You took b_Q and b_K from the attention layer. The norm has a bias of its own, that reaches the queries "
        "and keys through W_Q and W_K: `reading` gives biases with that folded in.",
        right="x = model.W_pos / scale",
        wrong="b_Q, b_K = model.b_Q[layer], model.b_K[layer]\nx = model.W_pos / scale",
    ),
    Mistake(
        "position_pattern",
        why="You used the matrices as they stand in the layer. Between the stream and them there is a norm: take the "
        "folded ones, from `reading`.",
        right="x = model.W_pos / scale",
        wrong="W_Q, W_K = model.W_Q[layer], model.W_K[layer]\nx = model.W_pos / scale",
    ),
    Mistake(
        "position_pattern",
        why="You didn't divide by `scale`. It decides how sharp the softmax is.",
        right="model.W_pos / scale",
        wrong="model.W_pos",
    ),
    Mistake(
        "position_pattern",
        why="You multiplied by `scale`: the norm divides by it.",
        right="model.W_pos / scale",
        wrong="model.W_pos * scale",
    ),
    Mistake(
        "position_pattern",
        why="You divided the finished scores by `scale` once. Query and key have each been divided, and the biases "
        "haven't.",
        right="x = model.W_pos / scale",
        wrong="x, scores = model.W_pos, None\nW_Q, W_K = W_Q / scale**0.5, W_K / scale**0.5",
    ),
    Mistake(
        "position_pattern",
        why="You left out the root of d_head.",
        right=" / model.config.d_head**0.5",
        wrong="",
    ),
    Mistake(
        "position_pattern",
        why="You divided by the root of d_model. The dot product has d_head terms.",
        right="model.config.d_head**0.5",
        wrong="model.config.d_model**0.5",
    ),
    Mistake(
        "position_pattern",
        why="Nothing is masked: a query may not look at later keys.",
        right="scores.masked_fill(later, -torch.inf)",
        wrong="scores",
    ),
    Mistake(
        "position_pattern",
        why="Queries and keys stand the wrong way round: rows are queries.",
        right="q @ k.mT",
        wrong="k @ q.mT",
    ),
    Mistake(
        "position_pattern",
        why="You took layer 0 whatever `layer` says.",
        right='reading(model, layer, "Q"), reading(model, layer, "K")',
        wrong='reading(model, 0, "Q"), reading(model, 0, "K")',
    ),
    Mistake(
        "position_pattern",
        why="The softmax runs over the queries. Each query shares out its weight over the keys, the last axis.",
        right=".softmax(-1)",
        wrong=".softmax(-2)",
    ),
    Mistake(
        "position_pattern",
        why="You made the keys with the queries' matrix and bias.",
        right="x @ W_K + b_K[:, None]",
        wrong="x @ W_Q + b_Q[:, None]",
    ),
    Mistake(
        "position_pattern",
        why="You used the attention layer's own matrices and biases. Between the stream and them there is a norm, with "
        "a weight and a bias: `reading` gives the folded ones.",
        right="x = model.W_pos / scale",
        wrong="W_Q, b_Q = model.W_Q[layer], model.b_Q[layer]\nW_K, b_K = model.W_K[layer], model.b_K[layer]\n"
        "x = model.W_pos / scale",
    ),
    Mistake(
        "position_pattern",
        why="You ran the layer's norm on W_pos, and it found a scale of its own for each position. Divide by the given "
        "`scale`: in a real stream there is a token too, and the scale is another.",
        right="x = model.W_pos / scale",
        wrong="block = model.blocks[layer]\nx = block.ln1(model.W_pos)\n"
        "W_Q, b_Q, W_K, b_K = block.attn.W_Q, block.attn.b_Q, block.attn.W_K, block.attn.b_K",
    ),
    Mistake(
        "position_pattern",
        why="You divided the biases by `scale` too. They come after the norm: only W_pos is divided.",
        right="x = model.W_pos / scale",
        wrong="b_Q, b_K = b_Q / scale, b_K / scale\nx = model.W_pos / scale",
    ),
    Mistake(
        "position_pattern",
        why="You masked after the softmax, so that what a query gave to later keys is lost, and its weights don't sum "
        "to one. Mask the scores.",
        right="scores.masked_fill(later, -torch.inf).softmax(-1)",
        wrong="scores.softmax(-1).masked_fill(later, 0)",
    ),
    # composition_scores
    Mistake(
        "composition_scores",
        why="For the keys you used W_Q W_K^T as it is. The early head's vector arrives on the keys' side: W_K W_Q^T.",
        right="(W_K, W_Q.mT)",
        wrong="(W_Q, W_K.mT)",
    ),
    Mistake(
        "composition_scores",
        why="Q and K have changed places: by its queries a late head reads W_Q W_K^T, by its keys W_K W_Q^T.",
        right="((W_Q, W_K.mT), (W_K, W_Q.mT),",
        wrong="((W_K, W_Q.mT), (W_Q, W_K.mT),",
    ),
    Mistake(
        "composition_scores",
        why="The late heads' matrices aren't folded: `reading(model, late, name)[0]` has the norm in it.",
        right='(reading(model, late, name)[0] for name in "QKV")',
        wrong='(getattr(model, f"W_{name}")[late] for name in "QKV")',
    ),
    Mistake(
        "composition_scores",
        why="The early heads' W_V isn't folded.",
        right='reading(model, early, "V")[0][:, None]',
        wrong="model.W_V[early][:, None]",
    ),
    Mistake(
        "composition_scores",
        why="The axes of early and late heads have changed places: [3 early_head late_head].",
        right="return torch.stack(scores)",
        wrong="return torch.stack(scores).mT",
    ),
    Mistake(
        "composition_scores",
        why="You left `turn` out, or turned what comes before W_V, which changes no norm. What the head *writes* is "
        "turned: `W_O @ turn`.",
        right="model.W_O[early] if turn is None else model.W_O[early] @ turn",
        wrong="model.W_O[early]",
    ),
    Mistake(
        "composition_scores",
        why="You turned the other way round: with vectors as rows, what is written is turned by `W_O @ turn`.",
        right="model.W_O[early] @ turn",
        wrong="model.W_O[early] @ turn.mT",
    ),
    Mistake(
        "composition_scores",
        why="You didn't divide by the norm of what the late head reads.",
        right=" / (writes.norm() * reads.norm())",
        wrong=" / writes.norm()",
    ),
    Mistake(
        "composition_scores",
        why="You returned the norm of the product, without dividing: large matrices score high whether or not they "
        "fit.",
        right=" / (writes.norm() * reads.norm())",
        wrong="",
    ),
    Mistake(
        "composition_scores",
        why="For the values you used W_V alone. What a head does with them is W_V W_O.",
        right="(W_V, model.W_O[late])",
        wrong="(W_V, torch.eye(W_V.shape[-1]).expand(len(W_V), -1, -1))",
    ),
    Mistake(
        "composition_scores",
        why="You took the early heads' V and O the wrong way round as well as their writing: M is W_V W_O, and the "
        "late head reads its columns, not its rows.",
        right="writes @ reads",
        wrong="Factored(writes.B.mT, writes.A.mT) @ reads",
    ),
    Mistake(
        "composition_scores",
        why="You returned the square of the score.",
        right="return torch.stack(scores)",
        wrong="return torch.stack(scores) ** 2",
    ),
    # matching_circuit
    Mistake(
        "matching_circuit",
        why="Queries and keys stand the wrong way round: query tokens belong in the rows.",
        right="return q / model.config.d_head**0.5, k.mT",
        wrong="return k / model.config.d_head**0.5, q.mT",
    ),
    Mistake(
        "matching_circuit",
        why="You used the two paths the wrong way round.",
        right='q = tokens_by(query_from) @ reading(model, layer, "Q")[0][head]\n'
        'k = tokens_by(key_from) @ reading(model, layer, "K")[0][head]',
        wrong='q = tokens_by(key_from) @ reading(model, layer, "Q")[0][head]\n'
        'k = tokens_by(query_from) @ reading(model, layer, "K")[0][head]',
    ),
    Mistake(
        "matching_circuit",
        why="The queries read from the embedding whatever `query_from` says.",
        right="tokens_by(query_from)",
        wrong="tokens_by(None)",
    ),
    Mistake(
        "matching_circuit",
        why="The keys read from the embedding whatever `key_from` says.",
        right="tokens_by(key_from)",
        wrong="tokens_by(None)",
    ),
    Mistake(
        "matching_circuit",
        why="On a path through a head you kept the embedding as well. By that path only what the head writes arrives.",
        right='return model.W_E @ reading(model, path[0], "V")[0][path[1]] @ model.W_O[path]',
        wrong='return model.W_E + model.W_E @ reading(model, path[0], "V")[0][path[1]] @ model.W_O[path]',
    ),
    Mistake(
        "matching_circuit",
        why="The root of d_head is missing.",
        right=" / model.config.d_head**0.5",
        wrong="",
    ),
    Mistake(
        "matching_circuit",
        why="You divided both factors by the root of d_head. The score is divided once.",
        right="k.mT",
        wrong="k.mT / model.config.d_head**0.5",
    ),
    Mistake(
        "matching_circuit",
        why="The early head's W_V isn't folded: it reads the stream through its layer's norm.",
        right='reading(model, path[0], "V")[0][path[1]]',
        wrong="model.W_V[path]",
    ),
    Mistake(
        "matching_circuit",
        why="The late head's W_Q isn't folded.",
        right='reading(model, layer, "Q")[0][head]',
        wrong="model.W_Q[late]",
    ),
    Mistake(
        "matching_circuit",
        why="The late head's W_K isn't folded.",
        right='reading(model, layer, "K")[0][head]',
        wrong="model.W_K[late]",
    ),
    Mistake(
        "matching_circuit",
        why="You made the keys with W_Q.",
        right='reading(model, layer, "K")',
        wrong='reading(model, layer, "Q")',
    ),
    Mistake(
        "matching_circuit",
        why="You took the early head from layer 0 whatever its path says.",
        right='reading(model, path[0], "V")[0][path[1]] @ model.W_O[path]',
        wrong='reading(model, 0, "V")[0][path[1]] @ model.W_O[0, path[1]]',
    ),
    Mistake(
        "matching_circuit",
        why="The late head's W_Q and W_K aren't folded: it reads the stream through its layer's norm.",
        right='reading(model, layer, "Q")[0][head]\nk = tokens_by(key_from) @ reading(model, layer, "K")[0][head]',
        wrong="model.W_Q[late]\nk = tokens_by(key_from) @ model.W_K[late]",
    ),
    # without_edge
    Mistake(
        "without_edge",
        why="You put zero in the place of what the head writes (or one number, the mean over d_model as well, which a "
        "norm can't tell from zero). Zero is far from anything that the late head is used to; the mean vector takes "
        "away only what differs from place to place.",
        right="wrote.mean((0, 1)) - wrote",
        wrong="-wrote",
    ),
    Mistake(
        "without_edge",
        why="You took a mean for each position. It's one vector, the mean over all prompts and positions: otherwise "
        "what the head says about positions still gets through.",
        right="wrote.mean((0, 1))",
        wrong="wrote.mean(0)",
    ),
    Mistake(
        "without_edge",
        why="You took a mean for each prompt. It's one vector, the mean over all prompts and positions.",
        right="wrote.mean((0, 1))",
        wrong="wrote.mean(1, keepdim=True)",
    ),
    Mistake(
        "without_edge",
        why="You cut the early head off from all heads of the late layer. Change the copy of head `late[1]` alone.",
        right="stream[:, :, late[1]] += change",
        wrong="stream += change[:, :, None]",
    ),
    Mistake(
        "without_edge",
        why="You added the mean and left the head's own output standing: subtract that as well.",
        right="wrote.mean((0, 1)) - wrote",
        wrong="wrote.mean((0, 1))",
    ),
    Mistake(
        "without_edge",
        why="The sign is wrong: you doubled what the head writes, in place of taking it out.",
        right="wrote.mean((0, 1)) - wrote",
        wrong="wrote - wrote.mean((0, 1))",
    ),
    Mistake(
        "without_edge",
        why="You took out what all heads of the early layer write.",
        right='cache["z", early[0]][:, :, early[1]] @ model.W_O[early]',
        wrong='torch.einsum("bphk,hkd->bpd", cache["z", early[0]], model.W_O[early[0]])',
    ),
    Mistake(
        "without_edge",
        why="You cut the keys whatever `reader` says.",
        right="hook_{reader}_input",
        wrong="hook_k_input",
    ),
    Mistake(
        "without_edge",
        why="You cut all three inputs of the late head. An edge is one of them, the one that `reader` names.",
        right='[(f"blocks.{late[0]}.hook_{reader}_input", cut)]',
        wrong='[(f"blocks.{late[0]}.hook_{name}_input", cut) for name in "qkv"]',
    ),
    Mistake(
        "without_edge",
        why="You put the mean in the place of the whole stream. Only what the early head wrote is replaced: the stream "
        "holds the embedding and all the other heads too.",
        right="stream[:, :, late[1]] += change",
        wrong="stream[:, :, late[1]] = wrote.mean((0, 1))",
    ),
    Mistake(
        "without_edge",
        why="You ran the model again without the early head, and gave that stream to the late one. So the layers in "
        "between miss the early head as well. Change the stream by what the early head itself wrote, and no more.",
        right="change = wrote.mean((0, 1)) - wrote",
        wrong="mean = cache['z', early[0]][:, :, early[1]].mean((0, 1))\nkept = {}\n\n"
        "def put(z: Tensor, hook: object) -> Tensor:\n"
        "    z = z.clone()\n"
        "    z[:, :, early[1]] = mean\n"
        "    return z\n\n"
        "def keep(stream: Tensor, hook: object) -> None:\n"
        '    kept["stream"] = stream\n\n'
        'hooks = [(f"blocks.{early[0]}.attn.hook_z", put), (f"blocks.{late[0]}.hook_resid_pre", keep)]\n'
        "model.run_with_hooks(tokens, fwd_hooks=hooks)\n"
        'change = kept["stream"] - cache["resid_pre", late[0]]',
    ),
    Mistake(
        "without_edge",
        why="You took the change out of the whole stream of the late layer: all its heads, their queries, keys and "
        "values, and all that comes later miss it. An edge is one input of one head.",
        wrong="_, cache = model.run_with_cache(tokens)\n"
        'wrote = cache["z", early[0]][:, :, early[1]] @ model.W_O[early]\n'
        "change = wrote.mean((0, 1)) - wrote\n"
        'hooks = [(f"blocks.{late[0]}.hook_resid_pre", lambda stream, hook: stream + change)]\n'
        "return model.run_with_hooks(tokens, fwd_hooks=hooks)",
    ),
    Mistake(
        "without_edge",
        why="You replaced the early head's output where it is written, so that everybody misses it. That is an "
        "ablation of the head. An edge is one input of one head.",
        wrong="_, cache = model.run_with_cache(tokens)\n"
        'mean = cache["z", early[0]][:, :, early[1]].mean((0, 1))\n\n'
        "def put(z: Tensor, hook: object) -> Tensor:\n"
        "    z = z.clone()\n"
        "    z[:, :, early[1]] = mean\n"
        "    return z\n\n"
        'return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{early[0]}.attn.hook_z", put)])',
    ),
    Mistake(
        "without_edge",
        why="You added the change behind the norm, to the finished vectors. The norm would have scaled it: change "
        "the input, and let the norm do its work.",
        wrong="_, cache = model.run_with_cache(tokens)\n"
        'wrote = cache["z", early[0]][:, :, early[1]] @ model.W_O[early]\n'
        "change = (wrote.mean((0, 1)) - wrote) @ reading(model, late[0], reader.upper())[0][late[1]]\n\n"
        "def put(vectors: Tensor, hook: object) -> Tensor:\n"
        "    vectors = vectors.clone()\n"
        "    vectors[:, :, late[1]] += change\n"
        "    return vectors\n\n"
        'return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{late[0]}.attn.hook_{reader}", put)])',
    ),
    Mistake(
        "without_edge",
        why="You left the model's switch on. Whoever runs it next runs another program: set it back in a `finally`.",
        right="finally:\n    model.set_use_split_qkv_input(before)",
        wrong="finally:\n    pass",
    ),
    Mistake(
        "without_edge",
        why="You turned the model's switch off at the end, though it may have been on before: set it back to what it "
        "was.",
        right="model.set_use_split_qkv_input(before)",
        wrong="model.set_use_split_qkv_input(False)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "copying_score",
        how="by the trace, and numpy's eigenvalues",
        code="import numpy as np\n\n"
        "return float(circuit.trace()) / float(np.abs(np.linalg.eigvals(circuit.detach().numpy())).sum())",
    ),
    Alternative(
        "copying_score",
        how="in float64, part by part",
        code="values = torch.linalg.eig(circuit.double()).eigenvalues\n"
        "return float(values.real.sum() / (values.real**2 + values.imag**2).sqrt().sum())",
    ),
    Alternative(
        "Factored",
        how="by QR, another order of products, and a generator of chunks",
        code="""if isinstance(other, Factored):
    return Factored(self.A, (self.B @ other.A) @ other.B)
return Factored(self.A, self.B @ other)
### NEXT REGION
R_A = torch.linalg.qr(self.A).R
R_B = torch.linalg.qr(self.B.mT).R
return torch.linalg.matrix_norm(R_A @ R_B.mT)
### NEXT REGION
return torch.linalg.eig((self.B @ self.A).double()).eigenvalues
### NEXT REGION
rows = self.A.split(at_once, dim=-2)
best = torch.cat([(part @ self.B).max(dim=-1).indices for part in rows], dim=-1)
return best.eq(torch.arange(best.shape[-1])).double().mean(-1)""",
    ),
    Alternative(
        "Factored",
        how="with einsum and singular values, row by row",
        code="""if not isinstance(other, Factored):
    return Factored(self.A, self.B @ other)
return (self @ other.A) @ other.B
### NEXT REGION
left = torch.einsum("...lm,...ln->...mn", self.A, self.A)
right = torch.einsum("...mr,...nr->...mn", self.B, self.B)
return torch.einsum("...mn,...mn->...", left, right) ** 0.5
### NEXT REGION
return torch.linalg.eigvals(torch.einsum("...mr,...rn->...mn", self.B, self.A))
### NEXT REGION
n = self.A.shape[-2]
won = [((self.A[..., i : i + 1, :] @ self.B).argmax(-1)[..., 0] == i).float() for i in range(n)]
return torch.stack(won).mean(0)""",
    ),
    Alternative(
        "position_pattern",
        how="by the terms of the bilinear form, with a mask that is added",
        code="(W_Q, b_Q), (W_K, b_K) = reading(model, layer, 'Q'), reading(model, layer, 'K')\n"
        "P = model.W_pos.detach()\n"
        "both = P @ (W_Q @ W_K.mT) @ P.T / scale**2\n"
        "of_query = P @ (W_Q @ b_K[..., None]) / scale  # [head pos 1]\n"
        "of_key = (P @ (W_K @ b_Q[..., None]) / scale).mT\n"
        "scores = (both + of_query + of_key) / W_Q.shape[-1] ** 0.5\n"
        "return torch.softmax(scores + torch.full(scores.shape[-2:], -torch.inf).triu(1), dim=-1)",
    ),
    Alternative(
        "position_pattern",
        how="by running the model on W_pos, with the norm's scale held",
        code="kept = {}\n"
        "def fixed(value: Tensor, hook: object) -> Tensor:\n"
        "    return torch.full_like(value, scale)\n"
        "def keep(value: Tensor, hook: object) -> None:\n"
        "    kept['pattern'] = value[0]\n"
        "hooks = [(f'blocks.{layer}.ln1.hook_scale', fixed), (f'blocks.{layer}.attn.hook_pattern', keep)]\n"
        "with torch.no_grad():\n"
        "    model.run_with_hooks(model.W_pos[None], start_at_layer=layer, stop_at_layer=layer + 1, fwd_hooks=hooks)\n"
        "return kept['pattern']",
    ),
    Alternative(
        "composition_scores",
        how="pair by pair, with full matrices",
        code="""heads = range(model.config.n_heads)
Q, K, V = (reading(model, late, name)[0] for name in "QKV")
scores = torch.zeros(3, len(heads), len(heads))
for i in heads:
    M = reading(model, early, "V")[0][i] @ model.W_O[early, i]
    if turn is not None:
        M = M @ turn
    for j in heads:
        QK = Q[j] @ K[j].T
        for place, N in enumerate((QK, QK.T, V[j] @ model.W_O[late, j])):
            scores[place, i, j] = (M @ N).norm() / (M.norm() * N.norm())
return scores""",
    ),
    Alternative(
        "matching_circuit",
        how="from thin factors in another balance",
        code="""def path(source: Head | None) -> Tensor:
    if source is None:
        return torch.eye(model.config.d_model)
    return reading(model, source[0], "V")[0][source[1]] @ model.blocks[source[0]].attn.W_O[source[1]]

W_Q, W_K = (reading(model, late[0], name)[0][late[1]] for name in "QK")
A = model.W_E @ (path(query_from) @ W_Q)
return A, (model.W_E @ (path(key_from) @ (W_K / W_K.shape[-1] ** 0.5))).T""",
    ),
    Alternative(
        "without_edge",
        how="by putting in queries, keys or values made from a changed stream",
        code="""with torch.no_grad():
    _, cache = model.run_with_cache(tokens)
    wrote = cache["z", early[0]][:, :, early[1]] @ model.W_O[early]
    block = model.blocks[late[0]]
    x = block.ln1(cache["resid_pre", late[0]] - wrote + wrote.mean(dim=(0, 1), keepdim=True))
    new = block.attn.project(x, reader.upper())[:, :, late[1]]

    def put(vectors: Tensor, hook: object) -> Tensor:
        vectors = vectors.clone()
        vectors[:, :, late[1]] = new
        return vectors

    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{late[0]}.attn.hook_{reader}", put)])""",
    ),
    Alternative(
        "without_edge",
        how="with the hook in the attention, and the heads' results",
        code="""switches = model.cfg.use_split_qkv_input, model.cfg.use_attn_result
model.set_use_attn_result(True)
model.set_use_split_qkv_input(True)
try:
    _, cache = model.run_with_cache(tokens)
    wrote = cache["result", early[0]][:, :, early[1]]
    only = torch.zeros(model.config.n_heads, 1)
    only[late[1]] = 1.0
    change = (wrote.flatten(0, 1).mean(0) - wrote)[:, :, None] * only
    name = f"blocks.{late[0]}.attn.hook_{reader}_input"
    return model.run_with_hooks(tokens, fwd_hooks=[(name, lambda copies, hook: copies + change)])
finally:
    model.set_use_split_qkv_input(switches[0])
    model.set_use_attn_result(switches[1])""",
    ),
]


@checks("copying_score")
def test_two_small_matrices_by_hand(submission):
    """[[2, 5], [0, -1]] scores 1/3. A quarter turn, with the eigenvalues i and -i, scores 0."""
    found = submission.copying_score(torch.tensor([[2.0, 5.0], [0.0, -1.0]]))
    assert_close(found, 1 / 3, "the score of [[2, 5], [0, -1]]", hint="Its eigenvalues are 2 and -1.")
    turn = submission.copying_score(torch.tensor([[0.0, -1.0], [1.0, 0.0]]))
    assert_close(turn, 0.0, "the score of a quarter turn", hint="Its eigenvalues are i and -i, of length 1 each.")


def with_eigenvalues(draw: Draw, reals: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """A matrix, not symmetric, with these real eigenvalues and the pairs a + bi, a - bi."""
    blocks = [value.reshape(1, 1) for value in reals]
    blocks += [torch.stack([torch.stack([a, -b]), torch.stack([b, a])]) for a, b in pairs]
    core = torch.block_diag(*blocks).double()
    turn = torch.linalg.qr(draw.normal(len(core), len(core)).double()).Q
    skew = turn @ torch.diag(draw.uniform(len(core), low=0.5, high=1.5).double()) + 0.1 * draw.normal(*core.shape)
    return skew @ core @ torch.linalg.inv(skew)


@checks("copying_score")
def test_matrices_made_to_have_given_eigenvalues(submission, draw: Draw):
    """Real eigenvalues of both signs and pairs of complex ones: the sum of all over the sum of their lengths."""
    for offset in (-1.5, 0.0, 1.5):
        reals, pairs = draw.normal(draw.integer(2, 5)) + offset, draw.normal(draw.integer(1, 4), 2)
        expected = (reals.sum() + 2 * pairs[:, 0].sum()) / (reals.abs().sum() + 2 * pairs.norm(dim=1).sum())
        found = submission.copying_score(with_eigenvalues(draw, reals, pairs).float())
        assert_close(found, expected.item(), "the score", rtol=1e-2, atol=2e-3)


@checks("copying_score")
def test_size_means_nothing_and_sign_everything(submission, draw: Draw):
    """A multiple of a matrix has the same score, and minus the matrix has minus the score."""
    n = draw.integer(4, 9)
    M = draw.normal(n, n) + torch.eye(n)
    score, large, small, minus = (submission.copying_score(factor * M) for factor in (1.0, 30.0, 0.01, -1.0))
    assert_close(large, score, "the score of 30 times the matrix", rtol=1e-3, atol=1e-4)
    assert_close(small, score, "the score of a hundredth of the matrix", rtol=1e-3, atol=1e-4)
    assert_close(minus, -score, "the score of minus the matrix", rtol=1e-3, atol=1e-4)
    assert_close(submission.copying_score(M @ M.T), 1.0, "the score of a matrix times its transpose", atol=1e-4)


@checks("Factored")
def test_a_product_by_hand(submission):
    """(1, 2) times (3, 4) is [[3, 4], [6, 8]]: norm 11.18, eigenvalue 11, and the second of two rows wins."""
    M = submission.Factored(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0, 4.0]]))
    assert_close(M.norm(), torch.tensor(125.0).sqrt(), "the norm", hint="9 + 16 + 36 + 64 = 125.")
    eigenvalues = M.eigenvalues()
    assert_close(eigenvalues, torch.tensor([11.0 + 0j]), "the tensor of eigenvalues", hint="3 + 8 = 11, the trace.")
    wins = M.diagonal_wins()
    assert_close(wins, torch.tensor(0.5), "diagonal_wins", hint="4 beats the 3 in row 0; 8 beats the 6 in row 1.")


def factors(draw: Draw, square: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors with axes in front that must be broadcast: `[a 1 ldim mdim]` and `[b mdim rdim]`."""
    a, b, mdim, ldim, rdim = draw.sizes(5, low=2, high=7)
    ldim, rdim = ldim + 7, ldim + 7 if square else rdim + 7
    return draw.normal(a, 1, ldim, mdim), draw.normal(b, mdim, rdim)


@checks("Factored")
def test_the_norm_is_that_of_all_entries(submission, draw: Draw):
    """For each place of the axes in front: the root of the sum of the squares of the product's entries."""
    A, B = factors(draw)
    expected = torch.zeros(A.shape[0], B.shape[0])
    for a in range(A.shape[0]):
        for b in range(B.shape[0]):
            expected[a, b] = sum(float(entry) ** 2 for entry in (A[a, 0] @ B[b]).flatten()) ** 0.5
    assert_close(submission.Factored(A, B).norm(), expected, "the tensor of norms", rtol=1e-3, atol=1e-3)
    single = submission.Factored(A[0, 0], B[0]).norm()
    assert_close(single, expected[0, 0], "the norm of a matrix without axes in front", rtol=1e-3, atol=1e-3)


@checks("Factored")
def test_eigenvalues_are_those_of_the_product(submission, draw: Draw):
    """The sums of their first, second, third ... powers are the traces of the product's powers."""
    A, B = factors(draw, square=True)
    mdim, product = B.shape[-2], A.double() @ B.double() / A.shape[-2]
    found = submission.Factored(A / A.shape[-2], B).eigenvalues()
    shape = (*product.shape[:-2], mdim)
    assert tuple(found.shape) == shape, f"`eigenvalues()` should have shape {shape}, not {tuple(found.shape)}."
    power, found = torch.eye(product.shape[-1]).double(), found.to(torch.complex128)
    for order in range(1, mdim + 1):
        power = power @ product
        traces = power.diagonal(dim1=-2, dim2=-1).sum(-1).to(torch.complex128)
        what = f"the sum of the eigenvalues to the power {order}"
        assert_close((found**order).sum(-1), traces, what, rtol=1e-3, atol=1e-3)


def multiplied(learner, A, B, C, D, E):
    """(A B) C, and (A B) (D E): factors and type of both, and whether A B itself is what it was."""
    M = learner.Factored(A, B)
    by_tensor, by_factored = M @ C, learner.Factored(A, B) @ learner.Factored(D, E)
    same = torch.equal(M.A, A) and torch.equal(M.B, B)
    kinds = isinstance(by_tensor, learner.Factored) and isinstance(by_factored, learner.Factored)
    if not kinds:
        return kinds, same, None
    return kinds, same, [by_tensor.A, by_tensor.B, by_factored.A, by_factored.B]


@checks("Factored")
def test_products_are_factored_again(submission, draw: Draw):
    """`self @ other` is a new `Factored` with the right product, for a tensor and for a `Factored`."""
    A, B = factors(draw)
    mdim, rdim, n = A.shape[-1], B.shape[-1], draw.integer(10, 16)
    C, D, E = draw.normal(rdim, n), draw.normal(rdim, mdim + 1), draw.normal(mdim + 1, n)
    kinds, same, found = submission.run(multiplied, A, B, C, D, E)
    assert kinds, "Both `M @ tensor` and `M @ factored` should be objects of the class `Factored`."
    assert same, "`M @ other` changed M itself. Return a new `Factored`, and leave `self.A` and `self.B` alone."
    assert_close(found[0] @ found[1], A @ B @ C, "the product with a tensor", rtol=1e-3, atol=1e-3)
    assert_close(found[2] @ found[3], A @ B @ D @ E, "the product with a `Factored`", rtol=1e-3, atol=1e-3)
    for part in (0, 2):
        inner = found[part].shape[-1]
        assert inner <= mdim + 1, (
            f"The factors of the product should stay thin, but their A is `[... ldim {inner}]`, and the thin factors "
            f"here have at most {mdim + 1} columns. Which two matrices did you multiply first?"
        )


@checks("Factored")
def test_rows_won_by_their_diagonal(submission, draw: Draw):
    """The share of rows whose largest entry (not the largest in size) is on the diagonal, for any `at_once`."""
    A, B = factors(draw, square=True)
    n = A.shape[-2]
    B = B + 0.4 * A.mT[0]  # some rows are won
    product = (A @ B).tolist()
    expected = torch.tensor(
        [[sum(row[i] == max(row) for i, row in enumerate(matrix)) / n for matrix in line] for line in product]
    )
    for at_once in (1, 3, n - 1, n, 256):
        found = submission.Factored(A, B).diagonal_wins(at_once)
        assert_close(found, expected, f"diagonal_wins({at_once}), with {n} rows,")
    single = submission.Factored(A[1, 0], B[0]).diagonal_wins(2)
    assert_close(single, expected[1, 0], "diagonal_wins of a matrix without axes in front")


def largest(learner, A, B, C, D, E, at_once):
    """How many numbers the largest tensor has that each method makes."""

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        most = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            for value in out if isinstance(out, tuple | list) else [out]:
                if isinstance(value, torch.Tensor):
                    self.most = max(self.most, value.numel())
            return out

    def watched(work):
        with Watch() as watch:
            work()
        return watch.most

    M = learner.Factored(A, B)
    found = {
        "M @ tensor": watched(lambda: learner.Factored(A, B) @ C),
        "M @ factored": watched(lambda: learner.Factored(A, B) @ learner.Factored(D, E)),
        "norm": watched(M.norm),
        "eigenvalues": watched(M.eigenvalues),
        "diagonal_wins": watched(lambda: M.diagonal_wins(at_once)),
    }
    return found


@checks("Factored")
def test_the_product_is_never_built(submission, draw: Draw):
    """No method makes a tensor of `ldim` times `rdim` numbers; `diagonal_wins` makes no more than `at_once` rows."""
    n, mdim, at_once = 300 + draw.integer(0, 50), draw.integer(3, 6), draw.integer(10, 20)
    A, B, C = draw.normal(n, mdim), draw.normal(mdim, n), draw.normal(n, n - 7)
    D, E = draw.normal(n, mdim + 2), draw.normal(mdim + 2, n)
    found = submission.run(largest, A, B, C, D, E, at_once)
    thin = 2 * (mdim + 2) * n
    for name, most in found.items():
        bound = at_once * n if name == "diagonal_wins" else thin
        assert most <= bound, (
            f"With n = {n}, ldim = rdim = n and mdim = {mdim}, `{name}` makes a tensor of {most} numbers. The full "
            f"product has {n * n}; a thin factor has {n * mdim}"
            + (f", and {at_once} rows of the product have {at_once * n}." if name == "diagonal_wins" else ".")
        )


def at_full_size(learner, A, B, D, E):
    """The norm, the eigenvalues and the product's norm, or None where the memory was not enough."""
    try:
        M = learner.Factored(A, B)
        return M.norm(), M.eigenvalues(), (M @ learner.Factored(D, E)).norm()
    except (MemoryError, RuntimeError) as fault:
        if isinstance(fault, MemoryError) or "allocate memory" in str(fault):
            return None
        raise


@checks("Factored")
def test_at_the_size_of_gpt2(submission, draw: Draw):
    """With 50,257 tokens, where the product would take 10 GB, norms and eigenvalues are right all the same."""
    n, small = 50_257, draw.integer(100, 200)
    A, B = draw.normal(small, 2), draw.normal(2, small)
    wide = [functional.pad(A, (0, 0, 0, n - small)), functional.pad(B, (0, n - small))]  # zeros change no result
    probe = submission.run(largest, A, B, torch.eye(small), A, B, 5)
    assert max(probe[name] for name in ("norm", "eigenvalues", "M @ factored")) <= 8 * small, (
        f"For {small} rows and columns a tensor of {max(probe.values())} numbers was made: 50,257 would not fit."
    )
    found = submission.run(at_full_size, *wide, *wide)
    assert found is not None, "The memory was not enough: the full product has 2.5 billion entries. Build it nowhere."
    norm, eigenvalues, product = found
    assert_close(norm, (A @ B).norm(), "the norm", rtol=1e-3)
    assert_close(eigenvalues.sum().real, (A @ B).trace(), "the sum of the eigenvalues", rtol=1e-3, atol=1e-2)
    assert_close(product, (A @ B @ A @ B).norm(), "the norm of the product with itself", rtol=1e-3)


def patterns_of_positions(model, layer: int, scale: float) -> torch.Tensor:
    """The pattern that the model itself has when it is given W_pos as its stream and `scale` as the norm's scale."""
    hook = f"blocks.{layer}.attn.hook_pattern"
    kept = {}

    def fixed(value, hook):
        return torch.full_like(value, scale)

    def keep(value, hook):
        kept[hook.name] = value[0]

    with torch.no_grad():
        stream = model.W_pos[None]
        model.run_with_hooks(
            stream, start_at_layer=layer, fwd_hooks=[(f"blocks.{layer}.ln1.hook_scale", fixed), (hook, keep)]
        )
    return kept[hook]


SIZES = {"n_layers": 3, "d_vocab": 11, "n_ctx": 9, "d_model": 14, "n_heads": 3, "d_head": 5}


@checks("position_pattern")
def test_without_positions_all_keys_are_alike(submission, draw: Draw):
    """Where W_pos is zero, query i gives 1 / (i + 1) to each key up to itself."""
    model = draw.model(**SIZES)
    with torch.no_grad():
        model.pos_embed.W_pos.zero_()
    expected = (torch.ones(9, 9).tril() / torch.arange(1, 10)[:, None]).expand(3, 9, 9)
    assert_close(submission.position_pattern(model, 1, 0.7), expected, "the tensor of patterns")


@checks("position_pattern")
def test_it_is_what_the_model_does_with_positions(submission, draw: Draw):
    """The model, given W_pos as its stream and a norm with a fixed scale, has the same pattern; for each layer."""
    model = draw.model(**SIZES)
    for layer, scale in ((0, 0.4), (2, 1.9), (1, 1.0)):
        found = submission.position_pattern(model, layer, scale)
        expected = patterns_of_positions(model, layer, scale)
        assert_close(found, expected, f"the tensor of patterns of layer {layer} at scale {scale}", rtol=1e-3, atol=1e-4)


@checks("position_pattern", seconds=20.0)
def test_the_previous_token_head_is_seen(submission, draw: Draw):
    """In induction-2l, head 1 of layer 0 gives most of its weight to the position before, for early queries."""
    model = shared_model("induction-2l")
    scale = 0.1 + 0.01 * draw.integer(0, 5)
    found = submission.position_pattern(model, 0, scale)
    assert_close(found, patterns_of_positions(model, 0, scale), "the tensor of patterns", rtol=1e-3, atol=1e-4)
    back = found[1].diagonal(-1)[:20].mean()
    assert back > 0.5, f"Up to position 20, L0H1 should look one back with a weight above 0.5; yours gives {back:.2f}."


def folded(norm, W: torch.Tensor) -> torch.Tensor:
    """What W reads from the stream, `[d_model d_out]`: its rows for the axes of the stream, one after the other."""
    rows = []
    for axis in torch.eye(W.shape[0]):
        centred = axis - axis.sum() / len(axis)
        rows.append((centred * norm.w.detach()) @ W.detach())
    return torch.stack(rows)


def slow_composition(model, early: int, late: int, turn: torch.Tensor | None) -> torch.Tensor:
    """The scores one by one, with full matrices."""
    a, b, heads = model.blocks[early], model.blocks[late], model.config.n_heads
    scores = torch.zeros(3, heads, heads)
    for sender in range(heads):
        M = folded(a.ln1, a.attn.W_V[sender]) @ a.attn.W_O[sender].detach()
        M = M if turn is None else M @ turn
        for reader in range(heads):
            Q, K, V = (folded(b.ln1, getattr(b.attn, name)[reader]) for name in ("W_Q", "W_K", "W_V"))
            for place, N in enumerate((Q @ K.T, K @ Q.T, V @ b.attn.W_O[reader].detach())):
                lengths = [math.sqrt(float((X**2).sum())) for X in (M @ N, M, N)]
                scores[place, sender, reader] = lengths[0] / (lengths[1] * lengths[2])
    return scores


@checks("composition_scores")
def test_each_score_with_full_matrices(submission, draw: Draw):
    """For each input, early head and late head: the norm of the product over the product of the norms."""
    model = draw.model(**SIZES)
    for early, late in ((0, 1), (0, 2), (1, 2)):
        found = submission.composition_scores(model, early, late)
        expected = slow_composition(model, early, late, None)
        hint = "The axes are [Q K V, early head, late head]."
        assert_close(found, expected, f"the table of scores of layers {early} and {late}", hint=hint, rtol=1e-3)


@checks("composition_scores")
def test_a_turn_of_what_is_written(submission, draw: Draw):
    """With `turn`, each early head's writing is turned before anybody reads it."""
    model = draw.model(**{**SIZES, "n_layers": 2, "d_model": 16, "d_head": 3})
    turn = torch.linalg.qr(draw.normal(16, 16)).Q
    expected = slow_composition(model, 0, 1, turn)
    assert_close(submission.composition_scores(model, 0, 1, turn), expected, "the table of scores", rtol=1e-3)
    still = submission.composition_scores(model, 0, 1, torch.eye(16))
    what = "the table of scores with the identity as turn"
    assert_close(still, slow_composition(model, 0, 1, None), what, rtol=1e-3)


@checks("composition_scores")
def test_who_cannot_hear_scores_zero(submission, draw: Draw):
    """An early head writes along one direction; a late head whose keys don't read it has no K-composition with it."""
    model = draw.model(**{**SIZES, "n_layers": 2, "normalization_type": None})
    direction = functional.normalize(draw.normal(14), dim=0)
    sender, reader = draw.integer(0, 3), draw.integer(0, 3)
    with torch.no_grad():
        model.blocks[0].attn.W_O[sender] = draw.normal(5, 1) * direction
        W_K = model.blocks[1].attn.W_K
        W_K[reader] -= torch.outer(direction, direction @ W_K[reader])
    found = submission.composition_scores(model, 0, 1)
    zero, others = found[1, sender, reader], found[[0, 2], sender, reader]
    assert abs(zero) < 1e-4, (
        f"K-composition of early head {sender} with late head {reader} should be 0, not {zero:.3g}."
    )
    assert others.min() > 1e-3, "Q- and V-composition of the same two heads shouldn't be 0, but one of them is."


@checks("composition_scores", seconds=20.0)
def test_the_edges_of_induction_2l(submission):
    """In induction-2l the three largest scores belong to L0H1 → L1H1.k, L0H0 → L1H1.v and L0H0 → L1H1.q."""
    found = submission.composition_scores(shared_model("induction-2l"), 0, 1)
    top = {tuple(int(i) for i in torch.unravel_index(place, found.shape)) for place in found.flatten().topk(3).indices}
    hint = "The three largest are at [input early_head late_head] = [1, 1, 1], [2, 0, 1] and [0, 0, 1]; yours are at "
    assert top == {(1, 1, 1), (2, 0, 1), (0, 0, 1)}, hint + f"{sorted(top)}."


def vectors(model, path: tuple[int, int] | None) -> torch.Tensor:
    """One vector for each token, by way of a head, token by token."""
    if path is None:
        return model.W_E.detach()
    block, (_, head) = model.blocks[path[0]], path
    W_V = folded(block.ln1, block.attn.W_V[head])
    return torch.stack([(row.detach() @ W_V) @ block.attn.W_O[head].detach() for row in model.W_E])


def slow_matching(model, late: tuple[int, int], query_from, key_from) -> torch.Tensor:
    """The score of each pair of tokens, one by one."""
    block, head = model.blocks[late[0]], late[1]
    Q, K = (folded(block.ln1, getattr(block.attn, name)[head]) for name in ("W_Q", "W_K"))
    queries, keys = vectors(model, query_from) @ Q, vectors(model, key_from) @ K
    scores = torch.zeros(len(queries), len(keys))
    for i, query in enumerate(queries):
        for j, key in enumerate(keys):
            scores[i, j] = float(query @ key) / math.sqrt(model.config.d_head)
    return scores


@checks("matching_circuit")
def test_straight_from_the_embedding(submission, draw: Draw):
    """Without heads in between: the score of each query token with each key token."""
    model = draw.model(**SIZES)
    for late in ((1, draw.integer(0, 3)), (2, draw.integer(0, 3))):
        A, B = submission.matching_circuit(model, late, None, None)
        expected = slow_matching(model, late, None, None)
        assert_close(A @ B, expected, "the table A @ B", hint="Query tokens in rows.", rtol=1e-3, atol=1e-4)


@checks("matching_circuit")
def test_by_way_of_heads(submission, draw: Draw):
    """A path on the key's side, on the query's side, on both, by heads of several layers."""
    model = draw.model(**SIZES)
    late, first, second = (2, draw.integer(0, 3)), (0, draw.integer(0, 3)), (1, draw.integer(0, 3))
    for query_from, key_from in ((None, first), (second, None), (first, second), (second, first)):
        A, B = submission.matching_circuit(model, late, query_from, key_from)
        expected = slow_matching(model, late, query_from, key_from)
        what = f"the table A @ B with query_from={query_from} and key_from={key_from}"
        assert_close(A @ B, expected, what, rtol=1e-3, atol=1e-4)


@checks("matching_circuit", seconds=20.0)
def test_tokens_find_themselves_in_induction_2l(submission):
    """By L0H0 and L0H1, each of the 64 syllables fits itself best in L1H1; by the embedding and L0H1, 55 of them."""
    model = shared_model("induction-2l")
    for query_from, least in ((None, 0.8), ((0, 0), 1.0)):
        A, B = submission.matching_circuit(model, (1, 1), query_from, (0, 1))
        won = ((A @ B)[4:, 4:].argmax(1) == torch.arange(64)).float().mean()
        told = f"With query_from={query_from} and key_from=(0, 1), {won:.0%} of the syllables fit themselves best"
        assert won >= least, f"{told}, where at least {least:.0%} should."


@checks("matching_circuit")
def test_heads_of_the_size_of_gpt2s_vocabulary(submission, draw: Draw):
    """50,257 tokens: the factors come at once, since nobody multiplies them out."""
    sizes = {**SIZES, "n_layers": 2, "d_vocab": 50_257, "d_model": 4, "d_head": 2, "n_heads": 2, "attn_only": True}
    model = draw.model(**sizes)
    A, B = submission.matching_circuit(model, (1, 1), None, (0, 1))
    some = draw.integers(0, 50_257, 7)
    block = model.blocks[1]
    Q, K = (folded(block.ln1, getattr(block.attn, name)[1]) for name in ("W_Q", "W_K"))
    W_OV = folded(model.blocks[0].ln1, model.blocks[0].attn.W_V[1]) @ model.blocks[0].attn.W_O[1].detach()
    E = model.W_E.detach()[some]
    assert_close(A[some] @ B[:, some], E @ Q @ (E @ W_OV @ K).T / math.sqrt(2), "the table for some tokens", rtol=1e-3)


def slow_cut(model, tokens, early, late, reader: str) -> torch.Tensor:
    """The logits when the late head's queries, keys or values are put in, made by hand from a changed stream."""
    with torch.no_grad():
        _, cache = model.run_with_cache(tokens)
        block, head = model.blocks[late[0]], late[1]
        z, W_O = cache["z", early[0]][:, :, early[1]], model.blocks[early[0]].attn.W_O[early[1]]
        wrote = z @ W_O
        mean = wrote.flatten(0, 1).mean(0)
        x = functional.layer_norm(
            cache["resid_pre", late[0]] - wrote + mean, mean.shape, block.ln1.w, block.ln1.b, block.ln1.eps
        )
        W, b = (getattr(block.attn, f"{kind}_{reader.upper()}")[head] for kind in "Wb")

        def put(vectors, hook):
            vectors = vectors.clone()
            vectors[:, :, head] = x @ W + b
            return vectors

        return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{late[0]}.attn.hook_{reader}", put)])


@checks("without_edge")
def test_each_input_of_each_late_head(submission, draw: Draw):
    """Only the named head's queries, keys or values are made from the changed stream; all else stays as it is."""
    model = draw.model(**{**SIZES, "n_layers": 2})
    tokens, early = draw.integers(0, 11, 4, 7), (0, draw.integer(0, 3))
    for reader in "qkv":
        late = (1, draw.integer(0, 3))
        found = submission.without_edge(model, tokens, early, late, reader)
        expected = slow_cut(model, tokens, early, late, reader)
        what = f"the tensor of logits without L{early[0]}H{early[1]} -> L{late[0]}H{late[1]}.{reader}"
        assert_close(found, expected, what, rtol=1e-3, atol=1e-3)


@checks("without_edge")
def test_layers_in_between_keep_what_they_read(submission, draw: Draw):
    """From layer 0 to layer 2, and from 1 to 2: what layer 1 makes of the early head's output stays."""
    model = draw.model(**{**SIZES, "attn_only": True})
    tokens = draw.integers(0, 11, 3, 8)
    for early, late, reader in (((0, 2), (2, 0), "k"), ((1, 0), (2, 1), "v"), ((0, 1), (2, 2), "q")):
        found = submission.without_edge(model, tokens, early, late, reader)
        expected = slow_cut(model, tokens, early, late, reader)
        what = f"the tensor of logits without L{early[0]}H{early[1]} -> L{late[0]}H{late[1]}.{reader}"
        assert_close(found, expected, what, rtol=1e-3, atol=1e-3)


@checks("without_edge")
def test_what_is_the_same_everywhere_is_not_missed(submission, draw: Draw):
    """A head that writes the same vector at all positions of all prompts: nothing changes without it."""
    model = draw.model(**{**SIZES, "n_layers": 2})
    sender = draw.integer(0, 3)
    with torch.no_grad():
        model.blocks[0].attn.W_V[sender] = 0.0  # its values are its bias
    tokens = draw.integers(0, 11, 3, 6)
    for reader in "qkv":
        found = submission.without_edge(model, tokens, (0, sender), (1, 2), reader)
        hint = "What the head writes is replaced by its mean, and not by zero."
        assert_close(found, model(tokens), "the tensor of logits", hint=hint, rtol=1e-3, atol=1e-3)


@checks("without_edge", seconds=20.0)
def test_three_edges_of_induction_2l(submission, draw: Draw):
    """On repeated syllables: lost without L0H1 → L1H1.k, L0H0 → L1H1.q or L0H0 → L1H1.v; intact without others."""
    model = shared_model("induction-2l")
    piece = torch.stack([draw.permutation(64)[:15] + 4 for _ in range(24)])
    tokens = torch.cat([torch.full((24, 1), 1), piece, piece[:, :10]], dim=1)  # 10 come back, after a gap of 5
    for early, late, reader, needed in (
        ((0, 1), (1, 1), "k", True),
        ((0, 0), (1, 1), "q", True),
        ((0, 0), (1, 1), "v", True),
        ((0, 1), (1, 1), "v", False),
        ((0, 1), (1, 0), "k", False),
    ):
        logits = submission.without_edge(model, tokens, early, late, reader)
        right = (logits[:, 18:-1].argmax(-1) == tokens[:, 19:]).float().mean()
        name = f"L{early[0]}H{early[1]} -> L{late[0]}H{late[1]}.{reader}"
        wanted = "below 0.4" if needed else "above 0.8"
        fits = right < 0.4 if needed else right > 0.8
        assert fits, f"Without {name} the accuracy on the second copy should be {wanted}, but it is {right:.2f}."


def switch_before_and_after(learner, model, tokens, early, late):
    """The switch before and after a call, for a switch that is off and for one that is on."""
    seen = []
    for value in (False, True):
        model.set_use_split_qkv_input(value)
        learner.without_edge(model, tokens, early, late, "k")
        seen.append((value, bool(model.cfg.use_split_qkv_input)))
    model.set_use_split_qkv_input(False)
    return seen


@checks("without_edge")
def test_the_switch_is_left_as_it_was_found(submission, draw: Draw):
    """After the call `use_split_qkv_input` is what it was before it, on or off."""
    model = draw.model(**{**SIZES, "n_layers": 2})
    tokens = draw.integers(0, 11, 2, 5)
    for before, after in submission.run(switch_before_and_after, model, tokens, (0, 1), (1, 2)):
        words = ["off", "on"]
        assert before == after, f"The switch was {words[before]} before the call, and is {words[after]} after it."
