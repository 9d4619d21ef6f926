"""The scenarios as a map ordered by hypotheses: the first half of them down, the second half across."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product

from analysis.engine.spec import HypothesisSpec
from analysis.futures import Future, Futures, outcome_words, question_words
from analysis.plots import cluster_colour

LEGEND = (0.04, 0.16, 0.4, 1.0)
"""Parts of the highest probability that the legend shows."""
GAMMA = 0.7
"""Shade is probability to this power: small ones can be told apart, too."""
_SIDES = {
    "top": (-1, 0, ("0", "0", "100%", "0")),
    "right": (0, 1, ("100%", "0", "100%", "100%")),
    "bottom": (1, 0, ("0", "100%", "100%", "100%")),
    "left": (0, -1, ("0", "0", "0", "100%")),
}
"""Where the neighbour on that side is, in rows and columns, and the ends of the line between: x1, y1, x2, y2."""


@dataclass(frozen=True)
class Heading:
    """An outcome that holds for `span` rows or columns."""

    question: str
    outcome: str
    letter: str
    span: int


@dataclass(frozen=True)
class Place:
    """A scenario on the map. `shade`, from 0 to 1, grows with its probability."""

    future: Future
    shade: str
    colour: str
    border: list[tuple[str, str, str, str]]
    """Lines on the sides where another cluster, or nothing, begins."""
    sought: bool


@dataclass(frozen=True)
class MapRow:
    """The headings that begin in a row, and its scenarios."""

    headings: list[Heading]
    places: list[Place]


@dataclass(frozen=True)
class LegendStep:
    """A probability, and its shade on the map."""

    probability: float
    shade: str


@dataclass(frozen=True)
class ScenarioMap:
    """Rows of places under rows of headings, one row of headings for each hypothesis that goes across."""

    across: list[tuple[str, list[Heading]]]
    """Hypotheses that go across, with their headings from left to right."""
    down: list[str]
    rows: list[MapRow]
    legend: list[LegendStep]


def scenario_map(futures: Futures, found: Sequence[Future], sought: Collection[str]) -> ScenarioMap:
    """The map of a year's scenarios; those not in `sought`, by code, are shown without a shade.

    Shades are the same in all years: 1 is the highest probability of any scenario in any year.
    """
    half = len(futures.questions) // 2
    down, across = futures.questions[:half], futures.questions[half:]
    grid = [
        ["".join(row + column) for column in product("AB", repeat=len(across))]
        for row in product("AB", repeat=len(down))
    ]
    by_code = {each.code: each for each in found}
    placed = [[by_code[code] for code in row] for row in grid]
    return ScenarioMap(
        across=[(question_words(each), _headings(each, place, across)) for place, each in enumerate(across)],
        down=[question_words(each) for each in down],
        rows=[
            MapRow(
                headings=[
                    _headings(each, place, down)[number // _span(place, down)]
                    for place, each in enumerate(down)
                    if number % _span(place, down) == 0
                ],
                places=[
                    Place(
                        future=future,
                        shade=_shade(future.estimate.mean, futures.highest),
                        colour=cluster_colour(future.family.colour) if future.family else "",
                        border=_border(placed, number, column),
                        sought=future.code in sought,
                    )
                    for column, future in enumerate(row)
                ],
            )
            for number, row in enumerate(placed)
        ],
        legend=[LegendStep(part * futures.highest, _shade(part, 1)) for part in LEGEND],
    )


def _span(place: int, questions: Sequence[HypothesisSpec]) -> int:
    """How many rows or columns an outcome of the question at that place holds for."""
    return 1 << (len(questions) - place - 1)


def _headings(question: HypothesisSpec, place: int, questions: Sequence[HypothesisSpec]) -> list[Heading]:
    span = _span(place, questions)
    return [
        Heading(question_words(question), outcome_words(question, letter), letter, span)
        for letter in (*"AB",) * (1 << place)
    ]


def _shade(probability: float, highest: float) -> str:
    return f"{(probability / highest) ** GAMMA:.3f}"


def _border(placed: Sequence[Sequence[Future]], row: int, column: int) -> list[tuple[str, str, str, str]]:
    own = placed[row][column].family
    if own is None:
        return []
    lines = []
    for rows, columns, line in _SIDES.values():
        beside, along = row + rows, column + columns
        inside = 0 <= beside < len(placed) and 0 <= along < len(placed[0])
        if not inside or placed[beside][along].family != own:
            lines.append(line)
    return lines
