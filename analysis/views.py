"""Web pages of the analysis."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.policies import Scope, may
from analysis.reports import run_report
from analysis.selectors import baseline_run


@never_cache
@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """What the published baseline says, or how to get one."""
    if not may(request.user, Scope.READ_SCENARIOS):
        raise PermissionDenied("Your account has no role yet. Ask an admin for one.")
    run = baseline_run()
    return render(request, "analysis/dashboard.html", {"report": run and run_report(run=run)})
