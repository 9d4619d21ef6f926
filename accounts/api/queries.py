"""Query parameters: an operation takes those that its description names, each one once unless it is a list."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import django_filters
from django.http import QueryDict
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.serializers import ListField

if TYPE_CHECKING:
    from accounts.api.views import ScopedView


def query_check(view: type[ScopedView], operation: str, given: QueryDict) -> None:
    """Raise ValidationError for parameters that there are not, and for those that are there more than once."""
    known = _described(view, operation)  # type: ignore[arg-type]
    found = {}
    for name, values in given.lists():
        if name not in known:
            found[name] = [ErrorDetail("There is no such parameter.", code="unknown")]
        elif len(values) > 1 and not known[name]:
            found[name] = [ErrorDetail("Should be there once.", code="repeated")]
    if found:
        raise ValidationError(found)


@functools.cache
def _described(view: type[ScopedView], operation: str) -> Mapping[str, bool]:
    """Names of the operation's parameters, and whether they may be repeated."""
    schema = getattr(getattr(view, operation, None), "kwargs", {}).get("schema", type(view.schema))()
    schema.view, schema.method = view(), operation.upper()
    schema.view.action, schema.view.request, schema.view.kwargs = operation, None, {}
    known: dict[str, bool] = {}
    for each in schema.get_override_parameters():
        if not isinstance(each, OpenApiParameter):
            known |= {name: isinstance(field, ListField) for name, field in force_instance(each).fields.items()}
        elif each.location == OpenApiParameter.QUERY:
            known[each.name] = bool(each.many)
    if operation == "list":
        paging = schema.view.paginator.get_schema_operation_parameters(schema.view)
        known |= dict.fromkeys((each["name"] for each in paging), False)
        filters = getattr(getattr(view, "filterset_class", None), "base_filters", {})
        known |= {name: isinstance(each, django_filters.MultipleChoiceFilter) for name, each in filters.items()}
    return known
