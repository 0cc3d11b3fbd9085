"""What every plot shares: colours, the look of a figure, and plain arrays out of whatever a lesson holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from unravel.errors import UnravelError

PALETTE = ("#6792EE", "#BB8D13", "#EC4484", "#5B6929", "#8517FA", "#AC199A")
"""Each has a contrast of 3:1 or more with white and with near-black, and differs from the others in every
common kind of colour blindness."""

INK = "#767676"
"""The grey of text and axes: 4:1 or more on white and on near-black."""

FAINT = "rgba(128, 128, 128, 0.25)"
SEQUENTIAL = "Viridis"
DIVERGING = [[0.0, "#2458C5"], [0.25, "#8FB0F0"], [0.5, "#F4F2EE"], [0.75, "#E0A458"], [1.0, "#9A4F00"]]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
AXIS = {"gridcolor": FAINT, "zerolinecolor": INK, "tickcolor": INK, "automargin": True}
CLEAR = 10
"""So far from the labels of an axis stands its name. Plotly else puts it between them, if it finds a gap."""

NAME = {
    "font": {"size": 16},
    "showarrow": False,
    "xanchor": "center",
    "yanchor": "bottom",
    "xref": "paper",
    "yref": "paper",
}
"""How the name of a panel stands above it."""
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x")


def ticks(labels: Sequence[Any] | None, count: int) -> dict[str, Any]:
    """Tick settings of an axis with `count` cells: `labels` at 0, 1, 2, ..., or the numbers themselves."""
    if labels is None:
        return {"tickmode": "linear", "dtick": 1} if count <= 12 else {}
    if len(labels) != count:
        raise UnravelError(f"There are {len(labels)} tick labels for {count} cells.", fix="Give one for each cell.")
    return {"tickmode": "array", "tickvals": list(range(count)), "ticktext": [str(label) for label in labels]}


def short(value: float) -> str:
    """A value as it is written into a cell; NaN is left blank."""
    if np.isnan(value):
        return ""
    return f"{value + 0.0:.3g}"  # + 0.0 turns -0 into 0


def figure(
    traces: Sequence[Any],
    title: str = "",
    *,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure with one pair of axes and the look that all share. `x`, `y` and `layout` say what is its own.

    It is made in one go: each later `update_...` of a figure costs plotly more time than making it.
    """
    return go.Figure(
        list(traces), {**_look(title), "xaxis": {**AXIS, **(x or {})}, "yaxis": {**AXIS, **(y or {})}, **layout}
    )


def panels(
    traces: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    title: str = "",
    *,
    across: int,
    gaps: tuple[float, float],
    axes: Callable[[int, int], tuple[dict[str, Any], dict[str, Any]]],
    **layout: Any,
) -> go.Figure:
    """Small figures in a grid, `across` in a row, each with its name above it.

    `gaps` are what lies between them sideways and downwards, as parts of the whole. `axes(row, column)` says what
    the two axes of a panel have of their own. It does what plotly's `make_subplots` does, in a tenth of the time.
    """
    rows = -(-len(traces) // across)
    settings = {**_look(title), **layout, "annotations": []}
    drawn = []
    for number, trace in enumerate(traces):
        row, column = divmod(number, across)
        left, right = _part(column, across, gaps[0])
        low, high = _part(rows - 1 - row, rows, gaps[1])
        end = str(number + 1) if number else ""
        x, y = axes(row, column)
        settings[f"xaxis{end}"] = {**AXIS, "anchor": f"y{end}", "domain": [left, right], **x}
        settings[f"yaxis{end}"] = {**AXIS, "anchor": f"x{end}", "domain": [low, high], **y}
        drawn.append({**trace, "xaxis": f"x{end}", "yaxis": f"y{end}"})
        if names:
            settings["annotations"].append({**NAME, "text": names[number], "x": (left + right) / 2, "y": high})
    return go.Figure(drawn, settings)


def dress(figure: go.Figure, title: str) -> go.Figure:
    """Gives the look that all share to a figure that a lesson has made by itself."""
    return figure.update_layout(_look(title)).update_xaxes(**AXIS).update_yaxes(**AXIS)


def _part(number: int, count: int, gap: float) -> tuple[float, float]:
    """Where one of `count` equal parts of the whole begins and ends, with gaps between them."""
    size = (1 - gap * (count - 1)) / count
    begin = number * (size + gap)
    return begin, min(begin + size, 1.0)


def _look(title: str) -> dict[str, Any]:
    """What the layouts of all figures share."""
    return {
        "title": {"text": title, "x": 0.02, "y": 0.96, "yanchor": "top"} if title else {},
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 13},
        "margin": {"l": 60, "r": 20, "t": 70 if title else 30, "b": 50},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": INK, "activecolor": PALETTE[0]},
        "height": 360,
    }


def array(values: Any) -> np.ndarray:
    """A tensor (of any device and float type, gradient or not), an array, or a list of those, as an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if values.is_floating_point():  # numpy has no bfloat16
            values = values.double()
        return np.asarray(values.numpy())
    if isinstance(values, list | tuple):
        return np.array([array(value) for value in values])
    return np.asarray(values)


def matrix(values: Any, who: str) -> np.ndarray:
    """`values` as floats with two axes, a vector as one row; `who` asks, for the error."""
    grid = array(values)
    if grid.ndim == 1:
        grid = grid[None, :]
    if grid.ndim != 2:
        raise UnravelError(
            f"{who} draws a matrix, but got shape {tuple(grid.shape)}.",
            fix="Choose one slice, for instance pattern[batch, head].",
        )
    return grid.astype(float)


def vector(values: Any, who: str) -> np.ndarray:
    """`values` as floats with one axis; `who` asks, for the error."""
    vector = array(values)
    if vector.ndim != 1:
        raise UnravelError(
            f"{who} needs one row of numbers, but got shape {tuple(vector.shape)}.", fix="Choose one slice."
        )
    return vector.astype(float)
