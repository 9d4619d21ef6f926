"""Endpoints of sensitivity studies and robustness reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import django_filters
from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.plain import endpoint
from accounts.api.problems import MEDIA_TYPE
from accounts.api.schema import problem_response
from accounts.limits import Cost
from accounts.policies import Scope
from analysis.api.computations import NO_RESULT, ComputationFilters, ComputationPagination, ComputationViewSet
from analysis.api.documents import (
    AcceptedSerializer,
    ReportSerializer,
    RobustnessSerializer,
    SensitivitySerializer,
    StudySerializer,
)
from analysis.api.new_studies import ReportInputSerializer, StudyInputSerializer, report_new, study_new
from analysis.api.submission import PARAMETERS, PROBLEMS, WAITS, submitted
from analysis.choices import StudyMethod
from analysis.models import RobustnessReport, SensitivityStudy
from analysis.selectors import report_list, study_list

_BEGUN: Mapping[Any, Any] = {
    202: AcceptedSerializer,
    (404, MEDIA_TYPE): problem_response("No run that you may see."),
    **PROBLEMS,
}


def _operations(prefix: str, thing: str, things: str, row: type[Any], document: type[Any]) -> dict[str, Any]:
    """Descriptions of what studies and reports have in common."""
    done: dict[str, Any] = {"request": None, "responses": {200: row}}
    return {
        "list": extend_schema(summary=f"List {things}", operation_id=f"{prefix}_list"),
        "retrieve": extend_schema(summary=f"Read how far a {thing} is", operation_id=f"{prefix}_read"),
        "result": extend_schema(
            summary=f"Read a {thing}'s result",
            operation_id=f"{prefix}_result",
            responses={200: document, **NO_RESULT},
        ),
        "cancel": extend_schema(summary=f"Cancel a {thing}", operation_id=f"{prefix}_cancel", **done),
        "share": extend_schema(summary=f"Share a {thing}", operation_id=f"{prefix}_share", **done),
        "unshare": extend_schema(summary=f"Share a {thing} no more", operation_id=f"{prefix}_unshare", **done),
    }


class _StudiesViewSet(ComputationViewSet[Any]):
    scopes = {**ComputationViewSet.scopes, "create": Scope.CREATE_ANALYSIS}
    costs = {"create": Cost.ANALYSIS_RUNS}


class StudyFilters(ComputationFilters):
    """What a list of studies can be narrowed by."""

    method = django_filters.ChoiceFilter(choices=StudyMethod.choices)
    output = django_filters.CharFilter(help_text="Such as entropy@2050.")


class StudyPagination(ComputationPagination):
    """Studies, newest first."""

    results_key = "studies"


class ReportPagination(ComputationPagination):
    """Reports, newest first."""

    results_key = "reports"


@extend_schema_view(
    **_operations("sensitivity", "sensitivity study", "sensitivity studies", StudySerializer, SensitivitySerializer)
)
class StudyViewSet(_StudiesViewSet):
    """The sensitivity studies that the user may see."""

    path_words = {"id": "Id of the study."}
    serializer_class = StudySerializer
    pagination_class = StudyPagination
    filterset_class = StudyFilters
    queryset = SensitivityStudy.objects.none()

    def get_queryset(self) -> QuerySet[SensitivityStudy]:
        """Own and shared studies; all for admins."""
        return study_list(user=self.request.user)

    @extend_schema(
        summary="Ask what a number depends on",
        description=f"Sobol' indices, elementary effects (morris), local derivatives, value of information. {WAITS}",
        operation_id="sensitivity_run",
        parameters=PARAMETERS,
        request=StudyInputSerializer,
        responses={200: SensitivitySerializer, **_BEGUN},
        examples=[
            OpenApiExample(
                "Which posteriors matter?",
                {"method": "sobol", "parameters": ["posterior:*"], "output": "scenario:ABBABB@2040", "samples": 512},
                request_only=True,
            )
        ],
        filters=False,
    )
    def create(self, request: Request) -> Response:
        """A new study."""
        raise NotImplementedError


@extend_schema_view(
    **_operations("robustness", "robustness report", "robustness reports", ReportSerializer, RobustnessSerializer)
)
class ReportViewSet(_StudiesViewSet):
    """The robustness reports that the user may see."""

    path_words = {"id": "Id of the report."}
    serializer_class = ReportSerializer
    pagination_class = ReportPagination
    filterset_class = ComputationFilters
    queryset = RobustnessReport.objects.none()

    def get_queryset(self) -> QuerySet[RobustnessReport]:
        """Own and shared reports; all for admins."""
        return report_list(user=self.request.user)

    @extend_schema(
        summary="Ask which conclusions hold",
        description="Under other causal models, priors, evidence weights, thresholds and strengths, and without the "
        f"later evidence. {WAITS}",
        operation_id="robustness_run",
        parameters=PARAMETERS,
        request=ReportInputSerializer,
        responses={200: RobustnessSerializer, **_BEGUN},
        filters=False,
    )
    def create(self, request: Request) -> Response:
        """A new report."""
        raise NotImplementedError


@endpoint(scope=Scope.CREATE_ANALYSIS, methods=("GET", "HEAD", "POST"), described_by=StudyViewSet)
async def _study(request: HttpRequest) -> HttpResponse:
    """A new study, and its result if that comes soon."""
    return await submitted(request, SensitivityStudy, study_new)


@endpoint(scope=Scope.CREATE_ANALYSIS, methods=("GET", "HEAD", "POST"), described_by=ReportViewSet)
async def _report(request: HttpRequest) -> HttpResponse:
    """A new report, and its result if that comes soon."""
    return await submitted(request, RobustnessReport, report_new)


def _collection(viewset: type[ComputationViewSet[Any]], create: Callable[..., Any]) -> Callable[..., Any]:
    """One address: GET lists with DRF, POST waits in the event loop."""
    listing = viewset.as_view({"get": "list", "post": "create"})

    @csrf_exempt
    async def collection(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            answer: HttpResponse = await create(request)
            return answer
        return await sync_to_async(listing)(request)

    for name in ("cls", "initkwargs", "actions"):  # what drf-spectacular looks for
        setattr(collection, name, getattr(listing, name))
    return collection


studies = _collection(StudyViewSet, _study)
reports = _collection(ReportViewSet, _report)
