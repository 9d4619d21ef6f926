"""What every answer of the API has: a problem document instead of an error page, rate limits, caching rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers, patch_cache_control, patch_vary_headers
from django.utils.decorators import sync_and_async_middleware

from accounts.api.problems import MEDIA_TYPE, is_api, problem
from accounts.api.throttles import refund
from accounts.limits import Allowance

View = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]

DETAILS = {
    400: "The request could not be read.",
    403: "You may not do this.",
    404: "There is nothing at this address.",
    500: "Something went wrong on our side. It has been noted under this request_id.",
}


@sync_and_async_middleware
def api_middleware(get_response: View) -> View:
    """Stands outside all middleware that may answer by itself."""
    if iscoroutinefunction(get_response):
        wait = cast("Callable[[HttpRequest], Awaitable[HttpResponseBase]]", get_response)

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            response = await wait(request)
            if response.status_code == HTTPStatus.NOT_MODIFIED:
                await sync_to_async(refund)(request)
            return _finished(request, response)

        return answer_later

    get = cast("Callable[[HttpRequest], HttpResponseBase]", get_response)

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get(request)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            refund(request)
        return _finished(request, response)

    return answer


def _finished(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if not is_api(request):
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            add_never_cache_headers(response)  # an exception passes the views' own `never_cache` by
        return response
    if response.status_code >= HTTPStatus.BAD_REQUEST and response.headers.get("Content-Type") != MEDIA_TYPE:
        response = _instead(response, problem(response.status_code, DETAILS.get(response.status_code, "")))
    elif request.method == "OPTIONS" and response.status_code == HTTPStatus.OK:
        response = _preflight(response)
    allowance: Allowance | None = getattr(request, "allowance", None)
    if allowance is not None:
        for name, value in allowance.headers().items():
            response.headers.setdefault(name, value)
    if "Cache-Control" not in response.headers:
        patch_cache_control(response, private=True, no_cache=True)  # kept, and asked for again with its ETag
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def _preflight(response: HttpResponseBase) -> HttpResponseBase:
    """An answer of django-cors-headers, which are all empty pages, as an empty answer or a refusal."""
    if "Access-Control-Allow-Origin" in response.headers:
        empty = HttpResponse(status=HTTPStatus.NO_CONTENT)
        del empty["Content-Type"]
        return _instead(response, empty)
    return _instead(response, problem(HTTPStatus.FORBIDDEN, "Scripts of this origin may not use the API."))


def _instead(response: HttpResponseBase, document: HttpResponse) -> HttpResponse:
    """A document with the headers and cookies of what it stands for."""
    for name in response.headers.keys() - {"Content-Type", "Content-Length"}:
        document[name] = response[name]
    document.cookies = response.cookies
    return document
