"""The variants of a model: the same document with one decision taken otherwise.

They are arranged in the five dimensions of the published study's robustness analysis. A posterior that the model gives
itself (`posterior_probability`) is no variant's business: it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any, Literal, NamedTuple, get_args

from ..overrides import with_overrides
from ..posterior import exclusion, item_recency
from ..spec import CausalModel, EvidenceItem, ModelDocument, QualityScores, parse_model
from .history import cut_dates

Dimension = Literal["methodological", "parameter", "structural", "historical", "extreme"]

DIMENSIONS: Mapping[Dimension, str] = {
    "methodological": "How evidence is chosen and weighed",
    "parameter": "The numbers that curators set",
    "structural": "How hypotheses depend on each other",
    "historical": "What was published by an earlier date",
    "extreme": "Assumptions that nobody holds: how far the result can be pushed",
}
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6)
MULTIPLIERS = (0.5, 1.0, 1.5)
NO_EVIDENCE = "no_evidence"
_LIMITS = {"log_bayes_factor_scale": 20.0, "model_discrepancy_sd": 10.0, "strength_cv": 1.0, "midpoint_sd": 20.0}
"""The largest values that a model document may have (MODEL.md 8)."""


class Variant(NamedTuple):
    """One decision taken otherwise: its `title`, the `change` in words, and the document; None names the `obstacle`."""

    key: str
    dimension: Dimension
    title: str
    change: str
    document: ModelDocument | None
    obstacle: str = ""


def variants(base: ModelDocument, published_priors: Mapping[str, float] | None) -> list[Variant]:
    """All variants of the base, dimension by dimension; those that take its own decision are there, too.

    Raises ModelError for a published prior that is no probability.
    """
    used = used_items(base)
    return [
        *_methodological(base, used),
        *_parameter(base, published_priors),
        *_structural(base),
        *_historical(base, used),
        *_extreme(base, used),
    ]


def used_items(document: ModelDocument) -> list[EvidenceItem]:
    """The items that count (MODEL.md 1)."""
    return [item for item in document.evidence if exclusion(document, item) is None]


def with_settings(base: ModelDocument, section: Literal["evidence", "causal_network"], **values: Any) -> ModelDocument:
    """The same model with other settings."""
    data = base.to_json()
    data["settings"][section] |= values
    return parse_model(data)


def with_evidence(base: ModelDocument, items: Iterable[EvidenceItem]) -> ModelDocument:
    """The same model with these of the items that count for it, so that it need not choose sources any more."""
    data = base.to_json()
    data["evidence"] = [item.model_dump(mode="json") for item in items]
    data["run"]["evidence_filter"]["sources"] = []
    return parse_model(data)


def _methodological(base: ModelDocument, used: list[EvidenceItem]) -> Iterator[Variant]:
    """Other rules of the evidence: all items alike, and without each type of source (is one type the result?)."""
    yield Variant(
        "equal_weights",
        "methodological",
        "Equal evidence weights",
        "every item has the mean strength and scores",
        _equal_weights(base, used),
    )
    for kind in sorted({item.source_type or "" for item in used}):
        kept = [item for item in used if (item.source_type or "") != kind]
        yield Variant(
            f"without:{kind}",
            "methodological",
            f"Without the source type {kind.replace('_', ' ')}" if kind else "Without sources of no type",
            f"{len(used) - len(kept)} of {len(used)} items left out",
            with_evidence(base, kept),
        )


def _equal_weights(base: ModelDocument, used: list[EvidenceItem]) -> ModelDocument:
    """Every item weighs the same but for its direction; discounts of dependent items stay (MODEL.md 1)."""
    if not used:
        return base
    scores = QualityScores(
        authority=fmean(item.quality_scores.authority for item in used),
        methodology=fmean(item.quality_scores.methodology for item in used),
        recency=fmean(item_recency(base, item) for item in used),
        replication=fmean(item.quality_scores.replication for item in used),
    )
    alike = {"strength": fmean(item.strength for item in used), "quality_scores": scores}
    return with_evidence(base, (item.model_copy(update=alike) for item in used))


def _parameter(base: ModelDocument, published_priors: Mapping[str, float] | None) -> Iterator[Variant]:
    """Other numbers: quality thresholds, strength multipliers, priors."""
    for threshold in THRESHOLDS:
        document = with_settings(base, "evidence", quality_threshold=threshold)
        yield Variant(
            f"quality_threshold:{threshold:g}",
            "parameter",
            f"Quality threshold {threshold:g}",
            f"{len(used_items(document))} of {len(base.evidence)} items count",
            document,
        )
    for multiplier in MULTIPLIERS:
        yield Variant(
            f"strength_multiplier:{multiplier:g}",
            "parameter",
            f"Strength multiplier {multiplier:g}",
            f"every influence counts {multiplier:g} times",
            with_settings(base, "causal_network", strength_multiplier=multiplier),
        )
    even = dict.fromkeys(base.codes, 0.5)
    yield Variant("priors:even", "parameter", "Even priors", "every prior is 0.5", _with_priors(base, even))
    yield Variant("priors:given", "parameter", "Priors as given", "the model's own priors", base)
    if published_priors is not None:
        yield _published(base, published_priors)


def _free(base: ModelDocument) -> list[str]:
    """The hypotheses whose priors count: the model does not give their posterior itself."""
    return [hypothesis.code for hypothesis in base.hypotheses if hypothesis.posterior_probability is None]


def _with_priors(base: ModelDocument, priors: Mapping[str, float]) -> ModelDocument:
    return with_overrides(base, {"priors": {code: priors[code] for code in _free(base)}})


def _published(base: ModelDocument, priors: Mapping[str, float]) -> Variant:
    """The study's posteriors as priors, without evidence: it has gone into them already (MODEL.md 1)."""
    free = _free(base)
    missing = [code for code in free if code not in priors]
    obstacle = ""
    if not free:
        obstacle = "the model gives every posterior itself, and no prior counts"
    elif missing:
        obstacle = f"the published study has no prior for {', '.join(missing)}"
    return Variant(
        "priors:published",
        "parameter",
        "The published study's priors",
        "the published study's posteriors as priors, and no evidence, which would count twice",
        None if obstacle else _with_priors(with_evidence(base, ()), priors),
        obstacle,
    )


def _structural(base: ModelDocument) -> Iterator[Variant]:
    """Other forms of dependence (MODEL.md 3)."""
    for model in get_args(CausalModel):
        yield Variant(
            f"causal_model:{model}",
            "structural",
            f"Causal model {model.replace('_', ' ')}",
            f"the joint is that of the {model.replace('_', ' ')} model",
            with_settings(base, "causal_network", model=model),
        )
    for centred in (True, False):
        yield Variant(
            f"centring:{'on' if centred else 'off'}",
            "structural",
            f"Influences {'' if centred else 'not '}centred",
            "the marginals stay where the evidence put them" if centred else "influences move the marginals",
            with_settings(base, "causal_network", center_influences=centred),
        )


def _historical(base: ModelDocument, used: list[EvidenceItem]) -> Iterator[Variant]:
    """What the model would have said of the evidence up to a date, judged as of the same day as now."""
    for cut in cut_dates(base):
        early = [item for item in used if item.publication_date <= cut]
        yield Variant(
            f"published_by:{cut.isoformat()}",
            "historical",
            f"Evidence published by {cut.isoformat()}",
            f"{len(early)} of {len(used)} items count",
            with_evidence(base, early),
        )


def _extreme(base: ModelDocument, used: list[EvidenceItem]) -> Iterator[Variant]:
    """The ends of what could be assumed, each of one part of the model.

    The evidence: none (the starting point of all that is concluded), one side of it only (the most that reading with
    prejudice could do), every source as if no other had said the same (the sharpest reading). The network: none, and
    twice as strong. The uncertainty: twice as much of everything that the model draws beside the evidence's own.
    """
    causal, settings = base.settings.causal_network, base.settings.evidence
    yield Variant(NO_EVIDENCE, "extreme", "No evidence", "the priors alone", with_evidence(base, ()))
    for outcome in ("A", "B"):
        kept = [item for item in used if item.direction == outcome]
        yield Variant(
            f"evidence_for:{outcome}",
            "extreme",
            f"Only the evidence for outcome {outcome}",
            f"{len(kept)} of {len(used)} items count",
            with_evidence(base, kept),
        )
    yield Variant(
        "independent_sources",
        "extreme",
        "No source repeats another",
        "the correlations within and between dependency groups are 0",
        with_settings(base, "evidence", within_group_correlation=0.0, between_group_correlation=0.0),
    )
    yield Variant(
        "no_influences",
        "extreme",
        "No influences",
        "the strength multiplier is 0",
        with_settings(base, "causal_network", strength_multiplier=0.0),
    )
    doubled = min(2 * causal.strength_multiplier, 10.0)
    yield Variant(
        "influences_doubled",
        "extreme",
        "Influences doubled",
        f"the strength multiplier is {doubled:g} instead of {causal.strength_multiplier:g}",
        with_settings(base, "causal_network", strength_multiplier=doubled),
    )
    yield Variant(
        "uncertainty_doubled",
        "extreme",
        "Model uncertainty doubled",
        f"model discrepancy {_doubled(settings.model_discrepancy_sd, 'model_discrepancy_sd'):g} nats instead of "
        f"{settings.model_discrepancy_sd:g}, spread of strengths and of midpoints twice as wide",
        _uncertainty_doubled(base),
    )


def _doubled(value: float, name: str) -> float:
    return min(2 * value, _LIMITS[name])


def _uncertainty_doubled(base: ModelDocument) -> ModelDocument:
    data = base.to_json()
    parts = {
        "model_discrepancy_sd": [data["settings"]["evidence"]],
        "strength_cv": [data["settings"]["causal_network"]],
    }
    parts["midpoint_sd"] = data["hypotheses"]
    for name, holders in parts.items():
        for holder in holders:
            holder[name] = _doubled(holder[name], name)
    return parse_model(data)
