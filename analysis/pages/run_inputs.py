"""What a run was computed from, as people read it, and how to compute it again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest

from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.pages.words import CAUSAL_MODELS, SAMPLERS
from analysis.plots import Column, Table
from analysis.selectors import run_list

REPEATS = 5
"""Other runs of the same inputs that are shown."""
SETTINGS = {
    "quality_threshold": "Least quality of evidence that counts",
    "max_age_years": "Oldest evidence that counts, in years",
    "replication_bonus": "Bonus for replicated findings",
    "authority_weight": "Weight of authority in quality",
    "methodology_weight": "Weight of methodology in quality",
    "recency_weight": "Weight of recency in quality",
    "replication_weight": "Weight of replication in quality",
    "log_bayes_factor_scale": "Log Bayes factor of perfect evidence, in nats",
    "within_group_correlation": "Correlation of items that depend on each other",
    "between_group_correlation": "Correlation of all other items",
    "model_discrepancy_sd": "Uncertainty of the model itself, in nats",
    "strength_multiplier": "Factor for the strength of all influences",
    "enable_feedback_loops": "Feedback loops act",
    "center_influences": "Influences are centred",
    "strength_cv": "Relative uncertainty of the influences' strengths",
}
"""Settings of a model document that readers may want to know, in words."""


def inputs(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """The model document in words and tables, and as JSON."""
    document = run.model_document
    labels = {row["code"]: row for row in document["hypotheses"]}
    chosen, settings = document["run"], document["settings"]
    items = Counter(row["hypothesis"] for row in document["evidence"])
    return {
        "model": document,
        "chosen": chosen,
        "target_year": chosen["target_year"] or document["end_year"],
        "reported": [labels[code]["label"] or code for code in chosen["hypotheses"] or ()],
        "interventions": [assigned(each, labels) for each in chosen["interventions"]],
        "observations": [assigned(each, labels) for each in chosen["observations"]],
        "sampler": SAMPLERS[chosen["sampler"]].label,
        "causal_model": CAUSAL_MODELS[settings["causal_network"]["model"]],
        "settings": list(_settings(settings)),
        "hypotheses": _hypotheses(document, items),
        "influences": _influences(document, labels),
        "json": json.dumps(document, indent=1, ensure_ascii=False),
    }


def reproduce(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """All that makes the numbers what they are, commands that make them again, and runs that did."""
    result = run.result_document or {}
    return {
        "facts": result["metadata"],
        "seconds": result["computation_time"],
        "site": request.build_absolute_uri("/").rstrip("/"),
        "repeats": _repeats(request, run, result),
    }


def assigned(each: Mapping[str, Any], labels: Mapping[str, Mapping[str, Any]]) -> str:
    """An intervention or observation in words: `AI Progress: accelerating progress, from 2030 on`."""
    row = labels[each["hypothesis"]]
    outcome = row["outcome_a" if each["outcome"] == "A" else "outcome_b"] or each["outcome"]
    return f"{row['label'] or row['code']}: {outcome}, from {each['from_year']} on"


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for part in ("evidence", "causal_network"):
        for name, value in settings[part].items():
            if name in SETTINGS:
                words = {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value:.4g}"
                yield SETTINGS[name], words


def _hypotheses(document: Mapping[str, Any], items: Counter[str]) -> Table:
    given = any("posterior_probability" in row for row in document["hypotheses"])
    columns = [
        Column("Question"),
        Column("Outcomes A and B"),
        Column("P(A) before", "percent"),
        Column(f"P(A) in {document['base_year']}", "percent"),
        Column("Midpoint", "plain"),
        Column("± years", "number"),
        Column("Speed", "number"),
        Column("Items", "whole"),
        *([Column("P(A) set to", "percent")] if given else []),
    ]
    rows = [
        [
            row["label"] or row["code"],
            f"{row['outcome_a']}; {row['outcome_b']}",
            row["prior_probability"],
            row["initial_probability"],
            round(row["midpoint_year"], 1),
            row["midpoint_sd"],
            row["speed"],
            items[row["code"]],
            *([row.get("posterior_probability")] if given else []),
        ]
        for row in document["hypotheses"]
    ]
    return Table(columns, rows)


def _influences(document: Mapping[str, Any], labels: Mapping[str, Mapping[str, Any]]) -> Table:
    def end(code: str, outcome: str) -> str:
        row = labels[code]
        return f"{row['label'] or code}: {row['outcome_a' if outcome == 'A' else 'outcome_b']}"

    rows = [
        [end(row["source"], row["source_outcome"]), end(row["target"], row["target_outcome"]), row["strength"]]
        for row in document["influences"]
    ]
    return Table([Column("If"), Column("then likelier"), Column("Strength (nats)", "number")], rows)


def _repeats(request: HttpRequest, run: AnalysisRun, result: Mapping[str, Any]) -> list[tuple[AnalysisRun, bool]]:
    """Other runs that computed the same inputs, and whether each found exactly the same means."""
    same = run_list(user=request.user).filter(
        input_hash=run.input_hash, status=RunStatus.SUCCEEDED, cached_from__isnull=True
    )
    others = list(same.exclude(pk__in=[run.pk, run.cached_from_id or run.pk])[:REPEATS])
    named = AnalysisRun.objects.filter(pk__in=[each.pk for each in others])
    means = dict(named.values_list("pk", "result__scenario_probabilities"))
    return [(each, means[each.pk] == result["scenario_probabilities"]) for each in others]
