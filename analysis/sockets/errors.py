"""What goes wrong on a socket, told as the API tells it (`accounts.api.problems`)."""

from __future__ import annotations

import json
import logging

from accounts.api.problems import problem_of
from analysis.progress import Error

logger = logging.getLogger(__name__)

NOT_SIGNED_IN, NOT_ALLOWED, LIMIT = 4401, 4403, 4429
BROKEN, UNAVAILABLE = 4400, 4503
"""Close codes; browsers see those from 4000 on only."""

_CODES = {400: "invalid", 403: "not_allowed", 404: "not_found", 413: "too_large", 429: "limit", 503: "unavailable"}


class Shut(Exception):
    """The socket is to be closed, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"close {code}")
        self.code = code


class Broken(Exception):
    """A message that is none of ours: it is answered, and the third in a row closes the socket."""


def error_of(exc: Exception, run_id: str | None = None) -> Error:
    """The message for an exception; one that nobody foresaw is logged, and told without its words."""
    if isinstance(exc, Broken):
        return _about(run_id, Error(type="error", code="broken", message=str(exc)))
    answer = problem_of(exc)
    if answer is None:
        logger.error("a message on a socket was not answered", exc_info=exc)
        return _about(run_id, Error(type="error", code="failed_unexpectedly", message="This went wrong on our side."))
    problem = json.loads(answer.content)
    code = _CODES.get(answer.status_code, "refused")
    error = Error(type="error", code=code, message=problem["detail"])
    if problem["errors"]:
        error["errors"] = problem["errors"]
    if "Retry-After" in answer.headers:
        error["retry_after"] = int(float(answer.headers["Retry-After"]))
    return _about(run_id, error)


def _about(run_id: str | None, error: Error) -> Error:
    if run_id is not None:
        error["run_id"] = run_id
    return error
