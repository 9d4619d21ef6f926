"""What the approved evidence says, as it stands now: for each hypothesis, and for each item (MODEL.md 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from analysis.engine.posterior import (
    Posterior,
    WeighedItem,
    discount,
    group_name,
    item_age,
    item_recency,
    pooled,
    posteriors,
)
from analysis.engine.spec import EvidenceItem, EvidenceSettings, HypothesisSpec, ModelDocument
from analysis.reports import Estimate
from analysis.services.model_documents import model_document_build, supposed_document_build
from evidence.choices import EvidenceStatus
from evidence.models import Evidence

_Z90 = 1.6448536269514722
"""The 95 % quantile of the standard normal: half of a 90 % interval."""

LEFT_OUT = {
    "future": "published after the date of the analysis",
    "too_old": "too old to count",
    "low_quality": "below the least quality that counts",
    "filtered": "left out by a filter",
}
"""Why an item does not count, by the engine's word for it."""


@dataclass(frozen=True)
class Balance:
    """The weights of evidence about a hypothesis for either outcome, in nats after discounts, both 0 or more."""

    question: HypothesisSpec
    for_a: float
    for_b: float
    items_a: int
    items_b: int
    left_out: int

    @property
    def net(self) -> float:
        """In nats, above 0 for outcome A."""
        return self.for_a - self.for_b

    @property
    def items(self) -> int:
        """How many count."""
        return self.items_a + self.items_b

    @property
    def leaning(self) -> str:
        """The outcome that the evidence speaks for, all in all."""
        return self.question.outcome_a if self.net >= 0 else self.question.outcome_b


@dataclass(frozen=True)
class Weights:
    """What all approved items say: the balances in the order of the hypotheses."""

    balances: list[Balance]
    counted: Mapping[str, float]
    """By the id of an item, its weight in nats after discounts, above 0 for outcome A."""
    left_out: Mapping[str, str]
    """By the id of an item that does not count, the reason."""


class Term(NamedTuple):
    """A score of an item's quality, and its share in it. Both in [0, 1]."""

    name: str
    score: float
    share: float

    @property
    def part(self) -> float:
        """What it adds to the quality."""
        return self.share * self.score


class Discount(NamedTuple):
    """How much the `rank`-th strongest of `size` counts, where each two correlate by `correlation`."""

    rank: int
    size: int
    correlation: float

    @property
    def factor(self) -> float:
        """In (0, 1], 1 for the strongest."""
        return float(discount(self.rank, self.correlation)[-1])


@dataclass(frozen=True)
class Standing:
    """How an item counts, or would count if it were approved.

    `entry` is None where analyses leave it out, for the reason `left_out`. Within its dependency group, and its group
    among the groups that speak for the same outcome, it is discounted. `before` and `after` are the probability of
    outcome A without and with it, of its hypothesis by itself: median and 90 % interval.
    """

    question: HypothesisSpec
    settings: EvidenceSettings
    terms: list[Term]
    age: float
    recency_is_set: bool
    entry: WeighedItem | None
    left_out: str
    within: Discount | None
    between: Discount | None
    before: Estimate
    after: Estimate

    @property
    def quality(self) -> float:
        """The sum of the terms."""
        return sum(term.part for term in self.terms)

    @property
    def bonus(self) -> float:
        """By what replication multiplies the weight."""
        return 1 + self.settings.replication_bonus * self.terms[-1].score

    @property
    def counts(self) -> float:
        """The weight after discounts, in nats and above 0 for outcome A; 0 for what is left out."""
        return self.entry.weight * self.entry.shrink if self.entry else 0.0

    @property
    def moves(self) -> float:
        """By how much it moves that probability, at the median."""
        return self.after.mean - self.before.mean


def evidence_weights() -> Weights:
    """What all approved items say. Raises ModelError where they make no valid model."""
    document = model_document_build()
    found = posteriors(document)
    return Weights(
        balances=[_balance(question, each) for question, each in zip(document.hypotheses, found, strict=True)],
        counted={entry.item.id: entry.weight * entry.shrink for each in found for entry in each.used},
        left_out={item: LEFT_OUT[reason] for each in found for item, reason in each.excluded},
    )


def evidence_standing(*, item: Evidence) -> Standing:
    """How an item counts among the approved ones of its hypothesis. Raises ModelError."""
    rows = Evidence.objects.approved().filter(hypothesis=item.hypothesis).select_related("source", "hypothesis")
    approved = item.status == EvidenceStatus.APPROVED
    document = supposed_document_build(evidence=[*rows] if approved else [*rows, item])
    place = document.codes.index(item.hypothesis.code)
    question, found = document.hypotheses[place], posteriors(document)[place]
    spec = next(each for each in document.evidence if each.id == item.public_id)
    others = [entry for entry in found.used if entry.item is not spec]
    mu, sd, _ = pooled(document, question, others)
    entry = next((entry for entry in found.used if entry.item is spec), None)
    within, between = _discounts(document, found, entry) if entry else (None, None)
    return Standing(
        question=question,
        settings=document.settings.evidence,
        terms=_terms(document, spec),
        age=item_age(document, spec),
        recency_is_set=spec.quality_scores.recency is not None,
        entry=entry,
        left_out=LEFT_OUT.get(dict(found.excluded).get(spec.id, ""), ""),
        within=within,
        between=between,
        before=_probability(mu, sd),
        after=_probability(found.mu, found.sd),
    )


def _balance(question: HypothesisSpec, found: Posterior) -> Balance:
    sides = {
        letter: [abs(entry.weight) * entry.shrink for entry in found.used if entry.item.direction == letter]
        for letter in "AB"
    }
    return Balance(
        question=question,
        for_a=sum(sides["A"]),
        for_b=sum(sides["B"]),
        items_a=len(sides["A"]),
        items_b=len(sides["B"]),
        left_out=len(found.excluded),
    )


def _terms(document: ModelDocument, item: EvidenceItem) -> list[Term]:
    settings, scores = document.settings.evidence, item.quality_scores
    return [
        Term("Authority", scores.authority, settings.authority_weight),
        Term("Methodology", scores.methodology, settings.methodology_weight),
        Term("Recency", item_recency(document, item), settings.recency_weight),
        Term("Replication", scores.replication, settings.replication_weight),
    ]


def _discounts(document: ModelDocument, found: Posterior, entry: WeighedItem) -> tuple[Discount, Discount]:
    """Its rank in its group, and its group's among the groups: the engine gives a side's items in this order."""
    settings = document.settings.evidence
    side = [each for each in found.used if each.item.direction == entry.item.direction]
    groups = list(dict.fromkeys(group_name(each.item) for each in side))
    own = group_name(entry.item)
    members = [each for each in side if group_name(each.item) == own]
    return (
        Discount(members.index(entry) + 1, len(members), settings.within_group_correlation),
        Discount(groups.index(own) + 1, len(groups), settings.between_group_correlation),
    )


def _probability(mu: float, sd: float) -> Estimate:
    mean, low, high = (1 / (1 + math.exp(-(mu + shift * sd))) for shift in (0.0, -_Z90, _Z90))
    return Estimate(mean, low, high)
