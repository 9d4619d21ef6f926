"""Who may open a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache

from accounts.policies import Scope, may
from accounts.wording import refusal

View = Callable[..., HttpResponseBase]


def requires(scope: Scope) -> Callable[[View], View]:
    """Let in whose role holds the scope, send strangers to the sign-in page and tell all others what is missing."""

    def guard(view: View) -> View:
        @never_cache
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, scope):
                raise PermissionDenied(refusal(request.user, scope))
            return view(request, *args, **kwargs)

        return guarded

    return guard
