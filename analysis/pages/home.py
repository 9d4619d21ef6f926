"""The dashboard: what the published baseline says, what changed, and which runs are under way."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from redis import RedisError

from accounts.models import User
from accounts.policies import Scope
from analysis.models import AnalysisRun
from analysis.news import comparison_question, explanation, shifts
from analysis.pages.access import requires
from analysis.pages.asking import ask
from analysis.pages.subject import NO_BASELINE
from analysis.plots.clusters import clusters_over_time
from analysis.plots.scenarios import ranking
from analysis.plots.source import run_source
from analysis.reports import run_report
from analysis.selectors import baseline_before, baseline_run, recent_runs
from analysis.services.derived import answer_find
from analysis.wording import percent

logger = logging.getLogger(__name__)


@require_safe
@requires(Scope.READ_SCENARIOS)
def home(request: HttpRequest) -> HttpResponse:
    """What the published baseline says, or how to get one."""
    run = baseline_run()
    runs = recent_runs(user=request.user)
    if run is None:
        return render(request, "analysis/no_baseline.html", {"runs": runs})
    report, source, before = run_report(run=run), run_source(run), baseline_before(run)
    moved = shifts(before, run) if before else {}
    first = report.likeliest
    finding = (
        f"{first.title or first.code} leads with {percent(first.estimate.mean)}; "
        f"{_of_others(report.overlapping, len(report.scenarios) - 1)} overlap its interval"
    )
    context = {
        "report": report,
        "ranking": ranking(
            report.scenarios, finding=finding, year=report.target_year, number=report.number, source=source
        ),
        "clusters": clusters_over_time(report, source=source),
        "hypotheses": [(row, moved.get(row.code)) for row in report.hypotheses],
        "source": source,
        **_changes(before, run),
        "runs": runs,
    }
    return render(request, "analysis/dashboard.html", context)


@require_safe
@requires(Scope.READ_EVIDENCE)
def changes(request: HttpRequest) -> HttpResponse:
    """Why the baseline differs from the last one; a worker is asked where nobody has asked before."""
    run = baseline_run()
    if run is None:
        raise Http404(NO_BASELINE)
    before = baseline_before(run)
    found = _changes(before, run)
    if before and not found["answer"]:
        try:
            ask(comparison_question(before, run), user=cast("User", request.user))
        except RedisError as error:
            logger.warning("nobody could be asked what changed: %s", error)
    return render(request, "analysis/parts/changes.html", {**found, "asked": True})


@require_safe
@requires(Scope.READ_RESULTS)
def runs(request: HttpRequest) -> HttpResponse:
    """The user's runs as they are now."""
    return render(request, "analysis/parts/recent_runs.html", {"runs": recent_runs(user=request.user)})


def _changes(before: AnalysisRun | None, run: AnalysisRun) -> dict[str, Any]:
    """What is known, without computing anything, of the way from one baseline to the next."""
    found: dict[str, Any] = {"run": run, "before": before, "answer": None}
    if before is None:
        return found
    try:
        answer = answer_find(question=comparison_question(before, run))
    except RedisError as error:
        logger.warning("what changed could not be looked up: %s", error)
        return found
    if not answer.is_final:
        return found
    return {**found, "answer": answer, "explanation": explanation(answer.document) if answer.document else None}


def _of_others(overlapping: int, others: int) -> str:
    return f"{'all' if overlapping == others else f'{overlapping} of'} the {others} others shown"


urlpatterns = [
    path("", home, name="home"),
    path("dashboard/changes", changes, name="home_changes"),
    path("dashboard/runs", runs, name="home_runs"),
]
