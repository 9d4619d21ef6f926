"""The Bayesian processor (MODEL.md 1) for many choices of the four quality weights at once."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from ..posterior import discount, exclusion, group_name, item_recency
from ..spec import EvidenceItem, EvidenceSettings, ModelDocument

Floats = NDArray[np.float64]

ASPECTS = ("authority", "methodology", "recency", "replication")
_CELLS = 4_000_000
_DIGITS = 12
_LAST = -1.0
"""The sorting key of what does not count: below every weight."""


class WeighedEvidence:
    """All evidence that age and filters let through; which of it is good enough depends on the weights."""

    def __init__(self, document: ModelDocument) -> None:
        self.settings = document.settings.evidence
        self.threshold = max(self.settings.quality_threshold, document.run.evidence_filter.quality_min or 0.0)
        whole = _without_threshold(document)
        sides: dict[tuple[str, int], list[EvidenceItem]] = defaultdict(list)
        for item in sorted(document.evidence, key=lambda item: item.id):
            if exclusion(whole, item) is None:
                sides[item.hypothesis, 1 if item.direction == "A" else -1].append(item)
        self.sides = {key: _Side(document, items) for key, items in sides.items()}

    def shift(self, hypothesis: str, weights: Floats) -> tuple[Floats, Floats]:
        """What evidence adds to the log-odds (nats), and their variance, both [D], under quality weights [D, 4]."""
        shift = np.zeros(len(weights))
        variance = np.full(len(weights), self.settings.model_discrepancy_sd**2)
        for direction in (1, -1):
            side = self.sides.get((hypothesis, direction))
            if side is not None:
                step = max(1, _CELLS // side.strength.size)
                for start in range(0, len(weights), step):
                    part = slice(start, start + step)
                    total, noise = side.discounted(weights[part], self.settings, self.threshold)
                    shift[part] += direction * total
                    variance[part] += noise
        return shift, variance


class _Side:
    """The items of one hypothesis and direction as arrays, ordered by group name and then id."""

    def __init__(self, document: ModelDocument, items: list[EvidenceItem]) -> None:
        items = sorted(items, key=lambda item: (group_name(item), item.id))
        names = [group_name(item) for item in items]
        self.groups = [[i for i, name in enumerate(names) if name == each] for each in dict.fromkeys(names)]
        self.strength = np.array([item.strength for item in items])
        self.scores = np.array(
            [
                (
                    item.quality_scores.authority,
                    item.quality_scores.methodology,
                    item_recency(document, item),
                    item.quality_scores.replication,
                )
                for item in items
            ]
        )

    def discounted(self, weights: Floats, settings: EvidenceSettings, threshold: float) -> tuple[Floats, Floats]:
        """Sum of |weight| x shrink and the noise variance, both [D]."""
        scale = settings.log_bayes_factor_scale * self.strength
        quality = weights @ self.scores.T
        counts = np.round(quality, _DIGITS) >= threshold
        weight = np.where(counts, scale * quality * (1 + settings.replication_bonus * self.scores[:, 3]), 0.0)
        shrink = np.empty_like(weight)
        sums = np.empty((len(weights), len(self.groups)))
        for index, group in enumerate(self.groups):
            shrink[:, group] = _factors(
                np.where(counts[:, group], weight[:, group], _LAST), settings.within_group_correlation
            )
            sums[:, index] = (weight[:, group] * shrink[:, group]).sum(axis=1)
        alive = np.stack([counts[:, group].any(axis=1) for group in self.groups], axis=1)
        between = _factors(np.where(alive, sums, _LAST), settings.between_group_correlation)
        noise = np.where(counts, scale * (1 - quality), 0.0) * shrink
        grouped = np.stack([noise[:, group].sum(axis=1) for group in self.groups], axis=1) * between
        own = sum((noise[:, group] ** 2).sum(axis=1) * between[:, i] ** 2 for i, group in enumerate(self.groups))
        return (sums * between).sum(axis=1), _variance(own, grouped, settings)


def _variance(own: Floats, grouped: Floats, settings: EvidenceSettings) -> Floats:
    """sum_ij C_ij v_i v_j by group sums (MODEL.md 1)."""
    within, between = settings.within_group_correlation, settings.between_group_correlation
    return np.asarray(
        (1 - within) * own + (within - between) * (grouped**2).sum(axis=1) + between * grouped.sum(axis=1) ** 2
    )


def _factors(sizes: Floats, correlation: float) -> Floats:
    """The discount of each column [D, K] by its rank among the row's sizes, the largest first, ties in order."""
    order = np.argsort(-np.round(sizes, _DIGITS), axis=1, kind="stable")
    factors = np.empty_like(sizes)
    np.put_along_axis(factors, order, discount(sizes.shape[1], correlation)[None, :], axis=1)
    return factors


def _without_threshold(document: ModelDocument) -> ModelDocument:
    """The document with evidence of any quality let through."""
    evidence = document.settings.evidence.model_copy(update={"quality_threshold": 0.0})
    chosen = document.run.evidence_filter.model_copy(update={"quality_min": None})
    return document.model_copy(
        update={
            "settings": document.settings.model_copy(update={"evidence": evidence}),
            "run": document.run.model_copy(update={"evidence_filter": chosen}),
        }
    )
