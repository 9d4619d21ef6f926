"""The hypotheses in the target year, each by itself and two together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from analysis.plots.colours import INK, OUTCOME_A, OUTCOME_B
from analysis.plots.plot import UNIT, Column, Plot, Table, literal
from analysis.plots.ranked import upper
from analysis.reports import HypothesisRow, Report
from analysis.wording import percent, percent_range, points, shortened

ON_OUTCOMES = "#1B1B1A"
"""Lines on the colours of both outcomes, which are bright in light and in dark."""
NAME, NARROW = 34, 26
"""Letters of an outcome that a bar has room for beside it, and above it on a phone."""
APART = 0.005
"""Two outcomes whose joint probability differs by less from that of unrelated ones count as unrelated."""
TOLD = 5
"""Pairs that are told in words."""


@dataclass(frozen=True)
class Pair:
    """Two hypotheses: how likely A of both is, and would be if they were unrelated."""

    first: HypothesisRow
    second: HypothesisRow
    together: float
    unrelated: float

    @property
    def excess(self) -> float:
        """The covariance of the two outcomes."""
        return self.together - self.unrelated

    @property
    def words(self) -> str:
        """What holds more often together than by chance: A with A (and B with B), or A with B."""
        with_a = self.excess > 0
        other = self.second.outcome_a if with_a else self.second.outcome_b
        joint = self.together if with_a else self.first.estimate.mean - self.together
        alone = self.unrelated if with_a else self.first.estimate.mean - self.unrelated
        return (
            f"{upper(self.first.outcome_a)} comes with {other} in {percent(joint)} of futures, "
            f"{points(joint - alone).removeprefix('+')} more than if the two were unrelated"
        )


def balances(report: Report, *, source: str) -> Plot:
    """A bar from outcome A to outcome B for each hypothesis; the line over it is the border's 90 % interval."""
    rows = report.hypotheses
    places = list(range(len(rows)))
    clearest = max(rows, key=lambda row: abs(row.estimate.mean - 0.5))
    chance = clearest.estimate if clearest.estimate.mean >= 0.5 else clearest.estimate.complement
    return Plot(
        key="balances",
        finding=f"Clearest in {report.target_year}: {clearest.likelier}, {percent(chance.mean)} "
        f"(90 % interval {percent_range(chance.low, chance.high)})",
        subtitle=f"Probability of each outcome in {report.target_year}, A on the left, B on the right; "
        "the line across is the 90 % interval of the border between the two",
        source=source,
        figure={
            "data": [_bar(rows, places, "A"), _bar(rows, places, "B"), _borders(rows, places)],
            "layout": {
                "barmode": "stack",
                "bargap": 0.5,
                "xaxis": {"range": [0, 100], "ticksuffix": UNIT, "dtick": 25},
                "yaxis": _names(rows, "outcome_a", side="left"),
                "yaxis2": _names(rows, "outcome_b", side="right") | {"overlaying": "y"},
            },
            "phone": {
                "bargap": 0.65,
                "yaxis": {"showticklabels": False},
                "yaxis2": {"showticklabels": False},
                "annotations": [label for place, row in enumerate(rows) for label in _above(place, row)],
            },
        },
        table=Table(
            [
                Column("Question"),
                Column("Outcome A"),
                Column("Outcome B"),
                Column("P(A)", "percent"),
                Column("5th percentile", "percent"),
                Column("95th percentile", "percent"),
            ],
            [
                [
                    row.label or row.code,
                    row.outcome_a,
                    row.outcome_b,
                    row.estimate.mean,
                    row.estimate.low,
                    row.estimate.high,
                ]
                for row in rows
            ],
        ),
        method="hypotheses",
    )


def pairs(report: Report, probabilities: Mapping[str, float]) -> list[Pair]:
    """All pairs of hypotheses, those that depend most on each other first.

    `probabilities` are the means of all scenarios; each letter of a code is the outcome of one hypothesis, in order.
    """
    rows = report.hypotheses

    def share(*places: int) -> float:
        return sum(p for code, p in probabilities.items() if all(code[place] == "A" for place in places))

    found = [Pair(rows[i], rows[j], share(i, j), share(i) * share(j)) for i, j in combinations(range(len(rows)), 2)]
    return sorted(found, key=lambda pair: -abs(pair.excess))


def told(found: Sequence[Pair]) -> list[Pair]:
    """The pairs that depend on each other enough to say so in words."""
    return [pair for pair in found if abs(pair.excess) >= APART][:TOLD]


def pair_table(found: Sequence[Pair]) -> Table:
    """Every pair with its joint probability."""
    return Table(
        [
            Column("Outcome A of one"),
            Column("and of the other"),
            Column("Together", "percent"),
            Column("If unrelated", "percent"),
            Column("Difference", "points"),
        ],
        [[pair.first.outcome_a, pair.second.outcome_a, pair.together, pair.unrelated, pair.excess] for pair in found],
    )


def _bar(rows: Sequence[HypothesisRow], places: list[int], letter: str) -> dict[str, Any]:
    estimates = [row.estimate if letter == "A" else row.estimate.complement for row in rows]
    return {
        "type": "bar",
        "orientation": "h",
        "x": [100 * each.mean for each in estimates],
        "y": places,
        "yaxis": "y" if letter == "A" else "y2",
        "offsetgroup": "1",
        "base": [0 if letter == "A" else 100 * (1 - each.mean) for each in estimates],
        "marker": {"color": OUTCOME_A if letter == "A" else OUTCOME_B},
        "customdata": [
            [literal(getattr(row, f"outcome_{letter.lower()}")), percent(each.mean), percent_range(each.low, each.high)]
            for row, each in zip(rows, estimates, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}, 90 % interval %{customdata[2]}<extra></extra>",
    }


def _borders(rows: Sequence[HypothesisRow], places: list[int]) -> dict[str, Any]:
    estimates = [row.estimate for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * each.mean for each in estimates],
        "y": places,
        "yaxis": "y2",
        "marker": {"color": ON_OUTCOMES, "symbol": "line-ns-open", "size": 16, "line": {"width": 2}},
        "error_x": {
            "array": [100 * (each.high - each.mean) for each in estimates],
            "arrayminus": [100 * (each.mean - each.low) for each in estimates],
            "color": ON_OUTCOMES,
            "thickness": 2,
            "width": 4,
        },
        "hoverinfo": "skip",
    }


def _names(rows: Sequence[HypothesisRow], field: str, *, side: str) -> dict[str, Any]:
    return {
        "range": [len(rows) - 0.5, -0.5],
        "tickvals": list(range(len(rows))),
        "ticktext": [literal(shortened(getattr(row, field), NAME)) for row in rows],
        "tickfont": {"color": INK},
        "side": side,
        "showgrid": False,
        "zeroline": False,
    }


def _above(place: int, row: HypothesisRow) -> list[dict[str, Any]]:
    """The outcomes above the ends of the bar, where a narrow window has room."""
    ends = ((row.outcome_a, 0, "left"), (row.outcome_b, 100, "right"))
    return [
        {
            "text": literal(shortened(text, NARROW)),
            "x": x,
            "y": place,
            "yshift": 17,
            "xanchor": anchor,
            "showarrow": False,
            "font": {"size": 12},
        }
        for text, x, anchor in ends
    ]
