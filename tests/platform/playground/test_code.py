"""The code that is shown with each view runs as it stands, and gives the numbers that the view shows."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
import torch
from plotly.graph_objects import Figure

from unravel.playground import code
from unravel.playground.ablation import Heads, Kind, ablated_logits
from unravel.playground.attribution import attribute
from unravel.playground.examples import example, kinds
from unravel.playground.lens import lens, patterns
from unravel.playground.patching import Place, patch
from unravel.playground.prompt import read_prompt
from unravel.playground.run import Run, likely, run
from unravel.playground.subject import Subject, load_subject

MOST = 17


@pytest.fixture(params=["induction-2l", "modadd-1l"])
def asked(request: pytest.FixtureRequest) -> tuple[Subject, Run, Run, int, int]:
    """A run of an example, that of its partner, and the two answers."""
    subject = load_subject(request.param)
    shown = example(subject, next(iter(kinds(subject))))
    assert shown.right is not None
    assert shown.wrong is not None
    runs = [run(subject, read_prompt(subject, text)) for text in (shown.text, shown.corrupted)]
    return subject, runs[0], runs[1], shown.right, shown.wrong


def execute(text: str) -> tuple[dict[str, Any], str]:
    """The names that the code leaves behind, the figure of its last line as "figure", and what it prints."""
    assert len(text.strip().splitlines()) <= MOST
    lines = text.rstrip().splitlines()
    if lines[-1].startswith("plots."):
        lines[-1] = f"figure = {lines[-1]}"
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile("\n".join(lines), "shown", "exec"), names)
    return names, printed.getvalue()


def test_next_token(asked: Any) -> None:
    subject, clean, *_ = asked
    names, printed = execute(code.next_token_code(subject, clean.prompt))
    for guess, line in zip(likely(clean), printed.splitlines(), strict=True):
        assert repr(guess.piece) in line
        assert f"{guess.prob:.1%}" in line
        assert names["probs"][guess.id].item() == pytest.approx(guess.prob, abs=1e-5)


def test_attention(asked: Any) -> None:
    subject, clean, *_ = asked
    layer = subject.model.config.n_layers - 1
    names, _ = execute(code.attention_code(subject, clean.prompt, layer))
    torch.testing.assert_close(names["pattern"].detach(), patterns(clean, layer))
    assert isinstance(names["figure"], Figure)


def test_lens(asked: Any) -> None:
    subject, clean, _, right, _ = asked
    names, _ = execute(code.lens_code(subject, clean.prompt, right))
    torch.testing.assert_close(names["probs"][:, :, right].detach(), lens(clean, right).answer)
    assert isinstance(names["figure"], Figure)


@pytest.mark.parametrize("against", [True, False])
def test_attribution(asked: Any, against: bool) -> None:
    subject, clean, _, right, wrong = asked
    other = wrong if against else None
    names, _ = execute(code.attribution_code(subject, clean.prompt, right, other))
    torch.testing.assert_close(names["heads"].detach(), attribute(clean, right, other).heads, atol=1e-3, rtol=1e-3)
    assert isinstance(names["figure"], Figure)


@pytest.mark.parametrize("kind", ["mean", "zero"])
@pytest.mark.parametrize("heads", [((0, 1),), ((0, 0), (0, 1)), ()])
def test_ablation(asked: Any, kind: Kind, heads: Heads) -> None:
    subject, clean, *_ = asked
    names, _ = execute(code.ablation_code(subject, clean.prompt, heads, kind))
    torch.testing.assert_close(names["logits"].detach(), ablated_logits(clean, heads, kind), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("place", ["stream", "heads"])
def test_patching(asked: Any, place: Place) -> None:
    subject, clean, corrupted, right, wrong = asked
    names, _ = execute(code.patching_code(subject, clean.prompt, corrupted.prompt, place, right, wrong))
    result = patch(clean, corrupted, place, right, wrong)
    scores = (names["scores"].detach() - result.corrupted) / (result.clean - result.corrupted)
    torch.testing.assert_close(scores, result.restored, atol=1e-3, rtol=1e-3)
    assert isinstance(names["figure"], Figure)


def test_a_prompt_stays_a_string_in_the_code() -> None:
    """Whatever was typed is quoted: code that is shown, and copied, holds no more than that text."""
    subject = load_subject("induction-2l")
    clean = read_prompt(subject, "ba da")
    odd = type(clean)("'\"\\n\n); raise SystemExit('", clean.ids, clean.pieces, clean.at)
    text = code.next_token_code(subject, odd)
    compile(text, "shown", "exec")
    assert repr(odd.text) in text
