"""Probabilities and their intervals in templates."""

from __future__ import annotations

from typing import Any

from django import template

from analysis import wording
from analysis.reports import Estimate, HypothesisRow

register = template.Library()

register.filter("percent", wording.percent)
register.filter("likelihood", wording.likelihood)
register.filter("points", wording.points)
register.filter("error", wording.error)
register.filter("precision", wording.precision)
register.filter("duration", wording.duration)


@register.filter
def interval(estimate: Estimate) -> str:
    """The 90 % interval in words: `1.2–19 %`."""
    return wording.percent_range(estimate.low, estimate.high)


@register.inclusion_tag("analysis/parts/whisker.html")
def whisker(estimate: Estimate, scale: float = 1.0, colour: str = "") -> dict[str, Any]:
    """A dot at the mean on a line from end to end of the interval; `scale` is the probability at the right edge."""
    low, mean, high = (f"{100 * value / scale:.2f}%" for value in (estimate.low, estimate.mean, estimate.high))
    return {"low": low, "mean": mean, "high": high, "colour": colour or "currentColor"}


@register.inclusion_tag("analysis/parts/balance.html")
def balance(row: HypothesisRow) -> dict[str, Any]:
    """The two outcomes of a question as one bar, with the interval of the border between them."""
    found = row.estimate
    low, mean, high, rest = (f"{100 * each:.2f}%" for each in (found.low, found.mean, found.high, 1 - found.mean))
    return {"row": row, "low": low, "mean": mean, "high": high, "rest": rest}
