"""The dashboard: what the published baseline says."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.policies import Scope
from analysis.pages.access import requires
from analysis.plots.scenarios import ranking
from analysis.plots.source import run_source
from analysis.reports import run_report
from analysis.selectors import baseline_run


@require_safe
@requires(Scope.READ_SCENARIOS)
def home(request: HttpRequest) -> HttpResponse:
    """What the published baseline says, or how to get one."""
    run = baseline_run()
    if run is None:
        return render(request, "analysis/no_baseline.html")
    report = run_report(run=run)
    first = report.likeliest
    finding = f"{first.title or first.code} leads, and its interval overlaps those of all others here"
    plot = ranking(
        report.scenarios, finding=finding, year=report.target_year, number=report.number, source=run_source(run)
    )
    return render(request, "analysis/dashboard.html", {"report": report, "ranking": plot})


urlpatterns = [path("", home, name="home")]
