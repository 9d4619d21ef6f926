"""What rankings have in common: rows from the top, named at the left, or above them on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.plots.colours import INK
from analysis.plots.plot import literal
from analysis.wording import shortened

NAME, NARROW = 52, 46
"""Letters of a name that there is room for beside a row, and above it on a phone."""


def rows_axis(names: Sequence[str]) -> dict[str, Any]:
    """The vertical axis of rows 0, 1, ... from the top, with their names."""
    return {
        "range": [len(names) - 0.5, -0.5],
        "tickvals": list(range(len(names))),
        "ticktext": [literal(shortened(name, NAME)) for name in names],
        "tickfont": {"color": INK},
        "showgrid": False,
        "zeroline": False,
    }


def rows_on_phone(names: Sequence[str], *, raised: int = 12) -> dict[str, Any]:
    """Of the layout on a phone: the names stand above their rows, so many pixels higher."""
    return {
        "yaxis": {"showticklabels": False, "range": [len(names) - 0.5, -0.9]},
        "annotations": [
            {
                "text": literal(shortened(name, NARROW)),
                "xref": "paper",
                "x": 0,
                "y": place,
                "yshift": raised,
                "xanchor": "left",
                "showarrow": False,
                "font": {"size": 12},
            }
            for place, name in enumerate(names)
        ],
    }


def legend(y: float = -0.02) -> dict[str, Any]:
    """Of the layout: what the marks mean, in their order, below the plot at a height in parts of it."""
    return {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": y, "yanchor": "top", "traceorder": "normal"},
    }


def upper(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]
