"""Clusters of scenarios over time."""

from __future__ import annotations

from typing import Any

from analysis.plots.colours import PAPER, cluster_colour
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.reports import ClusterRow, Estimate, Report
from analysis.wording import percent, percent_range

LABEL_APART = 0.07
"""Least distance of two labels at the right edge, in parts of the axis."""
LETTER = 7
"""Width of a letter of such a label in pixels, more or less."""
SAME = 0.01
"""Probabilities that differ by less are told as the same."""


def clusters_over_time(report: Report, *, source: str) -> Plot:
    """The probability of each cluster in each year, stacked to 1, named at the right edge."""
    names = [row.name for row in report.clusters]
    means = [[year.clusters[place].mean for year in report.years] for place in range(len(names))]
    years = [year.year for year in report.years]
    return Plot(
        key="clusters",
        finding=_finding(report),
        subtitle=f"Probability of each family of scenarios by year, {years[0]} to {years[-1]}; "
        "intervals are in the table",
        source=source,
        figure={
            "data": [
                _area(row, years, [year.clusters[place] for year in report.years])
                for place, row in enumerate(report.clusters)
            ],
            "layout": _layout(years, names, [each[-1] for each in means]),
            "phone": {"margin": {"r": 8}, "annotations": _inside(years, names, means)},
        },
        table=Table(
            [Column("Year", "plain"), *(column for name in names for column in _columns(name))],
            [[year.year, *(value for each in year.clusters for value in _values(each))] for year in report.years],
        ),
        years={
            year.year: [_words(row, each) for row, each in zip(report.clusters, year.clusters, strict=True)]
            for year in report.years
        },
        method="clusters",
    )


def _words(row: ClusterRow, estimate: Estimate) -> str:
    return f"{row.name} {percent(estimate.mean)} ({percent_range(estimate.low, estimate.high)})"


def _finding(report: Report) -> str:
    then = next(year for year in report.years if year.year == report.target_year)
    place = max(range(len(report.clusters)), key=lambda each: then.clusters[each].mean)
    first, name = report.years[0], report.clusters[place].name
    now, later = first.clusters[place].mean, then.clusters[place].mean
    way = "down from" if later < now - SAME else "up from" if later > now + SAME else "as it was with"
    return f"{name} is the likeliest family in {then.year} at {percent(later)}, {way} {percent(now)} in {first.year}"


def _area(row: ClusterRow, years: list[int], estimates: list[Estimate]) -> dict[str, Any]:
    colour = cluster_colour(row.colour)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": literal(row.name),
        "stackgroup": "clusters",
        "x": years,
        "y": [100 * each.mean for each in estimates],
        "line": {"width": 1, "color": PAPER},
        "fillcolor": colour,
        "customdata": [[percent(each.mean), percent_range(each.low, each.high)] for each in estimates],
        "hovertemplate": f"{literal(row.name)} %{{x}}<br>%{{customdata[0]}}, "
        "90 % interval %{customdata[1]}<extra></extra>",
    }


def _layout(years: list[int], names: list[str], last: list[float]) -> dict[str, Any]:
    labels = [f"{name} {percent(share)}" for name, share in zip(names, last, strict=True)]
    return {
        "xaxis": {"range": [years[0], years[-1]], "dtick": 5, "showgrid": False},
        "yaxis": {"range": [0, 100], "ticksuffix": UNIT, "dtick": 25, "showgrid": False},
        "hovermode": "x",
        "margin": {"r": 24 + max(LETTER * len(label) for label in labels)},
        "annotations": [
            {
                "text": literal(label),
                "x": 1,
                "xref": "paper",
                "y": 100 * height,
                "xanchor": "left",
                "xshift": 8,
                "showarrow": False,
            }
            for label, height in zip(labels, _heights(last), strict=True)
        ],
    }


def _heights(shares: list[float]) -> list[float]:
    """The middle of each band, moved up where a label would lie on the one below."""
    heights: list[float] = []
    below = 0.0
    for share in shares:
        middle = below + share / 2
        heights.append(max(middle, heights[-1] + LABEL_APART) if heights else middle)
        below += share
    return heights


def _inside(years: list[int], names: list[str], means: list[list[float]]) -> list[dict[str, Any]]:
    """Labels within the bands, where a narrow window has no room beside them; each where its band is widest."""
    below = [0.0] * len(years)
    labels = []
    for name, shares in zip(names, means, strict=True):
        inner = range(2 * len(years) // 5, 3 * len(years) // 5 + 1)
        at = max(inner, key=shares.__getitem__)
        middle = 100 * (below[at] + shares[at] / 2)
        labels.append(
            {"text": literal(name), "x": years[at], "y": middle, "showarrow": False, "font": {"color": PAPER}}
        )
        below = [low + share for low, share in zip(below, shares, strict=True)]
    return labels


def _columns(name: str) -> list[Column]:
    return [Column(name, "percent"), Column(f"{name}, 5th", "percent"), Column(f"{name}, 95th", "percent")]


def _values(estimate: Estimate) -> list[float]:
    return [estimate.mean, estimate.low, estimate.high]
