"""Addresses of the web pages and of what operators ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import django_rq.urls
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, include, path, re_path, reverse

from accounts.policies import Role, role_of
from aifutures_site import health
from analysis.admin.effects import effect_view

View = Callable[..., HttpResponseBase]


def admins_only(view: View) -> View:
    """Let admins in, send strangers to the sign-in page and refuse all others."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if role_of(request.user) is not Role.ADMIN:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def admin_login(request: HttpRequest) -> HttpResponseBase:
    """One page for signing in; who is signed in and still sent here may not use the admin site."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))


def nowhere(request: HttpRequest) -> HttpResponseBase:
    """There is nothing at this address. Raises Http404."""
    raise Http404


_queues = [
    URLPattern(each.pattern, admins_only(each.callback), each.default_args, each.name)
    for each in django_rq.urls.urlpatterns
]

urlpatterns = [
    re_path("\x00", nowhere),  # no database takes it
    path("", include("accounts.urls")),
    path("api/v1/", include("aifutures_site.api")),
    path("admin/queues/", include((_queues, "django_rq"))),
    path("admin/login/", admin_login),
    path("admin/evidence/effect", effect_view, name="evidence_effect"),
    path("admin/", admin.site.urls),
    path("health", health.health, name="health"),
    path("ready", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("analysis.urls")),
]
