"""Runs, sensitivity studies and robustness reports: how they went, what went in and what came out."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display

from analysis.admin.publication import PublicationMixin
from analysis.admin.repeats import RepeatsMixin
from analysis.choices import RunStatus
from analysis.models import (
    AnalysisRun,
    Computation,
    RobustnessReport,
    RobustnessTransition,
    RunTransition,
    SavedQuestion,
    SensitivityStudy,
    SensitivityTransition,
    Study,
)
from analysis.snapshots import evidence_snapshot
from evidence.admin.lists import LongListAdmin

STATUS_COLOURS: dict[str, str] = {
    RunStatus.RUNNING: "info",
    RunStatus.SUCCEEDED: "success",
    RunStatus.FAILED: "danger",
    RunStatus.CANCELLED: "warning",
}
LINK = "font-medium text-primary-600 dark:text-primary-500 underline"
"""Classes of a link among the values of a page."""

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


class _TransitionInline(_RecordAdmin, TabularInline):
    """What happened, and when."""

    fields = ("at", "status", "attempt", "reason")
    extra = 0
    tab = True


class RunTransitionInline(_TransitionInline):
    """What happened to a run."""

    model = RunTransition


class SensitivityTransitionInline(_TransitionInline):
    """What happened to a sensitivity study."""

    model = SensitivityTransition


class RobustnessTransitionInline(_TransitionInline):
    """What happened to a robustness report."""

    model = RobustnessTransition


@admin.register(RunTransition)
class RunTransitionAdmin(_RecordAdmin, LongListAdmin):
    """Every change of every run's status."""

    list_display = ("at", "run", "status", "attempt", "reason")
    list_filter = ("status",)
    search_fields = ("run__name", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunTransition]:
        """Transitions with their runs, but not the runs' documents."""
        heavy = [f"run__{field}" for field in AnalysisRun.heavy_fields]
        return super().get_queryset(request).select_related("run").defer(*heavy)


@admin.register(SavedQuestion)
class SavedQuestionAdmin(_RecordAdmin, LongListAdmin):
    """What-if questions that people keep."""

    list_display = ("name", "owner", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    when_empty = "They are kept on the What if page of the site."


class _ComputationAdmin(_RecordAdmin, RepeatsMixin, LongListAdmin):
    """What all kinds of computations show."""

    list_select_related = ("owner",)
    readonly_fields: tuple[str, ...] = (
        "status_text", "steps", "duration", "hash_text", "snapshot", "inputs", "outcome",
    )  # fmt: skip

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, row: Computation) -> tuple[str, str]:
        """The status as a coloured label."""
        return row.status, RunStatus(row.status).label

    @display(description="status")
    def status_text(self, row: Computation) -> str:
        """The status in words."""
        return RunStatus(row.status).label

    @display(description="progress")
    def steps(self, row: Computation) -> str:
        """Steps done and wanted, in percent too while it runs."""
        done, wanted = row.progress
        if not wanted:
            return "-"
        share = f" ({100 * done // wanted} %)" if row.status == RunStatus.RUNNING else ""
        return f"{done:,} of {wanted:,}{share}"

    @display(description="duration")
    def duration(self, row: Computation) -> str:
        """From the start of the work to its end, or to now."""
        if row.started_at is None or row.status == RunStatus.QUEUED:
            return "-"
        seconds = ((row.finished_at or timezone.now()) - row.started_at).total_seconds()
        return f"{seconds:.1f} s" if row.finished_at else f"{seconds:.0f} s so far"

    @display(description="input hash", ordering="input_hash")
    def hash_start(self, row: Computation) -> str:
        """Enough of the hash to tell inputs apart."""
        return row.input_hash[:12]

    @display(description="input hash")
    def hash_text(self, row: Computation) -> SafeString:
        """The whole hash, on as many lines as it takes."""
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', row.input_hash)

    @display(description="evidence, frozen")
    def snapshot(self, row: Computation) -> SafeString:
        """How many items, the hash that names them, and both documents to download."""
        found, base = evidence_snapshot(row.model_document), f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return format_html(
            '<span style="overflow-wrap: anywhere">{} items, SHA-256 {}<br>'
            '<a class="{}" href="{}">Download the evidence</a> · <a class="{}" href="{}">Download the model</a></span>',
            f"{len(found.items):,}",
            found.sha256,
            *(LINK, reverse(f"{base}_evidence", args=[row.pk])),
            *(LINK, reverse(f"{base}_model", args=[row.pk])),
        )

    @display(description="model document")
    def inputs(self, row: Computation) -> SafeString:
        """The model document, folded."""
        return _folded(row.model_document)

    @display(description="result document")
    def outcome(self, row: Computation) -> SafeString:
        """The result document, folded."""
        return _folded(row.result_document)


_TIMES = ("created_at", "queued_at", "started_at", "finished_at", "cancel_requested_at", "duration")


@admin.register(AnalysisRun)
class AnalysisRunAdmin(PublicationMixin, _ComputationAdmin):
    """Monte Carlo runs."""

    list_display = (
        "__str__", "status_label", "iterations", "duration", "owner", "is_shared", "published_at", "hash_start",
        "created_at",
    )  # fmt: skip
    list_filter = ("status", "is_shared", ("published_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "owner__username", "input_hash", "error")
    when_empty = "Runs are started on the site, by New run."
    inlines = (RunTransitionInline,)
    actions = ("publish", "compare", *_ComputationAdmin.actions)
    fieldsets = (
        (None, {"fields": ("id", "name", "owner", "is_shared", "status_text", "error")}),
        ("Progress", {"fields": ("iterations", "rate_text", "half_width_text", "attempt", "job_id", "heartbeat_at")}),
        ("Times", {"fields": _TIMES}),
        ("Baseline", {"fields": ("published_at", "published_by", "publication_note")}),
        ("Documents", {"fields": ("hash_text", "engine_version", "cached_from", "snapshot", "inputs", "outcome")}),
    )
    readonly_fields = (*_ComputationAdmin.readonly_fields, "iterations", "rate_text", "half_width_text")

    @display(description="iterations", ordering="iterations_completed")
    def iterations(self, run: AnalysisRun) -> str:
        """Iterations done and wanted."""
        return self.steps(run)

    @display(description="rate")
    def rate_text(self, run: AnalysisRun) -> str:
        """Iterations per second, whole."""
        return "-" if run.rate is None else f"{run.rate:,.0f} iterations per second"

    @display(description="max half width")
    def half_width_text(self, run: AnalysisRun) -> str:
        """The largest half-width with two significant digits."""
        return "-" if run.max_half_width is None else f"{run.max_half_width:.2g}"


class _StudyAdmin(_ComputationAdmin):
    """What both kinds of studies show."""

    change_form_template = "admin/analysis/computation.html"
    when_empty = "They are started on the page of a run's results."
    list_filter: tuple[str, ...] = ("status", "is_shared")
    search_fields = ("name", "owner__username", "input_hash", "error")
    fieldsets = (
        (None, {"fields": ("id", "name", "owner", "is_shared", "asked", "status_text", "error")}),
        ("Progress", {"fields": ("steps", "attempt", "job_id", "heartbeat_at")}),
        ("Times", {"fields": _TIMES}),
        ("Documents", {"fields": ("hash_text", "engine_version", "cached_from", "snapshot", "inputs", "outcome")}),
    )
    readonly_fields = (*_ComputationAdmin.readonly_fields, "asked")

    @display(description="request")
    def asked(self, row: Study) -> SafeString:
        """The request, folded."""
        return _folded(row.request)


@admin.register(SensitivityStudy)
class SensitivityStudyAdmin(_StudyAdmin):
    """Sensitivity studies."""

    list_display = (
        "__str__", "method", "output", "status_label", "steps", "duration", "owner", "is_shared", "hash_start",
        "created_at",
    )  # fmt: skip
    list_filter = ("status", "method", "is_shared")
    inlines = (SensitivityTransitionInline,)


@admin.register(RobustnessReport)
class RobustnessReportAdmin(_StudyAdmin):
    """Robustness reports."""

    list_display = (
        "__str__", "status_label", "steps", "duration", "owner", "is_shared", "hash_start", "created_at",
    )  # fmt: skip
    inlines = (RobustnessTransitionInline,)


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
