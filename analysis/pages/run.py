"""A run: how far it is, and what came out."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.policies import Scope, may
from accounts.wording import refusal
from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.pages import run_actions
from analysis.pages.access import requires
from analysis.pages.live import live
from analysis.pages.run_actions import offer
from analysis.pages.run_tabs import TABS, Tab, tabs_for
from analysis.pages.subject import visible_run
from analysis.reports import run_report


@require_safe
@requires(Scope.READ_RESULTS)
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What came out, in the first tab; before that, how far it is; or how it ended without a result."""
    found = visible_run(request, pk)
    if found.status == RunStatus.SUCCEEDED:
        return _tab(request, found, TABS[0])
    context: dict[str, Any] = {"run": found, "offer": offer(request.user, found), "again_id": uuid4()}
    if found.is_final:
        return render(request, "analysis/run_ended.html", context)
    return render(request, "analysis/run_live.html", {**context, "live": live(found)})


@require_safe
@requires(Scope.READ_RESULTS)
def run_tab(request: HttpRequest, pk: UUID, name: str) -> HttpResponseBase:
    """One tab of a finished run. Whoever comes before the end is sent to where it can be waited for."""
    tab = next((tab for tab in TABS if tab.name == name), None)
    if tab is None:
        raise Http404("A run has no such tab.")
    if not may(request.user, tab.scope):
        raise PermissionDenied(refusal(request.user, tab.scope))
    found = visible_run(request, pk)
    return _tab(request, found, tab) if found.status == RunStatus.SUCCEEDED else redirect("run", pk)


def _tab(request: HttpRequest, run: AnalysisRun, tab: Tab) -> HttpResponse:
    context: dict[str, Any] = {
        "run": run,
        "report": run_report(run=run),
        "offer": offer(request.user, run),
        "again_id": uuid4(),
        "formats": get_config().output.export_formats,
        "tab": tab,
        "tabs": tabs_for(request.user),
    }
    return render(request, tab.template, {**context, **tab.content(request, run)})


urlpatterns = [
    *run_actions.urlpatterns,
    path("runs/<uuid:pk>", run, name="run"),
    path("runs/<uuid:pk>/<slug:name>", run_tab, name="run_tab"),
]
