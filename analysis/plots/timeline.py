"""The hypotheses over time."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.plots.colours import INK, OUTCOME_A
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.reports import HypothesisRow, Report
from analysis.wording import percent, percent_range, points

COLUMNS, GAP = 3, 0.05
NARROW = 17
"""Letters that a panel's heading has room for on a phone."""


def hypotheses_over_time(report: Report, evolution: Sequence[Mapping[str, Any]], *, source: str) -> Plot:
    """A small panel for each hypothesis: the probability of its outcome A by year, on the band of its 90 % interval.

    `evolution` is the result document's `temporal_evolution`.
    """
    years = [entry["year"] for entry in evolution]
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "hovermode": "closest"}
    narrow: dict[str, Any] = {"annotations": []}
    for place, row in enumerate(report.hypotheses):
        number = "" if place == 0 else str(place + 1)
        found = [entry["hypotheses"][row.code] for entry in evolution]
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        data += [trace | axes for trace in _traces(row, years, found)]
        for columns, given in ((COLUMNS, layout), (2, narrow)):
            x, y = _domains(place, len(report.hypotheses), columns, lines=2 if given is narrow else 1)
            outer = {"left": place % columns == 0, "last": place + columns >= len(report.hypotheses)}
            given.update(_axes(number, years, x, y, **outer))
            if given is narrow:  # the last year's number would run into the next panel's first
                given[f"xaxis{number}"] |= {"tickvals": [year for year in years if year % 10 == 0 and year < years[-1]]}
            given["annotations"].append(_heading(row, x, y, narrow=given is narrow))
    return Plot(
        key="hypotheses-by-year",
        finding=_finding(report, evolution),
        subtitle=f"Probability of the outcome named, by year, {years[0]} to {years[-1]}: mean and 90 % interval",
        source=source,
        figure={"data": data, "layout": layout, "phone": narrow},
        table=_table(report.hypotheses, evolution),
        method="timeline",
        size="large",
    )


def _finding(report: Report, evolution: Sequence[Mapping[str, Any]]) -> str:
    then = next(entry for entry in evolution if entry["year"] == report.target_year)

    def change(row: HypothesisRow) -> float:
        return float(then["hypotheses"][row.code]["mean"] - evolution[0]["hypotheses"][row.code]["mean"])

    row = max(report.hypotheses, key=lambda each: abs(change(each)))
    return (
        f"{row.label or row.code} moves most by {report.target_year}: {row.outcome_a or 'outcome A'} "
        f"{points(change(row))} since {evolution[0]['year']}, to {percent(row.estimate.mean)}"
    )


def _traces(row: HypothesisRow, years: Sequence[int], found: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [*years, *reversed(years)],
            "y": [100 * each["q95"] for each in found] + [100 * each["q05"] for each in reversed(found)],
            "fill": "toself",
            "fillcolor": OUTCOME_A,
            "opacity": 0.35,
            "line": {"width": 0},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(years),
            "y": [100 * each["mean"] for each in found],
            "line": {"color": INK, "width": 2},
            "customdata": [[percent(each["mean"]), percent_range(each["q05"], each["q95"])] for each in found],
            "hovertemplate": f"{literal(row.outcome_a or row.code)}, %{{x}}<br>%{{customdata[0]}}, "
            "90 % interval %{customdata[1]}<extra></extra>",
        },
    ]


def _axes(
    number: str, years: Sequence[int], x: tuple[float, float], y: tuple[float, float], *, left: bool, last: bool
) -> dict[str, Any]:
    return {
        f"xaxis{number}": {
            "range": [years[0], years[-1]],
            "dtick": 10,
            "showgrid": False,
            "domain": list(x),
            "anchor": f"y{number}",
            "showticklabels": last,
        },
        f"yaxis{number}": {
            "range": [0, 100],
            "ticksuffix": UNIT,
            "dtick": 50,
            "domain": list(y),
            "anchor": f"x{number}",
            "showticklabels": left,
        },
    }


def _domains(place: int, number: int, columns: int, *, lines: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the panel stands, from the top left, under a heading of so many lines."""
    rows = -(-number // columns)
    column, row = place % columns, place // columns
    width, height = (1 + GAP) / columns, 1 / rows
    top = 1 - row * height
    return (column * width, column * width + width - GAP), (top - 0.88 * height, top - (0.06 + 0.08 * lines) * height)


def _heading(row: HypothesisRow, x: tuple[float, float], y: tuple[float, float], *, narrow: bool) -> dict[str, Any]:
    text = row.outcome_a or row.label or row.code
    lines = textwrap.wrap(text, NARROW, max_lines=2, placeholder=" …") if narrow else [text]
    return {
        "text": "<br>".join(map(literal, lines)),
        "xref": "paper",
        "yref": "paper",
        "x": x[0],
        "y": y[1],
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "showarrow": False,
        "font": {"color": INK, "size": 11 if narrow else 13},
    }


def _table(rows: Sequence[HypothesisRow], evolution: Sequence[Mapping[str, Any]]) -> Table:
    columns = [
        Column("Outcome"),
        Column("Year", "plain"),
        Column("Probability", "percent"),
        Column("5th percentile", "percent"),
        Column("95th percentile", "percent"),
    ]
    return Table(
        columns,
        [
            [row.outcome_a or row.code, entry["year"], found["mean"], found["q05"], found["q95"]]
            for row in rows
            for entry in evolution
            for found in [entry["hypotheses"][row.code]]
        ],
    )
