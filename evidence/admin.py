"""The evidence base in the admin site."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.models import User
from accounts.policies import Scope, may
from evidence.choices import EvidenceStatus
from evidence.documents import source_key
from evidence.models import Evidence, Hypothesis, Source
from evidence.services.items import evidence_save, source_save

STATUS_COLOURS: dict[str, str] = {
    EvidenceStatus.DRAFT: "info",
    EvidenceStatus.SUBMITTED: "warning",
    EvidenceStatus.APPROVED: "success",
    EvidenceStatus.REJECTED: "danger",
}


def _counts(obj: Hypothesis | Source | None) -> bool:
    """Whether approved items, which analyses use, are about it or come from it."""
    return obj is not None and obj.items.filter(status=EvidenceStatus.APPROVED).exists()


@admin.register(Hypothesis)
class HypothesisAdmin(ModelAdmin):
    """The questions. Curators word them; what bears on the numbers is for admins."""

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
    numbers = ("code", "order", "prior_probability", "initial_probability", "midpoint_year", "midpoint_sd", "speed")
    outcomes = ("outcome_a", "outcome_b")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hypothesis]:
        """Hypotheses with the number of their items."""
        return super().get_queryset(request).annotate(number_of_items=Count("items"))

    def get_readonly_fields(self, request: HttpRequest, obj: Hypothesis | None = None) -> tuple[str, ...]:
        """For who may not write the model: the numbers, and the outcomes that approved items speak for."""
        if may(request.user, Scope.WRITE_MODEL):
            return ()
        return (*self.numbers, *self.outcomes) if _counts(obj) else self.numbers

    @display(description="items", ordering="number_of_items")
    def items_count(self, hypothesis: Any) -> int:
        """How many items bear on it, in any state."""
        return hypothesis.number_of_items


class SourceForm(forms.ModelForm):
    """A source, checked with the key that it will get."""

    def clean(self) -> dict[str, Any]:
        """A new source's key must be free, even where address and identifier are."""
        data = super().clean() or {}
        key = source_key(url=data.get("url", ""), identifier=data.get("identifier", ""))
        if not self.instance.pk and Source.objects.filter(key=key).exists():
            raise ValidationError("This publication is already among the sources.")
        return data


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    """Publications."""

    form = SourceForm
    list_display = ("title", "publisher", "source_type", "publication_date", "identifier", "items_count")
    list_filter = ("source_type", "items__hypothesis")
    search_fields = ("title", "authors", "publisher", "identifier", "url", "key")
    ordering = ("title", "id")  # the model's own is lost where rows are counted
    list_per_page = 25
    readonly_fields = ("key",)
    weighing = ("source_type", "publication_date", "url", "identifier")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        """Sources with the number of their items."""
        return super().get_queryset(request).annotate(number_of_items=Count("items", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> tuple[str, ...]:
        """The key; for who may not write the model also what approved items get their weight and name from."""
        if may(request.user, Scope.WRITE_MODEL) or not _counts(obj):
            return self.readonly_fields
        return (*self.readonly_fields, *self.weighing)

    @display(description="items", ordering="number_of_items")
    def items_count(self, source: Any) -> int:
        """How many items come from it."""
        return source.number_of_items

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """Store the source with its key."""
        source_save(source=obj)


@admin.register(Evidence)
class EvidenceAdmin(ModelAdmin):
    """Items of evidence. What is approved counts in analyses, so only admins change it here."""

    list_display = (
        "public_id", "source", "hypothesis_code", "outcome", "strength", "quality_score", "dependency_group",
        "status_label",
    )  # fmt: skip
    list_filter = ("hypothesis", "direction", "status", "source__source_type")
    list_select_related = ("source", "hypothesis")
    list_per_page = 25
    search_fields = ("public_id", "source__title", "source__publisher", "description", "dependency_group")
    autocomplete_fields = ("source", "hypothesis")
    readonly_fields = ("quality", "created_at", "created_by", "updated_at", "updated_by")
    fieldsets = (
        (None, {"fields": ("public_id", "status", "source", "hypothesis", "direction", "strength")}),
        ("Quality", {"fields": ("authority", "methodology", "recency", "replication", "quality", "dependency_group")}),
        ("Words", {"fields": ("description", "rationale")}),
        ("Record", {"fields": ("created_at", "created_by", "updated_at", "updated_by")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Evidence | None = None) -> tuple[str, ...]:
        """What the services keep; the status too, for who does not decide it alone."""
        return self.readonly_fields if may(request.user, Scope.WRITE_MODEL) else (*self.readonly_fields, "status")

    def has_change_permission(self, request: HttpRequest, obj: Evidence | None = None) -> bool:
        """Whether the user may change evidence, and this item in its present state."""
        decided = obj is not None and obj.status in {EvidenceStatus.APPROVED, EvidenceStatus.RETIRED}
        if decided and not may(request.user, Scope.WRITE_MODEL):
            return False
        return super().has_change_permission(request, obj)

    @display(description="hypothesis", ordering="hypothesis__order")
    def hypothesis_code(self, item: Evidence) -> str:
        """The hypothesis in short."""
        return item.hypothesis.code

    @display(description="outcome", ordering="direction")
    def outcome(self, item: Evidence) -> str:
        """The outcome it speaks for, as a letter."""
        return item.direction

    @display(description="quality", ordering="quality")
    def quality_score(self, item: Evidence) -> str:
        """The quality with two decimals."""
        return f"{item.quality:.2f}"

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, item: Evidence) -> tuple[str, str]:
        """The status as a coloured label."""
        return item.status, item.get_status_display()

    def save_model(self, request: HttpRequest, obj: Evidence, form: Any, change: bool) -> None:
        """Store the item with its quality and who wrote it."""
        evidence_save(evidence=obj, actor=cast("User", request.user))
