"""Static files as they lie in the apps, under addresses that change with their content."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from hashlib import sha256
from inspect import isawaitable
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(StaticFilesStorage):
    """Django's; a browser that keeps the scripts of an earlier release never runs them on a page of this one."""

    def url(self, name: str | None) -> str:
        """The address, with the file's version."""
        address: str = super().url(name)
        version = "" if settings.DEBUG else _version(str(name))
        return f"{address}?v={version}" if version else address


@lru_cache(None)
def _version(name: str) -> str:
    """The beginning of the file's hash; empty where there is no such file."""
    path = finders.find(name)
    return sha256(Path(path).read_bytes()).hexdigest()[:12] if path and Path(path).is_file() else ""


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise's, which makes every request hold a thread; here what is no file waits in the event loop."""

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
