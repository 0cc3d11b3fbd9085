"""Attention patterns and patching maps: what is drawn is what was given, and hovering says it in words."""

from __future__ import annotations

import pytest
import torch

from unravel.errors import UnravelError
from unravel.interp import plots


def pattern(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).softmax(-1)


def test_a_map_for_each_head():
    grid = pattern(5, 3, 3)
    figure = plots.attention(grid.to(torch.bfloat16), ["<s>", " the", "cat\n"])
    assert len(figure.data) == 5
    assert figure.data[4].z == pytest.approx(grid[4].double().numpy(), abs=0.01)
    assert figure.data[1].customdata[2][1] == "cat↵ looks at ·the"
    assert figure.data[1].hovertemplate.startswith("head 1: ")
    assert figure.layout.xaxis.ticktext == ("&lt;s>", "·the", "cat↵")
    assert figure.layout.yaxis5.autorange == "reversed"
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    assert [note.text for note in figure.layout.annotations] == [f"head {n}" for n in range(5)]
    assert figure.layout.height > plots.attention(grid[:2]).layout.height


def test_the_words_beside_the_maps_lie_flat_and_stand_once():
    figure = plots.attention(pattern(5, 3, 3), ["Anna", "went", "home"])
    shown = [figure.layout[f"yaxis{end}"].showticklabels for end in ("", 2, 3, 4, 5)]
    assert shown == [None, False, False, False, None]  # the fifth map begins a row
    assert (figure.layout.xaxis.tickangle, figure.layout.yaxis.tickangle) == (-60, 0)


def test_one_head_or_a_batch_of_one():
    assert len(plots.attention(pattern(4, 4)).data) == 1
    assert len(plots.attention(pattern(1, 2, 4, 4), heads=["0.1", "0.2"]).data) == 2
    named = plots.attention(pattern(1, 4, 4), heads=["2.7"])
    assert named.layout.annotations[0].text == "2.7"


def test_long_texts_are_read_by_hovering():
    figure = plots.attention(pattern(1, 60, 60), [f"word{n}" for n in range(60)])
    assert figure.layout.xaxis.showticklabels is False
    assert figure.data[0].customdata[59][0] == "word59 looks at word0"


@pytest.mark.parametrize(
    ("shape", "tokens", "heads", "said"),
    [
        ((2, 3, 3), ["a", "b"], None, "2 heads, 3 queries and 3 keys came with 2 names of heads and 2 tokens"),
        ((2, 3, 3), None, ["x"], "came with 1 names of heads"),
        ((2, 3, 4), None, None, "3 queries and 4 keys"),
        ((2, 2, 3, 3), None, None, r"got shape \(2, 2, 3, 3\)"),
        ((3,), None, None, "got shape"),
    ],
)
def test_what_is_no_pattern(shape, tokens, heads, said):
    with pytest.raises(UnravelError, match=said):
        plots.attention(pattern(*shape), tokens, heads=heads)


def test_patching_is_centred_on_zero():
    figure = plots.patching(torch.tensor([[0.5, -2.0, float("nan")], [0.0, 1.0, 0.0]]), [" a", "b", "c"], ["L0", "L1"])
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-2, 2)
    assert figure.layout.xaxis.ticktext == ("·a", "b", "c")
    assert figure.layout.yaxis.ticktext == ("L0", "L1")
    assert figure.layout.yaxis.autorange == "reversed"
    assert "position %{x}" in figure.data[0].hovertemplate
    assert plots.patching(torch.zeros(2, 2)).layout.coloraxis.cmax == 1


def test_patching_needs_a_label_for_each_cell():
    with pytest.raises(UnravelError, match="2 tick labels for 3 cells"):
        plots.patching(torch.zeros(2, 3), ["a", "b"])
