"""An id for every request, so that an answer, its log lines and its audit entries are found together."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import cast
from uuid import uuid4

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
_SOUND = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

View = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def request_id_middleware(get_response: View) -> View:
    """Take the client's X-Request-ID or make one; put it into logs and into the answer."""
    if iscoroutinefunction(get_response):
        wait = cast("Callable[[HttpRequest], Awaitable[HttpResponseBase]]", get_response)

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            with structlog.contextvars.bound_contextvars(request_id=_id_of(request)):
                return _named(await wait(request))

        return answer_later

    get = cast("Callable[[HttpRequest], HttpResponseBase]", get_response)

    def answer(request: HttpRequest) -> HttpResponseBase:
        with structlog.contextvars.bound_contextvars(request_id=_id_of(request)):
            return _named(get(request))

    return answer


def _id_of(request: HttpRequest) -> str:
    offered = request.headers.get(HEADER, "")
    return offered if _SOUND.match(offered) else uuid4().hex


def _named(response: HttpResponseBase) -> HttpResponseBase:
    response.headers[HEADER] = structlog.contextvars.get_contextvars()["request_id"]
    return response
