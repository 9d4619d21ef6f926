"""Versions of what is read: ETag and If-None-Match on reads, If-Match on writes (RFC 9110, section 13)."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from rest_framework.request import Request

from accounts.api.problems import PreconditionFailed, PreconditionRequired


def etag_of(*parts: object) -> str:
    """A strong ETag for a state that the parts tell apart, such as an id and the time of its last change."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def etag_of_bytes(content: bytes) -> str:
    """A strong ETag for a body."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def not_modified(request: HttpRequest | Request, etag: str) -> HttpResponse | None:
    """The 304 to answer at once when the client has this version already; else None, and set `ETag` yourself.

    `*` names no version: an answer that counts against a limit would be had for nothing.
    """
    plain = request._request if isinstance(request, Request) else request
    if names_no_version(plain):
        return None
    response = get_conditional_response(plain, etag=etag)
    if response is None or response.status_code != 304:
        return None
    response.headers["ETag"] = etag  # RFC 9110, section 15.4.5
    return response


def names_no_version(request: HttpRequest) -> bool:
    """Whether the client asks for an answer unless there is any at all."""
    return request.headers.get("If-None-Match", "").strip() == "*"


def require_match(request: HttpRequest | Request, etag: str) -> None:
    """Let a write pass only if its If-Match names the present version (or `*`).

    Call it in the transaction of the write, with the row locked. Raises PreconditionRequired without the header and
    PreconditionFailed when the version is another one.
    """
    header = request.headers.get("If-Match")
    if header is None:
        raise PreconditionRequired
    wanted = parse_etags(header)
    if wanted != ["*"] and etag not in wanted:
        raise PreconditionFailed
