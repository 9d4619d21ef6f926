"""Endpoints of the scenarios: plain views that answer bytes made before (ARCHITECTURE.md, decision 14)."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ValidationError

from accounts.api.etags import etag_of_bytes, not_modified
from accounts.api.kept import may_keep
from accounts.api.plain import endpoint
from accounts.api.problems import MEDIA_TYPE
from accounts.api.schema import problem_response
from accounts.api.serializers import StrictSerializer
from accounts.api.throttles import charge, peek, refund
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.policies import Scope
from analysis import scenarios as listing
from analysis.api.runs import finished_run
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run_id

FRESH_SECONDS = 60
"""Titles and narratives that somebody edits are seen after at most so long; a run's numbers never change."""
KEPT = 256
"""Answers that a process keeps ready."""
ORDERS = ("probability", "scenario_id", "cluster")
MIN_PROBABILITY = 0.01
JSON = "application/json"

S = TypeVar("S", bound=serializers.Serializer)


class RunQuerySerializer(StrictSerializer):
    """Of which run, and of which year."""

    run = serializers.UUIDField(required=False, help_text="A run that you may see; without it, the baseline.")
    year = serializers.IntegerField(required=False, help_text="By default the target year of the run.")


class ScenarioQuerySerializer(RunQuerySerializer):
    """Which scenarios, and in which order."""

    min_probability = serializers.FloatField(
        default=MIN_PROBABILITY, min_value=0, max_value=1, help_text="Less likely ones are left out."
    )
    sort_by = serializers.CharField(
        default="probability",
        help_text="One or more of `probability` (the likeliest first), `scenario_id` and `cluster`, with commas.",
    )

    def validate_sort_by(self, text: str) -> tuple[str, ...]:
        """The orders, the first one first."""
        orders = tuple(text.split(","))
        if not set(orders) <= set(ORDERS) or len(set(orders)) < len(orders):
            raise serializers.ValidationError(f"Should be one or more of {', '.join(ORDERS)}, with commas.")
        return orders


class IntervalSerializer(serializers.Serializer):
    """Quantiles of a probability over what is uncertain."""

    q05 = serializers.FloatField()
    q50 = serializers.FloatField()
    q95 = serializers.FloatField()


class ScenarioSerializer(serializers.Serializer):
    """A future and how likely it is."""

    scenario_id = serializers.CharField(help_text="An outcome, A or B, for every hypothesis in order.")
    probability = serializers.FloatField()
    interval = IntervalSerializer()
    cluster = serializers.CharField(allow_null=True, help_text="Null in runs that report some hypotheses only.")
    title = serializers.CharField(allow_blank=True)
    description = serializers.CharField()


class OutcomeSerializer(serializers.Serializer):
    """What a scenario says about a hypothesis."""

    hypothesis = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment] # a field of that name
    outcome = serializers.ChoiceField(["A", "B"])
    meaning = serializers.CharField(allow_blank=True)


class YearSerializer(serializers.Serializer):
    """A scenario's probability in a year."""

    year = serializers.IntegerField()
    probability = serializers.FloatField()
    interval = IntervalSerializer()


class ScenarioDetailSerializer(ScenarioSerializer):
    """A future, year by year."""

    year = serializers.IntegerField(help_text="Of `probability` and `interval`.")
    outcomes = OutcomeSerializer(many=True)
    evolution = YearSerializer(many=True)


_NO_RESULT = {
    (404, MEDIA_TYPE): problem_response("No such scenario, no run that you may see, or no baseline yet."),
    (409, MEDIA_TYPE): problem_response("The run has no result, or not yet."),
}


class ScenariosDescription(ScopedView):
    """The list."""

    scopes = {"get": Scope.READ_SCENARIOS}
    costs = {"get": Cost.SCENARIO_QUERIES}

    @extend_schema(
        summary="List the scenarios",
        description="From the latest published baseline unless `run` names another run. A bare array, never paged. "
        "Edited titles and descriptions are seen within a minute.",
        operation_id="scenarios_list",
        parameters=[ScenarioQuerySerializer],
        responses={200: ScenarioSerializer(many=True), **_NO_RESULT},
        examples=[
            OpenApiExample(
                "Two families",
                {
                    "scenario_id": "ABBABB",
                    "probability": 0.11,
                    "interval": {"q05": 0.05, "q50": 0.11, "q95": 0.19},
                    "cluster": "Adaptive Integration",
                    "title": "A slow dawn, well kept",
                    "description": "Progress quickens, ...",
                },
                response_only=True,
            )
        ],
        filters=False,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """Every scenario of at least some probability."""
        raise NotImplementedError


class ScenarioDescription(ScopedView):
    """One scenario."""

    path_words = {"code": "One letter for each hypothesis, such as ABBABB."}
    scopes = {"get": Scope.READ_SCENARIOS}
    costs = {"get": Cost.SCENARIO_QUERIES}

    @extend_schema(
        summary="Read a scenario",
        operation_id="scenarios_read",
        parameters=[RunQuerySerializer],
        responses={200: ScenarioDetailSerializer, **_NO_RESULT},
    )
    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        """What it says about every hypothesis, and its probability in every year."""
        raise NotImplementedError


@endpoint(scope=Scope.READ_SCENARIOS, described_by=ScenariosDescription)
def scenarios(request: HttpRequest) -> HttpResponse:
    """The scenarios of a run."""
    query = _query(ScenarioQuerySerializer, request)
    least, orders = query["min_probability"], query["sort_by"]
    return _answer(request, _list_body, _run_id(request, query), query.get("year"), least, orders)


@endpoint(scope=Scope.READ_SCENARIOS, described_by=ScenarioDescription)
def scenario(request: HttpRequest, code: str) -> HttpResponse:
    """One scenario of a run."""
    query = _query(RunQuerySerializer, request)
    return _answer(request, _detail_body, _run_id(request, query), query.get("year"), code)


def _query(serializer_class: type[S], request: HttpRequest) -> dict[str, Any]:
    serializer = serializer_class(data=request.GET.dict())
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


def _run_id(request: HttpRequest, query: dict[str, Any]) -> UUID:
    """The run that is asked about. Raises NotFound, Conflict."""
    if "run" in query:
        found: UUID = finished_run(request.user, query["run"]).pk
        return found
    baseline = baseline_run_id()
    if baseline is None:
        raise NotFound("No baseline has been published yet.")
    return baseline


class _Kept:
    """Bodies with their versions that this process keeps ready; the one not asked for longest is given up first."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[tuple[Any, ...], tuple[bytes, str]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: tuple[Any, ...]) -> tuple[bytes, str] | None:
        with self._lock:
            if key in self._bodies:
                self._bodies.move_to_end(key)
            return self._bodies.get(key)

    def keep(self, key: tuple[Any, ...], made: tuple[bytes, str]) -> None:
        with self._lock:
            self._bodies[key] = made
            if len(self._bodies) > KEPT:
                self._bodies.popitem(last=False)


_kept = _Kept()


def _answer(request: HttpRequest, make: Callable[..., tuple[bytes, str]], *about: Any) -> HttpResponse:
    """What is kept, or what the client has, is free; what is made for this request counts. Raises Throttled."""
    key = (make, *about, int(time.monotonic() // FRESH_SECONDS))
    found = _kept.find(key)
    if found is None and "If-None-Match" not in request.headers:
        charge(request, Cost.SCENARIO_QUERIES, user=request.user)
        try:
            made = make(*about)
        except APIException:
            refund(request)  # there is no such year or scenario
            raise
    else:
        made = found or make(*about)
        free = found is not None or not_modified(request, made[1]) is not None
        (peek if free else charge)(request, Cost.SCENARIO_QUERIES, user=request.user)
    if found is None:
        _kept.keep(key, made)
    body, etag = made
    if found is not None and "run" not in request.GET:
        fresh = FRESH_SECONDS - time.monotonic() % FRESH_SECONDS
        may_keep(request, body=body, content_type=JSON, seconds=fresh)
    return not_modified(request, etag) or HttpResponse(body, content_type=JSON, headers={"ETag": etag})


def _list_body(run_id: UUID, year: int | None, least: float, orders: tuple[str, ...]) -> tuple[bytes, str]:
    """The list's bytes and their version."""
    return _bytes(lambda run: listing.scenario_list(run=run, year=year, min_probability=least, orders=orders), run_id)


def _detail_body(run_id: UUID, year: int | None, code: str) -> tuple[bytes, str]:
    """One scenario's bytes and their version."""
    return _bytes(lambda run: listing.scenario_detail(run=run, year=year, code=code), run_id)


def _bytes(make: Callable[[AnalysisRun], Any], run_id: UUID) -> tuple[bytes, str]:
    try:
        documents = AnalysisRun.objects.defer(None).only("model_document", "result", "cached_from")
        found = make(documents.get(pk=run_id))
    except listing.UnknownYear as error:
        raise ValidationError({"year": str(error)}) from None
    except listing.UnknownScenario as error:
        raise NotFound(str(error)) from None
    body = json.dumps(found, ensure_ascii=False).encode()
    return body, etag_of_bytes(body)
