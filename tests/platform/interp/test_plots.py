"""The plot helpers: what is drawn is what was given, and it can be read on light and dark pages."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from unravel.errors import UnravelError
from unravel.interp import canvas, plots

DICHROMATS = {  # Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
    "none": np.eye(3),
    "protan": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deutan": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritan": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(c)) + 0.05 for c in (one, other))
    return high / low


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_a_lessons_own_figure_is_given_the_same_look():
    own, ours = canvas.dress(go.Figure(go.Bar(y=[1])), "Own"), plots.bars({"a": 1}, title="Own")
    assert own.layout.paper_bgcolor == ours.layout.paper_bgcolor
    assert own.layout.title.to_plotly_json() == ours.layout.title.to_plotly_json()
    assert own.layout.yaxis.gridcolor == ours.layout.yaxis.gridcolor


@pytest.mark.parametrize("page", ["#FFFFFF", "#0E1117"])
def test_colours_stand_out_on_light_and_dark(page):
    assert all(contrast(colour, page) >= 2.99 for colour in plots.PALETTE)
    assert contrast(plots.INK, page) >= 4


@pytest.mark.parametrize("eye", DICHROMATS)
def test_no_two_colours_merge_for_any_eye(eye):
    seen = [lab(DICHROMATS[eye] @ linear(colour)) for colour in plots.PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 25


def test_heatmap_draws_the_values_with_row_zero_on_top():
    values = torch.arange(6.0, requires_grad=True).reshape(2, 3).to(torch.bfloat16)
    figure = plots.heatmap(values, title="Pattern", x="key", y="query")
    assert isinstance(figure, go.Figure)
    np.testing.assert_array_equal(figure.data[0].z, [[0, 1, 2], [3, 4, 5]])
    assert figure.layout.yaxis.autorange == "reversed"
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("key", "query")
    assert figure.layout.title.text == "Pattern"


def test_heatmap_keeps_equal_tick_labels_apart():
    figure = plots.heatmap([[1, 2, 3]], x_ticks=["the", "cat", "the"])
    assert list(figure.layout.xaxis.tickvals) == [0, 1, 2]
    assert list(figure.layout.xaxis.ticktext) == ["the", "cat", "the"]


def test_labels_of_few_cells_are_shown_rather_than_their_numbers():
    figures = [
        plots.heatmap([[1, 2], [3, 4]], x_ticks=["a", "b"], y_ticks=["c", "d"]),
        plots.patching([[1, 2], [3, 4]], x=["a", "b"], y=["c", "d"]),
        plots.attention(torch.eye(2), ["a", "b"]),
        plots.bars({"a": 1, "b": 2}),
    ]
    for figure in figures:
        # Plotly drops ticktext under any other mode, and a plain heatmap of few cells has the mode "linear".
        assert figure.layout.xaxis.tickmode == "array"
    assert all(figure.layout.yaxis.tickmode == "array" for figure in figures[:3])


def test_heatmap_diverging_is_centred_on_zero():
    axis = plots.heatmap([[-1.0, 3.0]], diverging=True).layout.coloraxis
    assert (axis.cmin, axis.cmax) == (-3, 3)


def test_heatmap_annotates_and_takes_masks_and_gaps():
    figure = plots.heatmap(torch.tensor([[True, False]]), annotate=True)
    assert [list(row) for row in figure.data[0].text] == [["1", "0"]]
    holes = plots.heatmap([[float("nan"), -np.inf, 2.0]], annotate=True)
    assert [list(row) for row in holes.data[0].text] == [["", "-inf", "2"]]
    assert holes.layout.coloraxis.cmin == 2.0


def test_a_vector_is_one_row_and_more_axes_are_refused():
    assert plots.heatmap(torch.ones(4)).data[0].z.shape == (1, 4)
    with pytest.raises(UnravelError, match=r"\(2, 2, 2\).*slice"):
        plots.heatmap(torch.ones(2, 2, 2))
    with pytest.raises(UnravelError, match="2 tick labels for 3 cells"):
        plots.heatmap([[1, 2, 3]], x_ticks=["a", "b"])


def test_heatmaps_share_one_colour_scale():
    figure = plots.heatmaps({"a": [[0, 1]], "b": [[5, 7]]}, x="key", y="query")
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 7)
    assert [trace.coloraxis for trace in figure.data] == ["coloraxis"] * 2
    assert [note.text for note in figure.layout.annotations] == ["a", "b"]
    with pytest.raises(UnravelError, match="no panels"):
        plots.heatmaps({})


def test_lines_differ_by_more_than_colour():
    figure = plots.lines({"train": [1, 2], "test": torch.tensor([3.0, 4.0])}, x=[10, 20], y_label="loss", log_y=True)
    assert [list(trace.y) for trace in figure.data] == [[1, 2], [3, 4]]
    assert list(figure.data[0].x) == [10, 20]
    assert len({trace.line.dash for trace in figure.data}) == 2
    assert figure.layout.yaxis.type == "log"
    with pytest.raises(UnravelError, match="2 values, but x has 1"):
        plots.lines({"train": [1, 2]}, x=[1])


def test_bars_keep_their_order_and_equal_heights():
    figure = plots.bars({"b": torch.tensor(2.0), "a": 1}, y_label="logit")
    assert list(figure.data[0].y) == [2, 1]
    assert list(figure.layout.xaxis.ticktext) == ["b", "a"]


def test_arrows_start_at_the_origin_with_equal_axes():
    figure = plots.arrows({"v": (3, -4)})
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([0, 3], [0, -4])
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    with pytest.raises(UnravelError, match="3 coordinates"):
        plots.arrows({"v": (1, 2, 3)})


def test_points_in_groups_get_colour_marker_and_legend():
    figure = plots.points([[0, 1], [2, 3], [4, 5]], labels=["a", "b", "c"], color=["even", "odd", "even"])
    assert [list(trace.x) for trace in figure.data] == [[0, 4], [2]]
    assert [list(trace.text) for trace in figure.data] == [["a", "c"], ["b"]]
    assert len({trace.marker.symbol for trace in figure.data}) == 2
    assert figure.layout.showlegend


def test_points_with_numbers_get_a_colour_scale():
    figure = plots.points(torch.zeros(2, 2), color=torch.tensor([0.5, 1.0]))
    assert list(figure.data[0].marker.color) == [0.5, 1.0]
    assert figure.data[0].marker.showscale
    with pytest.raises(UnravelError, match="2 points but 1 labels"):
        plots.points(torch.zeros(2, 2), labels=["a"])


@pytest.mark.parametrize(
    "figure",
    [
        plots.heatmap([[1]]),
        plots.heatmaps({"a": [[1]]}),
        plots.lines({"a": [1]}),
        plots.bars({"a": 1}),
        plots.arrows({"a": (1, 1)}),
        plots.points([[1, 1]]),
    ],
)
def test_every_figure_is_transparent_and_serialises(figure):
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.font.color == plots.INK
    assert "NaN" not in figure.to_json()


def test_importing_plots_does_not_import_torch():
    code = "import sys, unravel.interp.plots; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
