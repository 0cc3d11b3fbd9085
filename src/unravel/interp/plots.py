"""Pictures for lessons: heatmaps, attention, lines, bars, arrows and points, as plotly figures that need no network.

Every helper takes tensors, arrays or plain lists, and returns a `Figure` that reads well on a light and on a
dark page: the background is transparent, text is mid-grey, and no two colours of `PALETTE` merge for a
colour-blind eye.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from unravel.errors import UnravelError
from unravel.interp import canvas
from unravel.interp.maps import attention, patching

__all__ = ["arrows", "attention", "bars", "heatmap", "heatmaps", "lines", "patching", "points"]

PALETTE = canvas.PALETTE
INK = canvas.INK

PLAIN = {"showgrid": False, "zeroline": False}
"""An axis of cells: no lines show through the gaps between them."""

FEW = 30
"""A line of so few values shows where they are."""


def heatmap(
    values: Any,
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    x_ticks: Sequence[Any] | None = None,
    y_ticks: Sequence[Any] | None = None,
    diverging: bool = False,
    annotate: bool = False,
) -> go.Figure:
    """A matrix as coloured cells, row 0 on top, as one writes it. A vector is drawn as one row.

    `x` and `y` name the axes; `x_ticks` and `y_ticks` label the columns and rows (equal labels stay apart, so
    tokens will do). `diverging` centres the colours on zero; `annotate` writes each value into its cell.
    """
    grid = canvas.matrix(values, "heatmap")
    across, down = _axes(grid, x, y)
    return canvas.figure(
        [_cells(grid, annotate, x or "column", y or "row")],
        title,
        x={**across, **canvas.ticks(x_ticks, grid.shape[1])},
        y={**down, **canvas.ticks(y_ticks, grid.shape[0])},
        coloraxis=_colours([grid], diverging),
    )


def heatmaps(
    panels: Mapping[str, Any],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    diverging: bool = False,
    annotate: bool = False,
) -> go.Figure:
    """Heatmaps side by side, one for each `{name: matrix}`, with one colour scale for all."""
    grids = {str(name): canvas.matrix(values, "heatmaps") for name, values in panels.items()}
    if not grids:
        raise UnravelError("heatmaps got no panels.", fix="Pass at least one {name: matrix}.")
    shown = list(grids.values())
    return canvas.panels(
        [_cells(grid, annotate, x or "column", y or "row") for grid in shown],
        list(grids),
        title,
        across=len(grids),
        gaps=(0.06, 0.0),
        axes=lambda _, column: _axes(shown[column], x, y if column == 0 else ""),
        coloraxis=_colours(shown, diverging),
    )


def _axes(grid: np.ndarray, x: str, y: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The axes of a matrix: named, row 0 on top, and the numbers of columns and rows as ticks."""
    across = {"title": {"text": x}, **PLAIN, **canvas.ticks(None, grid.shape[1])}
    name = {"text": y, "standoff": canvas.CLEAR}
    return across, {"title": name, "autorange": "reversed", **PLAIN, **canvas.ticks(None, grid.shape[0])}


def lines(
    series: Mapping[str, Any],
    *,
    x: Any = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    log_y: bool = False,
) -> go.Figure:
    """One line for each `{name: values}`. `x` holds the shared positions (0, 1, 2, ... when left out)."""
    drawn = []
    for place, (name, values) in enumerate(series.items()):
        heights = canvas.vector(values, f"the line {name!r}")
        across = np.arange(len(heights)) if x is None else canvas.vector(x, "x")
        if len(across) != len(heights):
            raise UnravelError(
                f"The line {name!r} has {len(heights)} values, but x has {len(across)}.",
                fix="Give each one x.",
            )
        dash, colour = canvas.DASHES[place % len(canvas.DASHES)], PALETTE[place % len(PALETTE)]
        line = {"color": colour, "dash": dash, "width": 2.5}
        marker = {"color": colour, "symbol": canvas.SYMBOLS[place % len(canvas.SYMBOLS)], "size": 7}
        mode = "lines+markers" if len(heights) <= FEW else "lines"
        drawn.append(go.Scatter(x=across, y=heights, name=str(name), mode=mode, line=line, marker=marker))
    return canvas.figure(
        drawn,
        title,
        x={"title": {"text": x_label}},
        y={"title": {"text": y_label}, "type": "log" if log_y else "linear"},
        showlegend=len(series) > 1,
    )


def bars(values: Mapping[str, Any], *, title: str = "", x_label: str = "", y_label: str = "") -> go.Figure:
    """One bar for each `{label: value}`, in the order given."""
    heights = [float(canvas.array(value)) for value in values.values()]
    places = list(range(len(heights)))
    labels = [str(label) for label in values]
    hover = "%{customdata}: %{y:.4g}<extra></extra>"
    bar = go.Bar(x=places, y=heights, customdata=labels, marker_color=PALETTE[0], hovertemplate=hover)
    across = {"title": {"text": x_label}, **PLAIN, **canvas.ticks(labels, len(labels))}
    return canvas.figure([bar], title, x=across, y={"title": {"text": y_label}})


def arrows(vectors: Mapping[str, Any], *, title: str = "") -> go.Figure:
    """Vectors in the plane, `{label: (x, y)}`, drawn from the origin, with one scale on both axes."""
    drawn = []
    reach = 0.0
    for place, (label, vector) in enumerate(vectors.items()):
        tip = canvas.vector(vector, f"the arrow {label!r}")
        if len(tip) != 2:
            raise UnravelError(f"The arrow {label!r} has {len(tip)} coordinates.", fix="Give two: (x, y).")
        reach = max(reach, float(np.abs(tip).max()))
        drawn.append(_arrow(str(label), tip, PALETTE[place % len(PALETTE)]))
    reach = 1.25 * reach or 1.0
    span = [-reach, reach]
    same = {"scaleanchor": "x", "scaleratio": 1}
    return canvas.figure(drawn, title, x={"range": span}, y={"range": span, **same}, showlegend=False)


def points(xy: Any, *, labels: Sequence[Any] | None = None, color: Any = None, title: str = "") -> go.Figure:
    """Points in the plane, from rows `[n, 2]`, with one scale on both axes.

    `labels` are shown beside the points. `color` gives each point a number (drawn as a colour scale) or the
    name of its group (drawn as a colour and a marker of its own, with a legend).
    """
    places = canvas.matrix(xy, "points")
    if places.shape[1] != 2:
        raise UnravelError(f"points needs rows of two numbers, but got shape {places.shape}.", fix="Pass [n, 2].")
    names = [""] * len(places) if labels is None else [str(label) for label in labels]
    kinds = None if color is None else canvas.array(color)
    for what, given in (("labels", names), ("color", kinds)):
        if given is not None and len(given) != len(places):
            raise UnravelError(
                f"There are {len(places)} points but {len(given)} {what}.", fix="Give one for each point."
            )
    drawn = _clouds(places, np.array(names, dtype=object), kinds)
    return canvas.figure(drawn, title, y={"scaleanchor": "x", "scaleratio": 1}, showlegend=len(drawn) > 1)


def _clouds(places: np.ndarray, names: np.ndarray, kinds: np.ndarray | None) -> list[go.Scatter]:
    if kinds is None or np.issubdtype(kinds.dtype, np.number):
        marker: dict[str, Any] = {"size": 9, "color": PALETTE[0]}
        if kinds is not None:
            marker = {"size": 9, "color": kinds, "colorscale": canvas.SEQUENTIAL, "showscale": True}
        return [_cloud(places, names, "", marker)]
    traces = []
    for place, kind in enumerate(dict.fromkeys(kinds.tolist())):
        chosen = kinds == kind
        marker = {
            "size": 9,
            "color": PALETTE[place % len(PALETTE)],
            "symbol": canvas.SYMBOLS[place % len(canvas.SYMBOLS)],
        }
        traces.append(_cloud(places[chosen], names[chosen], str(kind), marker))
    return traces


def _cloud(places: np.ndarray, names: np.ndarray, name: str, marker: dict[str, Any]) -> go.Scatter:
    mode = "markers+text" if any(names) else "markers"
    return go.Scatter(
        x=places[:, 0],
        y=places[:, 1],
        name=name,
        mode=mode,
        text=names,
        textposition="top center",
        cliponaxis=False,
        marker=marker,
    )


def _arrow(label: str, tip: np.ndarray, colour: str) -> go.Scatter:
    marker = {
        "symbol": "arrow",
        "angleref": "previous",
        "size": [0, 16],
        "color": colour,
        "opacity": 1,
        "line": {"width": 0},
    }
    return go.Scatter(
        x=[0.0, tip[0]],
        y=[0.0, tip[1]],
        name=label,
        mode="lines+markers+text",
        text=["", label],
        textposition="top center",
        cliponaxis=False,
        line={"color": colour, "width": 3},
        marker=marker,
    )


def _cells(grid: np.ndarray, annotate: bool, x: str, y: str) -> dict[str, Any]:
    text = (
        {"text": [[canvas.short(value) for value in row] for row in grid], "texttemplate": "%{text}"}
        if annotate
        else {}
    )
    hover = f"{y} %{{y}}, {x} %{{x}}: %{{z:.4g}}<extra></extra>"
    look = {"coloraxis": "coloraxis", "xgap": 1, "ygap": 1, "hovertemplate": hover}
    return {"type": "heatmap", "z": grid, **look, **text}


def _colours(grids: Sequence[np.ndarray], diverging: bool) -> dict[str, Any]:
    finite = np.concatenate([grid[np.isfinite(grid)] for grid in grids])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if diverging:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    elif low == high:  # a constant: a scale of no width would be drawn as an arbitrary one
        high = low + 1.0
    return {"colorscale": canvas.DIVERGING if diverging else canvas.SEQUENTIAL, "cmin": low, "cmax": high}
