"""What the endpoints of runs, sensitivity studies and robustness reports have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.etags import etag_of, not_modified
from accounts.api.pagination import CursorPagination
from accounts.api.permissions import Access
from accounts.api.problems import MEDIA_TYPE, Conflict
from accounts.api.schema import problem_response
from accounts.api.views import ScopedViewSet
from accounts.policies import Scope, may
from analysis.api.documents import result_answer
from analysis.choices import RunStatus
from analysis.models import Computation
from analysis.services.lifecycle import computation_cancel
from analysis.services.sharing import computation_share, require_owner

ComputationT = TypeVar("ComputationT", bound=Computation)

NO_RESULT = {(409, MEDIA_TYPE): problem_response("There is no result, or not yet.")}


class TruthField(forms.Field):
    """`true` or `false`, and nothing that only looks so."""

    def to_python(self, value: Any) -> bool | None:
        """The truth value; None where there is none. Raises ValidationError."""
        if value in self.empty_values:
            return None
        if value not in {"true", "false"}:
            raise forms.ValidationError("Should be true or false.")
        return bool(value == "true")


class TruthFilter(django_filters.BooleanFilter):
    """Narrows by a truth value, and refuses all else."""

    field_class = TruthField


class MomentField(IsoDateTimeField):
    """A moment that there is in UTC as well."""

    def to_python(self, value: Any) -> datetime | None:
        """The moment in UTC; None where there is none. Raises ValidationError."""
        found: datetime | None = super().to_python(value)
        try:
            return found and found.astimezone(UTC)
        except OverflowError:
            raise forms.ValidationError("Should be in the years 1 to 9999 of UTC.") from None


class MomentFilter(django_filters.IsoDateTimeFilter):
    """Narrows by a moment."""

    field_class = MomentField


class ComputationFilters(django_filters.FilterSet):
    """What a list can be narrowed by."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", help_text="Words in the name.")
    status = django_filters.MultipleChoiceFilter(choices=RunStatus.choices)
    mine = TruthFilter(method="of_asker", help_text="Your own ones, or only others'.")
    shared = TruthFilter(field_name="is_shared", help_text="Those that all may see, or only the others.")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte", help_text="Then or later.")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt", help_text="Before then.")
    input_hash = django_filters.CharFilter(help_text="Those of exactly these inputs.")

    def is_valid(self) -> bool:
        """As usual. Raises ValidationError for parameters that there are not, and for those that are empty."""
        paging = {"limit", "cursor"}
        unknown = ErrorDetail("There is no such parameter.", code="unknown")
        empty = ErrorDetail("Should not be empty.", code="blank")
        found = {name: [unknown] for name in self.data if name not in self.filters.keys() | paging}
        for name, each in self.filters.items():
            if self.data.get(name) == "" and not isinstance(each, django_filters.CharFilter):
                found[name] = [empty]  # django-filter would pass it over
        if found:
            raise ValidationError(found)
        return bool(super().is_valid())

    def of_asker(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Those of the user who asks, or of all others."""
        mine = {"owner_id": self.request.user.pk}
        return rows.filter(**mine) if value else rows.exclude(**mine)


class ComputationPagination(CursorPagination[Any]):
    """The newest first."""

    with_total = True


class ComputationViewSet(ScopedViewSet, Generic[ComputationT]):
    """Own computations and those open to everyone; all for admins. Others' are not there."""

    scopes: ClassVar[Mapping[str, Access]] = {
        "list": Scope.READ_RESULTS,
        "retrieve": Scope.READ_RESULTS,
        "result": Scope.READ_RESULTS,
        "cancel": Scope.CANCEL_ANALYSIS,
        "share": Scope.SHARE_ANALYSIS,
        "unshare": Scope.SHARE_ANALYSIS,
    }
    filter_backends = [DjangoFilterBackend]

    def list(self, request: Request) -> Response:
        """Own, shared and published ones, newest first; every one for admins."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """How far it is, or how it ended."""
        return Response(self.get_serializer(visible(self.get_queryset(), pk)).data)

    @action(detail=True, methods=["get"])
    def result(self, request: Request, pk: UUID) -> HttpResponse:
        """The document that came out."""
        found = finished(self.get_queryset(), pk)
        etag = etag_of("result", found.pk, may(request.user, Scope.READ_EVIDENCE))
        unchanged = not_modified(request, etag)
        return unchanged or Response(result_answer(found, request.user), headers={"ETag": etag})

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it: at once while it waits, within a second or two while it is worked on."""
        user: Any = request.user
        found = visible(self.get_queryset(), pk)
        require_owner(found, user, Scope.CANCEL_ANALYSIS)
        computation_cancel(computation=found, actor=user)
        return self.retrieve(request, pk)

    @action(detail=True, methods=["post"])
    def share(self, request: Request, pk: UUID) -> Response:
        """Open it to everyone who reads results."""
        return self._shared(request, pk, shared=True)

    @action(detail=True, methods=["post"])
    def unshare(self, request: Request, pk: UUID) -> Response:
        """Leave it to its owner and to admins, unless it is a published baseline."""
        return self._shared(request, pk, shared=False)

    def _shared(self, request: Request, pk: UUID, *, shared: bool) -> Response:
        user: Any = request.user
        computation_share(computation=visible(self.get_queryset(), pk), actor=user, shared=shared)
        return self.retrieve(request, pk)


def visible(rows: QuerySet[ComputationT], pk: UUID) -> ComputationT:
    """One of the rows, which are those that the user may see. Raises Http404."""
    return get_object_or_404(rows, pk=pk)


def finished(rows: QuerySet[ComputationT], pk: UUID) -> ComputationT:
    """One of the rows, with a result. Raises Http404, Conflict."""
    found = visible(rows, pk)
    if found.status != RunStatus.SUCCEEDED:
        reason = f": {found.error}" if found.error else "."
        kind = found._meta.verbose_name
        raise Conflict(f"The {kind} has no result: it is {RunStatus(found.status).label.lower()}{reason}")
    return found
