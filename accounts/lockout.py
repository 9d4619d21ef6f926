"""Too many attempts to sign in: what django-axes counts by, and what it answers."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from axes.helpers import get_cool_off
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.api.problems import is_api, problem


def user_name(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str | None:
    """The name tried, as signing in compares it, so that other capitals are no further attempts."""
    given = (credentials or {}).get("username") or (request.POST.get("username") if request else None)
    # a capital I with a dot is a plain i in small letters to PostgreSQL, one with a dot of its own to Python
    return unicodedata.normalize("NFKC", given).lower().replace("i\u0307", "i") if given else None


def lockout_response(
    request: HttpRequest, original: HttpResponse | None = None, credentials: Mapping[str, Any] | None = None
) -> HttpResponse:
    """429 for a name and address that failed too often."""
    cool_off = get_cool_off(request)
    seconds = int(cool_off.total_seconds()) if cool_off else 0
    return too_many_attempts(request, seconds)


def too_many_attempts(request: HttpRequest, seconds: int) -> HttpResponse:
    """429 as a problem document or as a page, with the time to wait."""
    wait = str(seconds)
    if is_api(request):
        return problem(429, "Too many attempts to sign in. Wait, then try again.", headers={"Retry-After": wait})
    response = render(request, "429.html", {"minutes": max(1, round(seconds / 60))}, status=429)
    response["Retry-After"] = wait
    return response
