"""The whole model: GPT-2 in one file, the weights of a real one in it, and a way to find what went wrong."""

import argparse

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MODEL = "storybook-4l"  # what `python transformer.py` loads when it is not told otherwise
PROMPT = "Mary and John went to the shop . John gave a bottle to"


def normal(*shape: int) -> nn.Parameter:
    """A new weight as GPT-2 starts with: normal, with standard deviation 0.02."""
    return nn.Parameter(0.02 * torch.randn(*shape))


class LayerNorm(nn.Module):
    """Given. You write it out by hand in the lesson `embeddings`; your own may stand here."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(d_model))
        self.b = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        return nn.functional.layer_norm(x, self.w.shape, self.w, self.b, eps=1e-5)


class Attention(nn.Module):
    """Given. You write it in the lesson `attention`; your own may stand here, if names and shapes are these."""

    def __init__(self, n_heads: int, d_model: int) -> None:
        super().__init__()
        d_head = d_model // n_heads
        self.W_Q, self.b_Q = normal(n_heads, d_model, d_head), nn.Parameter(torch.zeros(n_heads, d_head))
        self.W_K, self.b_K = normal(n_heads, d_model, d_head), nn.Parameter(torch.zeros(n_heads, d_head))
        self.W_V, self.b_V = normal(n_heads, d_model, d_head), nn.Parameter(torch.zeros(n_heads, d_head))
        self.W_O, self.b_O = normal(n_heads, d_head, d_model), nn.Parameter(torch.zeros(d_model))
        self.hook_q, self.hook_k, self.hook_v = nn.Identity(), nn.Identity(), nn.Identity()
        self.hook_pattern, self.hook_z = nn.Identity(), nn.Identity()

    def forward(self, x: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        q = self.hook_q(torch.einsum("bpm,hmd->bphd", x, self.W_Q) + self.b_Q)
        k = self.hook_k(torch.einsum("bpm,hmd->bphd", x, self.W_K) + self.b_K)
        v = self.hook_v(torch.einsum("bpm,hmd->bphd", x, self.W_V) + self.b_V)
        scores = torch.einsum("bqhd,bkhd->bhqk", q / q.shape[-1] ** 0.5, k)
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        pattern = self.hook_pattern(scores.masked_fill(future, -torch.inf).softmax(-1))
        z = self.hook_z(torch.einsum("bhqk,bkhd->bqhd", pattern, v))
        return torch.einsum("bqhd,hdm->bqm", z, self.W_O) + self.b_O


class MLP(nn.Module):
    """`gelu(x @ W_in + b_in) @ W_out + b_out`; `x` itself is not added: the block does that.

    `hook_pre` is what the neurons get (before the GELU), `hook_post` what they put out: both [... d_mlp].

    Example: with all weights zero, `MLP(4, 16)` puts out zeros, whatever `x` is. And `MLP(4, 16).gelu` of
    `torch.tensor([-1.0, 0.0, 1.0])` is about `[-0.1588, 0, 0.8412]`.
    """

    def __init__(self, d_model: int, d_mlp: int) -> None:
        super().__init__()
        self.W_in, self.b_in = normal(d_model, d_mlp), nn.Parameter(torch.zeros(d_mlp))
        self.W_out, self.b_out = normal(d_mlp, d_model), nn.Parameter(torch.zeros(d_model))
        self.hook_pre, self.hook_post = nn.Identity(), nn.Identity()

    def gelu(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """GPT-2's GELU, entry by entry: `x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))`, in the dtype of `x`."""
        ### BEGIN SOLUTION
        root = (2 / torch.pi) ** 0.5
        # x * x * x, not x ** 3: on a CPU a general power is many times slower than two products.
        return 0.5 * x * (1 + torch.tanh(root * (x + 0.044715 * (x * x * x))))
        ### END SOLUTION

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """What the MLP writes, for each vector of `x`."""
        ### BEGIN SOLUTION
        pre = self.hook_pre(x @ self.W_in + self.b_in)
        post = self.hook_post(self.gelu(pre))
        return post @ self.W_out + self.b_out
        ### END SOLUTION


class Block(nn.Module):
    """One layer: attention reads the residual stream and writes to it, then the MLP does.

    The hooks, in order, all [batch pos d_model]: `hook_resid_pre` (the stream as it comes in), `hook_attn_out`
    (what attention writes), `hook_resid_mid` (the stream with that), `hook_mlp_out` (what the MLP writes),
    `hook_resid_post` (the stream as it goes out).

    Example: a block whose W_O, b_O, W_out and b_out are zero writes nothing, and returns what it gets.
    """

    def __init__(self, n_heads: int, d_model: int, d_mlp: int) -> None:
        super().__init__()
        self.ln1, self.attn = LayerNorm(d_model), Attention(n_heads, d_model)
        self.ln2, self.mlp = LayerNorm(d_model), MLP(d_model, d_mlp)
        self.hook_resid_pre, self.hook_resid_mid, self.hook_resid_post = nn.Identity(), nn.Identity(), nn.Identity()
        self.hook_attn_out, self.hook_mlp_out = nn.Identity(), nn.Identity()

    def forward(self, resid: Float[Tensor, "batch pos d_model"]) -> Float[Tensor, "batch pos d_model"]:
        """The stream after this layer."""
        ### BEGIN SOLUTION
        resid = self.hook_resid_pre(resid)
        # Not `+=`: that would change the tensor in place, and with it what a hook has kept of it.
        resid = self.hook_resid_mid(resid + self.hook_attn_out(self.attn(self.ln1(resid))))
        return self.hook_resid_post(resid + self.hook_mlp_out(self.mlp(self.ln2(resid))))
        ### END SOLUTION


class GPT2(nn.Module):
    """Tokens in, logits out: embedding plus position, the blocks, a last LayerNorm, the unembedding.

    Parameters and submodules: `W_E` [d_vocab d_model], `W_pos` [n_ctx d_model], `blocks` (an `nn.ModuleList` of
    `n_layers` blocks), `ln_final`, `W_U` [d_model d_vocab]. There is no other. New matrices come from `normal`.

    Hooks: `hook_embed` (the rows of W_E, [batch pos d_model]) and `hook_pos_embed` (the rows of W_pos, which are the
    same for each text of the batch: [batch pos d_model] or [pos d_model]), before the two are added.

    Example: `GPT2(n_layers=12, n_heads=12, d_model=768, d_mlp=3072, d_vocab=50257, n_ctx=1024)` is GPT-2 small.
    """

    def __init__(self, n_layers: int, n_heads: int, d_model: int, d_mlp: int, d_vocab: int, n_ctx: int) -> None:
        super().__init__()
        self.hook_embed, self.hook_pos_embed = nn.Identity(), nn.Identity()
        ### BEGIN SOLUTION
        self.W_E, self.W_pos = normal(d_vocab, d_model), normal(n_ctx, d_model)
        self.blocks = nn.ModuleList(Block(n_heads, d_model, d_mlp) for _ in range(n_layers))
        self.ln_final = LayerNorm(d_model)
        self.W_U = normal(d_model, d_vocab)
        ### END SOLUTION

    def forward(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_vocab"]:
        """The logits: at each position, a score for each token that may come next. `pos` is at most n_ctx."""
        ### BEGIN SOLUTION
        resid = self.hook_embed(self.W_E[tokens]) + self.hook_pos_embed(self.W_pos[: tokens.shape[1]])
        for block in self.blocks:
            resid = block(resid)
        return self.ln_final(resid) @ self.W_U
        ### END SOLUTION


def convert_weights(theirs: dict[str, Tensor], n_heads: int) -> dict[str, Tensor]:
    """The state dict of a `transformers` GPT2LMHeadModel as one that `GPT2.load_state_dict` takes.

    `theirs` holds, with `h.0` for each layer: `transformer.wte.weight` [d_vocab d_model], `transformer.wpe.weight`
    [n_ctx d_model], `transformer.h.0.ln_1.weight`, `.ln_1.bias`, `.attn.c_attn.weight` [d_model 3*d_model],
    `.attn.c_attn.bias` [3*d_model], `.attn.c_proj.weight` [d_model d_model], `.attn.c_proj.bias`, `.ln_2.weight`,
    `.ln_2.bias`, `.mlp.c_fc.weight` [d_model d_mlp], `.mlp.c_fc.bias`, `.mlp.c_proj.weight` [d_mlp d_model],
    `.mlp.c_proj.bias`, `transformer.ln_f.weight`, `transformer.ln_f.bias`, and perhaps `lm_head.weight`
    [d_vocab d_model]; without it, the unembedding uses `transformer.wte.weight`. Anything else is no weight.

    Example: `convert_weights(theirs, 12)["W_pos"]` is `theirs["transformer.wpe.weight"]`.
    """
    ### BEGIN SOLUTION
    W_E = theirs["transformer.wte.weight"]
    ours = {"W_E": W_E, "W_pos": theirs["transformer.wpe.weight"], "W_U": theirs.get("lm_head.weight", W_E).T}
    ours["ln_final.w"], ours["ln_final.b"] = theirs["transformer.ln_f.weight"], theirs["transformer.ln_f.bias"]
    n_layers = sum(name.endswith(".ln_1.weight") for name in theirs)
    for layer in range(n_layers):
        their, our = f"transformer.h.{layer}", f"blocks.{layer}"
        for name, other in (("ln1", "ln_1"), ("ln2", "ln_2")):
            ours[f"{our}.{name}.w"] = theirs[f"{their}.{other}.weight"]
            ours[f"{our}.{name}.b"] = theirs[f"{their}.{other}.bias"]
        # The columns of c_attn: all of q, then all of k, then all of v; within each, head after head.
        weights = theirs[f"{their}.attn.c_attn.weight"].chunk(3, dim=1)  # each [d_model, head * d_head]
        biases = theirs[f"{their}.attn.c_attn.bias"].chunk(3)  # each [head * d_head]
        for name, weight, bias in zip("QKV", weights, biases, strict=True):
            ours[f"{our}.attn.W_{name}"] = weight.unflatten(1, (n_heads, -1)).transpose(0, 1)  # [head d_model d_head]
            ours[f"{our}.attn.b_{name}"] = bias.unflatten(0, (n_heads, -1))  # [head d_head]
        ours[f"{our}.attn.W_O"] = theirs[f"{their}.attn.c_proj.weight"].unflatten(0, (n_heads, -1))
        ours[f"{our}.attn.b_O"] = theirs[f"{their}.attn.c_proj.bias"]
        for name, other in (("in", "c_fc"), ("out", "c_proj")):
            ours[f"{our}.mlp.W_{name}"] = theirs[f"{their}.mlp.{other}.weight"]
            ours[f"{our}.mlp.b_{name}"] = theirs[f"{their}.mlp.{other}.bias"]
    return ours
    ### END SOLUTION


def first_difference(mine: dict[str, Tensor], reference: dict[str, Tensor], tolerance: float = 1e-4) -> str | None:
    """The name of the first activation, in the order of `reference`, in which `mine` is different; None if none is.

    Two activations differ when their largest absolute difference is more than `tolerance` times the largest absolute
    value of the reference. They also differ when `mine` hasn't that name, when the shapes differ (nothing is
    broadcast), and when there is a `nan` in either. Names that only `mine` has are ignored.

    Example: `{"a": 1.0, "b": 2.0}` against `{"a": 1.0, "b": 3.0}` (as tensors) gives "b".
    """
    ### BEGIN SOLUTION
    for name, truth in reference.items():
        found = mine.get(name)
        if found is None or found.shape != truth.shape:
            return name
        # Subtle: every comparison with nan is False, so we ask whether they agree, not whether they differ.
        agree = (found - truth).abs().max() <= tolerance * truth.abs().max()
        if not agree:
            return name
    return None
    ### END SOLUTION


def activations(model: nn.Module, tokens: Int[Tensor, "batch pos"]) -> dict[str, Tensor]:
    """Given. Runs the model; what went through each of its hooks, in that order, and last the "logits"."""
    found: dict[str, Tensor] = {}

    def listen(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_hook(lambda module, args, output: found.update({name: output}))

    hooks = [(name, module) for name, module in model.named_modules() if "hook_" in name]
    handles = [listen(name, module) for name, module in hooks]
    try:
        with torch.no_grad():
            logits = model(tokens)
    finally:
        for handle in handles:
            handle.remove()
    return {**found, "logits": logits}


def main() -> None:
    """Loads a GPT-2 into your model, compares the two layer by layer, and says what may come next."""
    from unravel.errors import UnravelError
    from unravel.interp import load_model, to_hf

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default=MODEL, help="gpt2, storybook-4l, or a folder with a GPT-2")
    parser.add_argument("--prompt", default=PROMPT)
    given = parser.parse_args()
    try:
        theirs = load_model(given.model)
        # The course's own models have a bias on their logits, GPT-2 has none: it is put aside, and added at the end.
        bias = theirs.unembed.b_U.detach().clone()
        theirs.unembed.b_U.data.zero_()
        weights = convert_weights(to_hf(theirs).state_dict(), theirs.config.n_heads)
        tokens = theirs.to_tokens(given.prompt)
    except UnravelError as fault:
        raise SystemExit(f"{fault.fault} {fault.fix}") from None
    c = theirs.config
    model = GPT2(c.n_layers, c.n_heads, c.d_model, c.d_mlp, c.d_vocab, c.n_ctx)
    model.load_state_dict(weights, assign=True)
    mine = activations(model, tokens)
    with torch.no_grad():
        logits, cache = theirs.run_with_cache(tokens)
    compared = [name for name in mine if name not in ("hook_pos_embed", "logits")]  # its shape is a matter of taste
    reference = {name: cache[name] for name in compared} | {"logits": logits}
    place = first_difference(mine, reference)
    print("All activations agree with the library's." if place is None else f"Look here first: {place} is different.")
    best = (mine["logits"][0, -1] + bias).softmax(-1).topk(5)
    for probability, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        print(f"{probability:7.1%}  {theirs.to_string(torch.tensor([token]))!r}")


if __name__ == "__main__":
    main()
