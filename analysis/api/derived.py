"""Endpoints of what follows from stored runs: how two of them differ, and what their evidence does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from accounts.api.etags import etag_of, not_modified
from accounts.api.problems import MEDIA_TYPE, ServiceUnavailable, problem
from accounts.api.schema import problem_response
from accounts.api.serializers import StrictSerializer
from accounts.api.throttles import charge
from accounts.limits import Cost
from analysis.api.runs import finished_run
from analysis.api.waiting import (
    PREFER,
    PREFERENCE_APPLIED,
    RETRY_AFTER,
    Preferences,
    preferences_of,
    retry_after,
    settled,
)
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run
from analysis.services.derived import QUEUE, Answer, Question, answer_ask, answer_find
from analysis.services.workers import queue_hint

SoughtT = TypeVar("SoughtT")


class PendingSerializer(serializers.Serializer):
    """An answer that is being computed: ask again."""

    status = serializers.ChoiceField(["running"])
    hint = serializers.CharField(allow_blank=True, help_text="What it waits for, where that needs somebody.")


WORDS = (
    "Computed by a worker when somebody first asks, then kept: waits up to 25 seconds (200), or is to be asked again "
    "(202). Counts like an analysis run, but for what was kept or is being computed."
)
PARAMETERS = [PREFER, PREFERENCE_APPLIED, RETRY_AFTER]
ANSWERS: Mapping[Any, Any] = {
    202: PendingSerializer,
    (409, MEDIA_TYPE): problem_response("A run has no result, or not yet."),
    (422, MEDIA_TYPE): problem_response("The engine refuses, and why."),
}


class RunQuerySerializer(StrictSerializer):
    """Of which run."""

    run = serializers.UUIDField(required=False, help_text="A run that you may see; without it, the baseline.")


async def derived(
    request: HttpRequest,
    ask: Callable[[], tuple[Question, SoughtT]],
    show: Callable[[dict[str, Any], SoughtT], dict[str, Any]],
) -> HttpResponse:
    """Answer from the cache, or have a worker compute and wait for it.

    `ask` gives the question and what of its document is sought, `show` that part; they may raise as views do.
    """
    question, sought, answer, hint = await sync_to_async(_asked)(request, ask)
    preferences = preferences_of(request)
    if hint:
        preferences = preferences.without_waiting()
    if not answer.is_final:
        answer = await settled(lambda: answer_find(question=question), preferences.seconds, name=question.job_id)
    return await sync_to_async(_shown)(request, answer, hint, preferences, lambda document: show(document, sought))


def subject_run(request: HttpRequest, run_id: UUID | None) -> AnalysisRun:
    """A run with a result that the user may see, by default the baseline. Raises Http404, Conflict."""
    if run_id is not None:
        return finished_run(request.user, run_id)
    baseline = baseline_run()
    if baseline is None:
        raise NotFound("No baseline has been published yet.")
    return baseline


def _asked(request: HttpRequest, ask: Callable[[], tuple[Question, SoughtT]]) -> tuple[Question, SoughtT, Answer, str]:
    question, sought = ask()
    answer = answer_find(question=question)
    if answer.is_final:
        return question, sought, answer, ""
    answer_ask(question=question, admit=lambda: charge(request, Cost.ANALYSIS_RUNS, user=request.user, kept=True))
    return question, sought, answer, queue_hint(QUEUE)


def _shown(
    request: HttpRequest,
    answer: Answer,
    hint: str,
    preferences: Preferences,
    show: Callable[[dict[str, Any]], dict[str, Any]],
) -> HttpResponse:
    headers = preferences.applied(goes_on=not answer.is_final)
    if not answer.is_final:
        return JsonResponse({"status": "running", "hint": hint}, status=202, headers=headers | retry_after())
    if answer.refusal:
        return problem(422, answer.refusal)
    if answer.document is None:
        raise ServiceUnavailable(f"The engine failed unexpectedly; the worker's log names job {answer.job_id}.")
    found = show(answer.document)
    etag = etag_of(answer.job_id, found)
    return not_modified(request, etag) or JsonResponse(found, headers=headers | {"ETag": etag})
