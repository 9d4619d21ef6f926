"""What differs between runs, what explains it, and their clusters over time side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from analysis.differences import Difference, Explained, Part
from analysis.plots.colours import ACCENT, GREY, INK, cluster_colour
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.plots.ranked import legend, rows_axis, rows_on_phone, upper
from analysis.reports import Estimate, Report
from analysis.wording import percent, percent_range, points, shortened

SHOWN = 12
"""Scenarios that a figure shows; its table has them all."""
STEPS = 10
"""Steps of a waterfall that are shown one by one."""
REST = "All other changes"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Of the runs, in their order: never more than six."""
POINTS = " points"
BANDS = 2
"""Runs whose bands of uncertainty can be told apart in one panel."""


def changes_of(rows: Sequence[Difference], *, key: str, what: str, names: tuple[str, str], source: str) -> Plot:
    """A dot at each difference on its joint 95 % interval, grey where that includes none; `what` says whose they are.

    `rows` are those of one or two kinds; the largest differences are shown, the table has all.
    """
    before, after = names
    common = [row for row in rows if row.difference is not None]
    shown = sorted(common, key=lambda row: -row.size)[:SHOWN] if len(common) > SHOWN else common
    clear = [row for row in common if row.exceeds]
    some = f"; the {len(shown)} that differ most of {len(common)}" if len(shown) < len(common) else ""
    return Plot(
        key=key,
        finding=f"{len(clear)} of {len(common)} {what} differ by more than the error of the computation",
        subtitle=f"Probability in “{after}” less that in “{before}”, in percentage points, with joint 95 % intervals; "
        f"grey where within the error{some}",
        source=source,
        figure={
            "data": [_dots(shown, before, after)],
            "layout": {
                "xaxis": {"ticksuffix": POINTS, "side": "top", "nticks": 7, "zeroline": True, "zerolinecolor": INK},
                "yaxis": rows_axis([upper(row.words) for row in shown]),
            },
            "phone": {"xaxis": {"nticks": 4}, **rows_on_phone([upper(row.words) for row in shown])},
        },
        table=Table(
            [
                Column("What"),
                Column("Name"),
                Column(before, "percent"),
                Column(after, "percent"),
                Column("Difference", "points"),
                Column("95 % error", "percent"),
                Column("More than chance"),
            ],
            [
                [
                    upper(row.words),
                    row.name,
                    row.before,
                    row.after,
                    row.difference,
                    row.half_width,
                    "yes" if row.exceeds else "no" if row.difference is not None else "only in one of the models",
                ]
                for row in sorted(rows, key=lambda row: (row.kind, -row.size))
            ],
        ),
        method="comparison",
        size="large",
    )


def waterfall(found: Explained, *, key: str, names: tuple[str, str], source: str) -> Plot:
    """From the one run's probability to the other's, change by change in the order in which they were made."""
    about, parts = found.about, _gathered(found.parts)
    start, end = about.before or 0.0, about.after or 0.0
    ends = [start, *accumulate((part.difference for part in parts), initial=start), end]
    labels = [names[0], *(part.text for part in parts), names[1]]
    largest = found.largest
    return Plot(
        key=key,
        finding=f"{upper(about.words)}, {points(about.difference or 0)}: most comes from "
        f"“{shortened(largest.text, 90)}” ({points(largest.difference)})",
        subtitle=f"Probability in “{names[0]}”, what each change adds in the order in which they were made, and "
        f"probability in “{names[1]}”; the parts sum to the difference. Grey: within the 95 % error",
        source=source,
        figure={
            "data": [_totals(labels, start, end), *_steps(parts, ends)],
            "layout": {
                "barmode": "overlay",
                "bargap": 0.3,
                "xaxis": _close_up([start, end, *ends]),
                "yaxis": rows_axis(labels),
                "annotations": [_amount(place, part, ends) for place, part in enumerate(parts, 1)],
            },
            "phone": _waterfall_on_phone(labels),
        },
        table=Table(
            [Column("Change"), Column("Part", "points"), Column("95 % error", "percent"), Column("More than chance")],
            [
                *(
                    [part.text, part.difference, part.half_width, "yes" if part.exceeds else "no"]
                    for part in found.parts
                ),
                ["All together", about.difference, about.half_width, "yes" if about.exceeds else "no"],
            ],
        ),
        method="comparison",
        size="large" if len(labels) > 6 else "medium",
    )


def courses(reports: Sequence[Report], names: Sequence[str], *, source: str) -> Plot:
    """A panel for each cluster: its probability by year in each run, one kind of line for each."""
    clusters = {row.name: row.colour for report in reports for row in report.clusters}
    years = [year.year for year in reports[0].years]
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], **legend()}
    layout["legend"] |= {"y": -0.12}
    narrow: dict[str, Any] = {"annotations": [], "legend": {"y": -0.06}}
    for place, (cluster, colour) in enumerate(clusters.items()):
        axes = {"xaxis": f"x{place + 1}", "yaxis": f"y{place + 1}"} if place else {}
        for run, report in enumerate(reports):
            found = _course(report, cluster)
            if not found:
                continue
            style = {"color": cluster_colour(colour), "dash": DASHES[run]}
            if len(reports) <= BANDS:
                data.append(_band(report, found, style["color"]) | axes)
            data.append(_line(report, found, cluster, names[run], style, first=place == 0) | axes)
        wide = (place / len(clusters), (place + 0.94) / len(clusters)), (0.0, 0.9)
        for given, domains in ((layout, wide), (narrow, ((0.0, 1.0), _row(place, len(clusters))))):
            given.update(_axes(place, years, *domains))
            given["annotations"].append(_heading(cluster, *domains))
    return Plot(
        key="courses",
        finding=_moved(reports, names),
        subtitle=f"Probability of each family of scenarios by year, a line for each run"
        f"{' with its 90 % interval' if len(reports) <= BANDS else '; 90 % intervals are in the table'}",
        source=source,
        figure={"data": data, "layout": layout, "phone": narrow},
        table=Table(
            [
                Column("Cluster"),
                Column("Run"),
                Column("Year", "plain"),
                Column("Probability", "percent"),
                Column("5th percentile", "percent"),
                Column("95th percentile", "percent"),
            ],
            [
                [cluster, name, year.year, each.mean, each.low, each.high]
                for cluster in clusters
                for name, report in zip(names, reports, strict=True)
                for year, each in zip(report.years, _course(report, cluster), strict=False)
            ],
        ),
        method="timeline",
        size="large",
    )


def all_numbers(columns: Sequence[tuple[str, Mapping[str, Difference]]], first: str) -> Table:
    """Every probability in the first run and in each of the others; `columns` are these by name, rows by key."""
    rows: dict[str, Difference] = {}
    for _, found in columns:
        rows = {**found, **rows}
    pairs = len(columns) == 1
    return Table(
        [
            Column("What"),
            Column("Name"),
            Column(first, "percent"),
            *(Column(name, "percent") for name, _ in columns),
            *([Column("Difference", "points"), Column("95 % error", "percent")] if pairs else []),
        ],
        [
            [
                upper(row.words),
                row.name,
                row.before,
                *(found[key].after if key in found else None for _, found in columns),
                *([row.difference, row.half_width] if pairs else []),
            ]
            for key, row in rows.items()
        ],
    )


def _dots(rows: Sequence[Difference], before: str, after: str) -> dict[str, Any]:
    colours = [ACCENT if row.exceeds else GREY for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * (row.difference or 0) for row in rows],
        "y": list(range(len(rows))),
        "marker": {"color": colours, "size": 10},
        "error_x": {
            "array": [100 * (row.half_width or 0) for row in rows],
            "color": GREY,
            "thickness": 2,
            "width": 4,
        },
        "customdata": [
            [literal(upper(row.words)), points(row.difference or 0), percent(row.before or 0), percent(row.after or 0)]
            for row in rows
        ],
        "hovertemplate": f"%{{customdata[0]}}<br>%{{customdata[1]}}<br>{literal(before)}: %{{customdata[2]}}, "
        f"{literal(after)}: %{{customdata[3]}}<extra></extra>",
        "cliponaxis": False,
    }


def _gathered(parts: Sequence[Part]) -> list[Part]:
    """The largest parts in their order, and the sum of all others; its half-width is at most the sum of theirs."""
    if len(parts) <= STEPS:
        return list(parts)
    kept = sorted(range(len(parts)), key=lambda place: -abs(parts[place].difference))[: STEPS - 1]
    rest = [part for place, part in enumerate(parts) if place not in kept]
    others = Part(REST, sum(part.difference for part in rest), sum(part.half_width for part in rest))
    return [*(parts[place] for place in sorted(kept)), others]


def _totals(labels: Sequence[str], start: float, end: float) -> dict[str, Any]:
    """The two probabilities as upright marks: bars from zero would dwarf the steps between them."""
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [100 * start, 100 * end],
        "y": [0, len(labels) - 1],
        "text": [f"  {percent(start)}", f"  {percent(end)}"],
        "textposition": "middle right",
        "textfont": {"color": INK},
        "marker": {"color": INK, "size": 12, "symbol": "diamond"},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _steps(parts: Sequence[Part], ends: Sequence[float]) -> list[dict[str, Any]]:
    places = list(range(1, len(parts) + 1))
    return [
        {
            "type": "bar",
            "orientation": "h",
            "base": [100 * ends[place] for place in places],
            "x": [100 * part.difference for part in parts],
            "y": places,
            "marker": {"color": [ACCENT if part.exceeds else GREY for part in parts]},
            "customdata": [[literal(part.text), points(part.difference), percent(part.half_width)] for part in parts],
            "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}, 95 % error %{customdata[2]}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": [100 * end for end in ends[1:-1] for _ in range(3)],
            "y": [y for place in range(len(parts) + 1) for y in (place, place + 1, None)],
            "line": {"color": GREY, "width": 1, "dash": "dot"},
            "hoverinfo": "skip",
        },
    ]


def _amount(place: int, part: Part, ends: Sequence[float]) -> dict[str, Any]:
    """How much the step is, at the right of its bar."""
    return {
        "text": points(part.difference),
        "x": 100 * max(ends[place], ends[place + 1]),
        "y": place,
        "xanchor": "left",
        "xshift": 6,
        "showarrow": False,
        "font": {"size": 12},
    }


def _close_up(values: Sequence[float]) -> dict[str, Any]:
    """An axis over these probabilities with room for words at the right."""
    low, high = 100 * min(values), 100 * max(values)
    room = max(high - low, 0.1)
    return {"range": [low - 0.08 * room, high + 0.3 * room], "ticksuffix": UNIT, "side": "top", "nticks": 6}


def _waterfall_on_phone(labels: Sequence[str]) -> dict[str, Any]:
    return {**rows_on_phone(labels, raised=18), "bargap": 0.65, "xaxis": {"nticks": 4}}


def _course(report: Report, cluster: str) -> list[Estimate]:
    """The cluster's probability in each year; nothing where the run does not have it."""
    names = [row.name for row in report.clusters]
    return [year.clusters[names.index(cluster)] for year in report.years] if cluster in names else []


def _band(report: Report, found: Sequence[Estimate], colour: str) -> dict[str, Any]:
    years = [year.year for year in report.years]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*years, *reversed(years)],
        "y": [100 * each.high for each in found] + [100 * each.low for each in reversed(found)],
        "fill": "toself",
        "fillcolor": colour,
        "opacity": 0.15,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _line(
    report: Report, found: Sequence[Estimate], cluster: str, name: str, style: Mapping[str, Any], *, first: bool
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": literal(name),
        "showlegend": first,
        "x": [year.year for year in report.years],
        "y": [100 * each.mean for each in found],
        "line": {**style, "width": 2},
        "customdata": [[percent(each.mean), percent_range(each.low, each.high)] for each in found],
        "hovertemplate": f"{literal(f'{cluster} in {name}')}, %{{x}}<br>%{{customdata[0]}}, "
        "90 % interval %{customdata[1]}<extra></extra>",
    }


def _axes(place: int, years: Sequence[int], x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    number = str(place + 1) if place else ""
    return {
        f"xaxis{number}": {
            "range": [years[0], years[-1]],
            "dtick": 10,
            "showgrid": False,
            "domain": list(x),
            "anchor": f"y{number}",
        },
        f"yaxis{number}": {
            "range": [0, 100],
            "ticksuffix": UNIT,
            "dtick": 25,
            "domain": list(y),
            "anchor": f"x{number}",
            "showticklabels": x[0] == 0,
        },
    }


def _heading(text: str, x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    return {
        "text": literal(text),
        "xref": "paper",
        "yref": "paper",
        "x": x[0],
        "y": y[1],
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": INK, "size": 13},
    }


def _row(place: int, number: int) -> tuple[float, float]:
    top = 1 - place / number
    return top - 0.78 / number, top - 0.1 / number


def _moved(reports: Sequence[Report], names: Sequence[str]) -> str:
    """Which cluster differs most in the target years, and where it is likeliest."""
    found: dict[str, dict[str, float]] = {}
    for name, report in zip(names, reports, strict=True):
        for row in report.clusters:
            found.setdefault(row.name, {})[name] = row.estimate.mean
    common = {cluster: means for cluster, means in found.items() if len(means) == len(reports)}
    if not common:
        return "The runs have no family of scenarios in common"
    widest = max(common, key=lambda cluster: max(common[cluster].values()) - min(common[cluster].values()))
    means = common[widest]
    least, most = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    return f"{widest} differs most: {percent(means[least])} in “{least}”, {percent(means[most])} in “{most}”"
