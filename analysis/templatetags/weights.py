"""Weights of evidence in templates."""

from __future__ import annotations

from django import template

from analysis import wording

register = template.Library()

register.filter("bayes_factor", wording.bayes_factor)
register.filter("jeffreys", wording.jeffreys)


@register.filter
def nats(weight: float) -> str:
    """A weight of evidence of either sign: `0.53 nats`."""
    return f"{abs(weight):.2f}{wording.THIN_SPACE}nats"


@register.filter
def share(part: float) -> str:
    """A part of 1 as a length in SVG."""
    return f"{100 * part:.2f}%"
