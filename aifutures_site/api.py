"""Addresses of the API, version 1."""

from __future__ import annotations

from django.urls import include, path

from accounts.api.description import SchemaView, redoc, swagger

app_name = "api"
urlpatterns = [
    path("auth/", include("accounts.api.urls")),
    path("", include("analysis.api.urls")),
    path("", include("evidence.api.urls")),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", swagger, name="docs"),
    path("docs/redoc", redoc, name="redoc"),
]
