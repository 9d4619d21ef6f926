"""Historical robustness: whether later evidence moved the result the way the earlier one foresaw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from ..posterior import posteriors
from ..spec import ModelDocument

MINIMUM_SHARE = 0.05
"""Of the weight of evidence that lies on either side of a cut."""
MOST_CUTS = 6
MOVED = 0.02
"""A probability that changes by less has hardly moved."""

Verdict = Literal["same_way", "reversed", "hardly_moved", "nothing_foreseen"]
VERDICTS: Mapping[Verdict, str] = {
    "same_way": "moved on the same way",
    "reversed": "moved the other way",
    "hardly_moved": "hardly moved",
    "nothing_foreseen": "moved, and the earlier evidence had pointed nowhere",
}


def cut_dates(base: ModelDocument) -> list[date]:
    """Ends of years that part the evidence, at most six, evenly chosen; none where it is all of one time.

    At least 5 % of the weight of evidence (the sum of |weight| shrink, MODEL.md 1) lies before, and after. The last day
    of a year is taken, not the first of the next: sources that name only a year are dated to its first day.
    """
    weights = [
        (entry.item.publication_date, abs(entry.weight * entry.shrink))
        for belief in posteriors(base)
        for entry in belief.used
    ]
    total = sum(weight for _, weight in weights)
    dates = []
    for year in sorted({published.year for published, _ in weights}):
        before = sum(weight for published, weight in weights if published.year <= year)
        if MINIMUM_SHARE * total <= before <= (1 - MINIMUM_SHARE) * total:
            dates.append(date(year, 12, 31))
    step = -(-len(dates) // MOST_CUTS)
    return dates[:: max(step, 1)]


def verdict(prior: float, early: float, full: float) -> Verdict:
    """What the later evidence did to a probability that the earlier one had moved from `prior` to `early`.

    Only changes of at least 2 points (0.02) count, of the earlier and of the later evidence.
    """
    foreseen, later = early - prior, full - early
    if abs(later) < MOVED:
        return "hardly_moved"
    if abs(foreseen) < MOVED:
        return "nothing_foreseen"
    return "same_way" if (foreseen > 0) == (later > 0) else "reversed"


def compared(prior: Mapping[str, float], early: Mapping[str, float], full: Mapping[str, float]) -> dict[str, Any]:
    """Per hypothesis the probability of A without evidence, with the early and with all of it, and what happened."""
    return {
        code: {
            "prior": prior[code],
            "early": early[code],
            "full": full[code],
            "verdict": verdict(prior[code], early[code], full[code]),
        }
        for code in full
    }
