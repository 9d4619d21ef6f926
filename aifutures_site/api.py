"""Addresses of the API, version 1."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("auth/", include("accounts.api.urls")),
]
