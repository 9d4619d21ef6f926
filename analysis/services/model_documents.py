"""From the database and the configuration to the one document that enters the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypedDict, Unpack

from django.db.models import TextChoices

from aifutures_site.config import get_config
from analysis.constants import BASE_YEAR, END_YEAR
from analysis.engine.spec import SCHEMA, ModelDocument, parse_model
from analysis.models import Influence, ScenarioCluster
from evidence.models import Evidence, Hypothesis

PUBLISHED_STUDY = Path(__file__).parents[1] / "seeds" / "published_study.json"


class NamedModel(TextChoices):
    """The models that can be asked for by name (MODEL.md 1). Never both at once: evidence would count twice."""

    BASELINE = "baseline", "Even priors and the approved evidence"
    PUBLISHED = "published", "The published study's posteriors as priors, no evidence"


class RunChoices(TypedDict, total=False):
    """What one run may choose; whatever is left out or None is taken from the configuration.

    `iterations` Monte Carlo iterations; `target_year` a calendar year, by default the last; `hypotheses` the codes to
    report, by default all; `interventions` and `observations` as {hypothesis, outcome, from_year}; `evidence_filter`
    any of {quality_min, sources, hypothesis}.
    """

    iterations: int | None
    seed: int | None
    sampler: str | None
    dtype: str | None
    target_year: int | None
    stop_when_converged: bool
    hypotheses: Sequence[str] | None
    interventions: Sequence[Mapping[str, Any]]
    observations: Sequence[Mapping[str, Any]]
    evidence_filter: Mapping[str, Any] | None


def model_document_build(
    *,
    model: NamedModel | str = NamedModel.BASELINE,
    name: str = "",
    causal_model: str | None = None,
    **choices: Unpack[RunChoices],
) -> ModelDocument:
    """The model document of a run: a named model with the run's choices.

    `baseline` is read from the database, with the hypotheses in order and the evidence by hypothesis and id, so that
    the same data give the same `input_hash`. `causal_model` replaces the configured `settings.causal_network.model`.
    Raises ModelError, naming the path, for choices or data that make no valid document.
    """
    published = NamedModel(model) is NamedModel.PUBLISHED
    data = published_study().to_json() if published else _baseline(_approved_evidence())
    if causal_model is not None:
        data["settings"]["causal_network"]["model"] = causal_model
    return parse_model({**data, "name": name or data["name"], "run": _run(choices)})


def supposed_document_build(*, evidence: Iterable[Evidence]) -> ModelDocument:
    """The baseline as if these items, whatever their state, were its evidence. Raises ModelError."""
    return parse_model({**_baseline(evidence), "run": _run({})})


@cache
def published_study() -> ModelDocument:
    """The study that this system reproduces, as it was published."""
    return parse_model(PUBLISHED_STUDY.read_bytes())


def _baseline(evidence: Iterable[Evidence]) -> dict[str, Any]:
    analysis = get_config().analysis
    return {
        "schema": SCHEMA,
        "name": "Baseline: even priors and the approved evidence",
        "as_of": analysis.evidence.as_of.isoformat(),
        "base_year": BASE_YEAR,
        "end_year": END_YEAR,
        "hypotheses": [_hypothesis(row) for row in Hypothesis.objects.all()],
        "evidence": [_item(row) for row in evidence],
        "influences": [_influence(row) for row in Influence.objects.select_related("source", "target")],
        "clusters": [{"name": row.name, "pattern": row.pattern} for row in ScenarioCluster.objects.all()],
        "settings": {
            "evidence": analysis.evidence.model_dump(mode="json", exclude={"as_of"}),
            "monte_carlo": analysis.monte_carlo.model_dump(
                mode="json", include={"max_iterations", "convergence_threshold"}
            ),
            "causal_network": analysis.causal_network.model_dump(mode="json"),
        },
    }


def _approved_evidence() -> list[Evidence]:
    """By hypothesis and id. Sorted here, because databases differ in how they compare text."""
    rows = Evidence.objects.approved().select_related("hypothesis", "source")
    return sorted(rows, key=lambda row: (row.hypothesis.order, row.public_id))


def _hypothesis(row: Hypothesis) -> dict[str, Any]:
    return {
        "code": row.code,
        "label": row.label,
        "outcome_a": row.outcome_a,
        "outcome_b": row.outcome_b,
        "prior_probability": row.prior_probability,
        "initial_probability": row.initial_probability,
        "midpoint_year": row.midpoint_year,
        "midpoint_sd": row.midpoint_sd,
        "speed": row.speed,
    }


def _item(row: Evidence) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "hypothesis": row.hypothesis.code,
        "direction": row.direction,
        "strength": row.strength,
        "quality_scores": {
            "authority": row.authority,
            "methodology": row.methodology,
            "recency": row.recency,
            "replication": row.replication,
        },
        "publication_date": row.source.publication_date.isoformat(),
        "dependency_group": row.dependency_group,
        "source": row.source.key,
        "source_type": row.source.source_type,
        "title": row.source.title,
    }


def _influence(row: Influence) -> dict[str, Any]:
    return {
        "source": row.source.code,
        "source_outcome": row.source_outcome,
        "target": row.target.code,
        "target_outcome": row.target_outcome,
        "strength": row.strength,
        "description": row.description,
    }


def _run(choices: RunChoices) -> dict[str, Any]:
    defaults = get_config().analysis.monte_carlo
    given: dict[str, Any] = {key: value for key, value in choices.items() if value is not None}
    chosen_filter = given.pop("evidence_filter", {})
    return {
        "iterations": defaults.default_iterations,
        "seed": defaults.random_seed,
        "sampler": defaults.sampler,
        "dtype": defaults.dtype,
        "target_year": END_YEAR,
        "stop_when_converged": False,
        "hypotheses": None,
        "interventions": [],
        "observations": [],
        **given,
        "evidence_filter": {"quality_min": None, "sources": [], "hypothesis": None, **chosen_filter},
    }
