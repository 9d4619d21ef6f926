"""A figure with the words and the table that make it readable without seeing it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from analysis import wording

UNIT = f"{wording.THIN_SPACE}%"
"""`ticksuffix` of an axis of probabilities, whose values are in percent."""

Value: TypeAlias = str | float | int | bool | None
Kind: TypeAlias = Literal["text", "percent", "points", "number", "whole", "plain"]
"""How a column's values are written: as text; a probability in percent; a difference of probabilities in percentage
points; to three significant digits; a whole number with separators; as it is (years)."""


def literal(text: str) -> str:
    """What somebody wrote, as a figure shows it letter by letter: Plotly reads tags, entities and `%{...}` in texts."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        """Whether the column stands to the right and sorts by number."""
        return self.kind != "text"

    def words(self, value: Value) -> str:
        """A value as people read it; nothing for None."""
        match self.kind, value:
            case _, None:
                return ""
            case "percent", float() | int():
                return wording.percent(value)
            case "points", float() | int():
                return wording.points(value)
            case "number", float() | int():
                return f"{value:.3g}"
            case "whole", float() | int():
                return f"{value:,.0f}"
            case _:
                return str(value)


@dataclass(frozen=True)
class Cell:
    """A value of a table, and how it is written."""

    column: Column
    value: Value

    @property
    def words(self) -> str:
        """The value as people read it."""
        return self.column.words(self.value)


@dataclass(frozen=True)
class Table:
    """Columns and rows of bare values, the first of each row its name. What is shown is written as the column says."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows as cells. Raises ValueError for a row that is longer or shorter than the columns are."""
        return [[Cell(*pair) for pair in zip(self.columns, row, strict=True)] for row in self.rows]


@dataclass(frozen=True)
class Plot:
    """What a page's figure says, shows and rests on. The template tag `plot` makes the figure of it."""

    key: str
    """The figure's id in the page, and the name of files made of it: lower case, words joined by hyphens."""
    finding: str
    """What the figure shows, as a sentence without a full stop: its title, and all of it for who cannot see it."""
    subtitle: str
    """What is plotted, and its unit."""
    source: str
    """Run, date and hash, as in `run_source`."""
    figure: dict[str, Any]
    """Plotly's `data` and `layout`, colours as in `colours`; in `phone`, what the layout has else on a phone."""
    table: Table
    """The same numbers to read."""
    years: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """What the figure shows in each year, in a few words each: a slider goes through them."""
    method: str = ""
    """The section of the method page that explains it (its anchor)."""
    size: Literal["small", "medium", "large", "tall"] = "medium"
    """Height: 240, 360, 480 or 1200 pixels; on a phone 240, 320, 480 or 1200."""
    level: int = field(default=2)
    """Of the title among the page's headings."""
