"""How far the headlines move when a decision behind the model is taken otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.plots.colours import GREY, INK
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.plots.ranked import rows_axis, rows_on_phone
from analysis.plots.subjects import Subjects
from analysis.wording import percent, percent_range

SHORT = {
    "methodological": "Other rules",
    "parameter": "Other numbers",
    "structural": "Other structure",
    "historical": "Earlier evidence",
    "extreme": "Extremes",
}
"""The five dimensions as headings of columns."""

Report = Mapping[str, Any]
"""A document `aifutures.robustness/1`."""


def ranges(report: Report, words: Subjects, colours: Mapping[str, str], *, source: str) -> Plot:
    """Each headline's base as a dot on a line from its lowest to its highest value over all ordinary variants.

    `colours` are those of clusters, by name.
    """
    headlines = report["headlines"]
    names = [headline_words(each, words) for each in headlines]
    widest = max(headlines, key=lambda each: abs(each["moves"]["overall"]["largest_move"]))
    moves = widest["moves"]["overall"]
    year = report["metadata"]["target_year"]
    return Plot(
        key="robustness-ranges",
        finding=f"Least firm: {headline_words(widest, words)}, {percent(widest['base'])} in the base but "
        f"{percent_range(moves['lowest'], moves['highest'])} over the variants",
        subtitle=f"Probability in {year}: dots are the base, lines go from the lowest to the highest of "
        f"{report['conclusions']['variants']} variants (extreme ones apart)",
        source=source,
        figure={
            "data": [_line(headlines, names, colours)],
            "layout": {
                "xaxis": {"range": [0, 102], "ticksuffix": UNIT, "dtick": 25, "side": "top"},
                "yaxis": rows_axis(names),
            },
            "phone": rows_on_phone(names),
        },
        table=_range_table(report, words),
        method="robustness",
        size="large",
    )


def dimension_table(report: Report, words: Subjects) -> Table:
    """Each headline with its base and its largest move in every dimension."""
    dimensions = list(report["dimensions"])
    return Table(
        [
            Column("Headline"),
            Column("Base", "percent"),
            *(Column(SHORT.get(key, key.capitalize()), "points") for key in dimensions),
        ],
        [
            [
                headline_words(each, words),
                each["base"],
                *(each["moves"][key]["largest_move"] for key in dimensions),
            ]
            for each in report["headlines"]
        ],
    )


def _range_table(report: Report, words: Subjects) -> Table:
    titles = {each["key"]: each["title"] for each in report["variants"]}
    return Table(
        [
            Column("Headline"),
            Column("Base", "percent"),
            Column("Lowest", "percent"),
            Column("Highest", "percent"),
            Column("Largest move", "points"),
            Column("Made by"),
        ],
        [
            [
                headline_words(each, words),
                each["base"],
                moves["lowest"],
                moves["highest"],
                moves["largest_move"],
                titles.get(moves["variant"], ""),
            ]
            for each in report["headlines"]
            for moves in [each["moves"]["overall"]]
        ],
    )


def headline_words(headline: Mapping[str, Any], words: Subjects) -> str:
    """What a headline is the probability of."""
    name: str = headline["name"]
    if headline["kind"] == "hypothesis":
        return words.hypotheses[name]["outcome_a"] or f"{name} = A"
    return words.titles.get(name) or name


def _line(headlines: Sequence[Mapping[str, Any]], names: Sequence[str], colours: Mapping[str, str]) -> dict[str, Any]:
    found = [each["moves"]["overall"] for each in headlines]
    bases = [each["base"] for each in headlines]
    marks = [colours.get(each["name"], INK) for each in headlines]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * base for base in bases],
        "y": list(range(len(headlines))),
        "marker": {"color": marks, "size": 10},
        "error_x": {
            "array": [100 * (each["highest"] - base) for each, base in zip(found, bases, strict=True)],
            "arrayminus": [100 * (base - each["lowest"]) for each, base in zip(found, bases, strict=True)],
            "color": GREY,
            "thickness": 3,
            "width": 0,
        },
        "customdata": [
            [literal(name), percent(base), percent_range(each["lowest"], each["highest"])]
            for name, base, each in zip(names, bases, found, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<br>base %{customdata[1]}, variants %{customdata[2]}<extra></extra>",
    }
