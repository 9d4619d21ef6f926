"""Clusters of scenarios: the named ones, and the tree that the data suggest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy  # its large parts are loaded when first asked for: half a second, which few processes need

from analysis.plots.colours import GREY, MUTED, cluster_colour
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.reports import ClusterRow, Report
from analysis.wording import percent, percent_range, shortened

LEAF = 10.0
"""Distance of two leaves in SciPy's drawing of a tree."""


def named_clusters(report: Report, *, source: str) -> Plot:
    """A dot at the mean of each named cluster on a line over its 90 % interval."""
    rows = sorted(report.clusters, key=lambda row: -row.estimate.mean)
    first = rows[0].estimate
    return Plot(
        key="named-clusters",
        finding=f"{rows[0].name} is the likeliest family in {report.target_year}: {percent(first.mean)} "
        f"(90 % interval {percent_range(first.low, first.high)})",
        subtitle=f"Probability of each family of scenarios in {report.target_year}: mean and 90 % interval",
        source=source,
        figure={
            "data": [_dot(place, row) for place, row in enumerate(rows)],
            "layout": {
                "xaxis": {"range": [0, 102], "ticksuffix": UNIT, "dtick": 25},
                "yaxis": {
                    "range": [len(rows) - 0.5, -0.5],
                    "tickvals": list(range(len(rows))),
                    "ticktext": [literal(row.name) for row in rows],
                    "tickfont": {"color": "var(--ink)"},
                    "showgrid": False,
                    "zeroline": False,
                },
            },
            "phone": {
                "yaxis": {"showticklabels": False},
                "annotations": [
                    {
                        "text": literal(row.name),
                        "x": 0,
                        "y": place,
                        "yshift": 16,
                        "xanchor": "left",
                        "showarrow": False,
                    }
                    for place, row in enumerate(rows)
                ],
            },
        },
        table=Table(
            [
                Column("Family"),
                Column("Scenarios", "whole"),
                Column("Probability", "percent"),
                Column("5th percentile", "percent"),
                Column("95th percentile", "percent"),
            ],
            [[row.name, row.scenarios, row.estimate.mean, row.estimate.low, row.estimate.high] for row in rows],
        ),
        method="clusters",
        size="small",
    )


def tree(
    report: Report,
    clusters: Mapping[str, Any],
    probabilities: Mapping[str, float],
    names: Mapping[str, str],
    *,
    source: str,
) -> Plot:
    """The dendrogram of the scenarios, each leaf marked in the colour of its named cluster.

    `clusters` is that part of the result document (engine.clusters.cluster_report); `names` has titles by code.
    """
    found = clusters["dendrogram"]
    leaves: list[str] = found["leaves"]
    drawn = scipy.cluster.hierarchy.dendrogram(np.array(found["linkage"]), no_plot=True)
    colours = {row.name: cluster_colour(row.colour) for row in report.clusters}
    family = {code: each["name"] for each in clusters["named"] for code in each["scenarios"]}
    group = {code: place for place, each in enumerate(found["groups"], 1) for code in each["scenarios"]}
    correlation = found["cophenetic_correlation"]
    return Plot(
        key="dendrogram",
        finding=f"The data alone suggest {len(found['groups'])} groups; a tree describes the distances of scenarios "
        f"{_quality(correlation)} (cophenetic correlation {correlation:.2f})",
        subtitle="Average-linkage tree: scenarios joined further left differ more, in hypotheses weighed by how "
        "undecided they are. Dots are the named families",
        source=source,
        figure={
            "data": [_branches(drawn), *(_leaves(leaves, name, colour, family) for name, colour in colours.items())],
            "layout": _layout(leaves, names, max(max(each) for each in drawn["dcoord"])),
            "phone": {"yaxis": {"ticktext": leaves, "tickfont": {"size": 10}}},
        },
        table=Table(
            [
                Column("Scenario"),
                Column("Code"),
                Column("Family"),
                Column("Group", "plain"),
                Column("Mean probability", "percent"),
            ],
            [
                [names.get(code) or code, code, family.get(code, ""), group[code], probabilities.get(code)]
                for code in leaves
            ],
        ),
        method="clusters",
        size="tall",
    )


def _quality(correlation: float) -> str:
    """A cophenetic correlation in words: 0.8 is the usual mark of a good tree (Sokal & Rohlf 1962)."""
    return "well" if correlation >= 0.8 else "passably" if correlation >= 0.6 else "badly"


def _dot(place: int, row: ClusterRow) -> dict[str, Any]:
    colour, found = cluster_colour(row.colour), row.estimate
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * found.mean],
        "y": [place],
        "marker": {"color": colour, "size": 12},
        "error_x": {
            "array": [100 * (found.high - found.mean)],
            "arrayminus": [100 * (found.mean - found.low)],
            "color": colour,
            "thickness": 3,
            "width": 0,
        },
        "hovertemplate": f"{literal(row.name)}<br>{percent(found.mean)}, 90 % interval "
        f"{percent_range(found.low, found.high)}<extra></extra>",
    }


def _branches(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """All joints as one broken line."""
    x: list[float | None] = []
    y: list[float | None] = []
    for distances, places in zip(drawn["dcoord"], drawn["icoord"], strict=True):
        x += [*distances, None]
        y += [*((place - LEAF / 2) / LEAF for place in places), None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": GREY, "width": 1.5},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _leaves(leaves: list[str], name: str, colour: str, family: Mapping[str, str]) -> dict[str, Any]:
    places = [place for place, code in enumerate(leaves) if family.get(code) == name]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": literal(name),
        "x": [0] * len(places),
        "y": places,
        "marker": {"color": colour, "size": 8},
        "text": [leaves[place] for place in places],
        "hovertemplate": f"%{{text}}<br>{literal(name)}<extra></extra>",
        "cliponaxis": False,
    }


def _layout(leaves: list[str], names: Mapping[str, str], widest: float) -> dict[str, Any]:
    return {
        "xaxis": {
            "range": [1.04 * widest, 0],
            "title": {"text": "Distance"},
            "side": "top",
            "showgrid": False,
            "zeroline": False,
        },
        "yaxis": {
            "range": [len(leaves) - 0.5, -0.8],
            "tickvals": list(range(len(leaves))),
            "ticktext": [literal(shortened(names.get(code) or code, 44)) for code in leaves],
            "tickfont": {"color": MUTED, "size": 11},
            "side": "right",
            "showgrid": False,
            "zeroline": False,
        },
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": -0.01, "yanchor": "top"},
    }
