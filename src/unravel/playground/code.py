"""The ten lines behind each view, as one would write them in a lesson. They run as they stand."""

from __future__ import annotations

from unravel.playground.ablation import ROWS, Heads, Kind
from unravel.playground.catalogue import find_entry
from unravel.playground.patching import Place
from unravel.playground.prompt import Prompt
from unravel.playground.subject import Subject


def next_token_code(subject: Subject, prompt: Prompt) -> str:
    """Ends with `probs`, the probability of each next token, and prints the best."""
    return _join(
        _head(subject, prompt),
        f"""
logits = model(tokens)[0, {prompt.at}]  # [d_vocab]: what comes after this position
probs = logits.softmax(-1)
for token in probs.topk(10).indices.tolist():
    print(f"{{{_name(subject)}!r:>12}} {{probs[token]:7.1%}} {{logits[token]:7.2f}}")
""",
    )


def attention_code(subject: Subject, prompt: Prompt, layer: int) -> str:
    """Ends with `pattern` [head, query_pos, key_pos], drawn."""
    return _join(
        _head(subject, prompt, "from unravel.interp import plots"),
        f"""
_, cache = model.run_with_cache(tokens)
pattern = cache["pattern", {layer}][0]  # [head, query_pos, key_pos]; each row sums to one
plots.attention(pattern, model.to_str_tokens(tokens))
""",
    )


def lens_code(subject: Subject, prompt: Prompt, answer: int) -> str:
    """Ends with `probs` [row, pos, d_vocab], of which the answer's are drawn."""
    return _join(
        _head(subject, prompt, "import torch", "from unravel.interp import plots"),
        f"""
_, cache = model.run_with_cache(tokens)
streams = [cache["resid_pre", layer][0] for layer in range(model.cfg.n_layers)]
streams.append(cache["resid_post", model.cfg.n_layers - 1][0])
logits = model.unembed(model.ln_final(torch.stack(streams)))  # [row, pos, d_vocab]
probs = logits.softmax(-1)
plots.heatmap(probs[:, :, {answer}], x="position", y="layer")
""",
    )


def attribution_code(subject: Subject, prompt: Prompt, right: int, wrong: int | None) -> str:
    """Ends with `heads` [layer, head], drawn."""
    minus = "" if wrong is None else f" - model.W_U[:, {wrong}]"
    normed = subject.model.config.normalization_type is not None
    scale = f'cache["ln_final.hook_scale"][0, {prompt.at}]'
    weigh = f"\ndirection = model.ln_final.w * direction / {scale}  # LayerNorm, its scale held" if normed else ""
    centre = "result - result.mean(-1, keepdim=True)" if normed else "result"
    return _join(
        _head(subject, prompt, "import torch", "from unravel.interp import plots"),
        f"""
_, cache = model.run_with_cache(tokens)
direction = model.W_U[:, {right}]{minus}{weigh}
z = torch.stack([cache["z", layer][0, {prompt.at}] for layer in range(model.cfg.n_layers)])
result = torch.einsum("lhk,lhkd->lhd", z, model.W_O)  # what each head writes, [layer, head, d_model]
heads = ({centre}) @ direction
plots.heatmap(heads, x="head", y="layer", diverging=True)
""",
    )


def ablation_code(subject: Subject, prompt: Prompt, heads: Heads, kind: Kind) -> str:
    """Ends with `logits` [d_vocab] of the model without these heads."""
    value, mean, needed = "0.0", "", ""
    if kind == "mean":
        value = "mean[layer, head]"
        rows, kept = "tokens", "[0]"
        if subject.corpus is not None:
            needed = "from unravel.interp import load_corpus"
            rows, kept = f'next({_corpus(subject)}.batches("test", batch={ROWS}))', "[rows != model.tokenizer.pad]"
        mean = f"""
rows = {rows}
_, cache = model.run_with_cache(rows)
mean = {{(layer, head): cache["z", layer]{kept}[:, head].mean(0) for layer, head in heads}}"""
    return _join(
        _head(subject, prompt, needed),
        f"""
heads = {list(heads)}{mean}
def without(z, hook):  # z: [batch, pos, head, d_head]
    for layer, head in heads:
        if layer == hook.layer():
            z[:, :, head] = {value}
    return z
hooks = [(f"blocks.{{layer}}.attn.hook_z", without) for layer in {{layer for layer, _ in heads}}]
logits = model.run_with_hooks(tokens, fwd_hooks=hooks)[0, {prompt.at}]
""",
    )


def patching_code(
    subject: Subject, clean: Prompt, corrupted: Prompt, place: Place, right: int, wrong: int | None
) -> str:
    """Ends with `scores`, [layer, pos] or [layer, head], drawn."""
    minus = "" if wrong is None else f" - logits[{wrong}]"
    stream = place == "stream"
    hook, where, count = (
        ("hook_resid_pre", "x[:, at]", "tokens.shape[1]")
        if stream
        else ("attn.hook_z", "x[:, :, at]", "model.cfg.n_heads")
    )
    bos = "" if subject.bos else ", prepend_bos=False"
    return _join(
        _head(subject, clean, "import torch", "from unravel.interp import plots"),
        f"""
corrupted = model.to_tokens({corrupted.text!r}{bos})
_, cache = model.run_with_cache(tokens)
scores = torch.zeros(model.cfg.n_layers, {count})
for layer in range(scores.shape[0]):
    for at in range(scores.shape[1]):
        def patch(x, hook):
            {where} = cache[hook.name]{where[1:]}
            return x
        name = f"blocks.{{layer}}.{hook}"
        logits = model.run_with_hooks(corrupted, fwd_hooks=[(name, patch)])[0, {clean.at}]
        scores[layer, at] = logits[{right}]{minus}
plots.heatmap(scores, x="{"position" if stream else "head"}", y="layer")
""",
    )


def _head(subject: Subject, prompt: Prompt, *needed: str) -> str:
    """The lines that all begin with: the model and the tokens."""
    wanted = [line for line in needed if line]
    names = ["load_model", *(line.rsplit(" ", 1)[-1] for line in wanted if line.startswith("from unravel.interp"))]
    imports = [line for line in wanted if line.startswith("import ")]
    imports.append(f"from unravel.interp import {', '.join(sorted(names))}")
    bos = "" if subject.bos else ", prepend_bos=False"
    ask = f"model.to_tokens({prompt.text!r}{bos})"
    return "\n".join([*imports, f"model = load_model({subject.name!r})", f"tokens = {ask}"])


def _name(subject: Subject) -> str:
    """How the code names an output."""
    return "model.to_single_str_token(token)" if subject.model.config.causal else "token"


def _corpus(subject: Subject) -> str:
    entry = find_entry(subject.name)
    options = "".join(f", {name}={value!r}" for name, value in entry.options)
    return f"load_corpus({entry.corpus!r}{options})"


def _join(head: str, rest: str) -> str:
    return f"{head}\n{rest.strip()}\n"
