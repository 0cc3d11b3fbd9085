"""Attention patterns to be hovered over, and maps of what patching did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from unravel.errors import UnravelError
from unravel.interp import canvas

ACROSS = 4
"""So many heads stand side by side."""

READABLE = 24
"""Up to so many tokens are written along the axes; longer texts are read by hovering."""


def attention(
    pattern: Any, tokens: Sequence[str] | None = None, *, heads: Sequence[str] | None = None, title: str = ""
) -> go.Figure:
    """Where each head looks: one small map for each of `pattern` `[head, query, key]`, or one for `[query, key]`.

    Hovering over a cell says which token looks at which, and how much. `tokens` are the texts of the positions
    (`model.to_str_tokens(prompt)`), `heads` the names of the heads ("head 0", "head 1", ... when left out).
    """
    grids = _patterns(pattern)
    count, queries, keys = grids.shape
    names = [f"head {number}" for number in range(count)] if heads is None else [str(head) for head in heads]
    words = [str(number) for number in range(keys)] if tokens is None else [_visible(token) for token in tokens]
    if len(names) != count or len(words) != keys or queries != keys:
        raise UnravelError(
            f"A pattern of {count} heads, {queries} queries and {keys} keys came with {len(names)} names of heads "
            f"and {len(words)} tokens.",
            fix="Give one name for each head and one token for each position.",
        )
    rows, columns = -(-count // ACROSS), min(count, ACROSS)
    axis = _axis(words)

    def axes(row: int, column: int) -> tuple[dict[str, Any], dict[str, Any]]:
        looked_at = {"title": {"text": "looked at" if row == rows - 1 else ""}, **axis, "tickangle": -60}
        name = {"text": "" if column else "looks", "standoff": canvas.CLEAR}
        looks = {"title": name, "autorange": "reversed", **axis}
        if column:  # as in the first column; written there, they would stand in the map to the left
            looks["showticklabels"] = False
        return looked_at, looks

    return canvas.panels(
        [_map(grid, words, name) for grid, name in zip(grids, names, strict=True)],
        names if count > 1 or heads else (),
        title,
        across=columns,
        gaps=(0.2 / columns, min(0.12, 0.5 / rows)),
        axes=axes,
        coloraxis={"colorscale": canvas.SEQUENTIAL, "cmin": 0.0, "cmax": 1.0},
        height=110 + 290 * rows,
    )


def patching(
    values: Any,
    x: Sequence[Any] | None = None,
    y: Sequence[Any] | None = None,
    *,
    x_label: str = "position",
    y_label: str = "layer",
    title: str = "",
) -> go.Figure:
    """What patching each place did: `values` `[y, x]` around zero, so that blue lowers the metric and brown raises it.

    `x` and `y` label the columns and rows: the tokens of a prompt and the layers, or heads and layers.
    """
    grid = canvas.matrix(values, "patching")
    finite = grid[np.isfinite(grid)]
    reach = float(np.abs(finite).max()) if finite.size else 0.0
    columns = None if x is None else [_visible(label) for label in x]
    hover = f"{y_label} %{{y}}, {x_label} %{{x}}: %{{z:.3f}}<extra></extra>"
    cells = {"type": "heatmap", "z": grid, "coloraxis": "coloraxis", "xgap": 1, "ygap": 1, "hovertemplate": hover}
    reach = reach or 1.0
    plain = {"showgrid": False, "zeroline": False}
    return canvas.figure(
        [cells],
        title,
        x={"title": {"text": x_label}, **plain, **canvas.ticks(columns, grid.shape[1])},
        y={
            "title": {"text": y_label, "standoff": canvas.CLEAR},
            "autorange": "reversed",
            **plain,
            **canvas.ticks(y, grid.shape[0]),
        },
        coloraxis={"colorscale": canvas.DIVERGING, "cmin": -reach, "cmax": reach},
    )


def _patterns(pattern: Any) -> np.ndarray:
    grids = canvas.array(pattern)
    if grids.ndim == 4 and grids.shape[0] == 1:
        grids = grids[0]
    if grids.ndim == 2:
        grids = grids[None]
    if grids.ndim != 3 or not grids.shape[0]:
        raise UnravelError(
            f"attention draws [head, query, key], but got shape {tuple(grids.shape)}.",
            fix='Choose one prompt of the batch, for instance cache["pattern", 0][0].',
        )
    return grids.astype(float)


def _map(grid: np.ndarray, words: Sequence[str], name: str) -> dict[str, Any]:
    said = [[f"{looker} looks at {seen}" for seen in words] for looker in words]
    hover = f"{name}: %{{customdata}}<br>%{{z:.3f}}<extra></extra>"
    return {"type": "heatmap", "z": grid, "customdata": said, "hovertemplate": hover, "coloraxis": "coloraxis"}


def _axis(words: Sequence[str]) -> dict[str, Any]:
    plain = {"showgrid": False, "zeroline": False}
    if len(words) > READABLE:
        return {**plain, "showticklabels": False}
    return {**plain, "tickangle": 0, "tickfont": {"size": 10}, **canvas.ticks(words, len(words))}


def _visible(token: Any) -> str:
    """A token as it can be seen: spaces and line ends have signs, and nothing is taken for HTML."""
    shown = str(token).replace(" ", "·").replace("\n", "↵")
    return shown.replace("&", "&amp;").replace("<", "&lt;") or "∅"
