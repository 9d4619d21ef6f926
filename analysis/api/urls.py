"""Addresses of the analysis under /api/v1."""

from __future__ import annotations

from django.urls import path

from analysis.api.network import ClusterViewSet, InfluenceViewSet
from analysis.api.new_runs import rerun, run
from analysis.api.runs import RunViewSet, export
from analysis.api.scenarios import scenario, scenarios

urlpatterns = [
    path("scenarios", scenarios, name="scenarios"),
    path("scenarios/<str:code>", scenario, name="scenario"),
    path("clusters", ClusterViewSet.as_view({"get": "list"}), name="clusters"),
    path("clusters/<int:pk>", ClusterViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="cluster"),
    path("influences", InfluenceViewSet.as_view({"get": "list"}), name="influences"),
    path(
        "influences/<int:pk>",
        InfluenceViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="influence",
    ),
    path("analysis", RunViewSet.as_view({"get": "list"}), name="analysis-list"),
    path("analysis/run", run, name="analysis-new"),
    path("analysis/<uuid:pk>", RunViewSet.as_view({"get": "retrieve"}), name="analysis-detail"),
    path("analysis/<uuid:pk>/result", RunViewSet.as_view({"get": "result"}), name="analysis-result"),
    path("analysis/<uuid:pk>/model", RunViewSet.as_view({"get": "model"}), name="analysis-model"),
    path("analysis/<uuid:pk>/export", export, name="analysis-export"),
    path("analysis/<uuid:pk>/cancel", RunViewSet.as_view({"post": "cancel"}), name="analysis-cancel"),
    path("analysis/<uuid:pk>/rerun", rerun, name="analysis-rerun"),
    path("analysis/<uuid:pk>/share", RunViewSet.as_view({"post": "share"}), name="analysis-share"),
    path("analysis/<uuid:pk>/unshare", RunViewSet.as_view({"post": "unshare"}), name="analysis-unshare"),
]
