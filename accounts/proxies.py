"""What proxies in front of us say about the client, believed of TRUSTED_PROXIES only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.addresses import client_ip, is_trusted

View = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def proxy_middleware(get_response: View) -> View:
    """Make REMOTE_ADDR the client's address for all that come after, and drop what strangers forward."""
    if iscoroutinefunction(get_response):
        wait = cast("Callable[[HttpRequest], Awaitable[HttpResponseBase]]", get_response)

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            _settle(request)
            return await wait(request)

        return answer_later

    get = cast("Callable[[HttpRequest], HttpResponseBase]", get_response)

    def answer(request: HttpRequest) -> HttpResponseBase:
        _settle(request)
        return get(request)

    return answer


def _settle(request: HttpRequest) -> None:
    if is_trusted(request.META.get("REMOTE_ADDR") or ""):
        request.META["REMOTE_ADDR"] = client_ip(request)
    else:
        request.META.pop("HTTP_X_FORWARDED_PROTO", None)
    request.META.pop("HTTP_X_FORWARDED_FOR", None)
