"""Variance-based sensitivity (MODEL.md 7): Sobol' indices, interactions, value of information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.plots.colours import ACCENT, GREY, INK, PAPER
from analysis.plots.plot import UNIT, Column, Plot, Table
from analysis.plots.ranked import legend, rows_axis, rows_on_phone, upper
from analysis.plots.sensitivity import SHOWN, Study, estimate
from analysis.plots.subjects import Subjects
from analysis.wording import percent, percent_range

CROSSED = 8
"""Parameters of the interaction matrix."""
LEAST = 0.01
"""Share of the variance from which on a pair is told of: of many pairs some stand clear of zero by chance."""
PALE = 5.0
"""Percent of the variance that have the full colour at least, so that noise stays pale."""


def shares(study: Study, words: Subjects, *, source: str) -> Plot:
    """Sobol' indices with their confidence intervals: the share of the output's variance due to each parameter."""
    output, total, first = words.output(study["output"]), study["total_order"], study["first_order"]
    shown = study["ranking"][:SHOWN]
    names = [words.parameter(name) for name in shown]
    lead = first[shown[0]]
    finding = (
        f"{upper(output.words)} does not vary: nothing explains anything"
        if study["constant"]
        else f"{names[0]} alone explains {percent(max(lead['value'], 0))} of the spread "
        f"({_confidence(study)} interval {_interval(lead)})"
    )
    return Plot(
        key="study-sobol-plot",
        finding=finding,
        subtitle=f"Share of the variance of {output.words}: by each uncertain number alone, and with all it does "
        f"together with others; {_confidence(study)} intervals",
        source=source,
        figure={
            "data": [
                _share_bars(shown, total, "With others (total)", GREY, INK),
                _share_bars(shown, first, "Alone (first order)", ACCENT, INK),
            ],
            "layout": {
                "barmode": "group",
                "bargap": 0.3,
                "xaxis": {"ticksuffix": UNIT, "side": "top", "rangemode": "tozero", "nticks": 6},
                "yaxis": rows_axis(names),
                **legend(),
            },
            "phone": {**rows_on_phone(names, raised=18), "bargap": 0.65},
        },
        table=Table(
            [
                Column("Uncertain number"),
                Column("Alone", "percent"),
                Column("give or take", "percent"),
                Column("With others", "percent"),
                Column("give or take", "percent"),
            ],
            [[words.parameter(name), *estimate(first[name]), *estimate(total[name])] for name in study["ranking"]],
        ),
        method="sensitivity",
        size="large",
        level=3,
    )


def interactions(study: Study, words: Subjects, *, source: str) -> Plot | None:
    """Second-order Sobol' indices of the most influential parameters as a heat table; None for a study without them."""
    if not study["interactions"]:
        return None
    names = study["ranking"][:CROSSED]
    found = {frozenset(each["parameters"]): each for each in study["interactions"]}
    clear = [each for each in study["interactions"] if _is_clear(each)]
    clear.sort(key=lambda each: -each["value"])
    pair = " and ".join(words.parameter(name) for name in clear[0]["parameters"]) if clear else ""
    labels = [words.parameter(name) for name in names]
    return Plot(
        key="study-interactions",
        finding=f"{pair} work together most: {percent(clear[0]['value'])} of the spread comes from the pair"
        if clear
        else "No two uncertain numbers clearly work together",
        subtitle=f"Share of the variance that two of the {len(names)} most influential numbers explain only together; "
        f"written from {100 * LEAST:g} % on, where the {_confidence(study)} interval stands clear of zero",
        source=source,
        figure={
            "data": [_heat(names, found)],
            "layout": {
                "xaxis": _letters(labels) | {"side": "top"},
                "yaxis": rows_axis([f"{_letter(place)}. {label}" for place, label in enumerate(labels)]),
            },
            "phone": {"yaxis": {"ticktext": [_letter(place) for place in range(len(labels))]}},
        },
        table=Table(
            [Column("One"), Column("and the other"), Column("Share", "percent"), Column("give or take", "percent")],
            [
                [*(words.parameter(name) for name in each["parameters"]), each["value"], each["half_width"]]
                for each in study["interactions"]
            ],
        ),
        method="sensitivity",
        size="medium",
        level=3,
    )


def worth(study: Study, words: Subjects, *, source: str) -> Plot:
    """The value of information: the share of the output's variance that knowing all about a hypothesis would remove."""
    found = study["value_of_information"]
    by_hypothesis = "hypotheses" in found
    entries = found["hypotheses"] if by_hypothesis else found["parameters"]
    ranking = (study["ranking_of_hypotheses"] if by_hypothesis else study["ranking"])[:SHOWN]
    output = words.output(study["output"])
    called = words.label if by_hypothesis else words.parameter
    names = [called(name) for name in ranking]
    first = _ends(entries[ranking[0]])
    rows = [(words.label(name), entry) for name, entry in found.get("hypotheses", {}).items()]
    rows += [(words.parameter(name), found["parameters"][name]) for name in study["ranking"]]
    return Plot(
        key="study-value_of_information-plot",
        finding=f"Most worth knowing: {names[0]}; it would remove {percent(max(first['value'], 0))} of the variance "
        f"({_confidence(study)} interval {_interval(first)})",
        subtitle=f"Share of the variance of {output.words} that would go if all about a question were known: its "
        "evidence, its timing and the influences into it",
        source=source,
        figure={
            "data": [_share_bars(ranking, {name: _ends(entries[name]) for name in ranking}, "Share", ACCENT, INK)],
            "layout": {
                "bargap": 0.4,
                "xaxis": {"ticksuffix": UNIT, "side": "top", "rangemode": "tozero", "nticks": 6},
                "yaxis": rows_axis(names),
            },
            "phone": {**rows_on_phone(names, raised=16), "bargap": 0.6},
        },
        table=Table(
            [
                Column("What would be known"),
                Column("Variance removed", "percent"),
                Column("give or take", "percent"),
                Column("Standard deviation left", "number"),
            ],
            [[name, entry["share"], entry["half_width"], entry["remaining_sd"]] for name, entry in rows],
        ),
        method="sensitivity",
        level=3,
    )


def _confidence(study: Study) -> str:
    return f"{100 * study['metadata']['request']['confidence']:g} %"


def _interval(found: Mapping[str, float]) -> str:
    return percent_range(max(found["low"], 0.0), min(max(found["high"], 0.0), 1.0))


def _ends(found: Mapping[str, float]) -> dict[str, float]:
    share, half = found["share"], found["half_width"]
    return {"value": share, "half_width": half, "low": share - half, "high": share + half}


def _share_bars(
    shown: Sequence[str], found: Mapping[str, Mapping[str, float]], name: str, colour: str, whisker: str
) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": [100 * found[each]["value"] for each in shown],
        "y": list(range(len(shown))),
        "marker": {"color": colour},
        "error_x": {
            "array": [100 * found[each]["half_width"] for each in shown],
            "color": whisker,
            "thickness": 1.5,
            "width": 3,
        },
        "customdata": [[percent(max(found[each]["value"], 0)), _interval(found[each])] for each in shown],
        "hovertemplate": f"{name}: %{{customdata[0]}}, interval %{{customdata[1]}}<extra></extra>",
    }


def _is_clear(pair: Mapping[str, float]) -> bool:
    """Whether the finding may name what two numbers do together, and its cell tells it."""
    return pair["low"] > 0 and pair["value"] >= LEAST


def _letter(place: int) -> str:
    return "ABCDEFGH"[place]


def _letters(labels: Sequence[str]) -> dict[str, Any]:
    places = list(range(len(labels)))
    return {"tickvals": places, "ticktext": [_letter(place) for place in places], "showgrid": False}


def _heat(names: Sequence[str], found: Mapping[frozenset[str], Mapping[str, float]]) -> dict[str, Any]:
    """The cells below the diagonal; values below zero are noise, and drawn as zero."""

    def cell(row: int, column: int) -> Mapping[str, float] | None:
        return found[frozenset((names[row], names[column]))] if column < row else None

    grid = [[cell(row, column) for column in range(len(names))] for row in range(len(names))]
    return {
        "type": "heatmap",
        "x": list(range(len(names))),
        "y": list(range(len(names))),
        "z": [[100 * max(each["value"], 0) if each else None for each in row] for row in grid],
        "text": [[percent(each["value"]) if each and _is_clear(each) else "" for each in row] for row in grid],
        "customdata": [[_told(each) for each in row] for row in grid],
        "texttemplate": "%{text}",
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": max(100 * max(each["value"] for each in found.values()), PALE),
        "colorscale": [[0, PAPER], [1, ACCENT]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }


def _told(found: Mapping[str, float] | None) -> str:
    return f"{percent(max(found['value'], 0))}, interval {_interval(found)}" if found else ""
