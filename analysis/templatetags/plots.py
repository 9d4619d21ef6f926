"""Figures in templates."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse

from aifutures_site.config import get_config
from analysis.plots import Plot, Table
from analysis.wording import THIN_SPACE

register = template.Library()


@register.filter
def unbroken(text: str) -> str:
    """The text with numbers and their percent signs on one line."""
    return re.sub(r"(?<=\d) (?=%)", THIN_SPACE, text)


@register.inclusion_tag("analysis/parts/plot.html")
def plot(plot: Plot) -> dict[str, Any]:
    """The figure with its words, its table and what one can take away. The page has to have `plot_assets`."""
    return {"plot": plot, "dpi": get_config().output.visualization_dpi, "method": _method(plot.method)}


@register.inclusion_tag("analysis/parts/table.html")
def table(table: Table, caption: str = "") -> dict[str, Any]:
    """A sortable table; `caption` says what it holds."""
    return {"table": table, "caption": caption}


@register.inclusion_tag("analysis/parts/plot_assets.html")
def plot_assets() -> dict[str, Any]:
    """The scripts and styles that figures and sortable tables need, for the block `head`."""
    return {}


def _method(anchor: str) -> str:
    try:
        return f"{reverse('method')}#{anchor}" if anchor else ""
    except NoReverseMatch:
        return ""
