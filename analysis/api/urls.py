"""Addresses of the analysis under /api/v1."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from analysis.api.comparison import compare
from analysis.api.influence import of_evidence, of_hypothesis
from analysis.api.network import ClusterViewSet, InfluenceViewSet
from analysis.api.new_runs import rerun, run
from analysis.api.runs import RunViewSet, export
from analysis.api.scenarios import scenario, scenarios
from analysis.api.studies import ReportViewSet, StudyViewSet, reports, studies
from analysis.api.what_if import what_if


def _rows(name: str, viewset: type[Any]) -> list[URLPattern]:
    """Addresses of one computation of a kind, and of what can be read of it and done with it."""
    verbs = {"": ("get", "retrieve"), "result": ("get", "result")} | {
        verb: ("post", verb) for verb in ("cancel", "share", "unshare")
    }
    return [
        path(f"{name}/<uuid:pk>{part and '/'}{part}", viewset.as_view({method: do}), name=f"{name}-{part or 'detail'}")
        for part, (method, do) in verbs.items()
    ]


_ALL: dict[str, Any] = {"get": "list", "post": "create"}
_ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    path("scenarios", scenarios, name="scenarios"),
    path("scenarios/<str:code>", scenario, name="scenario"),
    path("clusters", ClusterViewSet.as_view(_ALL), name="clusters"),
    path("clusters/<int:pk>", ClusterViewSet.as_view(_ONE), name="cluster"),
    path("influences", InfluenceViewSet.as_view(_ALL), name="influences"),
    path("influences/<int:pk>", InfluenceViewSet.as_view(_ONE), name="influence"),
    path("analysis", RunViewSet.as_view({"get": "list"}), name="analysis-list"),
    path("analysis/compare", compare, name="analysis-compare"),
    path("analysis/run", run, name="analysis-new"),
    *_rows("analysis", RunViewSet),
    path("analysis/<uuid:pk>/model", RunViewSet.as_view({"get": "model"}), name="analysis-model"),
    path("analysis/<uuid:pk>/export", export, name="analysis-export"),
    path("analysis/<uuid:pk>/rerun", rerun, name="analysis-rerun"),
    path("evidence/<str:public_id>/influence", of_evidence, name="evidence-influence"),
    path("hypotheses/<str:code>/influence", of_hypothesis, name="hypothesis-influence"),
    path("what-if", what_if, name="what-if"),
    path("sensitivity", studies, name="sensitivity-list"),
    *_rows("sensitivity", StudyViewSet),
    path("robustness", reports, name="robustness-list"),
    *_rows("robustness", ReportViewSet),
]
