"""Pages of long lists, by cursor: a page costs the same wherever it is, and rows added meanwhile shift nothing.

DRF's CursorPagination compares the first field only and steps over ties by offset, at most 1,000 of them, and knows
no fields of related rows; lists here are sorted by fields with few values (direction, hypothesis), so all fields of
the order are compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Generic, TypeVar

from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.numbers import number_of

RowT = TypeVar("RowT", bound=Model)

_SIGNER = signing.Signer(salt="accounts.api.cursor")


class CursorPagination(BasePagination, Generic[RowT]):
    """`limit` rows after `cursor`, answered as `{<results_key>: [...], "next": url or null, ...}`.

    The order is the queryset's own (names of fields, `-` for descending, `__` for related rows), made unique by the
    primary key. Fields that may be null need an annotation that is not. `with_total` adds `total_count`; what the
    view's `page_extras(request)` gives comes along.
    """

    results_key = "results"
    with_total = False
    default_limit = 50
    max_limit = 500

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[RowT], request: Request, view: APIView | None = None
    ) -> list[RowT]:
        """The rows of the page. Raises ValidationError for a limit or cursor that is none."""
        limit = self._limit(request)
        order = _order_of(queryset)
        self._url = request.build_absolute_uri()
        self._total = queryset.count() if self.with_total else None
        self._extras: Mapping[str, Any] = getattr(view, "page_extras", _no_extras)(request)
        cursor = request.query_params.get("cursor")
        selected = queryset.filter(_after(order, _decoded(cursor, order))) if cursor else queryset
        rows = list(selected.order_by(*order)[: limit + 1])
        self._next = _encoded(rows[limit - 1], order) if len(rows) > limit else None
        return rows[:limit]

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        """The page with the address of the next one."""
        total = {} if self._total is None else {"total_count": self._total}
        following = self._next and replace_query_param(self._url, "cursor", self._next)
        return Response({self.results_key: data, **total, **self._extras, "next": following})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page in OpenAPI."""
        total = {"total_count": {"type": "integer", "description": "Rows on all pages together."}}
        properties = {
            self.results_key: schema,
            **(total if self.with_total else {}),
            **self.extras_schema(),
            "next": {
                "type": "string",
                "format": "uri",
                "nullable": True,
                "description": "Address of the next page; null on the last one.",
            },
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def extras_schema(self) -> dict[str, Any]:
        """The properties that `page_extras` adds, in OpenAPI."""
        return {}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """The parameters in OpenAPI."""
        size = {"type": "integer", "minimum": 1, "maximum": self.max_limit, "default": self.default_limit}
        words = "Where the page starts: from `next` of the page before, with the same order."
        return [
            {"name": "limit", "in": "query", "required": False, "description": "Rows on a page.", "schema": size},
            {"name": "cursor", "in": "query", "required": False, "description": words, "schema": {"type": "string"}},
        ]

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", str(self.default_limit))
        number = number_of(text) or 0
        if not 1 <= number <= self.max_limit:
            raise ValidationError({"limit": f"Should be a whole number from 1 to {self.max_limit}."})
        return number


def _no_extras(request: Request) -> Mapping[str, Any]:
    return {}


def _order_of(queryset: QuerySet[Any]) -> tuple[str, ...]:
    order = tuple(queryset.query.order_by or queryset.model._meta.ordering)
    if not all(isinstance(each, str) for each in order):
        raise ImproperlyConfigured(f"{queryset.model.__name__}: pages need an order by names of fields")
    key = queryset.model._meta.pk.name
    return order if {each.lstrip("-") for each in order} & {"pk", key} else (*order, "pk")


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """What comes after a row: greater in one field and equal in all fields before it."""
    names = [each.lstrip("-") for each in order]

    def step(index: int) -> Q:
        beyond = Q(**{f"{names[index]}__{'lt' if order[index].startswith('-') else 'gt'}": values[index]})
        return Q(**dict(zip(names[:index], values[:index], strict=True))) & beyond

    return reduce(Q.__or__, (step(index) for index in range(len(order))))


def _encoded(row: Model, order: Sequence[str]) -> str:
    values = [_value(row, each.lstrip("-")) for each in order]
    return _SIGNER.sign(signing.b64_encode(json.dumps([*order, *values]).encode()).decode())


def _decoded(cursor: str, order: Sequence[str]) -> list[Any]:
    try:
        content = json.loads(signing.b64_decode(_SIGNER.unsign(cursor).encode()))
    except signing.BadSignature:
        content = []
    if content[: len(order)] != list(order):
        raise ValidationError({"cursor": "Should come from `next` of a page in the same order."})
    values: list[Any] = content[len(order) :]
    return values


def _value(row: Model, name: str) -> Any:
    value: Any = reduce(getattr, name.split("__"), row)
    if value is None:
        raise ImproperlyConfigured(f"{name} is null in a list that is sorted by it")
    return value if isinstance(value, int | float | str) else str(value)
