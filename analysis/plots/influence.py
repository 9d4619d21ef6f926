"""What each piece of the evidence does (MODEL.md 7): leave-one-out effects, ranked and signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.plots.colours import INK, OUTCOME_A, OUTCOME_B
from analysis.plots.plot import Column, Plot, Table, literal
from analysis.plots.ranked import rows_axis, rows_on_phone
from analysis.plots.subjects import Subjects
from analysis.wording import points

SHOWN = 10
"""Rows of a figure; its table has them all."""


@dataclass(frozen=True)
class Effect:
    """What an item, a source or a group does to the hypothesis that it moves most: "as it is" less "left out"."""

    name: str
    title: str
    hypothesis: str
    effect: float
    half_width: float
    items: int

    @property
    def label(self) -> str:
        """Its title, or its name where it has none."""
        return self.title or self.name


def effects(entries: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> list[Effect]:
    """The entries of a part of `aifutures.influence/1`, the largest effect first; `titles` by the entries' ids."""
    found = [_effect(entry, titles) for entry in entries]
    return sorted(found, key=lambda each: -abs(each.effect))


def carriers(found: Sequence[Effect], kind: str, words: Subjects, *, source: str) -> Plot:
    """A bar to the side of the outcome that each speaks for, with the 95 % error; `kind` is item, source or group."""
    shown = found[:SHOWN]
    first = shown[0]
    names = [f"{words.label(each.hypothesis)}: {each.label}" for each in shown]
    return Plot(
        key=f"influence-{kind}s",
        finding=f"{_told(first, kind)} does most: {points(abs(first.effect)).removeprefix('+')} towards "
        f"{_outcome(words, first.hypothesis, 'a' if first.effect > 0 else 'b')}",
        subtitle=f"What each {kind} does to the hypothesis that it moves most, in points of P(A): with it less "
        "without it; to the right for outcome A, to the left for B. Lines are 95 % errors of the computation",
        source=source,
        figure={
            "data": [
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": [100 * each.effect for each in shown],
                    "y": list(range(len(shown))),
                    "marker": {"color": [OUTCOME_A if each.effect > 0 else OUTCOME_B for each in shown]},
                    "error_x": {
                        "array": [100 * each.half_width for each in shown],
                        "color": INK,
                        "thickness": 1.5,
                        "width": 3,
                    },
                    "customdata": [
                        [literal(each.label), literal(words.label(each.hypothesis)), points(each.effect)]
                        for each in shown
                    ],
                    "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}: %{customdata[2]}<extra></extra>",
                }
            ],
            "layout": {
                "bargap": 0.35,
                "xaxis": {
                    "range": _room(shown),
                    "ticksuffix": " points",
                    "side": "top",
                    "nticks": 7,
                    "zeroline": True,
                    "zerolinecolor": INK,
                },
                "yaxis": rows_axis(names),
            },
            "phone": {
                "xaxis": {"nticks": 4, "tickangle": 0},
                **rows_on_phone(names, raised=16),
                "bargap": 0.65,
            },
        },
        table=Table(
            [
                Column(kind.capitalize()),
                Column("Title"),
                Column("Question that it moves most"),
                Column("Speaks for"),
                Column("Effect on P(A)", "points"),
                Column("95 % error", "percent"),
                Column("Items", "whole"),
            ],
            [
                [
                    each.name,
                    each.title,
                    words.label(each.hypothesis),
                    _outcome(words, each.hypothesis, "a" if each.effect > 0 else "b"),
                    each.effect,
                    each.half_width,
                    each.items,
                ]
                for each in found
            ],
        ),
        method="influence",
        size="large" if len(shown) > 5 else "medium",
    )


def _effect(entry: Mapping[str, Any], titles: Mapping[str, str]) -> Effect:
    changes = entry["hypotheses"]
    code = max(changes, key=lambda each: abs(changes[each]["change"]))
    return Effect(
        name=entry["id"],
        title=entry["title"] or titles.get(entry["id"], ""),
        hypothesis=code,
        effect=-changes[code]["change"],
        half_width=changes[code]["half_width"],
        items=len(entry["items"]),
    )


def _room(shown: Sequence[Effect]) -> list[float]:
    """The ends of the axis: zero and all bars, with room for the number at either end."""
    ends = [0.0, *(100 * each.effect for each in shown)]
    room = 0.12 * max(max(ends) - min(ends), 0.1)
    return [min(ends) - room, max(ends) + room]


def _told(each: Effect, kind: str) -> str:
    return f"“{each.title}”" if each.title else f"The {kind} {each.name}"


def _outcome(words: Subjects, code: str, letter: str) -> str:
    row = words.hypotheses[code]
    return row[f"outcome_{letter}"] or f"{code} = {letter.upper()}"
