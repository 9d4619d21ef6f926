"""Addresses of signing in, and of what it gives."""

from __future__ import annotations

from django.urls import path

from accounts.api import keys, tokens

urlpatterns = [
    path("token", tokens.TokenView.as_view(), name="token"),
    path("token/refresh", tokens.TokenRefreshView.as_view(), name="token-refresh"),
    path("token/revoke", tokens.TokenRevokeView.as_view(), name="token-revoke"),
    path("me", tokens.MeView.as_view(), name="me"),
    path("ws-ticket", tokens.TicketView.as_view(), name="ws-ticket"),
    path("keys", keys.KeyViewSet.as_view({"get": "list", "post": "create"}), name="keys"),
    path("keys/<int:pk>", keys.KeyViewSet.as_view({"delete": "destroy"}), name="key"),
]
