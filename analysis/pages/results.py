"""Tabs of a finished run that show its own result: scenarios, timeline, hypotheses, clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest

from analysis.futures import Future, Futures
from analysis.models import AnalysisRun
from analysis.pages import results_evidence, results_studies
from analysis.plots.clusters import clusters_over_time
from analysis.plots.dendrogram import named_clusters, tree
from analysis.plots.hypotheses import balances, pair_table, pairs, told
from analysis.plots.scenarios import ranking
from analysis.plots.source import run_source
from analysis.plots.timeline import hypotheses_over_time
from analysis.reports import ClusterRow, ScenarioRow, run_report
from analysis.wording import percent, percent_range

RANKED = 24
"""Scenarios of the ranking: as many as a tall figure has room for."""
SHARES = (0.5, 0.9)
"""Of all futures: how many scenarios make them up?"""


def scenarios(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """All scenarios, the likeliest first, and how many of them it takes to cover most futures."""
    report, futures = run_report(run=run), Futures.of(run=run)
    ranked = futures.in_year(futures.target_year)
    first, families = ranked[0], {row.name: row for row in report.clusters}
    plot = ranking(
        [_row(future, families) for future in ranked[:RANKED]],
        finding=f"{first.name} leads with {percent(first.estimate.mean)} "
        f"(90 % interval {percent_range(first.estimate.low, first.estimate.high)})",
        year=report.target_year,
        number=report.number,
        source=run_source(run),
    )
    return {
        "ranking": replace(plot, size="tall" if len(ranked) > RANKED // 2 else "large"),
        "ranked": ranked,
        "covering": [(share, _number_covering(ranked, share)) for share in SHARES],
    }


def timeline(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """Clusters and hypotheses by year, and when the likeliest scenario changes."""
    report, source = run_report(run=run), run_source(run)
    evolution = (run.result_document or {})["temporal_evolution"]
    names = {future.code: future.name for future in Futures.of(run=run).in_year(report.target_year)}
    return {
        "clusters_plot": clusters_over_time(report, source=source),
        "hypotheses_plot": hypotheses_over_time(report, evolution, source=source),
        "leaders": [(first, last, names[code]) for first, last, code in _leaders(evolution)],
        "opened": (evolution[0], next(each for each in evolution if each["year"] == report.target_year)),
    }


def hypotheses(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """The six questions in the target year, and which of them go together."""
    report = run_report(run=run)
    found = pairs(report, (run.result_document or {})["scenario_probabilities"])
    return {
        "balances": balances(report, source=run_source(run)),
        "told": told(found),
        "pairs": pair_table(found),
    }


def clusters(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """The named families, and the tree that the data suggest beside them."""
    report, source, result = run_report(run=run), run_source(run), run.result_document or {}
    ranked = Futures.of(run=run).in_year(report.target_year)
    probabilities = result["scenario_probabilities"]
    has_tree = len(probabilities) > 1
    names = {future.code: future.name for future in ranked}
    return {
        "named": named_clusters(report, source=source),
        "members": [
            (row, [future for future in ranked if future.family and future.family.name == row.name])
            for row in report.clusters
        ],
        "tree": tree(report, result["clusters"], probabilities, names, source=source) if has_tree else None,
        "dendrogram": result["clusters"]["dendrogram"],
        "weights": [
            (row, result["clusters"]["dendrogram"]["hypothesis_weights"].get(row.code, 0.0))
            for row in report.hypotheses
        ],
    }


def _row(future: Future, families: Mapping[str, ClusterRow]) -> ScenarioRow:
    family = families.get(future.family.name) if future.family else None
    return ScenarioRow(future.code, future.title, family, future.estimate)


def _number_covering(ranked: Sequence[Future], share: float) -> int:
    """How many of the likeliest scenarios come to so much together."""
    total = 0.0
    for number, future in enumerate(ranked, 1):
        total += future.estimate.mean
        if total >= share:
            return number
    return len(ranked)


def _leaders(evolution: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, str]]:
    """First year, last year and code of each spell that one scenario is the likeliest."""
    spells: list[tuple[int, int, str]] = []
    for entry in evolution:
        code = max(entry["scenarios"], key=entry["scenarios"].__getitem__)
        first = entry["year"]
        if spells and spells[-1][2] == code:
            first, _, _ = spells.pop()
        spells.append((first, entry["year"], code))
    return spells


urlpatterns = [*results_studies.urlpatterns, *results_evidence.urlpatterns]
