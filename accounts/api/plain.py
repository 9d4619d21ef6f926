"""Endpoints that are plain Django views: hot reads that answer cached bytes, and long waits that hold no thread.

    @endpoint(scope=Scope.READ_SCENARIOS, cost=Cost.SCENARIO_QUERIES, described_by=ScenariosDescription)
    def scenarios(request: HttpRequest) -> HttpResponse: ...

They come behind the same authentication, policy, limits and errors as every other; `request.user` is who asks. An
`async def` view waits in the event loop. `described_by` is a `ScopedView` whose methods carry `@extend_schema`; it
stands for the endpoint in the schema and answers nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.settings import api_settings

from accounts.api.permissions import Access, access_granted
from accounts.api.problems import problem_of
from accounts.api.queries import query_check
from accounts.api.throttles import charge
from accounts.api.views import ScopedView
from accounts.limits import Cost

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


def endpoint(
    *,
    scope: Access,
    cost: Cost | None = None,
    methods: tuple[str, ...] = ("GET", "HEAD"),
    described_by: type[ScopedView],
) -> Callable[[ViewT], ViewT]:
    """Put a plain view, sync or async, behind the doors of the API."""

    def admit(request: HttpRequest) -> None:
        _admit(request, scope, methods)
        query_check(described_by, "get" if request.method == "HEAD" else str(request.method).lower(), request.GET)
        if cost is not None:
            charge(request, cost, user=request.user)

    def decorate(view: ViewT) -> ViewT:
        if iscoroutinefunction(view):

            @wraps(view)
            async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                try:
                    await sync_to_async(admit)(request)
                    return cast("HttpResponseBase", await view(request, *args, **kwargs))
                except Exception as error:
                    return _answer_to(error, methods)

            guarded: Any = guarded_async
        else:

            @wraps(view)
            def guarded_sync(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                try:
                    admit(request)
                    return cast("HttpResponseBase", view(request, *args, **kwargs))
                except Exception as error:
                    return _answer_to(error, methods)

            guarded = guarded_sync
        guarded = csrf_exempt(guarded)  # sessions are checked with the authentication, tokens need no check
        guarded.cls, guarded.initkwargs = described_by, {}  # what drf-spectacular looks for
        return cast("ViewT", guarded)

    return decorate


def _admit(request: HttpRequest, scope: Access, methods: tuple[str, ...]) -> None:
    """Find out who asks, and let them in or raise what an ApiView would raise."""
    if request.method not in methods:
        raise MethodNotAllowed(request.method or "")
    authenticators = [cast("type[BaseAuthentication]", each)() for each in api_settings.DEFAULT_AUTHENTICATION_CLASSES]
    asker = Request(request, authenticators=authenticators)
    try:
        request.user, request.auth = asker.user, asker.auth  # type: ignore[attr-defined]
    except APIException as error:
        error.auth_header = authenticators[0].authenticate_header(asker)  # type: ignore[attr-defined]
        raise
    if not access_granted(asker, scope):
        if asker.successful_authenticator:
            raise PermissionDenied
        refusal = NotAuthenticated()
        refusal.auth_header = authenticators[0].authenticate_header(asker)  # type: ignore[attr-defined]
        raise refusal


def _answer_to(error: Exception, methods: tuple[str, ...]) -> HttpResponseBase:
    answer = problem_of(error)
    if answer is None:
        raise error
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(methods)
    return answer
