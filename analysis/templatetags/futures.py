"""Scenarios and their clusters in templates."""

from __future__ import annotations

from django import template

from analysis import wording
from analysis.plots import cluster_colour

register = template.Library()


@register.filter
def token(stored: str) -> str:
    """A cluster's stored colour as the page's own colour; a scenario of no cluster has none."""
    return cluster_colour(stored) if stored else ""


@register.filter
def digits(probability: float) -> str:
    """A probability in percent without its unit, for maps that say it elsewhere."""
    return wording.percent(probability).removesuffix(f"{wording.THIN_SPACE}%")
