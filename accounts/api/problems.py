"""Errors of the API: RFC 9457 problem details, whatever went wrong.

    {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "...", "request_id": "...",
     "errors": [{"path": "quality_scores.authority", "code": "max_value", "message": "..."}]}

Views and services raise; `exception_handler` translates: DRF's exceptions and those below, Django's ValidationError
(400, with the field as path), Http404, PermissionDenied, and lost servers (503).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypedDict

import redis
import structlog
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from accounts.limits import LimitsUnavailable

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Fault(TypedDict):
    """One thing that is wrong, and where: `a.b[1]` in the body, or the name of a parameter; empty: the whole."""

    path: str
    code: str
    message: str


class Conflict(exceptions.APIException):
    """What is asked does not go with the present state."""

    status_code = 409
    default_detail = "This does not go with the present state."
    default_code = "conflict"


class PreconditionFailed(exceptions.APIException):
    """The object has changed since the client read it."""

    status_code = 412
    default_detail = "This has changed since you read it. Read it again, then send the change with its new ETag."
    default_code = "changed"


class PayloadTooLarge(exceptions.APIException):
    """The body is too big."""

    status_code = 413
    default_detail = "The body is too big."
    default_code = "too_large"


class UnprocessableContent(exceptions.APIException):
    """Well formed, and still not to be done."""

    status_code = 422
    default_detail = "This cannot be done."
    default_code = "unprocessable"


class PreconditionRequired(exceptions.APIException):
    """The request must say which state it changes."""

    status_code = 428
    default_detail = "Send If-Match with the ETag that you read, so that nobody else's change is lost."
    default_code = "if_match_required"


class ServiceUnavailable(exceptions.APIException):
    """Something that this needs is not there now."""

    status_code = 503
    default_detail = "A part of the service is not available now. Try again in a moment."
    default_code = "unavailable"


def problem(
    status: int, detail: str = "", *, errors: Iterable[Fault] = (), headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A problem document as the answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or HTTPStatus(status).description or HTTPStatus(status).phrase,
        "errors": list(errors),
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
    return HttpResponse(json.dumps(body), status=status, content_type=MEDIA_TYPE, headers=headers)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's EXCEPTION_HANDLER. None leaves faults of ours to Django, which logs them; the middleware answers."""
    return problem_of(exc)


def problem_of(exc: Exception) -> HttpResponse | None:  # noqa: PLR0911 - a table
    """The problem document for an exception, or None for one that nobody foresaw."""
    match exc:
        case exceptions.ValidationError():
            return problem(400, "Some of this is not valid.", errors=faults(exc.detail))
        case DjangoValidationError():
            return problem(400, "Some of this is not valid.", errors=_django_faults(exc))
        case exceptions.APIException():
            return problem(exc.status_code, _text(exc.detail), headers=_headers(exc))
        case Http404():
            return problem(404, "There is nothing here, or nothing that you may see.")
        case PermissionDenied():
            return problem(403, str(exc) or "You may not do this.")
        case RequestDataTooBig():
            return problem(413, PayloadTooLarge.default_detail)
        case ProtectedError():
            return problem(409, "Other things depend on it.")
        case LimitsUnavailable() | redis.RedisError() | OperationalError() | InterfaceError():
            logger.error("A server that the API needs is lost", exc_info=exc)
            return problem(503, ServiceUnavailable.default_detail, headers={"Retry-After": "5"})
    return None


def faults(detail: Any, path: str = "") -> Iterator[Fault]:
    """DRF's nested error details, one by one."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from faults(inner, _below(path, key))
    elif isinstance(detail, list):
        nested = any(isinstance(inner, Mapping | list) for inner in detail)
        for index, inner in enumerate(detail):
            yield from faults(inner, f"{path}[{index}]" if nested else path)
    else:
        yield Fault(path=path, code=getattr(detail, "code", None) or "invalid", message=str(detail))


def _below(path: str, key: str | int) -> str:
    if key in {"non_field_errors", NON_FIELD_ERRORS}:
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _django_faults(error: DjangoValidationError) -> Iterator[Fault]:
    fields = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    for field, found in fields.items():
        for each in found:
            path = "" if field == NON_FIELD_ERRORS else field
            yield from (Fault(path=path, code=each.code or "invalid", message=text) for text in each.messages)


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if auth := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(wait)
    return headers


def _text(detail: Any) -> str:
    """The message of an exception that should have only one."""
    return " ".join(fault["message"] for fault in faults(detail))


def is_api(request: HttpRequest) -> bool:
    """Whether the request is for the API, where errors are never pages."""
    return request.path_info.startswith("/api/")
