"""How far an item of evidence can be trusted, and how much it weighs by itself."""

from __future__ import annotations

from datetime import date

from aifutures_site.config import get_config
from evidence.choices import Direction

DAYS_PER_YEAR = 365.25


def quality_of(
    *, authority: float, methodology: float, recency: float | None, replication: float, publication_date: date
) -> float:
    """Weighted mean of an item's four quality scores, in [0, 1], with the configured weights and date (MODEL.md 1)."""
    settings = get_config().analysis.evidence
    mean = (
        settings.authority_weight * authority
        + settings.methodology_weight * methodology
        + settings.recency_weight * (recency_of(publication_date) if recency is None else recency)
        + settings.replication_weight * replication
    )
    return min(max(mean, 0.0), 1.0)  # rounding may carry it a hair beyond


def weight_of(*, direction: str, strength: float, quality: float, replication: float) -> float:
    """Weight of evidence in nats before any discount, above 0 for outcome A, as configured (MODEL.md 1)."""
    settings = get_config().analysis.evidence
    size = settings.log_bayes_factor_scale * strength * quality * (1 + settings.replication_bonus * replication)
    return size if direction == Direction.A else -size


def recency_of(publication_date: date) -> float:
    """1 for what was published on the configured date or later, falling to 0 at the configured greatest age."""
    settings = get_config().analysis.evidence
    age = (settings.as_of - publication_date).days / DAYS_PER_YEAR
    return min(max(1 - age / settings.max_age_years, 0.0), 1.0)
