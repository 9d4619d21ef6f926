"""What can go wrong: every answer that is a problem document (RFC 9457) is an exception that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx


class AIFuturesError(Exception):
    """Any error of this package."""


class Unreachable(AIFuturesError):
    """The server did not answer, or not in time."""


class StillRunning(AIFuturesError):
    """The time to wait is over; the computation goes on, and `Client.job` finds it again by `id`."""

    def __init__(self, id: UUID) -> None:
        super().__init__(f"{id} is still running")
        self.id = id


class Cancelled(AIFuturesError):
    """The computation was cancelled before its end."""

    def __init__(self, id: UUID) -> None:
        super().__init__(f"{id} was cancelled")
        self.id = id


class Failed(AIFuturesError):
    """The engine could not compute it, and why."""

    def __init__(self, id: UUID, reason: str) -> None:
        super().__init__(reason)
        self.id = id


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request: `path` names it, such as `overrides.priors.H1`; empty: the whole."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ApiError(AIFuturesError):
    """The server refused.

    status: of HTTP | title, detail: in words | faults: what is wrong, by path | request_id: for who runs the server,
    whose log has it | retry_after: seconds, where the server named them | location: of the computation that
    it is about, if it is about one | problem: the whole document
    """

    def __init__(
        self, status: int, problem: Mapping[str, Any], retry_after: float | None = None, location: str | None = None
    ) -> None:
        self.status = status
        self.problem = problem
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.request_id: str | None = problem.get("request_id")
        self.retry_after, self.location = retry_after, location
        self.faults = tuple(
            Fault(str(each.get("path", "")), str(each.get("code", "")), str(each.get("message", "")))
            for each in problem.get("errors", ())
        )
        super().__init__("; ".join([f"{status} {self.detail or self.title}", *map(str, self.faults)]))


class Invalid(ApiError):
    """400 or 422: the request says something that is wrong; `faults` name it."""


class Unauthorized(ApiError):
    """401: name, password, token or key are not (or no longer) good."""


class Forbidden(ApiError):
    """403: your role, or the key, does not include this."""


class NotFound(ApiError):
    """404: there is nothing, or nothing that you may see."""


class Conflict(ApiError):
    """409: it does not go with the present state."""


class Stale(ApiError):
    """412: it has changed since you read it. Read it again."""


class RateLimited(ApiError):
    """429: too many requests; `retry_after` seconds from now there is room again."""


class ServerError(ApiError):
    """5xx: the server's fault, or a part of it is not there now."""


_KINDS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    422: Invalid,
    429: RateLimited,
}


def error_of(response: httpx.Response) -> ApiError:
    """The exception for an answer of 400 or more, whoever sent it: a proxy's page has no problem document."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    problem = {"title": response.reason_phrase, **problem}
    kind = ServerError if response.status_code >= 500 else _KINDS.get(response.status_code, ApiError)
    return kind(response.status_code, problem, retry_after(response), response.headers.get("Location"))


def retry_after(response: httpx.Response) -> float | None:
    """The seconds of a Retry-After header; None without one, or where it is a date (the server sends seconds)."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() else None
