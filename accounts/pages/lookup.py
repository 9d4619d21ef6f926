"""The one thing that a page's address names."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

RowT = TypeVar("RowT", bound=Model)


def row_or_404(rows: QuerySet[RowT], missing: str, **named: Any) -> RowT:
    """The first of the rows that is so named. Raises Http404 with the words for the reader where there is none."""
    row = rows.filter(**named).first()
    if row is None:
        raise Http404(missing)
    return row
