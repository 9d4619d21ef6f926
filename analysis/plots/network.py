"""The causal network as a drawing: boxes for hypotheses, an arrow for each influence. Lengths in pixels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from analysis.engine.spec import HypothesisSpec
from analysis.futures import outcome_words, question_words
from analysis.influences import Link, Network

Point: TypeAlias = tuple[float, float]

HEAD = 7.0
"""Length of the thinnest arrow's head."""
THIN, THICK = 1.5, 6.0
"""Widths of an arrow of no strength, and of the strongest."""
STAGGER = 0.1
"""How far apart, in parts of their length, the labels of arrows beside each other are."""
GAP = 3.0
"""Between a box and an arrow's tip."""


@dataclass(frozen=True)
class Shape:
    """A way to draw: page and box, how far arrows between the same two boxes are apart, and which way causes lead."""

    width: float
    height: float
    box_width: float
    box_height: float
    apart: float
    upright: bool
    """Causes above their effects, for narrow windows, rather than left of them."""

    @property
    def box_left(self) -> float:
        """A box's left edge, from its middle."""
        return -self.box_width / 2


WIDE = Shape(width=1070, height=540, box_width=198, box_height=104, apart=36, upright=False)
NARROW = Shape(width=344, height=640, box_width=152, box_height=44, apart=26, upright=True)
LINE = 27
"""Letters of a line in a wide box."""


@dataclass(frozen=True)
class Box:
    """A hypothesis; x and y are its middle, `top` its upper edge."""

    code: str
    label: str
    lines: list[str]
    """Its outcomes, where there is room for them."""
    x: float
    y: float
    top: float


@dataclass(frozen=True)
class Arrow:
    """An influence: a curve with a head, a label where it is widest apart from its neighbours."""

    link: Link
    line: str
    head: str
    width: float
    x: float
    y: float

    @property
    def label(self) -> str:
        """The two outcomes."""
        return f"{self.link.source_outcome}→{self.link.target_outcome}"


@dataclass(frozen=True)
class Drawing:
    """All of it, ready for SVG."""

    shape: Shape
    boxes: list[Box]
    arrows: list[Arrow]


def drawing(network: Network, shape: Shape) -> Drawing:
    """Boxes in the network's columns (rows, where it is upright), arrows as curves between them."""
    boxes = {box.code: box for box in _boxes(network.columns, shape)}
    between: dict[frozenset[str], list[Link]] = {}
    for link in network.links:
        between.setdefault(frozenset((link.source.code, link.target.code)), []).append(link)
    strongest = max((link.strength for link in network.links), default=0.0) or 1.0
    arrows = []
    for links in between.values():
        for place, link in enumerate(links):
            bend = (place - (len(links) - 1) / 2) * shape.apart
            arrows.append(_arrow(link, boxes, bend, THIN + (THICK - THIN) * link.strength / strongest, shape))
    return Drawing(shape, list(boxes.values()), arrows)


def _boxes(columns: Sequence[Sequence[HypothesisSpec]], shape: Shape) -> list[Box]:
    found = []
    for column, members in enumerate(columns):
        for place, each in enumerate(members):
            far, beside = _spread(column, len(columns)), _spread(place, len(members))
            across, down = (beside, far) if shape.upright else (far, beside)
            x = shape.box_width / 2 + 1 + across * (shape.width - shape.box_width - 2)
            y = shape.box_height / 2 + 1 + down * (shape.height - shape.box_height - 2)
            lines = [] if shape.upright else [line for letter in "AB" for line in _outcome_lines(each, letter)]
            found.append(Box(each.code, question_words(each), lines, x, y, y - shape.box_height / 2))
    return found


def _spread(place: int, number: int) -> float:
    """From 0 to 1 for the first to the last of several; the middle for a single one."""
    return place / (number - 1) if number > 1 else 0.5


def _outcome_lines(question: HypothesisSpec, letter: str) -> list[str]:
    return textwrap.wrap(f"{letter}: {outcome_words(question, letter)}", LINE)


def _arrow(link: Link, boxes: dict[str, Box], bend: float, width: float, shape: Shape) -> Arrow:
    """A quadratic Bézier curve whose middle lies `bend` beside the line between the boxes' middles."""
    source, target = boxes[link.source.code], boxes[link.target.code]
    first, second = sorted((source, target), key=lambda box: box.code)  # so that both directions bend alike
    dx, dy = second.x - first.x, second.y - first.y
    length = math.hypot(dx, dy)
    control = (
        (source.x + target.x) / 2 - 2 * bend * dy / length,
        (source.y + target.y) / 2 + 2 * bend * dx / length,
    )
    start, tip = _edge(source, control, shape), _edge(target, control, shape)
    size = HEAD + width
    back = math.hypot(tip[0] - control[0], tip[1] - control[1])
    ux, uy = (tip[0] - control[0]) / back, (tip[1] - control[1]) / back
    base = (tip[0] - size * ux, tip[1] - size * uy)
    sides = [(base[0] - sign * size * uy / 2, base[1] + sign * size * ux / 2) for sign in (1, -1)]
    x, y = _on_curve(start, control, base, 0.5 + STAGGER * bend / shape.apart)
    return Arrow(
        link=link,
        line=f"M{_point(start)} Q{_point(control)} {_point(base)}",
        head=f"M{_point(tip)} L{_point(sides[0])} L{_point(sides[1])} Z",
        width=round(width, 1),
        x=round(x, 1),
        y=round(y, 1),
    )


def _on_curve(start: Point, control: Point, end: Point, part: float) -> Point:
    """The point of a quadratic Bézier curve at a part from 0 to 1."""
    x, y = (
        (1 - part) ** 2 * first + 2 * part * (1 - part) * middle + part**2 * last
        for first, middle, last in zip(start, control, end, strict=True)
    )
    return x, y


def _edge(box: Box, towards: Point, shape: Shape) -> Point:
    """Where the line from a box's middle leaves the box, and the gap around it."""
    dx, dy = towards[0] - box.x, towards[1] - box.y
    reach = min(
        (shape.box_width / 2 + GAP) / abs(dx) if dx else math.inf,
        (shape.box_height / 2 + GAP) / abs(dy) if dy else math.inf,
    )
    return box.x + reach * dx, box.y + reach * dy


def _point(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
