"""The causal network: which outcomes raise the odds of which."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.policies import Scope
from analysis.engine.spec import parse_model
from analysis.influences import network_of
from analysis.pages.access import requires
from analysis.pages.subject import subject_run
from analysis.plots.network import NARROW, WIDE, drawing
from analysis.plots.source import run_source


@require_safe
@requires(Scope.READ_SCENARIOS)
def network(request: HttpRequest) -> HttpResponse:
    """The influences of a run's model as a drawing and a table."""
    run = subject_run(request)
    if run is None:
        return render(request, "analysis/no_baseline.html")
    document = parse_model(run.model_document)
    found = network_of(document)
    context = {
        "named": run if request.GET.get("run") else None,
        "network": found,
        "questions": document.hypotheses,
        "drawings": [("wide", drawing(found, WIDE)), ("narrow", drawing(found, NARROW))],
        "source": run_source(run),
    }
    return render(request, "analysis/network.html", context)


urlpatterns = [path("network", network, name="network")]
