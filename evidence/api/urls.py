"""Addresses of evidence, sources and questions."""

from __future__ import annotations

from django.urls import path

from evidence.api.exchange import EvidenceExportView, EvidenceImportView
from evidence.api.items import EvidenceViewSet
from evidence.api.knowledge import HypothesisViewSet, SourceViewSet

_ITEM = "evidence/<str:public_id>"

urlpatterns = [
    path("evidence", EvidenceViewSet.as_view({"get": "list", "post": "create"}), name="evidence"),
    path("evidence/import", EvidenceImportView.as_view(), name="evidence-import"),
    path("evidence/export", EvidenceExportView.as_view(), name="evidence-export"),
    path(
        _ITEM,
        EvidenceViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="evidence-item",
    ),
    *(
        path(f"{_ITEM}/{step}", EvidenceViewSet.as_view({"post": step}), name=f"evidence-{step}")
        for step in ("submit", "approve", "reject", "retire")
    ),
    path(f"{_ITEM}/history", EvidenceViewSet.as_view({"get": "history"}), name="evidence-history"),
    path("sources", SourceViewSet.as_view({"get": "list", "post": "create"}), name="sources"),
    path("sources/<int:pk>", SourceViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="source"),
    path("hypotheses", HypothesisViewSet.as_view({"get": "list"}), name="hypotheses"),
    path(
        "hypotheses/<str:code>",
        HypothesisViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="hypothesis",
    ),
]
