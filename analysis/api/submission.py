"""Asking for a computation: plain async views, which wait for its end without a thread (ARCHITECTURE.md, 14).

A view says what is wanted; `submitted` finds what the same request began before or begins it, counts it against the
limit unless a stored result answers it, waits as long as the client likes, and answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import OpenApiParameter
from redis.exceptions import RedisError
from rest_framework.request import Request

from accounts.api.parsers import StrictJSONParser
from accounts.api.problems import MEDIA_TYPE, problem
from accounts.api.schema import problem_response
from accounts.api.throttles import charge
from accounts.limits import Cost
from accounts.models import User
from analysis.api.documents import accepted, address, result_answer
from analysis.api.idempotency import Claim, claim
from analysis.api.parameters import invalid
from analysis.api.waiting import (
    IDEMPOTENCY_KEY,
    PREFER,
    PREFERENCE_APPLIED,
    RETRY_AFTER,
    Preferences,
    preferences_of,
    retry_after,
    settled,
)
from analysis.choices import RunStatus
from analysis.engine.spec import ModelError
from analysis.models import Computation
from analysis.progress import progress_of
from analysis.services.lifecycle import KINDS
from analysis.services.workers import queue_hint

ComputationT = TypeVar("ComputationT", bound=Computation)


class Wish(NamedTuple):
    """What somebody asks for: the request's JSON, the id that it is to have, and what counts it against the limit."""

    user: User
    body: Any
    pk: UUID
    admit: Callable[[], None]


WAITS = (
    "Waits up to 25 seconds for the result (200); what takes longer goes on and is followed by its id (202). The same "
    "question with the same engine is answered by its stored result, marked `cached`; that does not count against "
    "the limit."
)
LOCATION = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, response=[200, 202], description="The address of what was begun."
)
PARAMETERS = [PREFER, IDEMPOTENCY_KEY, LOCATION, PREFERENCE_APPLIED, RETRY_AFTER]
PROBLEMS = {
    (409, MEDIA_TYPE): problem_response("It was cancelled before its end."),
    (422, MEDIA_TYPE): problem_response("It failed, and why; or the Idempotency-Key came with another body before."),
}


async def submitted(
    request: HttpRequest, model: type[ComputationT], create: Callable[[Wish], ComputationT]
) -> HttpResponse:
    """Begin, wait, answer."""
    found, hint, cached = await sync_to_async(_begun)(request, model, create)
    preferences = preferences_of(request)
    if hint:
        preferences = preferences.without_waiting()  # nobody is there to wait for
    found = await settled(lambda: model._default_manager.get(pk=found.pk), preferences.seconds, name=str(found.pk))
    return await sync_to_async(_answer)(request, found, hint, cached, preferences)


def _begun(
    request: HttpRequest, model: type[ComputationT], create: Callable[[Wish], ComputationT]
) -> tuple[ComputationT, str, bool]:
    """What the request begins, or began before; what stands in its way; whether the user had an equal one already."""
    body = Request(request, parsers=[StrictJSONParser()]).data
    claimed = claim(request, body)
    found = None if claimed.is_first else model._default_manager.filter(pk=claimed.row_id).first()
    if found is None:
        wish = Wish(
            cast("User", request.user),
            body,
            claimed.row_id,
            lambda: charge(request, Cost.ANALYSIS_RUNS, user=request.user),
        )
        found = _new(model, claimed, lambda: create(wish))
        claimed.settle(found.pk)
    return found, "" if found.is_final else _hint(model), claimed.is_stored or found.pk != claimed.row_id


def _new(model: type[ComputationT], claimed: Claim, create: Callable[[], ComputationT]) -> ComputationT:
    try:
        return create()
    except IntegrityError:  # the same request was faster on its other way here
        return model._default_manager.get(pk=claimed.row_id)
    except ModelError as error:
        claimed.drop()
        raise invalid(error) from None
    except Exception:
        claimed.drop()
        raise


def _hint(model: type[Computation]) -> str:
    try:
        return queue_hint(KINDS[model].queue)
    except RedisError:
        return "The queue cannot be reached now; the work waits for it in the database."


def _answer(
    request: HttpRequest, found: Computation, hint: str, cached: bool, preferences: Preferences
) -> HttpResponse:
    headers = {"Location": address(found), **preferences.applied(goes_on=not found.is_final)}
    match found.status:
        case RunStatus.SUCCEEDED:
            answer = result_answer(found, request.user)
            return JsonResponse(answer | {"cached": cached or answer["cached"]}, headers=headers)
        case RunStatus.FAILED:
            return problem(422, found.error, headers=headers)
        case RunStatus.CANCELLED:
            return problem(409, "It was cancelled.", headers=headers)
    headers |= retry_after(progress_of(found)["eta_seconds"])
    return JsonResponse(accepted(found, hint), status=202, headers=headers)
