"""What the evidence says about each hypothesis, as a balance of weights."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from analysis.evidence_weights import Balance
from analysis.futures import question_words
from analysis.plots.colours import INK, MUTED, OUTCOME_A, OUTCOME_B
from analysis.plots.plot import Column, Plot, Table, literal

ROOM, PHONE_ROOM = 2.2, 1.08
"""How far the axis goes, in lengths of the longest bar: words stand beside the bars, on a phone above them."""
LINE = 21
"""Characters of a line beside a bar, or above it."""


def balance(balances: Sequence[Balance], *, source: str) -> Plot:
    """For each hypothesis a bar to the left for outcome A, one to the right for B, and a mark at what they differ by.

    `customdata` of each point is the hypothesis's code.
    """
    return Plot(
        key="balance",
        finding=_finding(balances),
        subtitle="Weight of evidence in nats, after discounts: to the left for the first outcome, to the right for the "
        "second; the diamond is the net weight",
        source=source,
        figure={"data": _bars(balances), "layout": _layout(balances), "phone": _phone(balances)},
        table=Table(
            [
                Column("Hypothesis"),
                Column("First outcome (A)"),
                Column("Findings for A", "whole"),
                Column("Weight for A", "number"),
                Column("Second outcome (B)"),
                Column("Findings for B", "whole"),
                Column("Weight for B", "number"),
                Column("Net for A", "number"),
            ],
            [_row(each) for each in balances],
        ),
        method="evidence",
        size="large",
    )


def _finding(balances: Sequence[Balance]) -> str:
    ranked = sorted((each for each in balances if each.items), key=lambda each: abs(each.net))
    if not ranked:
        return "No finding counts yet"
    least, most = ranked[0], ranked[-1]
    words = f"It speaks most clearly for “{most.leaning}”: {abs(most.net):.1f} nats net"
    if least is not most:
        words += f", and is closest to even on {question_words(least.question)}"
    return words


def _bars(balances: Sequence[Balance]) -> list[dict[str, Any]]:
    places = list(range(len(balances)))
    codes = [each.question.code for each in balances]
    bar = {"type": "bar", "orientation": "h", "y": places, "width": 0.42, "customdata": codes, "hoverinfo": "text"}
    return [
        {
            **bar,
            "x": [-each.for_a for each in balances],
            "marker": {"color": OUTCOME_A},
            "hovertext": [_says(each.items_a, each.for_a, each.question.outcome_a) for each in balances],
        },
        {
            **bar,
            "x": [each.for_b for each in balances],
            "marker": {"color": OUTCOME_B},
            "hovertext": [_says(each.items_b, each.for_b, each.question.outcome_b) for each in balances],
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [-each.net for each in balances],
            "y": places,
            "customdata": codes,
            "marker": {"symbol": "diamond", "size": 11, "color": INK, "line": {"color": "var(--paper)", "width": 1.5}},
            "hoverinfo": "text",
            "hovertext": [f"Net: {abs(each.net):.2f} nats for<br>{literal(each.leaning)}" for each in balances],
        },
    ]


def _says(items: int, weight: float, outcome: str) -> str:
    return f"{items} finding{'' if items == 1 else 's'}, {weight:.2f} nats for<br>{literal(outcome)}"


def _layout(balances: Sequence[Balance]) -> dict[str, Any]:
    labels = []
    for place, each in enumerate(balances):
        for side, x, outcome, items in _sides(each):
            labels.append(
                {
                    "text": _words(outcome, items),
                    "x": x,
                    "y": place,
                    "xanchor": "right" if side < 0 else "left",
                    "xshift": 6 * side,
                    "align": "right" if side < 0 else "left",
                    "showarrow": False,
                    "font": {"size": 12},
                }
            )
    return {
        "barmode": "overlay",
        "xaxis": {**_axis(balances, ROOM), "showgrid": False, "zeroline": True, "zerolinecolor": MUTED},
        "yaxis": {
            "range": [len(balances) - 0.5, -0.5],
            "tickvals": list(range(len(balances))),
            "ticktext": [literal(question_words(each.question)) for each in balances],
            "tickfont": {"color": INK},
            "showgrid": False,
            "zeroline": False,
        },
        "annotations": labels,
    }


def _phone(balances: Sequence[Balance]) -> dict[str, Any]:
    """Words stand above the bars, where a narrow window has room: the outcomes at its edges."""
    labels = []
    for place, each in enumerate(balances):
        for side, _, outcome, items in _sides(each):
            labels.append(
                {
                    "text": _words(outcome, items),
                    "x": 0 if side < 0 else 1,
                    "xref": "paper",
                    "y": place,
                    "yshift": 14,
                    "yanchor": "bottom",
                    "xanchor": "left" if side < 0 else "right",
                    "align": "left" if side < 0 else "right",
                    "showarrow": False,
                    "font": {"size": 11},
                }
            )
    return {
        "xaxis": _axis(balances, PHONE_ROOM),
        "yaxis": {"showticklabels": False, "range": [len(balances) - 0.7, -0.8]},
        "annotations": labels,
    }


def _words(outcome: str, items: int) -> str:
    return "<br>".join(map(literal, textwrap.wrap(f"{outcome} ({items})", LINE)))


def _sides(each: Balance) -> list[tuple[int, float, str, int]]:
    """For A and B: -1 or 1, where its bar ends, or the diamond beyond it, its words, and its number of items."""
    a, b = each.question.outcome_a or "A", each.question.outcome_b or "B"
    return [(-1, -each.for_a, a, each.items_a), (1, each.for_b, b, each.items_b)]


def _axis(balances: Sequence[Balance], room: float) -> dict[str, Any]:
    """As far to the left as to the right, with the weights of either side as positive numbers."""
    longest = max((max(each.for_a, each.for_b) for each in balances), default=0.0) or 1.0
    step = next(size for size in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10_000) if longest <= 4.5 * size)
    count = int(longest / step)
    ticks = [step * each for each in range(-count, count + 1)]
    return {
        "range": [-room * longest, room * longest],
        "tickvals": ticks,
        "ticktext": [f"{abs(each):g}" for each in ticks],
        "title": {"text": "Weight of evidence (nats)"},
    }


def _row(each: Balance) -> list[str | float | int]:
    question = each.question
    return [
        question_words(question),
        question.outcome_a,
        each.items_a,
        each.for_a,
        question.outcome_b,
        each.items_b,
        each.for_b,
        each.net,
    ]
