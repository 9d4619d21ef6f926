"""Hypotheses and sources in the admin site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts.policies import Scope, may
from evidence.admin.base import CuratedAdmin
from evidence.admin.duplicates import DuplicatesMixin
from evidence.admin.exchange import ExchangeMixin
from evidence.admin.lists import LongListAdmin
from evidence.choices import TableKind
from evidence.forms import HypothesisForm, SourceForm
from evidence.models import Hypothesis, Source
from evidence.search import SOURCE_TEXTS, source_matches
from evidence.services.hypotheses import HYPOTHESIS_FIELDS, NUMBERS, OUTCOMES, PLACE, hypothesis_counts, hypothesis_edit
from evidence.services.sources import DETAILS, WEIGHING_DETAILS, source_counts, source_edit


@admin.register(Hypothesis)
class HypothesisAdmin(CuratedAdmin):
    """The questions. Curators word them; what bears on the numbers is for admins."""

    form = HypothesisForm
    content = HYPOTHESIS_FIELDS
    state = PLACE
    fields = (*PLACE, *HYPOTHESIS_FIELDS, "reason", "seen_version")
    list_display = (
        "code",
        "label",
        "outcome_a",
        "outcome_b",
        "prior_probability",
        "midpoint_year",
        "speed",
        "items_count",
    )
    search_fields = ("code", "label", "outcome_a", "outcome_b")
    ordering = ("order",)  # the model's own is lost where rows are counted

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hypothesis]:
        """Hypotheses with the number of their items."""
        return super().get_queryset(request).annotate(number_of_items=Count("items"))

    def get_readonly_fields(self, request: HttpRequest, obj: Hypothesis | None = None) -> tuple[str, ...]:
        """Its place; for who may not write the model also the numbers, and outcomes that approved items speak for."""
        if may(request.user, Scope.WRITE_MODEL):
            return PLACE
        return (*PLACE, *NUMBERS, *(OUTCOMES if obj is not None and hypothesis_counts(obj) else ()))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: every scenario and every pattern has one letter for each question that there is."""
        return False

    def store(self, obj: Hypothesis, *, version: int | None, **how: Any) -> Hypothesis:
        """By the service of hypotheses."""
        return hypothesis_edit(hypothesis=obj, expected_version=version, **how)

    @display(description="items", ordering="number_of_items")
    def items_count(self, hypothesis: Any) -> int:
        """How many items bear on it, in any state."""
        return hypothesis.number_of_items


@admin.register(Source)
class SourceAdmin(ExchangeMixin, DuplicatesMixin, LongListAdmin, CuratedAdmin):
    """Publications."""

    table_kind = TableKind.SOURCES
    form = SourceForm
    content = DETAILS
    actions = ("merge",)
    change_list_template = "admin/evidence/source/change_list.html"
    list_display = ("title", "publisher", "source_type", "publication_date", "identifier", "items_count")
    list_filter = ("source_type", "items__hypothesis")
    search_fields = SOURCE_TEXTS
    ordering = ("title", "id")  # the model's own is lost where rows are counted
    readonly_fields = ("key",)
    fields = ("key", *DETAILS, "reason", "seen_version")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        """Sources with the number of their items."""
        return super().get_queryset(request).annotate(number_of_items=Count("items", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> tuple[str, ...]:
        """The key; for who may not write the model also what approved items get their weight and name from."""
        if obj is None or may(request.user, Scope.WRITE_MODEL) or not source_counts(obj):
            return self.readonly_fields
        return (*self.readonly_fields, *WEIGHING_DETAILS)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Django's, with the source's items by hypothesis."""
        if (source := kwargs.get("obj")) is not None:
            context["items"] = source.items.select_related("hypothesis")
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Source], search_term: str
    ) -> tuple[QuerySet[Source], bool]:
        """The sources that the words occur in, as the API finds them."""
        return queryset.filter(source_matches(search_term)), False

    def store(self, obj: Source, *, version: int | None, **how: Any) -> Source:
        """By the service of sources."""
        return source_edit(source=obj, expected_version=version, **how)

    @display(description="items", ordering="number_of_items")
    def items_count(self, source: Any) -> int:
        """How many items come from it."""
        return source.number_of_items
