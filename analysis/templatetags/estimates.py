"""Probabilities and their intervals in templates."""

from __future__ import annotations

from typing import Any

from django import template

from analysis import wording
from analysis.reports import Estimate

register = template.Library()

register.filter("percent", wording.percent)
register.filter("likelihood", wording.likelihood)


@register.filter
def interval(estimate: Estimate) -> str:
    """The 90 % interval in words: `1.2–19 %`."""
    return wording.percent_range(estimate.low, estimate.high)


@register.inclusion_tag("analysis/parts/whisker.html")
def whisker(estimate: Estimate, scale: float = 1.0, colour: str = "") -> dict[str, Any]:
    """A dot at the mean on a line from end to end of the interval; `scale` is the probability at the right edge."""
    low, mean, high = (f"{100 * value / scale:.2f}%" for value in (estimate.low, estimate.mean, estimate.high))
    return {"low": low, "mean": mean, "high": high, "colour": colour or "currentColor"}
