"""Endpoints of runs: who asked for what, how far it is, and what came out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.etags import etag_of, not_modified
from accounts.api.plain import endpoint
from accounts.api.serializers import StrictSerializer
from accounts.api.throttles import charge, peek
from accounts.api.views import ScopedView
from accounts.audit import audit_record
from accounts.limits import Cost
from accounts.policies import Asker, Scope, may
from aifutures_site.config import get_config
from analysis import exports
from analysis.api.computations import (
    NO_RESULT,
    ComputationFilters,
    ComputationPagination,
    ComputationViewSet,
    TruthFilter,
    finished,
    visible,
)
from analysis.api.documents import ResultSerializer, RunSerializer, readable_result
from analysis.models import AnalysisRun
from analysis.selectors import run_list


class RunFilters(ComputationFilters):
    """What a list of runs can be narrowed by."""

    published = TruthFilter(
        field_name="published_at", lookup_expr="isnull", exclude=True, help_text="Those that are or were the baseline."
    )


class RunPagination(ComputationPagination):
    """Runs, newest first."""

    results_key = "runs"


class ExportQuerySerializer(StrictSerializer):
    """In which form."""

    format = serializers.ChoiceField(tuple(exports.WRITERS))


@extend_schema_view(
    list=extend_schema(summary="List runs", operation_id="analysis_list"),
    retrieve=extend_schema(summary="Read a run", operation_id="analysis_read"),
    result=extend_schema(
        summary="Read a run's result",
        description="Without `evidence_summary` for who does not hold read:evidence.",
        operation_id="analysis_result",
        responses={200: ResultSerializer, **NO_RESULT},
    ),
    cancel=extend_schema(
        summary="Cancel a run",
        description="At once while it waits, within a second or two while it is worked on; an ended run stays as it "
        "is. For its owner and admins.",
        operation_id="analysis_cancel",
        request=None,
        responses={200: RunSerializer},
    ),
    share=extend_schema(
        summary="Share a run",
        description="Everyone who reads results may then see it. For its owner and admins.",
        operation_id="analysis_share",
        request=None,
        responses={200: RunSerializer},
    ),
    unshare=extend_schema(
        summary="Share a run no more",
        description="Only its owner and admins see it then, unless it is a published baseline.",
        operation_id="analysis_unshare",
        request=None,
        responses={200: RunSerializer},
    ),
)
class RunViewSet(ComputationViewSet[AnalysisRun]):
    """The runs that the user may see."""

    path_words = {"id": "Id of the run."}
    scopes = {**ComputationViewSet.scopes, "model": Scope.READ_EVIDENCE}
    costs = {"result": Cost.SCENARIO_QUERIES}
    serializer_class = RunSerializer
    pagination_class = RunPagination
    filterset_class = RunFilters
    queryset = AnalysisRun.objects.none()

    def get_queryset(self) -> QuerySet[AnalysisRun]:
        """Own, shared and published runs; all for admins."""
        return run_list(user=self.request.user)

    @extend_schema(
        summary="Read a run's model document",
        description="`aifutures.model/1`: all that the run was computed from. It can be repeated from this, here or "
        "elsewhere.",
        operation_id="analysis_model",
        responses={200: OpenApiTypes.OBJECT},
    )
    def model(self, request: Request, pk: UUID) -> HttpResponse:
        """What went in."""
        run = visible(self.get_queryset(), pk)
        etag = etag_of("model", run.pk)
        return not_modified(request, etag) or Response(run.model_document, headers={"ETag": etag})


class ExportDescription(ScopedView):
    """A result as a file."""

    path_words = {"id": "Id of the run."}
    scopes = {"get": Scope.READ_RESULTS}
    costs = {"get": Cost.SCENARIO_QUERIES}

    @extend_schema(
        summary="Download a run's result",
        description="JSON: the result with its model document (for who holds read:evidence). CSV and Parquet: one row "
        "for each year and thing, `year, kind, name, mean, q05, q50, q95` and, at the target year, `sd, mcse, q25, "
        "q75`; kinds are scenario, hypothesis (P(A)), cluster and entropy (in bits). CSV has the configured digits, "
        "Parquet full numbers and, in its schema's metadata, input_hash, engine_version, seed and more.",
        operation_id="analysis_export",
        parameters=[ExportQuerySerializer],
        responses={
            (200, exports.WRITERS["json"].media_type): OpenApiTypes.OBJECT,
            (200, exports.WRITERS["csv"].media_type): OpenApiTypes.STR,
            (200, exports.WRITERS["parquet"].media_type): OpenApiTypes.BINARY,
            **NO_RESULT,
        },
    )
    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The file."""
        raise NotImplementedError


@endpoint(scope=Scope.READ_RESULTS, described_by=ExportDescription)
def export(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A run's result as a file, whatever Accept says."""
    query = ExportQuerySerializer(data=request.GET.dict())
    query.is_valid(raise_exception=True)
    name, output = query.validated_data["format"], get_config().output
    if name not in output.export_formats:
        raise ValidationError({"format": "This form is switched off here."})
    run = finished_run(request.user, pk)
    readable = may(request.user, Scope.READ_EVIDENCE)
    etag = etag_of("export", name, run.pk, readable, output.precision, output.scientific_notation)
    if unchanged := not_modified(request, etag):
        peek(request, Cost.SCENARIO_QUERIES, user=request.user)
        return unchanged
    charge(request, Cost.SCENARIO_QUERIES, user=request.user)
    writer = exports.WRITERS[name]
    content = writer.write(
        readable_result(run.result_document or {}, request.user), run.model_document if readable else None
    )
    user: Any = request.user
    audit_record(actor=user, action="analysisrun.export", subject=run, details={"format": name})
    disposition = f'attachment; filename="aifutures-{run.short_id}.{name}"'
    headers = {"Content-Disposition": disposition, "ETag": etag}
    return HttpResponse(content, content_type=writer.media_type, headers=headers)


def finished_run(user: Asker, pk: UUID) -> AnalysisRun:
    """A run that the user may see and that has a result. Raises Http404, Conflict."""
    return finished(run_list(user=user), pk)
