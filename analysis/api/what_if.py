"""POST /what-if: the whole answer under other inputs, from a warm worker, while somebody moves a slider."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import MEDIA_TYPE, Conflict, ServiceUnavailable, UnprocessableContent
from accounts.api.schema import problem_response
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.models import User
from accounts.policies import Scope
from analysis.api.computations import visible
from analysis.api.documents import DocumentField
from analysis.api.parameters import SuppositionsSerializer, invalid
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.spec import ModelError
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run, run_list
from analysis.services.what_if import Obsolete, Unanswered, what_if_ask


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


class WhatIfView(ScopedView):
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
    def post(self, request: Request) -> Response:
        """The answer, in a tenth of a second."""
        serializer = WhatIfInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        question = dict(serializer.validated_data)
        run = self._run(question)
        user = cast("User", request.user)
        try:
            answer = what_if_ask(user=user, run=run, request=question)
        except ModelError as error:
            raise invalid(error) from None
        except ImpossibleObservation as error:
            raise UnprocessableContent(str(error)) from None
        except Obsolete as error:
            raise Conflict(f"Superseded: {error}.") from None
        except Unanswered as error:
            raise ServiceUnavailable(f"{error}.") from None
        return Response({"run_id": str(run.pk), **answer})

    def _run(self, question: dict[str, object]) -> AnalysisRun:
        if "run" in question:
            return visible(run_list(user=self.request.user), question.pop("run"))  # type: ignore[arg-type] # a UUID
        run = baseline_run()
        if run is None:
            raise NotFound("No baseline has been published yet.")
        return run
