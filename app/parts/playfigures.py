"""The playground's figures that lessons don't share: the logit lens, and heads that can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from unravel.interp import canvas, plots

ROW = 26
"""Pixels for a token in the lens."""
CELL = 46
"""Pixels for a layer of heads."""
PLAIN = {"showgrid": False, "zeroline": False, "fixedrange": True}


def shown(piece: str) -> str:
    """A token as it can be seen, and never as HTML.

    >>> shown(" <b>")
    '·&lt;b>'
    """
    seen = str(piece).replace(" ", "·").replace("\n", "↵")
    return seen.replace("&", "&amp;").replace("<", "&lt;") or "∅"


def lens_figure(top: Sequence[Sequence[str]], answer: Any, rows: Sequence[str], pieces: Sequence[str]) -> go.Figure:
    """Positions downwards, layers across; each cell says the likeliest token, its colour the answer's probability."""
    values = canvas.matrix(answer, "the lens").T  # [pos, row]
    words = [[shown(layer[at])[:12] for layer in top] for at in range(len(pieces))]
    said = [
        [f"after {shown(pieces[at])}, {name}: {words[at][row]}" for row, name in enumerate(rows)]
        for at in range(len(pieces))
    ]
    hover = "%{customdata}<br>the answer: %{z:.1%}<extra></extra>"
    cells: dict[str, Any] = {"type": "heatmap", "z": values, "text": words, "customdata": said}
    cells |= {"texttemplate": "%{text}", "hovertemplate": hover, "coloraxis": "coloraxis", "xgap": 1, "ygap": 1}
    seen = [shown(piece) for piece in pieces]
    return canvas.figure(
        [cells],
        x={**PLAIN, "side": "top", **canvas.ticks(rows, len(rows))},
        y={**PLAIN, "autorange": "reversed", **canvas.ticks(seen, len(seen))},
        coloraxis={"colorscale": canvas.SEQUENTIAL, "cmin": 0.0, "cmax": 1.0},
        height=90 + ROW * len(pieces),
    )


def heads_figure(values: Any, ablated: Sequence[tuple[int, int]]) -> go.Figure:
    """One cell for each head, coloured by what it adds; clicking one selects it. Those taken out bear a cross.

    Cells of a heatmap can't be selected, so each has an invisible marker on it.
    """
    grid = canvas.matrix(values, "the map of heads")
    figure = plots.heatmap(grid, x="head", y="layer", diverging=True, annotate=grid.shape[1] <= 8)
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    layers, heads = (axis.ravel() for axis in np.indices(grid.shape))
    names = [f"L{layer}H{head}" for layer, head in zip(layers, heads, strict=True)]
    clear = {"marker": {"opacity": 0.0}}
    figure.add_trace(
        go.Scatter(
            x=heads,
            y=layers,
            customdata=names,
            text=[f"{value:+.3f}" for value in grid.ravel()],
            mode="markers",
            marker={"symbol": "square", "size": CELL, "opacity": 0.0},
            selected=clear,
            unselected=clear,
            showlegend=False,
            hovertemplate="%{customdata}: %{text}<br>click to take it out or put it back<extra></extra>",
        )
    )
    if ablated:
        crosses = {"symbol": "x-thin", "size": CELL - 14, "line": {"width": 4, "color": "#d1242f"}}
        figure.add_trace(
            go.Scatter(
                x=[head for _, head in ablated],
                y=[layer for layer, _ in ablated],
                mode="markers",
                marker=crosses,
                hoverinfo="skip",
                showlegend=False,
            )
        )
    figure.update_xaxes(fixedrange=True, range=[-0.5, grid.shape[1] - 0.5])
    figure.update_yaxes(fixedrange=True, range=[grid.shape[0] - 0.5, -0.5], autorange=False)
    return figure.update_layout(
        height=100 + CELL * grid.shape[0], clickmode="event+select", hoverdistance=-1, dragmode=False
    )


def patching_figure(restored: Any, across: Sequence[str], label: str) -> go.Figure:
    """Layers downwards, positions or heads across."""
    grid = canvas.matrix(restored, "patching")
    figure = plots.patching(grid, x=across, y=list(range(len(grid))), x_label=label)
    figure.update_xaxes(fixedrange=True, tickangle=-60 if label == "position" else 0, tickfont={"size": 11})
    figure.update_yaxes(fixedrange=True)
    return figure.update_layout(height=150 + CELL * len(grid), dragmode=False)
