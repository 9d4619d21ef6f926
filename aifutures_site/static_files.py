"""Static files for async handlers too: WhiteNoise's own middleware would make every request hold a thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise's; under ASGI, what is no file waits in the event loop."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """The file at this address, or what comes after."""
        response = super().__call__(request)
        return _done(response) if iscoroutinefunction(self) and not isawaitable(response) else response


async def _done(response: HttpResponseBase) -> HttpResponseBase:
    return response
