"""Changing one's password, and getting a new one by e-mail: Django's views, with our words and our limits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy

from accounts.addresses import client_ip
from accounts.limits import AddressCost, limit_consume_address
from accounts.lockout import too_many_attempts


def mail_is_sent() -> bool:
    """Whether mails leave this machine: without a mail server, their texts go to the log."""
    return not settings.EMAIL_BACKEND.endswith("console.EmailBackend")


class ChangeView(views.PasswordChangeView):
    """A new password for the old one. It ends the user's API keys and tokens (see `User.save`)."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Change it, and say what has ended with it."""
        response = super().form_valid(form)
        messages.success(self.request, "Your password is changed. Other browsers, access tokens and API keys ended.")
        return response


class ResetView(views.PasswordResetView):
    """A link by e-mail, as often from one network address as one may try to sign in."""

    template_name = "registration/reset.html"
    email_template_name = "registration/reset_mail.txt"
    subject_template_name = "registration/reset_subject.txt"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the form, or send the mail; who the address belongs to, if to anybody, is not told."""
        if request.method == "POST":
            allowance = limit_consume_address(address=client_ip(request), cost=AddressCost.SIGN_IN)
            if not allowance.allowed:
                return too_many_attempts(request, allowance.reset)
        return super().dispatch(request, *args, **kwargs)


class ResetSentView(views.PasswordResetDoneView):
    """What to do next."""

    template_name = "registration/reset_sent.html"


class ResetConfirmView(views.PasswordResetConfirmView):
    """The page that the mail leads to."""

    template_name = "registration/reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, and ask to sign in with it."""
        response = super().form_valid(form)
        messages.success(self.request, "Your new password is set. Sign in with it.")
        return response
