"""The causal model, the scenarios and the runs in the admin site."""

from __future__ import annotations

import json
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.models import User
from accounts.policies import Scope, may
from analysis.choices import RunStatus
from analysis.models import AnalysisRun, Influence, RunTransition, Scenario, ScenarioCluster
from analysis.querysets import HEAVY_FIELDS
from analysis.services.publication import run_publish

STATUS_COLOURS: dict[str, str] = {
    RunStatus.RUNNING: "info",
    RunStatus.SUCCEEDED: "success",
    RunStatus.FAILED: "danger",
    RunStatus.CANCELLED: "warning",
}
LONGEST_TEXT = 200_000
"""Characters of a document that a page shows; the rest would only slow the browser."""

SCROLLING = "max-width: 100%; max-height: 30rem; overflow: auto"
"""A long document scrolls in its own box, not the page."""


class _RecordAdmin:
    """What is recorded by the services, and looked at here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Influence)
class InfluenceAdmin(ModelAdmin):
    """The edges of the network."""

    list_display = (
        "order",
        "__str__",
        "source",
        "source_outcome",
        "target",
        "target_outcome",
        "strength",
        "description",
    )
    list_display_links = ("__str__",)
    list_filter = ("source", "target")
    list_select_related = ("source", "target")
    search_fields = ("source__code", "target__code", "description")
    autocomplete_fields = ("source", "target")


@admin.register(ScenarioCluster)
class ScenarioClusterAdmin(ModelAdmin):
    """Families of scenarios."""

    list_display = ("order", "name", "pattern", "colour_patch")
    list_display_links = ("name",)
    search_fields = ("name", "pattern")

    @display(description="colour", ordering="colour")
    def colour_patch(self, cluster: ScenarioCluster) -> SafeString:
        """The colour and its code."""
        return format_html('<span style="color: {}">&#9632;</span> {}', cluster.colour, cluster.colour)


@admin.register(Scenario)
class ScenarioAdmin(ModelAdmin):
    """The futures."""

    list_display = ("code", "title")
    search_fields = ("code", "title", "narrative")


class RunTransitionInline(_RecordAdmin, TabularInline):
    """What happened to the run, and when."""

    model = RunTransition
    fields = ("at", "status", "attempt", "reason")
    extra = 0
    tab = True


@admin.register(RunTransition)
class RunTransitionAdmin(_RecordAdmin, ModelAdmin):
    """Every change of every run's status."""

    list_display = ("at", "run", "status", "attempt", "reason")
    list_filter = ("status",)
    search_fields = ("run__name", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunTransition]:
        """Transitions with their runs, but not the runs' documents."""
        heavy = [f"run__{field}" for field in HEAVY_FIELDS]
        return super().get_queryset(request).select_related("run").defer(*heavy)


@admin.register(AnalysisRun)
class AnalysisRunAdmin(_RecordAdmin, ModelAdmin):
    """Runs: how they went, what went in and what came out."""

    list_display = (
        "__str__", "status_label", "progress", "duration", "owner", "is_shared", "published_at", "hash_start",
        "created_at",
    )  # fmt: skip
    list_filter = ("status", "is_shared", ("published_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username", "input_hash", "error")
    inlines = (RunTransitionInline,)
    actions = ("publish",)
    fieldsets = (
        (None, {"fields": ("id", "name", "owner", "is_shared", "status_text", "error")}),
        ("Progress", {"fields": ("progress", "rate_text", "half_width_text", "attempt", "job_id", "heartbeat_at")}),
        (
            "Times",
            {"fields": ("created_at", "queued_at", "started_at", "finished_at", "cancel_requested_at", "duration")},
        ),
        ("Baseline", {"fields": ("published_at", "published_by", "publication_note")}),
        ("Documents", {"fields": ("hash_text", "engine_version", "cached_from", "inputs", "outcome")}),
    )
    readonly_fields = (
        "status_text", "progress", "rate_text", "half_width_text", "duration", "hash_text", "inputs", "outcome",
    )  # fmt: skip

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Whether the user decides about the baseline."""
        return may(request.user, Scope.WRITE_BASELINE)

    @admin.action(description="Publish as the baseline", permissions=["publish"])
    def publish(self, request: HttpRequest, queryset: QuerySet[AnalysisRun]) -> None:
        """Make the one chosen run the baseline."""
        runs = list(queryset[:2])
        if len(runs) != 1:
            self.message_user(request, "Choose one run: there is one baseline.", messages.ERROR)
            return
        try:
            run = run_publish(run=runs[0], actor=cast("User", request.user))
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            self.message_user(request, f"{run} is the baseline.", messages.SUCCESS)

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, run: AnalysisRun) -> tuple[str, str]:
        """The status as a coloured label."""
        return run.status, run.get_status_display()

    @display(description="status")
    def status_text(self, run: AnalysisRun) -> str:
        """The status in words."""
        return run.get_status_display()

    @display(description="rate")
    def rate_text(self, run: AnalysisRun) -> str:
        """Iterations per second, whole."""
        return "-" if run.rate is None else f"{run.rate:,.0f} iterations per second"

    @display(description="max half width")
    def half_width_text(self, run: AnalysisRun) -> str:
        """The largest half-width with two significant digits."""
        return "-" if run.max_half_width is None else f"{run.max_half_width:.2g}"

    @display(description="iterations", ordering="iterations_completed")
    def progress(self, run: AnalysisRun) -> str:
        """Iterations done and wanted."""
        return f"{run.iterations_completed:,} of {run.iterations_total:,}"

    @display(description="duration")
    def duration(self, run: AnalysisRun) -> str:
        """From the start of the work to its end."""
        if run.started_at is None or run.finished_at is None:
            return "-"
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s"

    @display(description="input hash", ordering="input_hash")
    def hash_start(self, run: AnalysisRun) -> str:
        """Enough of the hash to tell runs apart."""
        return run.input_hash[:12]

    @display(description="input hash")
    def hash_text(self, run: AnalysisRun) -> SafeString:
        """The whole hash, on as many lines as it takes."""
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', run.input_hash)

    @display(description="model document")
    def inputs(self, run: AnalysisRun) -> SafeString:
        """The model document, folded."""
        return _folded(run.model_document)

    @display(description="result document")
    def outcome(self, run: AnalysisRun) -> SafeString:
        """The result document, folded."""
        return _folded(run.result_document)


def _folded(document: dict[str, Any] | None) -> SafeString:
    if document is None:
        return SafeString("-")
    text = json.dumps(document, indent=1, ensure_ascii=False)
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}\n(the first {LONGEST_TEXT:,} characters)"
    return format_html(
        '<details><summary>{} characters</summary><pre style="{}" tabindex="0">{}</pre></details>',
        f"{len(text):,}",
        SCROLLING,
        shown,
    )
