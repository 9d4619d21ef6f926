"""Addresses of the pages of one's own account."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.cache import never_cache

from accounts.pages import account, keys, passwords
from accounts.views import LoginView

urlpatterns = [
    path("accounts/login", LoginView.as_view(), name="login"),
    path("accounts/logout", LogoutView.as_view(), name="logout"),
    path("account", account.account, name="account"),
    path("account/end", account.end, name="account_end"),
    path("account/keys", keys.keys, name="account_keys"),
    path("account/keys/<int:pk>/revoke", keys.revoke, name="account_key_revoke"),
    path("account/password", passwords.ChangeView.as_view(), name="account_password"),
    path("account/reset", never_cache(passwords.ResetView.as_view()), name="password_reset"),
    path("account/reset/sent", passwords.ResetSentView.as_view(), name="password_reset_done"),
    path("account/reset/<uidb64>/<token>", passwords.ResetConfirmView.as_view(), name="password_reset_confirm"),
]
