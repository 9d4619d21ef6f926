"""Endpoints of sources and questions."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.etags import etag_of, require_match
from accounts.api.pagination import CursorPagination
from accounts.api.schema import IF_MATCH
from accounts.limits import Cost
from accounts.policies import Scope
from evidence.api.base import CONFLICT, PAGING, STALE, CuratedViewSet, checked_query
from evidence.api.queries import SourceListQuery
from evidence.api.serializers import (
    HypothesisEditSerializer,
    HypothesisSerializer,
    SourceCreateSerializer,
    SourceEditSerializer,
    SourceListSerializer,
    SourceSerializer,
    SourceWriteSerializer,
)
from evidence.models import Hypothesis, Source
from evidence.querysets import HypothesisQuerySet, SourceQuerySet
from evidence.selectors import hypothesis_list, source_list
from evidence.services.hypotheses import hypothesis_edit
from evidence.services.sources import source_create, source_edit


class SourcePagination(CursorPagination[Source]):
    """Publications, with their number."""

    results_key = "sources"
    with_total = True


class SourceViewSet(CuratedViewSet):
    """Publications."""

    path_words = {"id": "Id of the source."}
    scopes = {
        "list": Scope.READ_EVIDENCE,
        "retrieve": Scope.READ_EVIDENCE,
        "create": Scope.WRITE_EVIDENCE,
        "partial_update": Scope.WRITE_EVIDENCE,
    }
    costs = dict.fromkeys(("list", "retrieve"), Cost.EVIDENCE_QUERIES)
    serializer_class = SourceListSerializer
    pagination_class = SourcePagination
    queryset = Source.objects.none()

    def get_queryset(self) -> SourceQuerySet:
        """The publications that the user may see."""
        return source_list(user=self.request.user)

    @extend_schema(
        summary="List sources",
        description="Those of approved items for analysts, all for curators and admins.",
        operation_id="sources_list",
        parameters=[SourceListQuery],
    )
    def list(self, request: Request) -> Response:
        """A page of publications."""
        chosen = dict(checked_query(request, SourceListQuery, besides=PAGING))
        order = chosen.pop("ordering", None)
        sources = source_list(user=request.user, **chosen)
        page = self.paginate_queryset(sources.order_by(*order) if order else sources)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Add a source",
        description="Refused if it is stored already, however its address or identifier is written; `similar` of the "
        "answer names others with almost its title.",
        operation_id="sources_create",
        request=SourceCreateSerializer,
        responses={201: SourceWriteSerializer},
        examples=[
            OpenApiExample(
                "A paper",
                {
                    "title": "A study of scaling",
                    "source_type": "academic_paper",
                    "publication_date": "2025-05-01",
                    "identifier": "10.1000/example.1",
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """A new publication."""
        details = self.checked(SourceCreateSerializer)
        reason = details.pop("reason", "")
        source = source_create(actor=self.actor, details=details, reason=reason)
        return Response(SourceWriteSerializer(source).data, status=201, headers={"ETag": _source_etag(source)})

    @extend_schema(summary="Read a source", operation_id="sources_retrieve", responses=SourceSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        """One publication."""
        source = get_object_or_404(Source.objects.visible_to(request.user), pk=pk)
        return Response(SourceSerializer(source).data, headers={"ETag": _source_etag(source)})

    @extend_schema(
        summary="Change a source",
        description="What approved items or their revisions get their weight or name from (type, date, address, "
        "identifier) is for admins, with a `reason`. Submitted items and revisions from it become drafts, which who "
        "changed it does not approve. The key stays.",
        operation_id="sources_edit",
        parameters=[IF_MATCH],
        request=SourceEditSerializer(partial=True),
        responses={200: SourceWriteSerializer, **CONFLICT, **STALE},
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        """A corrected publication."""
        source = get_object_or_404(Source.objects.visible_to(request.user), pk=pk)
        require_match(request, _source_etag(source))
        changes = self.checked(SourceEditSerializer, partial=True)
        reason, version = changes.pop("reason", ""), source.version
        source = source_edit(source=source, actor=self.actor, changes=changes, reason=reason, expected_version=version)
        return Response(SourceWriteSerializer(source).data, headers={"ETag": _source_etag(source)})


def _source_etag(source: Source) -> str:
    return etag_of("source", source.pk, source.version)


class HypothesisPagination(CursorPagination[Hypothesis]):
    """Questions, in order."""

    results_key = "hypotheses"


class HypothesisViewSet(CuratedViewSet):
    """The questions about the future."""

    path_words = {"code": "Code of the hypothesis, such as H1."}
    scopes = {
        "list": Scope.READ_SCENARIOS,
        "retrieve": Scope.READ_SCENARIOS,
        "partial_update": Scope.WRITE_EVIDENCE,
    }
    costs = dict.fromkeys(("list", "retrieve"), Cost.EVIDENCE_QUERIES)
    serializer_class = HypothesisSerializer
    pagination_class = HypothesisPagination
    queryset = Hypothesis.objects.none()
    lookup_field = "code"

    def get_queryset(self) -> HypothesisQuerySet:
        """The questions that the user may see."""
        return hypothesis_list(user=self.request.user)

    @extend_schema(summary="List hypotheses", operation_id="hypotheses_list")
    def list(self, request: Request) -> Response:
        """A page of questions, in the order of a scenario's letters."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(summary="Read a hypothesis", operation_id="hypotheses_retrieve")
    def retrieve(self, request: Request, code: str) -> Response:
        """One question."""
        return self._answer(get_object_or_404(self.get_queryset(), code=code))

    @extend_schema(
        summary="Change a hypothesis",
        description="Its numbers, and the outcomes that approved items speak for, are for admins, with a `reason`.",
        operation_id="hypotheses_edit",
        parameters=[IF_MATCH],
        request=HypothesisEditSerializer(partial=True),
        responses={200: HypothesisSerializer, **CONFLICT, **STALE},
        examples=[
            OpenApiExample("A prior", {"prior_probability": 0.6, "reason": "After the survey."}, request_only=True)
        ],
    )
    def partial_update(self, request: Request, code: str) -> Response:
        """A question in other words, or with other numbers."""
        row = get_object_or_404(self.get_queryset(), code=code)
        require_match(request, _hypothesis_etag(row))
        changes = self.checked(HypothesisEditSerializer, partial=True)
        reason, version = changes.pop("reason", ""), row.version
        return self._answer(
            hypothesis_edit(hypothesis=row, actor=self.actor, changes=changes, reason=reason, expected_version=version)
        )

    def _answer(self, row: Hypothesis) -> Response:
        return Response(HypothesisSerializer(row).data, headers={"ETag": _hypothesis_etag(row)})


def _hypothesis_etag(row: Hypothesis) -> str:
    return etag_of("hypothesis", row.pk, row.version)
