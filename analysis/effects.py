"""What items of evidence would do to the posteriors of their hypotheses: the engine's processor, no simulation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from analysis.engine.posterior import Posterior, WeighedItem, group_name, posteriors
from analysis.services.model_documents import supposed_document_build
from analysis.wording import percent, percent_range
from evidence.models import Evidence, Hypothesis

_Z90 = 1.6448536269514722
"""The 95 % quantile of the standard normal: half of a 90 % interval."""

_HARDLY = 0.005
"""Smaller changes, in percentage points, would show as zero."""


class PosteriorChange(NamedTuple):
    """A hypothesis, how many of the items given bear on it, and its posterior without and with what is done to them."""

    hypothesis: Hypothesis
    items: int
    before: Posterior
    after: Posterior

    @property
    def points(self) -> float:
        """By how many percentage points P(outcome A), at the median, moves."""
        return 100 * (_probability(self.after.mu) - _probability(self.before.mu))

    @property
    def words(self) -> str:
        """That change in words."""
        return "none" if abs(self.points) < _HARDLY else f"{self.points:+.2f} points"

    @property
    def before_words(self) -> str:
        """P(outcome A) as it is, with its 90 % interval."""
        return _words(self.before)

    @property
    def after_words(self) -> str:
        """P(outcome A) as it would be, with its 90 % interval."""
        return _words(self.after)


class ItemEffect(NamedTuple):
    """How an item would count: `entry` is None where analyses would leave it out, for the reason `excluded`.

    `members` items of its side share its dependency group, itself among them; its side has `groups` groups.
    """

    entry: WeighedItem | None
    excluded: str
    members: int
    groups: int
    changes: list[PosteriorChange]


def posterior_changes(*, removed: Iterable[Evidence], added: Iterable[Evidence]) -> list[PosteriorChange]:
    """The posteriors that move when items no longer count, as they are, and others do, as given; by hypothesis.

    An item that is changed is among both. Posteriors are those of the hypotheses by themselves, before the causal
    network. Raises ModelError for items that make no valid model.
    """
    gone, new = list(removed), list(added)
    concerned = {row.hypothesis_id: row.hypothesis for row in (*gone, *new)}
    counted = {pk: {row.public_id for row in (*gone, *new) if row.hypothesis_id == pk} for pk in concerned}
    now = list(Evidence.objects.approved().filter(hypothesis__in=concerned).select_related("source", "hypothesis"))
    out = {row.pk for row in gone}
    before = _posteriors(now)
    after = _posteriors([*(row for row in now if row.pk not in out), *new])
    return [
        PosteriorChange(row, len(counted[row.pk]), before[row.code], after[row.code])
        for row in sorted(concerned.values(), key=lambda row: row.order)
    ]


def item_effect(*, stored: Evidence | None, draft: Evidence) -> ItemEffect:
    """What an item that is `stored`, or new, would do if it counted as the draft says. Raises ModelError."""
    changes = posterior_changes(removed=[stored] if stored else [], added=[draft])
    after = next(change.after for change in changes if change.hypothesis == draft.hypothesis)
    entry = next((used for used in after.used if used.item.id == draft.public_id), None)
    if entry is None:
        return ItemEffect(None, dict(after.excluded)[draft.public_id], 0, 0, changes)
    side = [group_name(used.item) for used in after.used if used.item.direction == draft.direction]
    return ItemEffect(entry, "", side.count(group_name(entry.item)), len(set(side)), changes)


def _posteriors(rows: list[Evidence]) -> dict[str, Posterior]:
    return {found.code: found for found in posteriors(supposed_document_build(evidence=rows))}


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _words(posterior: Posterior) -> str:
    low, high = (_probability(posterior.mu + sign * _Z90 * posterior.sd) for sign in (-1, 1))
    return f"{percent(_probability(posterior.mu))} ({percent_range(low, high)})"
