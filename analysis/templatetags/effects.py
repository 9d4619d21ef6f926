"""What items of evidence would do to posteriors, in pages about evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from analysis.effects import posterior_changes
from evidence.models import Evidence

register = template.Library()


@register.inclusion_tag("analysis/parts/posterior_changes.html")
def posterior_table(removed: Iterable[Evidence], added: Iterable[Evidence]) -> dict[str, Any]:
    """A table of the hypotheses concerned: items, P(outcome A) before and after. See `posterior_changes`."""
    return {"changes": posterior_changes(removed=removed, added=added)}
