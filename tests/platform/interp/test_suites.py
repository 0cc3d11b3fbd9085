"""Evaluation: each measure on cases that can be counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unravel.errors import UnravelError
from unravel.interp.suites import Suite, evaluate


class Fixed(nn.Module):
    """Says the same at every position: the logits of the prompt's first token."""

    def __init__(self, table: Any):
        super().__init__()
        self.table = nn.Parameter(torch.tensor(table, dtype=torch.float32))
        self.batches: list[int] = []

    def forward(self, tokens: Tensor) -> Tensor:
        self.batches.append(len(tokens))
        return self.table[tokens[:, :1]].expand(-1, tokens.shape[1], -1)


TABLE = [[3.0, 1.0, 0.0, 0.0], [0.0, 1.0, 4.0, 2.0], [1.0, 1.0, 1.0, 1.0]]


def suite(right: Any, wrong: Any, first: Any = (0, 1, 2)) -> Suite:
    prompts = torch.tensor([[number, 0, 0] for number in first])
    position = torch.full((len(prompts),), 2)
    shape = torch.tensor(wrong, dtype=torch.long).reshape(len(prompts), -1)
    return Suite("by hand", "counted by hand", prompts, position, torch.tensor(right), shape)


def test_right_against_one_wrong():
    result = evaluate(Fixed(TABLE), suite([0, 3, 1], [[1], [2], [0]]))
    assert result.n == 3
    assert result.accuracy == pytest.approx(1 / 3), "a tie is no win"
    assert result.top1 == pytest.approx(1 / 3)
    assert result.logit_diff == pytest.approx((2 - 2 + 0) / 3)
    logits = torch.tensor(TABLE).double()
    by_hand = -(logits[0].log_softmax(0)[0] + logits[1].log_softmax(0)[3] + logits[2].log_softmax(0)[1]) / 3
    assert result.loss == pytest.approx(by_hand.item(), abs=1e-6)


def test_every_wrong_one_must_be_beaten():
    one = evaluate(Fixed(TABLE), suite([3], [[1]], first=[1]))
    two = evaluate(Fixed(TABLE), suite([3], [[1, 2]], first=[1]))
    padded = evaluate(Fixed(TABLE), suite([3], [[1, -1]], first=[1]))
    assert (one.accuracy, two.accuracy, padded.accuracy) == (1, 0, 1)
    assert (one.logit_diff, two.logit_diff, padded.logit_diff) == (1, -2, 1)
    assert one.top1 == 0


@pytest.mark.parametrize("wrong", [[[], []], [[-1], [-1]]])
def test_without_wrong_ones_all_others_are_wrong(wrong):
    result = evaluate(Fixed(TABLE), suite([0, 3], wrong, first=[0, 1]))
    assert result.accuracy == result.top1 == 0.5
    assert result.logit_diff == pytest.approx((2 - 2) / 2)


def test_several_right_ones_count_together():
    result = evaluate(Fixed(TABLE), suite([[2, 3], [0, -1]], [[0], [1]], first=[1, 0]))
    assert result.accuracy == result.top1 == 1
    assert result.logit_diff == pytest.approx((4 + 2) / 2)
    first = -torch.tensor(TABLE[1]).softmax(0)[2:].sum().log()
    second = -torch.tensor(TABLE[0]).log_softmax(0)[0]
    assert result.loss == pytest.approx(float((first + second) / 2), abs=1e-6)


def test_batches_change_nothing():
    torch.manual_seed(0)
    many = Suite(
        "many",
        "random",
        torch.randint(0, 3, (50, 3)),
        torch.randint(0, 3, (50,)),
        torch.randint(0, 4, (50,)),
        torch.randint(0, 4, (50, 2)),
    )
    whole, model = evaluate(Fixed(TABLE), many), Fixed(TABLE)
    parts = evaluate(model, many, batch=7)
    assert model.batches == [7] * 7 + [1]
    assert vars(parts) == pytest.approx(vars(whole))
    assert model.table.grad is None


def test_the_answer_is_read_at_its_position():
    class Position(nn.Module):
        weight = nn.Parameter(torch.zeros(1))

        def parameters(self, recurse: bool = True) -> Any:
            return iter([self.weight])

        def forward(self, tokens: Tensor) -> Tensor:
            return torch.eye(4)[torch.arange(4)].expand(len(tokens), -1, -1)

    rows = torch.zeros(4, 4, dtype=torch.long)
    each = Suite("places", "the answer is the place", rows, torch.arange(4), torch.arange(4), torch.zeros(4, 0).long())
    assert evaluate(Position(), each).accuracy == 1
    assert (
        evaluate(Position(), Suite("x", "", rows, torch.tensor([1, 1, 1, 1]), torch.arange(4), each.wrong)).accuracy
        == 0.25
    )


def test_a_suite_of_another_model():
    with pytest.raises(UnravelError, match="is token 4, of which there is no logit"):
        evaluate(Fixed(TABLE), suite([4], [[0]], first=[0]))


def test_rows_must_agree():
    with pytest.raises(UnravelError, match="'by hand' needs a position"):
        Suite(
            "by hand",
            "",
            torch.zeros(2, 3).long(),
            torch.zeros(2).long(),
            torch.zeros(1).long(),
            torch.zeros(2, 1).long(),
        )
    with pytest.raises(UnravelError, match="at least one"):
        Suite("none", "", *(torch.zeros(0, 1).long() for _ in range(4)))
