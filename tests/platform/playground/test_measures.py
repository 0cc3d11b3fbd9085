"""What is measured, against slow ways to say the same, and laws."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from transformer_lens import patching as lens_patching

from unravel.errors import UnravelError
from unravel.playground.ablation import ablate, ablated_logits, head_means
from unravel.playground.attribution import attribute
from unravel.playground.examples import example
from unravel.playground.lens import lens, patterns
from unravel.playground.patching import patch
from unravel.playground.prompt import Prompt, read_prompt
from unravel.playground.run import likely, metric, run
from unravel.playground.subject import Subject

Ask = Callable[..., Prompt]
IDS = (1, 30, 7, 99, 30, 12)
OTHER = (1, 30, 8, 99, 30, 12)


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def final(subject: Subject, ids: tuple[int, ...], at: int) -> Tensor:
    logits: Tensor = subject.model(torch.tensor([ids]))[0, at]
    return logits


def test_next_tokens_are_the_models(random: Subject, ask: Ask) -> None:
    prompt = ask(random, *IDS)
    logits = final(random, IDS, prompt.at)
    seen = likely(run(random, prompt), 4)
    assert [guess.id for guess in seen] == logits.argsort(descending=True)[:4].tolist()
    assert [guess.prob for guess in seen] == pytest.approx(logits.softmax(-1)[[g.id for g in seen]].tolist(), abs=1e-6)
    assert [guess.logit for guess in seen] == pytest.approx(logits[[g.id for g in seen]].tolist(), abs=1e-4)


def test_equal_prompts_are_run_once(random: Subject, ask: Ask) -> None:
    assert run(random, ask(random, *IDS)) is run(random, ask(random, *IDS))


def test_patterns_are_the_models(random: Subject, ask: Ask) -> None:
    _, cache = random.model.run_with_cache(torch.tensor([IDS]))
    torch.testing.assert_close(patterns(run(random, ask(random, *IDS)), 2), cache["pattern", 2][0])


def test_lens_ends_in_the_models_answer_and_begins_with_the_embedding(random: Subject, ask: Ask) -> None:
    model, tokens = random.model, torch.tensor([IDS])
    seen = lens(run(random, ask(random, *IDS)), 3)
    end = model(tokens)[0].softmax(-1)
    begin = model.unembed(model.ln_final(model.enter(tokens)))[0].softmax(-1)
    for row, probs in ((-1, end), (0, begin)):
        torch.testing.assert_close(seen.answer[row], probs[:, 3])
        torch.testing.assert_close(seen.prob[row], probs.amax(-1))
        assert seen.top[row] == tuple(random.output(int(number)) for number in probs.argmax(-1))
    assert len(seen.rows) == len(seen.top) == len(seen.answer) == 4


@pytest.mark.parametrize("wrong", [None, 4])
def test_parts_sum_to_the_score(random: Subject, ask: Ask, wrong: int | None) -> None:
    prompt = ask(random, *IDS)
    parts = attribute(run(random, prompt), 2, wrong)
    assert parts.total == pytest.approx(float(metric(final(random, IDS, prompt.at), 2, wrong)), abs=1e-3)
    assert float(parts.heads.sum()) + sum(value for _, value in parts.others) == pytest.approx(parts.total, abs=1e-3)


def test_a_heads_part_is_what_its_absence_takes_with_the_scale_held(random: Subject, ask: Ask) -> None:
    """The slow way: take what the head wrote out of the last stream, and read the stream with the old scale."""
    model, prompt = random.model, ask(random, *IDS)
    _, cache = model.run_with_cache(torch.tensor([IDS]))
    end = cache["resid_post", 2][0, prompt.at]
    parts = attribute(run(random, prompt), 2, 4)

    def read(stream: Tensor) -> float:
        if model.config.normalization_type is not None:
            scale = cache["ln_final.hook_scale"][0, prompt.at]
            stream = (stream - stream.mean()) / scale * model.ln_final.w + model.ln_final.b
        logits = model.unembed(stream)
        return float(logits[2] - logits[4])

    for layer in range(3):
        for head in range(4):
            wrote = cache["z", layer][0, prompt.at, head] @ model.W_O[layer, head]
            assert float(parts.heads[layer, head]) == pytest.approx(read(end) - read(end - wrote), abs=1e-3)


def test_without_any_head_nothing_but_biases_is_written(ask: Ask, induction: Subject) -> None:
    model, prompt = induction.model, ask(induction, 1, 10, 20, 30)
    everyone = tuple((layer, head) for layer in range(2) for head in range(2))
    logits = ablated_logits(run(induction, prompt), everyone, "zero")
    stream = model.enter(torch.tensor([prompt.ids]))[0, -1] + model.b_O.sum(0)
    torch.testing.assert_close(logits, model.unembed(model.ln_final(stream)), atol=1e-4, rtol=1e-4)


def test_ablating_nothing_changes_nothing(random: Subject, ask: Ask) -> None:
    result = ablate(run(random, ask(random, *IDS)), (), "zero", 2, 4)
    assert result.before == result.after
    assert result.answer[0] == result.answer[1]


@pytest.mark.parametrize("kind", ["mean", "zero"])
def test_ablation_replaces_z_at_every_position(random: Subject, ask: Ask, kind: str) -> None:
    prompt = ask(random, *IDS)
    heads = ((0, 1), (2, 3))
    _, cache = random.model.run_with_cache(torch.tensor([IDS]))
    means = {layer: cache["z", layer][0].mean(0) for layer in (0, 2)}

    def replace(z: Tensor, hook: object) -> Tensor:
        layer = hook.layer()  # type: ignore[attr-defined]
        head = dict(heads)[layer]
        for at in range(z.shape[1]):
            z[0, at, head] = means[layer][head] if kind == "mean" else 0
        return z

    hooks = [(f"blocks.{layer}.attn.hook_z", replace) for layer in (0, 2)]
    wanted = random.model.run_with_hooks(torch.tensor([IDS]), fwd_hooks=hooks)[0, prompt.at]
    got = ablated_logits(run(random, prompt), heads, kind)  # type: ignore[arg-type]
    torch.testing.assert_close(got, wanted)
    assert not any(point.fwd_hooks for point in random.model.hook_dict.values())


def test_the_mean_is_over_tokens_of_the_corpus(induction: Subject) -> None:
    assert induction.corpus is not None
    rows = next(induction.corpus.batches("test", batch=64))
    _, cache = induction.model.run_with_cache(rows)
    slow = torch.stack(
        [
            z
            for row, ids in zip(cache["z", 1], rows, strict=True)
            for z, token in zip(row, ids, strict=True)
            if int(token) != induction.corpus.vocabulary.pad
        ]
    ).mean(0)
    torch.testing.assert_close(head_means(induction)[1], slow)


def test_patched_stream_is_that_of_transformer_lens(random: Subject, ask: Ask) -> None:
    clean, corrupted = run(random, ask(random, *IDS)), run(random, ask(random, *OTHER))
    result = patch(clean, corrupted, "stream", 2, 4)
    _, cache = random.model.run_with_cache(torch.tensor([IDS]))
    slow = lens_patching.get_act_patch_resid_pre(
        random.model, torch.tensor([OTHER]), cache, lambda logits: metric(logits[0, clean.prompt.at], 2, 4)
    )
    torch.testing.assert_close(
        result.restored, (slow - result.corrupted) / (result.clean - result.corrupted), atol=1e-3, rtol=1e-3
    )
    same = [at for at, (one, other) in enumerate(zip(IDS, OTHER, strict=True)) if one == other]
    torch.testing.assert_close(result.restored[0, same], torch.zeros(len(same)), atol=1e-3, rtol=0)
    assert float(result.restored[0, 2]) == pytest.approx(1, abs=1e-3)


def test_patched_heads_are_those_of_transformer_lens(random: Subject, ask: Ask) -> None:
    clean, corrupted = run(random, ask(random, *IDS)), run(random, ask(random, *OTHER))
    result = patch(clean, corrupted, "heads", 2, 4)
    _, cache = random.model.run_with_cache(torch.tensor([IDS]))
    slow = lens_patching.get_act_patch_attn_head_out_all_pos(
        random.model, torch.tensor([OTHER]), cache, lambda logits: metric(logits[0, clean.prompt.at], 2, 4)
    )
    wanted = (slow - result.corrupted) / (result.clean - result.corrupted)
    torch.testing.assert_close(result.restored, wanted, atol=1e-3, rtol=1e-3)
    assert not any(point.fwd_hooks for point in random.model.hook_dict.values())


def test_prompts_that_cant_be_patched_are_refused(random: Subject, ask: Ask) -> None:
    clean, short = run(random, ask(random, *IDS)), run(random, ask(random, 1, 2))
    with pytest.raises(UnravelError, match="has 6 tokens, the corrupted one 2"):
        patch(clean, short, "stream", 2, 4)
    with pytest.raises(UnravelError, match="are the same"):
        patch(clean, clean, "stream", 2, 4)
    with pytest.raises(UnravelError, match="nothing to bring back"):
        patch(clean, run(random, ask(random, *OTHER)), "stream", 2, 2)


def test_induction_is_seen(induction: Subject) -> None:
    """What the card of induction-2l says: a head of layer 1 copies, and without it the answer is gone."""
    shown = example(induction, "random_gap")
    assert shown.right is not None
    seen = run(induction, read_prompt(induction, shown.text))
    assert likely(seen, 1)[0].id == shown.right
    parts = attribute(seen, shown.right, shown.wrong)
    layer, head = divmod(int(parts.heads.argmax()), 2)
    assert layer == 1
    gone = ablate(seen, ((layer, head),), "mean", shown.right, shown.wrong)
    assert gone.answer[1] < 0.3 * gone.answer[0]
    corrupted = run(induction, read_prompt(induction, shown.corrupted))
    assert likely(corrupted, 1)[0].id == shown.wrong
    heads = patch(seen, corrupted, "heads", shown.right, shown.wrong).restored
    assert float(heads[layer, head]) > 0.8
