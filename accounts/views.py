"""Web pages of signing in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib.auth import views
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.addresses import client_ip
from accounts.limits import AddressCost, limit_consume_address, limit_refund
from accounts.lockout import too_many_attempts
from accounts.pages.passwords import mail_is_sent


class LoginView(views.LoginView):
    """Django's, with as many attempts from one address as the API allows."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Django's, and whether a new password can come by e-mail."""
        return super().get_context_data(**kwargs, by_mail=mail_is_sent())

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form, or try to sign in; what succeeds does not count."""
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        allowance = limit_consume_address(address=client_ip(request), cost=AddressCost.SIGN_IN)
        if not allowance.allowed:
            return too_many_attempts(request, allowance.reset)
        response = super().dispatch(request, *args, **kwargs)
        if response.status_code == HTTPStatus.FOUND:
            limit_refund(allowance)
        return response
