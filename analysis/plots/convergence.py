"""How the precision of a run grows with its iterations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from analysis.plots.colours import ACCENT, GREY, MUTED
from analysis.plots.plot import Column, Plot, Table
from analysis.wording import precision

FIRST = 4096
"""Iterations of the first look."""


def convergence(
    points: Sequence[tuple[int, float | None]], *, threshold: float, total: int, finding: str, source: str
) -> Plot:
    """The largest 95 % half-width of any mean probability after so many iterations (MODEL.md 4), against the threshold.

    `points` are iterations with their half-widths as probabilities; `total` is how many iterations there are to be. A
    page whose run goes on adds points to the trace, and keeps the axes.
    """
    known = [(iterations, width) for iterations, width in points if width]
    return Plot(
        key="convergence",
        finding=finding,
        subtitle="Largest 95 % half-width of all mean probabilities, in percentage points, by Monte Carlo iterations; "
        "both axes logarithmic",
        source=source,
        figure={
            "data": [_trace(known)],
            "layout": _layout([width for _, width in known], threshold, total),
            "phone": {"xaxis": {"tickformat": "~s", "tickangle": 0}},
        },
        table=Table(
            [Column("Iterations", "whole"), Column("Half-width in points", "number")],
            [[iterations, 100 * width if width else None] for iterations, width in points],
        ),
        method="convergence",
    )


def _trace(points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [iterations for iterations, _ in points],
        "y": [100 * width for _, width in points],
        "line": {"color": ACCENT, "width": 2},
        "marker": {"size": 6},
        "customdata": [[f"{iterations:,}", precision(width)] for iterations, width in points],
        "hovertemplate": "%{customdata[0]} iterations<br>%{customdata[1]}<extra></extra>",
    }


def _layout(widths: Sequence[float], threshold: float, total: int) -> dict[str, Any]:
    soonest = threshold / 5 * FIRST / total  # the most that evenly spread points gain: the error falls as 1 / n
    least = min([threshold / 2000, soonest, *widths])
    most = max([20 * threshold, *widths])
    low, high = math.log10(100 * least) - 0.1, math.log10(100 * most) + 0.1
    level = math.log10(100 * threshold)
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 100 * threshold, "y1": 100 * threshold}
    return {
        "xaxis": {
            "type": "log",
            "range": [math.log10(FIRST) - 0.05, math.log10(max(total, 4 * FIRST)) + 0.05],
            "dtick": 1,
            "title": {"text": "Iterations"},
            "exponentformat": "none",
            "separatethousands": True,
        },
        "yaxis": {
            "type": "log",
            "range": [low, high],
            "dtick": 1,
            "title": {"text": "Half-width in points"},
            "exponentformat": "none",
        },
        "shapes": [line | {"line": {"color": GREY, "width": 1.5, "dash": "dash"}}],
        "annotations": [
            {
                "text": f"converged below {100 * threshold:.2g} points",
                "xref": "paper",
                "x": 0,
                "y": level,
                "xanchor": "left",
                "yanchor": "bottom",
                "xshift": 4,
                "showarrow": False,
                "font": {"color": MUTED},
            }
        ],
    }
