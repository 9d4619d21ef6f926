"""Endpoints of items of evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.etags import etag_of, require_match
from accounts.api.pagination import CursorPagination
from accounts.api.schema import IF_MATCH
from accounts.limits import Cost
from accounts.policies import Scope, may
from evidence.api.base import (
    CHANGED,
    CONFLICT,
    DELETED,
    PAGING,
    STALE,
    CuratedViewSet,
    checked_query,
    match_if_sent,
    renamed,
)
from evidence.api.queries import DeleteQuery, EvidenceListQuery
from evidence.api.serializers import (
    QUALITY_SCORES,
    EvidenceCreateSerializer,
    EvidenceInputSerializer,
    EvidenceSerializer,
    HistorySerializer,
    ReasonSerializer,
    RequiredReasonSerializer,
)
from evidence.models import Evidence, Source
from evidence.querysets import EvidenceQuerySet
from evidence.selectors import evidence_history, evidence_list
from evidence.services.items import evidence_create, evidence_delete, evidence_edit
from evidence.services.reviews import evidence_approve, evidence_reject, evidence_retire, evidence_submit
from evidence.services.sources import source_create

EXAMPLE = OpenApiExample(
    "A finding",
    {
        "hypothesis": "H1",
        "direction": "A",
        "strength": 0.4,
        "quality_scores": {"authority": 0.8, "methodology": 0.7, "recency": None, "replication": 0.5},
        "source": {
            "title": "A study of scaling",
            "source_type": "academic_paper",
            "publication_date": "2025-05-01",
            "identifier": "10.1000/example.1",
        },
        "description": "Finds that loss falls as a power of compute.",
    },
    request_only=True,
)


class EvidencePagination(CursorPagination[Evidence]):
    """Items, with their number and the filters."""

    results_key = "evidence"
    with_total = True

    def extras_schema(self) -> dict[str, Any]:
        """What narrowed the list."""
        return {"filters_applied": {"type": "object", "additionalProperties": True}}


class EvidenceViewSet(CuratedViewSet):
    """Items of evidence: analysts see approved ones, curators and admins all, with open revisions."""

    path_words = {"public_id": "Id of the item, such as H1-001."}
    scopes = {
        "list": Scope.READ_EVIDENCE,
        "retrieve": Scope.READ_EVIDENCE,
        "history": Scope.READ_EVIDENCE,
        "create": Scope.WRITE_EVIDENCE,
        "partial_update": Scope.WRITE_EVIDENCE,
        "destroy": Scope.DELETE_EVIDENCE,
        "submit": Scope.WRITE_EVIDENCE,
        "approve": Scope.WRITE_EVIDENCE,
        "reject": Scope.WRITE_EVIDENCE,
        "retire": Scope.WRITE_EVIDENCE,
    }
    costs = dict.fromkeys(("list", "retrieve", "history"), Cost.EVIDENCE_QUERIES)
    serializer_class = EvidenceSerializer
    pagination_class = EvidencePagination
    queryset = Evidence.objects.none()
    lookup_field = "public_id"
    lookup_url_kwarg = "public_id"

    def get_queryset(self) -> EvidenceQuerySet:
        """The items that the user may see."""
        return evidence_list(user=self.request.user)

    def page_extras(self, request: Request) -> Mapping[str, Any]:
        """The filters of the list, as they were understood."""
        return {"filters_applied": self._filters}

    @extend_schema(
        summary="List evidence",
        description="Approved items for analysts, items in every state for curators and admins.",
        operation_id="evidence_list",
        parameters=[EvidenceListQuery],
    )
    def list(self, request: Request) -> Response:
        """A page of items."""
        chosen = dict(checked_query(request, EvidenceListQuery, besides=PAGING))
        order = chosen.pop("ordering", None)
        self._filters = chosen
        items = evidence_list(user=request.user, filters=chosen)  # type: ignore[arg-type]
        page = self.paginate_queryset(items.order_by(*order) if order else items)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Add a draft",
        description="A new item, which counts once another curator has approved it. Its source is a stored one, or "
        "is stored with it.",
        operation_id="evidence_create",
        request=EvidenceCreateSerializer,
        responses={201: EvidenceSerializer},
        examples=[EXAMPLE],
    )
    def create(self, request: Request) -> Response:
        """A new draft."""
        given = self.checked(EvidenceCreateSerializer)
        reason, public_id = given.pop("reason", ""), given.pop("id", "")
        try:
            with transaction.atomic():
                content = self._content(given, reason)
                item = evidence_create(actor=self.actor, content=content, public_id=public_id, reason=reason)
        except ValidationError as error:
            raise renamed(error, {"public_id": "id"}) from None
        return self._answer(item, status=201)

    @extend_schema(summary="Read an item", operation_id="evidence_retrieve")
    def retrieve(self, request: Request, public_id: str) -> Response:
        """One item."""
        return self._answer(self._item(public_id))

    @extend_schema(
        summary="Change an item",
        description="What weighs in analyses (scores, direction, hypothesis, source, group) needs a `reason`, and is, "
        "for an approved item, written to its `revision`: the item counts as it is until another curator has approved "
        "that. An item that is not approved becomes a draft.",
        operation_id="evidence_edit",
        parameters=[IF_MATCH],
        request=EvidenceInputSerializer(partial=True),
        responses={200: EvidenceSerializer, **CONFLICT, **STALE},
        examples=[OpenApiExample("New data", {"strength": 0.5, "reason": "Replicated twice."}, request_only=True)],
    )
    def partial_update(self, request: Request, public_id: str) -> Response:
        """A change, or the draft of one."""
        item = self._item(public_id)
        require_match(request, self._etag(item))
        given = self.checked(EvidenceInputSerializer, partial=True)
        reason = given.pop("reason", "")
        with transaction.atomic():
            changes = self._content(given, reason)
            item = evidence_edit(
                evidence=item, actor=self.actor, changes=changes, reason=reason, expected_version=item.version
            )
        return self._answer(item)

    @extend_schema(
        summary="Delete an item",
        description="Only what was never approved; what has counted is retired.",
        operation_id="evidence_delete",
        parameters=[IF_MATCH, DeleteQuery],
        responses={204: DELETED, **CONFLICT, **STALE},
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        """An end for an item that never counted."""
        item = self._item(public_id)
        require_match(request, self._etag(item))
        reason = checked_query(request, DeleteQuery)["reason"]
        evidence_delete(evidence=item, actor=self.actor, reason=reason, expected_version=item.version)
        return Response(status=204)

    @extend_schema(
        summary="Submit a draft for review",
        description="Of an approved item, its revision. If-Match is heeded where it is sent.",
        operation_id="evidence_submit",
        request=ReasonSerializer,
        responses={200: EvidenceSerializer, **CONFLICT, **CHANGED},
    )
    def submit(self, request: Request, public_id: str) -> Response:
        """Draft to submitted."""
        item = self._item(public_id)
        match_if_sent(request, self._etag(item))
        return self._step(evidence_submit, item, ReasonSerializer)

    @extend_schema(
        summary="Approve a submitted item or revision",
        description="Not by who wrote or edited it, whatever their role. From then on it counts in analyses. As "
        "for all decisions, If-Match names the version that was read.",
        operation_id="evidence_approve",
        parameters=[IF_MATCH],
        request=ReasonSerializer,
        responses={200: EvidenceSerializer, **CONFLICT, **STALE},
    )
    def approve(self, request: Request, public_id: str) -> Response:
        """Submitted to approved."""
        return self._decide(evidence_approve, public_id, ReasonSerializer)

    @extend_schema(
        summary="Reject a submitted item or revision",
        description="An approved item goes on to count as it is.",
        operation_id="evidence_reject",
        parameters=[IF_MATCH],
        request=RequiredReasonSerializer,
        responses={200: EvidenceSerializer, **CONFLICT, **STALE},
        examples=[OpenApiExample("No page", {"reason": "The page is not given."}, request_only=True)],
    )
    def reject(self, request: Request, public_id: str) -> Response:
        """Submitted to rejected."""
        return self._decide(evidence_reject, public_id, RequiredReasonSerializer)

    @extend_schema(
        summary="Retire an approved or rejected item",
        description="It counts no more; its history stays. An open revision is rejected with it.",
        operation_id="evidence_retire",
        parameters=[IF_MATCH],
        request=RequiredReasonSerializer,
        responses={200: EvidenceSerializer, **CONFLICT, **STALE},
        examples=[OpenApiExample("Superseded", {"reason": "The authors withdrew it."}, request_only=True)],
    )
    def retire(self, request: Request, public_id: str) -> Response:
        """Approved or rejected to retired."""
        return self._decide(evidence_retire, public_id, RequiredReasonSerializer)

    @extend_schema(
        summary="An item's history",
        description="Who changed what, when and why, of the item and its revisions, the newest first. Analysts see "
        "the approved states only.",
        operation_id="evidence_history",
        responses=HistorySerializer,
    )
    def history(self, request: Request, public_id: str) -> Response:
        """Every step that the user may see."""
        item = self._item(public_id)
        entries = evidence_history(user=request.user, evidence=item)
        return Response(HistorySerializer({"history": entries}).data)

    def _item(self, public_id: str) -> Evidence:
        return get_object_or_404(self.get_queryset(), public_id=public_id)

    def _decide(self, decision: Callable[..., Evidence], public_id: str, body: type[Any]) -> Response:
        """Decide on an item as it was read: what counts is what the reviewer has seen."""
        item = self._item(public_id)
        require_match(self.request, self._etag(item))
        return self._step(decision, item, body)

    def _step(self, step: Callable[..., Evidence], item: Evidence, body: type[Any]) -> Response:
        """Take a step of review with an item."""
        reason = self.checked(body).get("reason", "")
        stepped = step(evidence=item, actor=self.actor, reason=reason, expected_version=item.version)
        return self._answer(stepped)

    def _content(self, given: Mapping[str, Any], reason: str) -> dict[str, Any]:
        """What the item is to say, by the names of the services; with a new source, which is stored."""
        content = {name: value for name, value in given.items() if name != "quality_scores"}
        content |= {name: value for name, value in given.get("quality_scores", {}).items() if name in QUALITY_SCORES}
        if (source := content.get("source")) is not None and not isinstance(source, Source):
            try:
                content["source"] = source_create(actor=self.actor, details=source, reason=reason)
            except ValidationError as error:
                raise renamed(error, {NON_FIELD_ERRORS: "source"}, others="source.") from None
        return content

    def _answer(self, item: Evidence, status: int = 200) -> Response:
        """The item as the user sees it, with its version."""
        shown = item if self.request.method == "GET" else self._item(item.public_id)
        return Response(EvidenceSerializer(shown).data, status=status, headers={"ETag": self._etag(shown)})

    def _etag(self, item: Evidence) -> str:
        drafts = may(self.request.user, Scope.READ_DRAFTS)
        return etag_of("evidence", item.pk, item.version, item.source.version, item.quality, drafts)
