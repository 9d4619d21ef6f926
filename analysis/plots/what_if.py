"""The what-if explorer's figures: what each has, in which place and colour.

They come without numbers: `what_if_answer.js` puts in the baseline's and those of each answer, where `meta` says. A
trace's `meta.shows` is `ghost` (the baseline), `line` or `band` (the answer); `meta.part` and `meta.name` say of what.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.plots.colours import GREY, INK, OUTCOME_A, cluster_colour
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.plots.scenarios import ranking
from analysis.reports import Report
from analysis.wording import percent

COLUMNS = 2
"""Of the small panels."""
GAP = 0.06
"""Between two panels, in parts of the whole."""
NARROW = 18
"""Letters that have room over a panel on a phone."""
SMALL = {"font": {"size": 11, "color": INK}}
_BEFORE_AND_AFTER = (
    Column("Baseline", "percent"),
    Column("Probability", "percent"),
    Column("5th percentile", "percent"),
    Column("95th percentile", "percent"),
)


def ranking_of_changes(
    report: Report, *, titles: Mapping[str, str], clusters: Mapping[str, str], result: Mapping[str, Any], source: str
) -> Plot:
    """The scenarios that are likeliest in the baseline, in its order; the table has all. `clusters` by code."""
    first = report.likeliest
    plot = ranking(report.scenarios, finding="", year=report.target_year, number=report.number, source=source)
    means, intervals = result["scenario_probabilities"], result["scenario_intervals"]
    rows = [
        [titles.get(code, code), code, clusters.get(code, ""), mean, *_estimate(mean, intervals[code]), 0.0]
        for code, mean in sorted(means.items(), key=lambda each: -each[1])
    ]
    ghost = {
        "type": "scatter",
        "mode": "markers",
        "name": "Baseline",
        "meta": {"shows": "ghost"},
        "y": list(range(len(report.scenarios))),
        "marker": {"symbol": "circle-open", "size": 12, "color": GREY, "line": {"width": 2}},
        "hoverinfo": "skip",
    }
    figure = {**plot.figure, "data": [ghost, *plot.figure["data"]]}
    columns = [Column("Scenario"), Column("Code"), Column("Cluster"), *_BEFORE_AND_AFTER, Column("Change", "points")]
    return replace(
        plot,
        key="what-if-ranking",
        finding=f"Likeliest in {report.target_year}: {first.title or first.code}, {percent(first.estimate.mean)}",
        subtitle=f"Probability in {report.target_year} of the baseline's {len(report.scenarios)} likeliest scenarios: "
        "mean and 90 % interval; hollow grey rings are the baseline",
        figure=figure,
        table=Table(columns, rows),
    )


def clusters_with_ghosts(report: Report, *, result: Mapping[str, Any], source: str) -> Plot:
    """The probability of each cluster by year, beside the baseline's."""
    years = [entry["year"] for entry in result["temporal_evolution"]]
    names = {row.name: cluster_colour(row.colour) for row in report.clusters}
    data = [trace for name, colour in names.items() for trace in _traces("clusters", name, years, colour, colour)]
    longest = max(map(len, names))
    first = max(report.clusters, key=lambda row: row.estimate.mean)
    return Plot(
        key="what-if-clusters",
        finding=f"Likeliest family in {report.target_year}: {first.name}, {percent(first.estimate.mean)}",
        subtitle="Probability of each: mean and 90 % interval; dotted lines are the baseline",
        source=source,
        figure={
            "data": data,
            "layout": {
                **_axes("", years, dtick=5),
                "margin": {"r": 8 * (longest + 6)},
                "legend": {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"},
            },
            "phone": {"annotations": [], "showlegend": True, "margin": {"r": 16}},
        },
        table=_table("Family", {name: name for name in names}, "clusters", result),
        method="clusters",
    )


def hypotheses_with_ghosts(report: Report, *, result: Mapping[str, Any], source: str) -> Plot:
    """A small panel for each hypothesis: the probability of its outcome A by year, beside the baseline's."""
    years = [entry["year"] for entry in result["temporal_evolution"]]
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": []}
    phone: dict[str, Any] = {"annotations": []}
    for place, row in enumerate(report.hypotheses):
        number = "" if place == 0 else str(place + 1)
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        data += [trace | axes for trace in _traces("hypotheses", row.code, years, OUTCOME_A, INK)]
        x, y = _domains(place, len(report.hypotheses), room=0.14)
        layout |= _axes(number, years, dtick=10, x=x, y=y)
        layout[f"xaxis{number}"]["showticklabels"] = place + COLUMNS >= len(report.hypotheses)
        layout[f"yaxis{number}"]["showticklabels"] = place % COLUMNS == 0
        layout["annotations"].append(_heading([row.outcome_a], x, y))
        x, y = _domains(place, len(report.hypotheses), room=0.3)
        phone |= {f"yaxis{number}": {"domain": list(y)}, f"xaxis{number}": {"tickvals": [years[5], years[-6]]}}
        phone["annotations"].append(_heading(textwrap.wrap(row.outcome_a, NARROW), x, y) | SMALL)
    return Plot(
        key="what-if-hypotheses",
        finding="The questions behind them, year by year",
        subtitle="Probability of the outcome named: mean and 90 % interval; dotted lines are the baseline",
        source=source,
        figure={"data": data, "layout": layout, "phone": phone},
        table=_table("Outcome", {row.code: row.outcome_a for row in report.hypotheses}, "hypotheses", result),
        method="timeline",
        size="large",
    )


def answer_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result in the shape of an answer of POST /what-if, as far as the page shows it, to four digits."""

    def short(numbers: Mapping[str, float]) -> dict[str, float]:
        return {name: round(value, 5) for name, value in numbers.items() if name in {"mean", "q05", "q95"}}

    return {
        "scenario_probabilities": {code: round(value, 6) for code, value in result["scenario_probabilities"].items()},
        "scenario_intervals": {code: short(found) for code, found in result["scenario_intervals"].items()},
        "temporal_evolution": [
            {
                "year": entry["year"],
                "hypotheses": {code: short(found) for code, found in entry["hypotheses"].items()},
                "clusters": {name: round(value, 5) for name, value in entry["clusters"].items()},
                "cluster_intervals": {name: short(found) for name, found in entry["cluster_intervals"].items()},
            }
            for entry in result["temporal_evolution"]
        ],
    }


def _traces(part: str, name: str, years: Sequence[int], band: str, line: str) -> list[dict[str, Any]]:
    """Band, baseline and line, the line on top."""

    def trace(shows: str, **more: Any) -> dict[str, Any]:
        meta = {"shows": shows, "part": part, "name": name}
        return {"type": "scatter", "mode": "lines", "name": literal(name), "meta": meta, "showlegend": False, **more}

    there_and_back = [*years, *reversed(years)]
    return [
        trace(
            "band", x=there_and_back, fill="toself", fillcolor=band, opacity=0.18, line={"width": 0}, hoverinfo="skip"
        ),
        trace("ghost", x=list(years), line={"color": GREY, "width": 2, "dash": "dot"}, hoverinfo="skip"),
        trace(
            "line",
            x=list(years),
            line={"color": line, "width": 2},
            showlegend=True,
            hovertemplate="%{customdata[0]}, %{x}<br>%{customdata[1]}, 90 % interval %{customdata[2]}<br>"
            "baseline %{customdata[3]}<extra></extra>",
        ),
    ]


def _axes(number: str, years: Sequence[int], *, dtick: int, x: Any = (0, 1), y: Any = (0, 1)) -> dict[str, Any]:
    return {
        f"xaxis{number}": {
            "range": [years[0], years[-1]],
            "dtick": dtick,
            "showgrid": False,
            "domain": list(x),
            "anchor": f"y{number}",
        },
        f"yaxis{number}": {
            "range": [0, 100],
            "ticksuffix": UNIT,
            "dtick": 50 if number or y != (0, 1) else 25,
            "domain": list(y),
            "anchor": f"x{number}",
        },
    }


def _domains(place: int, number: int, *, room: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the panel stands, from the top left, with some room for its heading, in parts of its height."""
    rows = -(-number // COLUMNS)
    column, row = place % COLUMNS, place // COLUMNS
    width, height = (1 + GAP) / COLUMNS, 1 / rows
    top = 1 - row * height
    return (column * width, column * width + width - GAP), (top - 0.88 * height, top - room * height)


def _heading(lines: Sequence[str], x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    where = {"xref": "paper", "yref": "paper", "x": x[0], "y": y[1], "xanchor": "left", "yanchor": "bottom"}
    text = "<br>".join(map(literal, lines))
    return {**where, "text": text, "align": "left", "showarrow": False, "font": {"color": INK}}


def _table(title: str, names: Mapping[str, str], part: str, result: Mapping[str, Any]) -> Table:
    """One row for each name and year."""
    rows: list[list[str | float]] = []
    for key, name in names.items():
        for entry in result["temporal_evolution"]:
            if part == "clusters":
                mean, interval = entry["clusters"][key], entry["cluster_intervals"][key]
            else:
                mean, interval = entry["hypotheses"][key]["mean"], entry["hypotheses"][key]
            rows.append([name, entry["year"], mean, *_estimate(mean, interval)])
    return Table([Column(title), Column("Year", "plain"), *_BEFORE_AND_AFTER], rows)


def _estimate(mean: float, interval: Mapping[str, float]) -> tuple[float, float, float]:
    return mean, interval["q05"], interval["q95"]
