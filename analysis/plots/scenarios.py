"""Scenarios ranked by how likely they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.plots.colours import GREY, cluster_colour
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.reports import ScenarioRow
from analysis.wording import percent, percent_range, shortened

RANKING_COLUMNS = [
    Column("Scenario"),
    Column("Code"),
    Column("Cluster"),
    Column("Probability", "percent"),
    Column("5th percentile", "percent"),
    Column("95th percentile", "percent"),
]


def ranking(rows: Sequence[ScenarioRow], *, finding: str, year: int, number: int, source: str) -> Plot:
    """A dot at the mean of each scenario on a line over its 90 % interval, the first row on top.

    `number` is how many scenarios there are, of which `rows` are the likeliest.
    """
    return Plot(
        key="ranking",
        finding=finding,
        subtitle=f"Probability of each in {year}: mean and 90 % interval, coloured by cluster; "
        f"the {len(rows)} likeliest of {number} scenarios",
        source=source,
        figure={"data": [*_clusters(rows)], "layout": _layout(rows), "phone": _phone(rows)},
        table=Table(RANKING_COLUMNS, [_values(row) for row in rows]),
        method="scenarios",
        size="large",
    )


def _values(row: ScenarioRow) -> list[str | float]:
    cluster = row.cluster.name if row.cluster else ""
    return [row.title, row.code, cluster, row.estimate.mean, row.estimate.low, row.estimate.high]


def _clusters(rows: Sequence[ScenarioRow]) -> list[dict[str, Any]]:
    """One trace for each cluster, so that the legend explains the colours."""
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.cluster.name if row.cluster else "", []).append(place)
    return [_trace(name, [(place, rows[place]) for place in places]) for name, places in groups.items()]


def _trace(name: str, placed: Sequence[tuple[int, ScenarioRow]]) -> dict[str, Any]:
    first = placed[0][1].cluster
    colour = cluster_colour(first.colour) if first else GREY
    estimates = [row.estimate for _, row in placed]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": literal(name or "No cluster"),
        "x": [100 * each.mean for each in estimates],
        "y": [place for place, _ in placed],
        "error_x": {
            "array": [100 * (each.high - each.mean) for each in estimates],
            "arrayminus": [100 * (each.mean - each.low) for each in estimates],
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        "marker": {"color": colour, "size": 10},
        "customdata": [
            [
                literal(f"{row.title} ({row.code})"),
                percent(row.estimate.mean),
                percent_range(row.estimate.low, row.estimate.high),
            ]
            for _, row in placed
        ],
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}, 90 % interval %{customdata[2]}<extra></extra>",
    }


def _layout(rows: Sequence[ScenarioRow]) -> dict[str, Any]:
    names = [literal(shortened(row.title or row.code, 46)) for row in rows]
    return {
        "xaxis": {"rangemode": "tozero", "ticksuffix": UNIT, "side": "top"},
        "yaxis": {
            "range": [len(rows) - 0.5, -0.5],
            "tickvals": list(range(len(rows))),
            "ticktext": names,
            "tickfont": {"color": "var(--ink)"},
            "showgrid": False,
            "zeroline": False,
        },
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": -0.02, "yanchor": "top"},
    }


def _phone(rows: Sequence[ScenarioRow]) -> dict[str, Any]:
    """The names stand above the lines, where a narrow window has room."""
    return {
        "margin": {"l": 16},  # half of the axis's first label
        "yaxis": {"showticklabels": False, "range": [len(rows) - 0.5, -0.8]},
        "annotations": [
            {
                "text": literal(shortened(row.title or row.code, 44)),
                "x": 0,
                "y": place,
                "yshift": 12,
                "xanchor": "left",
                "showarrow": False,
                "font": {"size": 12},
            }
            for place, row in enumerate(rows)
        ],
    }
