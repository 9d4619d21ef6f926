"""The Bayesian processor (MODEL.md 1): evidence to posterior log-odds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .spec import EvidenceItem, EvidenceSettings, HypothesisSpec, ModelDocument
from .timeline import logit

DAYS_PER_YEAR = 365.25
_DIGITS = 12
"""Smaller differences are rounding: equal weights rank by id, and a quality at the threshold reaches it."""


class WeighedItem(NamedTuple):
    """An item that counts: its quality, signed weight of evidence (nats) before discounting, noise, and discount."""

    item: EvidenceItem
    quality: float
    weight: float
    noise: float
    shrink: float


@dataclass(frozen=True)
class Posterior:
    """Log-odds of outcome A after the evidence, N(mu, sd), with the items used and those left out and why.

    Where the model gives `posterior_probability`, mu is its log-odds, whatever prior and evidence say.

    `excluded` gives (item id, reason): future, too_old, low_quality or filtered.
    """

    code: str
    prior: float
    mu: float
    sd: float
    used: tuple[WeighedItem, ...]
    excluded: tuple[tuple[str, str], ...]


def posteriors(document: ModelDocument) -> list[Posterior]:
    """The posterior of every hypothesis, in order (MODEL.md 1)."""
    items: dict[str, list[EvidenceItem]] = defaultdict(list)
    for item in document.evidence:
        items[item.hypothesis].append(item)
    return [_posterior(document, hypothesis, items[hypothesis.code]) for hypothesis in document.hypotheses]


def _posterior(document: ModelDocument, hypothesis: HypothesisSpec, items: list[EvidenceItem]) -> Posterior:
    prior = hypothesis.prior_probability
    used: list[WeighedItem] = []
    excluded: list[tuple[str, str]] = []
    for item in items:
        reason = exclusion(document, item)
        if reason is None:
            used.append(_weigh(document, item))
        else:
            excluded.append((item.id, reason))
    mu, sd, weighed = pooled(document, hypothesis, used)
    return Posterior(hypothesis.code, prior, mu, sd, tuple(weighed), tuple(excluded))


def pooled(
    document: ModelDocument, hypothesis: HypothesisSpec, items: Iterable[WeighedItem]
) -> tuple[float, float, list[WeighedItem]]:
    """The posterior's mu and sd (nats) from the items that count, and these with their `shrink`."""
    settings, entries = document.settings.evidence, list(items)
    mu, variance = logit(hypothesis.prior_probability), settings.model_discrepancy_sd**2
    weighed: list[WeighedItem] = []
    for direction in ("A", "B"):
        side = discounted([entry for entry in entries if entry.item.direction == direction], settings)
        mu += sum(entry.weight * entry.shrink for entry in side)
        variance += _noise_variance(side, settings)
        weighed += side
    if hypothesis.posterior_probability is not None:
        mu = logit(hypothesis.posterior_probability)
    return mu, variance**0.5, weighed


def exclusion(document: ModelDocument, item: EvidenceItem) -> str | None:
    """Why the run leaves the item out, or None if it counts."""
    chosen, settings = document.run.evidence_filter, document.settings.evidence
    age = item_age(document, item)
    if age < 0:
        return "future"
    if age > settings.max_age_years:
        return "too_old"
    quality = round(item_quality(document, item), _DIGITS)
    if quality < settings.quality_threshold:
        return "low_quality"
    filtered = (
        (chosen.quality_min is not None and quality < chosen.quality_min)
        or (chosen.sources and item.source not in chosen.sources)
        or (chosen.hypothesis is not None and item.hypothesis != chosen.hypothesis)
    )
    return "filtered" if filtered else None


def item_age(document: ModelDocument, item: EvidenceItem) -> float:
    """Years from publication to the model's `as_of` date; negative in the future."""
    return (document.as_of - item.publication_date).days / DAYS_PER_YEAR


def item_quality(document: ModelDocument, item: EvidenceItem) -> float:
    """The weighted mean of the four scores, in [0, 1]; recency follows from the age unless a curator set it."""
    settings, scores = document.settings.evidence, item.quality_scores
    return (
        settings.authority_weight * scores.authority
        + settings.methodology_weight * scores.methodology
        + settings.recency_weight * item_recency(document, item)
        + settings.replication_weight * scores.replication
    )


def item_recency(document: ModelDocument, item: EvidenceItem) -> float:
    """The recency score that counts: the curator's, or what follows from the age."""
    if item.quality_scores.recency is not None:
        return item.quality_scores.recency
    return min(max(1 - item_age(document, item) / document.settings.evidence.max_age_years, 0.0), 1.0)


def _weigh(document: ModelDocument, item: EvidenceItem) -> WeighedItem:
    settings = document.settings.evidence
    quality = item_quality(document, item)
    scale = settings.log_bayes_factor_scale * item.strength
    bonus = 1 + settings.replication_bonus * item.quality_scores.replication
    sign = 1 if item.direction == "A" else -1
    return WeighedItem(item, quality, sign * scale * quality * bonus, scale * (1 - quality), 1.0)


def discount(count: int, correlation: float) -> NDArray[np.float64]:
    """f_1 ... f_count: how much the k-th strongest of a correlated set counts; sums to Kish's n / (1 + (n - 1) r)."""
    k = np.arange(1, count + 1)
    factors = (1 - correlation) / ((1 + (k - 1) * correlation) * (1 + (k - 2) * correlation))
    factors[:1] = 1.0
    return factors


def discounted(entries: list[WeighedItem], settings: EvidenceSettings) -> list[WeighedItem]:
    """The items of one direction with their `shrink`: within dependency groups, then between groups."""
    inner = []
    for group in _groups(entries).values():
        ranked = sorted(group, key=lambda entry: (-round(abs(entry.weight), _DIGITS), entry.item.id))
        factors = discount(len(ranked), settings.within_group_correlation)
        inner.append([entry._replace(shrink=float(f)) for entry, f in zip(ranked, factors, strict=True)])
    inner.sort(key=lambda group: (-round(_total(group), _DIGITS), group_name(group[0].item)))
    factors = discount(len(inner), settings.between_group_correlation)
    return [
        entry._replace(shrink=entry.shrink * float(f))
        for group, f in zip(inner, factors, strict=True)
        for entry in group
    ]


def _total(group: list[WeighedItem]) -> float:
    return sum(abs(entry.weight) * entry.shrink for entry in group)


def group_name(item: EvidenceItem) -> tuple[str, bool]:
    """An item without a dependency group is a group of its own, apart from any named one."""
    return (item.dependency_group or item.id, not item.dependency_group)


def _groups(entries: list[WeighedItem]) -> dict[tuple[str, bool], list[WeighedItem]]:
    groups: dict[tuple[str, bool], list[WeighedItem]] = defaultdict(list)
    for entry in entries:
        groups[group_name(entry.item)].append(entry)
    return groups


def _noise_variance(entries: list[WeighedItem], settings: EvidenceSettings) -> float:
    """sum_ij C_ij v_i v_j with C = 1, rho_within (same group) or rho_between (else), in O(items) by group sums."""
    within, between = settings.within_group_correlation, settings.between_group_correlation
    noises = [np.array([entry.noise * entry.shrink for entry in group]) for group in _groups(entries).values()]
    own = sum(float(v @ v) for v in noises)
    grouped = sum(float(v.sum()) ** 2 for v in noises)
    overall = sum(float(v.sum()) for v in noises) ** 2
    return (1 - within) * own + (within - between) * grouped + between * overall
