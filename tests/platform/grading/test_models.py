"""Models cross the line: shipped ones by name, others by value; they come clean to each call, and must be left so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from unravel.grading import Draw, models, wire
from unravel.grading.fault import LearnerFault
from unravel.grading.loading import Unit
from unravel.grading.models import shared_model
from unravel.grading.reference import load_reference
from unravel.grading.remote import Session, Submission
from unravel.grading.transport import LocalTransport, SandboxTransport
from unravel.grading.warm import Warm
from unravel.interp import load_model, model_variant

ROOT = Path(__file__).parents[3]
SOLUTION = """
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unravel.interp import HookedGPT, current_learner, my_model


def logits(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_vocab"]:
    with torch.no_grad():
        return model(tokens)


def shift(value: Tensor, hook: object) -> Tensor:
    return value + 1


def leaves_hook(model: HookedGPT) -> int:
    model.add_hook("blocks.0.hook_resid_post", shift)
    return 1


def leaves_torch_hook(model: HookedGPT) -> int:
    model.blocks[0].register_forward_hook(lambda module, args, out: out + 1)
    return 1


def changes_weights(model: HookedGPT) -> int:
    with torch.no_grad():
        model.blocks[0].attn.W_Q.data[0] += 1
    return 1


def leaves_traces(model: HookedGPT, tokens: Int[Tensor, "batch pos"]) -> bool:
    model.set_use_attn_result(True)
    model(tokens).sum().backward()
    return model.W_E.grad is None and model.cfg.use_attn_result


def fails_after_hook(model: HookedGPT) -> int:
    model.add_hook("blocks.0.hook_resid_post", shift)
    raise ValueError("on the way")


def clean(model: HookedGPT) -> tuple[bool, bool]:
    return model.W_E.grad is None and model.W_E.requires_grad, model.cfg.use_attn_result


def same_object(a: HookedGPT, b: list[HookedGPT]) -> bool:
    return a is b[0]


def mine(name: str) -> Float[Tensor, "layer head d_model d_head"]:
    return my_model(name).W_Q.detach()


LEARNER: str = current_learner()


class Recorder:
    def __init__(self, model: HookedGPT) -> None:
        self.model, self.seen = model, 0
        model.add_hook("blocks.0.hook_resid_post", self.count)

    def count(self, value: Tensor, hook: object) -> None:
        self.seen += 1

    def run(self, tokens: Int[Tensor, "batch pos"]) -> int:
        self.model(tokens)
        return self.seen
"""
TOKENS = torch.tensor([[1, 4, 2, 6], [3, 5, 1, 2]])
Open = Callable[..., Submission]


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    from unravel.grading.engine import PRELOAD

    warm = Warm(preload=("torch", *PRELOAD), readable=(ROOT / "models",))
    warm.start()
    yield warm
    warm.close()


@pytest.fixture(params=["sandbox", "here"])
def open_submission(request: pytest.FixtureRequest, warm: Warm, tmp_path: Path) -> Iterator[Open]:
    path = tmp_path / "lesson.py"
    path.write_text(SOLUTION)
    opened: list[Any] = []

    def open_it(learner: str = "") -> Submission:
        units = [Unit("lesson.py", SOLUTION)]
        here = request.param == "here"
        opened.append(
            LocalTransport(units, learner=learner) if here else SandboxTransport(warm, units, learner=learner)
        )
        return Submission(Session(opened[-1], load_reference(path)))

    yield open_it
    for transport in opened:
        transport.close()


def tiny(seed: int = 0, **more: Any) -> Any:
    config = {"n_layers": 2, "n_heads": 3, "d_model": 12, "d_head": 4, "d_vocab": 11, "n_ctx": 9}
    return Draw(seed).model(**{**config, **more})


def test_a_shipped_model_is_the_same_over_there(open_submission: Open) -> None:
    model = shared_model("induction-2l")
    assert torch.equal(open_submission().logits(model, TOKENS), model(TOKENS))


def test_a_checkpoint_is_the_one_of_that_step(open_submission: Open) -> None:
    early = shared_model("induction-2l", 0)
    assert torch.equal(open_submission().logits(early, TOKENS), load_model("induction-2l", checkpoint=0)(TOKENS))


def test_a_drawn_model_is_the_same_over_there(open_submission: Open) -> None:
    for more in ({}, {"attn_only": True}, {"normalization_type": None}, {"positional": "rotary"}):
        model = tiny(**more)
        assert torch.equal(open_submission().logits(model, TOKENS), model(TOKENS))


def test_every_parameter_of_a_drawn_model_is_random() -> None:
    for name, weight in tiny().named_parameters():
        assert weight.std() > 0.05, name
    assert torch.equal(tiny(3).W_Q, tiny(3).W_Q)
    assert not torch.equal(tiny(3).W_Q, tiny(4).W_Q)


def test_a_learner_has_their_own_variant_on_both_sides(open_submission: Open) -> None:
    submission = open_submission("ada")
    assert submission.LEARNER == "ada"
    expected = model_variant(load_model("storybook-4l"), "ada").W_Q
    assert torch.equal(submission.mine("storybook-4l"), expected)
    assert torch.equal(shared_model("storybook-4l", learner="ada").W_Q, expected)
    assert torch.equal(
        open_submission("bob").mine("storybook-4l"), model_variant(load_model("storybook-4l"), "bob").W_Q
    )


@pytest.mark.parametrize("name", ["leaves_hook", "leaves_torch_hook", "changes_weights"])
@pytest.mark.parametrize("make", [tiny, lambda: shared_model("induction-2l")])
def test_what_a_call_leaves_on_a_model_is_a_fault_and_gone_at_the_next(
    open_submission: Open, name: str, make: Callable[[], Any]
) -> None:
    submission, model = open_submission(), make()
    with pytest.raises(LearnerFault, match=f"`{name}` (left a hook|changed the weights)"):
        getattr(submission, name)(model)
    assert torch.equal(submission.logits(model, TOKENS), model(TOKENS))


def test_after_an_exception_the_model_is_clean_too(open_submission: Open) -> None:
    submission, model = open_submission(), shared_model("induction-2l")
    with pytest.raises(LearnerFault, match="on the way"):
        submission.fails_after_hook(model)
    assert torch.equal(submission.logits(model, TOKENS), model(TOKENS))


def test_gradients_and_switches_are_no_fault_and_gone_at_the_next_call(open_submission: Open) -> None:
    submission, model = open_submission(), shared_model("induction-2l")
    submission.leaves_traces(model, TOKENS)
    assert submission.clean(model) == (True, False)


def test_an_object_may_keep_its_model_and_its_hooks(open_submission: Open) -> None:
    submission, model = open_submission(), shared_model("induction-2l")
    recorder = submission.Recorder(model)
    assert (recorder.run(TOKENS), recorder.run(TOKENS)) == (1, 2)
    assert torch.equal(submission.logits(model, TOKENS), model(TOKENS))
    assert recorder.run(TOKENS) == 3


def test_a_model_given_twice_is_one_object_and_its_variant_another(open_submission: Open) -> None:
    submission = open_submission()
    for model in (tiny(), shared_model("induction-2l")):
        assert submission.same_object(model, [model]) is True
    assert submission.same_object(tiny(), [model_variant(tiny(), "ada")]) is False


def test_a_shared_model_that_a_check_has_changed_is_loaded_anew() -> None:
    model = shared_model("induction-1l")
    before = model.W_Q.clone()
    with torch.no_grad():
        model.blocks[0].attn.W_Q += 1
    assert "weights" in models.describe(model)  # by value, since the name would tell of another
    again = shared_model("induction-1l")
    assert again is not model
    assert torch.equal(again.W_Q, before)
    again.add_hook("blocks.0.hook_resid_post", lambda value, hook: value)
    assert shared_model("induction-1l") is not again


def test_a_child_can_not_make_the_grader_load_a_model() -> None:
    tree = {"m": {"d": [["name", "induction-2l"], ["checkpoint", None], ["learner", ""]]}}
    with pytest.raises(wire.ProtocolError, match="a model"):
        wire.Decoder([]).decode(tree)
