"""Figures in templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from aifutures_site.config import get_config
from analysis.plots import Plot, Table
from analysis.plots.plot import Cell
from analysis.wording import THIN_SPACE

register = template.Library()


@register.filter
def unbroken(text: str) -> str:
    """The text with numbers and their percent signs on one line."""
    return re.sub(r"(?<=\d) (?=%)", THIN_SPACE, text)


@register.inclusion_tag("analysis/parts/plot.html")
def plot(plot: Plot) -> dict[str, Any]:
    """The figure with its words, its table and what one can take away. The page has to have `plot_assets`."""
    return {
        "plot": plot,
        "figure": {**plot.figure, "years": plot.years} if plot.years else plot.figure,
        "years": list(plot.years.items()),
        "dpi": get_config().output.visualization_dpi,
        "method": _method(plot.method),
    }


@register.inclusion_tag("analysis/parts/table.html")
def table(table: Table, caption: str = "") -> dict[str, Any]:
    """A sortable table; `caption` says what it holds."""
    return {"table": table, "caption": caption}


@register.filter
def rows(table: Table) -> SafeString:
    """The rows in HTML. A template would take ten times as long, and some tables have thousands of cells."""
    return format_html_join("\n", "<tr>{}{}</tr>", ((_name(cells[0]), _values(cells[1:])) for cells in table.cells))


def _name(cell: Cell) -> SafeString:
    return format_html('<th scope="row"{}</th>', _written(cell))


def _values(cells: Sequence[Cell]) -> SafeString:
    written = ((cell.column.title, _written(cell)) for cell in cells)
    return format_html_join("", '<td data-label="{}"{}</td>', written)


def _written(cell: Cell) -> SafeString:
    """The end of the opening tag, and what the cell holds."""
    if not cell.column.numeric:
        return format_html(">{}", cell.words)
    bare = "" if cell.value is None else cell.value
    return format_html(' class="number"><data value="{}">{}</data>', bare, cell.words)


@register.inclusion_tag("analysis/parts/plot_assets.html")
def plot_assets() -> dict[str, Any]:
    """The scripts and styles that figures and sortable tables need, for the block `head`."""
    return {}


def _method(anchor: str) -> str:
    return f"{reverse('method')}#{anchor}" if anchor else ""
