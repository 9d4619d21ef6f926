"""A4 pages that text, tables and figures flow onto from the top; lengths are in points (1/72 inch)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from analysis.plots import Plot, Table
from analysis.plots.plot import Cell
from analysis.report_pdf.colours import colour

WIDTH, HEIGHT = 595.276, 841.89
MARGIN, FOOT = 56.0, 60.0
INNER = WIDTH - 2 * MARGIN
LEADING = 1.4
INK, MUTED, LINE, ACCENT = (colour(f"var(--{name})") for name in ("ink", "muted", "line", "accent"))

Weight: TypeAlias = Literal["normal", "bold"]
Draw: TypeAlias = Callable[[Figure, Plot, "Box"], None]


class Box(NamedTuple):
    """A rectangle of a page: left, bottom, width, height."""

    left: float
    bottom: float
    width: float
    height: float


class Style(NamedTuple):
    """How text looks."""

    size: float = 9.5
    weight: Weight = "normal"
    colour: str = INK


TITLE, HEADING, FINDING = Style(24, "bold"), Style(15, "bold"), Style(10.5, "bold")
BODY, SMALL, HEAD = Style(), Style(7.5, colour=MUTED), Style(7.5, "bold", MUTED)
CELL, NAME, LINK = Style(8), Style(8, "bold"), Style(8, colour=ACCENT)


@lru_cache(20_000)
def width_of(text: str, size: float, weight: Weight = "normal") -> float:
    """How wide a text is."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size, weight=weight), False)
    return float(width)


def wrapped(text: str, style: Style, width: float) -> list[str]:
    """The text in lines that are no wider; what is too long for a line by itself is cut into several."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if width_of(longer, style.size, style.weight) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, style, width)
        lines += whole
    return [*lines, line]


def _pieces(word: str, style: Style, width: float) -> list[str]:
    """A word in pieces that are no wider."""
    cut = next(n for n in range(len(word), 0, -1) if n == 1 or width_of(word[:n], style.size, style.weight) <= width)
    return [word] if cut == len(word) else [word[:cut], *_pieces(word[cut:], style, width)]


class Sheets:
    """The pages so far, and how far down the last one is filled."""

    def __init__(self, draw: Draw) -> None:
        self.pages: list[Figure] = []
        self._draw = draw
        self._top = 0.0
        self.page_break()

    def page_break(self) -> None:
        """Begin a new page."""
        self.pages.append(Figure(figsize=(WIDTH / 72, HEIGHT / 72), facecolor="white"))
        self._top = HEIGHT - MARGIN

    def space(self, height: float) -> None:
        """Leave room, unless the page begins here."""
        if self._top < HEIGHT - MARGIN:
            self._top -= height

    def room(self, height: float) -> None:
        """Go on to a new page where this one has less room."""
        if self._top - height < FOOT:
            self.page_break()

    def heading(self, text: str, style: Style = HEADING) -> None:
        """A heading, kept with some of what follows."""
        self.room(110)
        self.space(14)
        self.text(text, style, after=8)

    def text(self, text: str, style: Style = BODY, *, after: float = 6, indent: float = 0, url: str = "") -> None:
        """A paragraph."""
        for line in wrapped(text, style, INNER - indent):
            self.room(style.size * LEADING)
            self._line(line, MARGIN + indent, style, url=url)
            self._top -= style.size * LEADING
        self._top -= after

    def item(self, text: str) -> None:
        """A paragraph of a list."""
        self.room(BODY.size * LEADING * 2)
        self._line("•", MARGIN, BODY)
        self.text(text, indent=12, after=4)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and values."""
        for name, value in rows:
            self._line(name, MARGIN, Style(9, colour=MUTED))
            self.text(value, Style(9), indent=120, after=3)

    def plot(self, plot: Plot, height: float) -> None:
        """A figure with its finding, what is plotted, and what it rests on."""
        finding, subtitle = wrapped(plot.finding, FINDING, INNER), wrapped(plot.subtitle, SMALL, INNER)
        words = LEADING * (len(finding) * FINDING.size + (len(subtitle) + 2) * SMALL.size)
        self.room(words + height + 12)
        self.space(10)
        self.text(plot.finding, FINDING, after=2)
        self.text(plot.subtitle, SMALL, after=6)
        self._draw(self.pages[-1], plot, Box(MARGIN, self._top - height, INNER, height))
        self._top -= height + 4
        self.text(plot.source, Style(6.5, colour=MUTED), after=12)

    def table(self, table: Table, shares: Sequence[float], urls: Sequence[str] = ()) -> None:
        """A table; `shares` are the columns' parts of the width, `urls` where the first cells lead."""
        widths = [INNER * share / sum(shares) for share in shares]
        self._head(table, widths)
        for place, row in enumerate(table.cells):
            url = urls[place] if urls else ""
            styles = [LINK if url else NAME, *([CELL] * (len(row) - 1))]
            lines = [
                wrapped(cell.words, style, width - 6) for cell, style, width in zip(row, styles, widths, strict=True)
            ]
            height = max(map(len, lines)) * CELL.size * LEADING + 3
            if self._top - height < FOOT:
                self.page_break()
                self._head(table, widths)
            left = MARGIN
            for cell, found, style, width in zip(row, lines, styles, widths, strict=True):
                self._cell(cell, found, Box(left, 0, width, 0), style, url if left == MARGIN else "")
                left += width
            self._top -= height
            self._rule()
        self._top -= 10

    def _head(self, table: Table, widths: Sequence[float]) -> None:
        titles = [wrapped(column.title, HEAD, width - 6) for column, width in zip(table.columns, widths, strict=True)]
        height = max(map(len, titles)) * HEAD.size * LEADING + 3
        self.room(height + 30)
        left = MARGIN
        for column, found, width in zip(table.columns, titles, widths, strict=True):
            self._cell(Cell(column, None), found, Box(left, 0, width, 0), HEAD, "")
            left += width
        self._top -= height
        self._rule()

    def _cell(self, cell: Cell, lines: Sequence[str], box: Box, style: Style, url: str) -> None:
        top = self._top
        for line in lines:
            if cell.column.numeric:
                self._line(line, box.left + box.width - 6, style, align="right")
            else:
                self._line(line, box.left, style, url=url)
            self._top -= style.size * LEADING
        self._top = top

    def _rule(self) -> None:
        y = (self._top + 1) / HEIGHT
        ends = [MARGIN / WIDTH, 1 - MARGIN / WIDTH]
        self.pages[-1].add_artist(Line2D(ends, [y, y], color=LINE, linewidth=0.5))

    def _line(
        self, text: str, left: float, style: Style, *, align: Literal["left", "right"] = "left", url: str = ""
    ) -> None:
        place = self.pages[-1].text(
            left / WIDTH,
            (self._top - style.size) / HEIGHT,
            text,
            fontsize=style.size,
            fontweight=style.weight,
            color=style.colour,
            ha=align,
            parse_math=False,
        )
        if url:
            place.set_url(url)

    def feet(self, words: str) -> None:
        """The line at the bottom of every page but the first: these words, and which page it is."""
        for number, page in enumerate(self.pages[1:], 2):
            style: dict[str, Any] = {"fontsize": 7, "color": MUTED, "parse_math": False}
            page.text(MARGIN / WIDTH, 34 / HEIGHT, words, **style)
            page.text(1 - MARGIN / WIDTH, 34 / HEIGHT, f"{number} / {len(self.pages)}", ha="right", **style)
