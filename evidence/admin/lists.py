"""Long lists in the admin site."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin


class KeyPaginator(Paginator):
    """Pages whose keys are looked for first, and whose rows then: only keys are sorted, not whole rows."""

    def __init__(self, keys: QuerySet[Any], per_page: int, *args: Any, rows: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(keys, per_page, *args, **kwargs)
        self.rows = rows

    def page(self, number: Any) -> Page:
        """The page of that number. Raises InvalidPage."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        keys = list(self.object_list.values_list("pk", flat=True)[start : start + self.per_page])  # type: ignore[attr-defined]
        found = {row.pk: row for row in self.rows.filter(pk__in=keys).order_by()}
        return Page([found[key] for key in keys if key in found], number, self)


class LongListAdmin(ModelAdmin):
    """The admin of what there may be very much of."""

    list_per_page = 25
    show_full_result_count = False

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Pages of the rows that `queryset` chooses, in its order."""
        rows = self.get_queryset(request)
        if self.list_select_related:
            rows = rows.select_related(*self.list_select_related)
        return KeyPaginator(queryset, per_page, *args, rows=rows, **kwargs)
