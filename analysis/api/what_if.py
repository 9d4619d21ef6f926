"""POST /what-if: the whole answer under other inputs, from a warm worker, while somebody moves a slider."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.api.parsers import StrictJSONParser
from accounts.api.plain import endpoint
from accounts.api.problems import MEDIA_TYPE, Conflict, ServiceUnavailable, UnprocessableContent
from accounts.api.schema import problem_response
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.models import User
from accounts.policies import Scope
from analysis.api.computations import visible
from analysis.api.documents import DocumentField
from analysis.api.parameters import SuppositionsSerializer, invalid
from analysis.api.waiting import looked
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.spec import ModelError
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run, run_list
from analysis.services.what_if import Obsolete, Question, Unanswered, what_if_begin, what_if_wait


class WhatIfInputSerializer(SuppositionsSerializer):
    """Other inputs of a run's model. What is left out stays as it is there."""

    run = serializers.UUIDField(required=False, help_text="A run that you may see; without it, the baseline.")


class WhatIfSerializer(serializers.Serializer):
    """The answer, `aifutures.what_if/1`."""

    run_id = serializers.UUIDField(help_text="Of the run whose inputs were changed.")
    schema = serializers.CharField()
    scenario_probabilities = serializers.DictField(child=serializers.FloatField())
    scenario_intervals = serializers.DictField(child=DocumentField())
    hypothesis_intervals = serializers.DictField(child=DocumentField())
    clusters = serializers.ListField(child=DocumentField())
    temporal_evolution = serializers.ListField(child=DocumentField())
    change = DocumentField(help_text="This answer minus that of the model as it is, at the target year.")
    metadata = DocumentField()
    computation_time = serializers.FloatField(help_text="Seconds.")


class WhatIfDescription(ScopedView):
    """Questions."""

    scopes = {"post": Scope.CREATE_ANALYSIS}
    costs = {"post": Cost.WHAT_IF}

    @extend_schema(
        summary="Ask what would be if",
        description="All years under other priors, posteriors, strengths or timing, interventions and observations, "
        "from 4,096 iterations. Of one user the newest question counts: older ones that still wait are dropped (409).",
        operation_id="what_if",
        request=WhatIfInputSerializer,
        responses={
            200: WhatIfSerializer,
            (404, MEDIA_TYPE): problem_response("No run that you may see, or no baseline yet."),
            (409, MEDIA_TYPE): problem_response("You have asked something newer meanwhile."),
            (422, MEDIA_TYPE): problem_response("What is observed has probability 0."),
        },
        examples=[OpenApiExample("Early progress", {"overrides": {"posteriors": {"H1": 0.9}}}, request_only=True)],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """The answer, in a tenth of a second."""
        raise NotImplementedError


@endpoint(scope=Scope.CREATE_ANALYSIS, cost=Cost.WHAT_IF, methods=("POST",), described_by=WhatIfDescription)
async def what_if(request: HttpRequest) -> HttpResponse:
    """What would be if."""
    try:
        run, question = await looked(lambda: _asked(request))
        answer = await what_if_wait(question=question)
    except ModelError as error:
        raise invalid(error) from None
    except ImpossibleObservation as error:
        raise UnprocessableContent(str(error)) from None
    except Obsolete as error:
        raise Conflict(f"Superseded: {error}.") from None
    except Unanswered as error:
        raise ServiceUnavailable(f"{error}.") from None
    return JsonResponse({"run_id": str(run.pk), **answer})


def _asked(request: HttpRequest) -> tuple[AnalysisRun, Question]:
    """The run that is asked about, and the question, which waits in the queue."""
    user = cast("User", request.user)
    serializer = WhatIfInputSerializer(data=Request(request, parsers=[StrictJSONParser()]).data)
    serializer.is_valid(raise_exception=True)
    given = dict(serializer.validated_data)
    run = _run(user, given.pop("run", None))
    return run, what_if_begin(user=user, run=run, request=given)


def _run(user: User, run_id: UUID | None) -> AnalysisRun:
    if run_id is not None:
        return visible(run_list(user=user), run_id)
    baseline = baseline_run()
    if baseline is None:
        raise NotFound("No baseline has been published yet.")
    return baseline
