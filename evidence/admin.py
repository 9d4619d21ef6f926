"""The evidence base in the admin site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.policies import Scope, may
from evidence.choices import EvidenceStatus
from evidence.forms import EvidenceForm, HypothesisForm, SourceForm
from evidence.models import Evidence, EvidenceRevision, Hypothesis, Source
from evidence.services.hypotheses import NUMBERS, OUTCOMES, hypothesis_counts
from evidence.services.reviews import evidence_approve, evidence_reject, evidence_retire, evidence_submit
from evidence.services.rules import Conflict
from evidence.services.sources import WEIGHING_DETAILS, source_counts

STATUS_COLOURS: dict[str, str] = {
    EvidenceStatus.DRAFT: "info",
    EvidenceStatus.SUBMITTED: "warning",
    EvidenceStatus.APPROVED: "success",
    EvidenceStatus.REJECTED: "danger",
}


class CuratedAdmin(ModelAdmin):
    """The admin of objects whose form is stored by a service."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[Any]:
        """The form, which knows who fills it in."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"actor": request.user})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the form has been stored."""


@admin.register(Hypothesis)
class HypothesisAdmin(CuratedAdmin):
    """The questions. Curators word them; what bears on the numbers is for admins."""

    form = HypothesisForm
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
        """For who may not write the model: the numbers, and the outcomes that approved items speak for."""
        if may(request.user, Scope.WRITE_MODEL):
            return ()
        return (*NUMBERS, *OUTCOMES) if obj is not None and hypothesis_counts(obj) else NUMBERS

    @display(description="items", ordering="number_of_items")
    def items_count(self, hypothesis: Any) -> int:
        """How many items bear on it, in any state."""
        return hypothesis.number_of_items


@admin.register(Source)
class SourceAdmin(CuratedAdmin):
    """Publications."""

    form = SourceForm
    list_display = ("title", "publisher", "source_type", "publication_date", "identifier", "items_count")
    list_filter = ("source_type", "items__hypothesis")
    search_fields = ("title", "authors", "publisher", "identifier", "url", "key")
    ordering = ("title", "id")  # the model's own is lost where rows are counted
    list_per_page = 25
    readonly_fields = ("key",)
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        """Sources with the number of their items."""
        return super().get_queryset(request).annotate(number_of_items=Count("items", distinct=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> tuple[str, ...]:
        """The key; for who may not write the model also what approved items get their weight and name from."""
        if obj is None or may(request.user, Scope.WRITE_MODEL) or not source_counts(obj):
            return self.readonly_fields
        return (*self.readonly_fields, *WEIGHING_DETAILS)

    @display(description="items", ordering="number_of_items")
    def items_count(self, source: Any) -> int:
        """How many items come from it."""
        return source.number_of_items


class ReviewForm(ActionForm):
    """Which step of review, and why."""

    reason = forms.CharField(required=False, label="Reason", widget=UnfoldAdminTextInputWidget)


@admin.register(Evidence)
class EvidenceAdmin(CuratedAdmin):
    """Items of evidence. What an approved one says changes once another curator has approved the change."""

    form = EvidenceForm
    action_form = ReviewForm
    actions = ("submit", "approve", "reject", "retire")
    list_display = (
        "public_id", "source", "hypothesis_code", "outcome", "strength", "quality_score", "dependency_group",
        "status_label",
    )  # fmt: skip
    list_filter = ("hypothesis", "direction", "status", "source__source_type")
    list_select_related = ("source", "hypothesis")
    list_per_page = 25
    search_fields = ("public_id", "source__title", "source__publisher", "description", "dependency_group")
    autocomplete_fields = ("source", "hypothesis")
    readonly_fields = (
        "status", "quality", "created_at", "created_by", "updated_at", "updated_by", "reviewed_at", "reviewed_by",
        "review_reason",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("public_id", "status", "source", "hypothesis", "direction", "strength")}),
        ("Quality", {"fields": ("authority", "methodology", "recency", "replication", "quality", "dependency_group")}),
        ("Words", {"fields": ("description", "rationale")}),
        ("Change", {"fields": ("reason", "seen_version")}),
        ("Record", {"fields": readonly_fields[2:]}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Evidence | None = None) -> tuple[str, ...]:
        """What the services keep; the name, once it has one."""
        return (*self.readonly_fields, "public_id") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Evidence | None = None) -> bool:
        """No: items are retired."""
        return False

    @action(description="Submit for review")
    def submit(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> None:
        """Give the chosen drafts into review."""
        self._review(request, queryset, evidence_submit, "submitted")

    @action(description="Approve")
    def approve(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> None:
        """Let the chosen items count."""
        self._review(request, queryset, evidence_approve, "approved")

    @action(description="Reject")
    def reject(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> None:
        """Turn the chosen items down."""
        self._review(request, queryset, evidence_reject, "rejected")

    @action(description="Retire")
    def retire(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> None:
        """Put the chosen items away."""
        self._review(request, queryset, evidence_retire, "retired")

    def _review(
        self, request: HttpRequest, queryset: QuerySet[Evidence], step: Callable[..., Evidence], done: str
    ) -> None:
        """Take a step of review with each item, and say which it could not be taken with."""
        reason = request.POST.get("reason", "")
        taken = 0
        for item in queryset:
            try:
                step(evidence=item, actor=request.user, reason=reason)
                taken += 1
            except ValidationError as error:
                self.message_user(request, f"{item}: {' '.join(error.messages)}", messages.ERROR)
            except (Conflict, PermissionDenied) as error:
                self.message_user(request, f"{item}: {error}", messages.ERROR)
        if taken:
            self.message_user(request, f"{taken} {done}.", messages.SUCCESS)

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


@admin.register(EvidenceRevision)
class EvidenceRevisionAdmin(ModelAdmin):
    """Changes proposed to approved items, to read. They are written and reviewed with their items."""

    list_display = ("evidence", "status", "reason", "created_by", "updated_by", "created_at")
    list_filter = ("status", "hypothesis")
    list_select_related = ("evidence", "created_by", "updated_by")
    search_fields = ("evidence__public_id", "reason")
    list_per_page = 25

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: a change of an approved item makes one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: EvidenceRevision | None = None) -> bool:
        """No: it is changed with its item."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EvidenceRevision | None = None) -> bool:
        """No: it is part of its item's history."""
        return False
