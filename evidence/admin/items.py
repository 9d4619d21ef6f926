"""Items of evidence and their revisions in the admin site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from evidence.admin.base import CuratedAdmin
from evidence.admin.exchange import ExchangeMixin
from evidence.admin.lists import LongListAdmin
from evidence.admin.notes import NotesMixin
from evidence.admin.reviews import ReviewMixin
from evidence.choices import EvidenceStatus, TableKind
from evidence.forms import EvidenceForm
from evidence.models import Evidence, EvidenceRevision
from evidence.models.assessments import CONTENT
from evidence.search import evidence_matches
from evidence.services.items import evidence_edit

STATUS_COLOURS: dict[str, str] = {
    EvidenceStatus.DRAFT: "info",
    EvidenceStatus.SUBMITTED: "warning",
    EvidenceStatus.APPROVED: "success",
    EvidenceStatus.REJECTED: "danger",
}


@admin.register(Evidence)
class EvidenceAdmin(ExchangeMixin, ReviewMixin, NotesMixin, LongListAdmin, CuratedAdmin):
    """Items of evidence. What an approved one says changes once another curator has approved the change."""

    table_kind = TableKind.ITEMS
    form = EvidenceForm
    content = CONTENT
    state = ("status",)
    actions = ("submit", "approve", "reject", "retire", "assign_group")
    warn_unsaved_form = True
    list_display = (
        "public_id", "source", "hypothesis_code", "outcome", "quality_score", "weight_nats", "dependency_group",
        "status_label",
    )  # fmt: skip
    list_filter = ("hypothesis", "direction", "status", "source__source_type")
    list_select_related = ("source", "hypothesis")
    search_fields = ("public_id",)  # shows the field; `get_search_results` tells what is looked through
    search_help_text = "Words in id, source, group, finding or rationale"
    autocomplete_fields = ("source", "hypothesis")
    readonly_fields = (
        "status", "quality_score", "weight_nats", "created_at", "created_by", "updated_at", "updated_by", "reviewed_at",
        "reviewed_by", "review_reason",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("public_id", "status", "source", "hypothesis", "direction", "strength")}),
        ("Quality", {"fields": ("authority", "methodology", "recency", "replication", "dependency_group")}),
        ("Words", {"fields": ("description", "rationale")}),
        ("Change", {"fields": ("reason", "seen_version")}),
        ("Record", {"fields": readonly_fields[1:]}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Evidence | None = None) -> tuple[str, ...]:
        """What the services keep; the name, once it has one."""
        return (*self.readonly_fields, "public_id") if obj else self.readonly_fields

    def store(self, obj: Evidence, *, version: int | None, **how: Any) -> Evidence:
        """By the service of items."""
        return evidence_edit(evidence=obj, expected_version=version, **how)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Evidence], search_term: str
    ) -> tuple[QuerySet[Evidence], bool]:
        """The items that the words occur in, as the API finds them."""
        return queryset.filter(evidence_matches(search_term)), False

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
        return "-" if item.quality is None else f"{item.quality:.2f}"

    @display(description="weight (nats)", ordering="weight")
    def weight_nats(self, item: Evidence) -> str:
        """The weight of evidence by itself; above 0 speaks for outcome A."""
        return "-" if item.quality is None else f"{item.weight:+.2f}"

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, item: Evidence) -> tuple[str, str]:
        """The status as a coloured label."""
        return item.status, item.get_status_display()


@admin.register(EvidenceRevision)
class EvidenceRevisionAdmin(LongListAdmin):
    """Changes proposed to approved items, to read. They are written and reviewed with their items."""

    list_display = ("evidence", "status", "reason", "created_by", "updated_by", "created_at")
    list_filter = ("status", "hypothesis")
    list_select_related = ("evidence", "created_by", "updated_by")
    search_fields = ("evidence__public_id", "reason")
    when_empty = "Whoever changes an approved item makes one, on the item's page."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: a change of an approved item makes one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: EvidenceRevision | None = None) -> bool:
        """No: it is changed with its item."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EvidenceRevision | None = None) -> bool:
        """No: it is part of its item's history."""
        return False
