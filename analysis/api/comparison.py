"""GET /analysis/compare: what differs between two runs, by more than chance, and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from accounts.api.plain import endpoint
from accounts.api.serializers import StrictSerializer
from accounts.api.views import ScopedView
from accounts.limits import Cost
from accounts.policies import Scope, may
from analysis.api.derived import ANSWERS, PARAMETERS, WORDS, derived
from analysis.api.documents import DocumentField
from analysis.api.runs import finished_run
from analysis.models import AnalysisRun
from analysis.services.derived import COMPARISON, Question, told_by

MODEL_PARTS = frozenset({"changes", "attribution"})
"""Of a comparison: what is said of the two model documents, for who may read those."""


class CompareQuerySerializer(StrictSerializer):
    """Which runs."""

    runs = serializers.CharField(help_text="Two ids with a comma: the run before, the run after.")

    def validate_runs(self, text: str) -> tuple[UUID, ...]:
        """The two ids."""
        try:
            found = tuple(UUID(part) for part in text.split(","))
        except ValueError:
            found = ()
        if len(found) != 2 or found[0] == found[1]:
            raise serializers.ValidationError("Should be the ids of two runs, with a comma.")
        return found


class DifferenceSerializer(serializers.Serializer):
    """A mean in both runs, and whether the difference exceeds the joint 95 % error."""

    before = serializers.FloatField(allow_null=True)
    after = serializers.FloatField(allow_null=True)
    difference = serializers.FloatField(allow_null=True)
    half_width = serializers.FloatField(allow_null=True)
    exceeds = serializers.BooleanField(allow_null=True)


class ComparisonSerializer(serializers.Serializer):
    """The comparison, `aifutures.comparison/1`."""

    schema = serializers.CharField()
    before = DocumentField()
    after = DocumentField()
    scenarios = serializers.DictField(child=DifferenceSerializer())
    hypotheses = serializers.DictField(child=DifferenceSerializer())
    clusters = serializers.DictField(child=DifferenceSerializer())
    changes = serializers.ListField(
        child=DocumentField(), required=False, help_text="Of the model, in words; for who holds read:evidence."
    )
    attribution = DocumentField(required=False, help_text="How much each change explains; for who holds read:evidence.")


class CompareDescription(ScopedView):
    """Two runs."""

    scopes = {"get": Scope.READ_RESULTS}
    costs = {"get": Cost.ANALYSIS_RUNS}

    @extend_schema(
        summary="Compare two runs",
        description=f"Each scenario, hypothesis and cluster at the target years. {WORDS}",
        operation_id="analysis_compare",
        parameters=[CompareQuerySerializer, *PARAMETERS],
        responses={200: ComparisonSerializer, **ANSWERS},
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """What differs."""
        raise NotImplementedError


@endpoint(scope=Scope.READ_RESULTS, described_by=CompareDescription)
async def compare(request: HttpRequest) -> HttpResponse:
    """What differs between two runs."""

    def ask() -> tuple[Question, tuple[AnalysisRun, AnalysisRun]]:
        query = CompareQuerySerializer(data=request.GET.dict())
        query.is_valid(raise_exception=True)
        before, after = (finished_run(request.user, pk) for pk in query.validated_data["runs"])
        return Question(COMPARISON, (str(told_by(before).pk), str(told_by(after).pk))), (before, after)

    def show(document: dict[str, Any], sought: tuple[AnalysisRun, AnalysisRun]) -> dict[str, Any]:
        hidden = frozenset() if may(request.user, Scope.READ_EVIDENCE) else MODEL_PARTS
        names = {
            part: document[part] | {"name": run.model_document["name"]}
            for part, run in zip(("before", "after"), sought, strict=True)
            if run.cached_from_id is not None
        }
        return {key: value for key, value in document.items() if key not in hidden} | names

    return await derived(request, ask, show)
