"""Runs, sensitivity studies and robustness reports: how they went, what went in and what came out."""

from __future__ import annotations

import json
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope, may
from analysis.choices import RunStatus
from analysis.engine.result_file import self_contained
from analysis.models import (
    AnalysisRun,
    Computation,
    RobustnessReport,
    RobustnessTransition,
    RunTransition,
    SensitivityStudy,
    SensitivityTransition,
    Study,
)
from analysis.services.lifecycle import computation_cancel
from analysis.services.publication import run_publish
from evidence.admin.lists import LongListAdmin

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


class _ComputationAdmin(_RecordAdmin, LongListAdmin):
    """What all kinds of computations show, and that they can be cancelled and downloaded."""

    list_select_related = ("owner",)
    actions: tuple[str, ...] = ("cancel", "download")
    readonly_fields: tuple[str, ...] = ("status_text", "steps", "duration", "hash_text", "inputs", "outcome")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Whether the user may cancel."""
        return may(request.user, Scope.CANCEL_ANALYSIS)

    @admin.action(description="Cancel what has not ended", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Computation]) -> None:
        """Cancel the chosen ones: at once what waits, in a moment what is worked on."""
        active = [each for each in queryset if not each.is_final]
        actor = cast("User", request.user)
        ended = [computation_cancel(computation=each, actor=actor).is_final for each in active]
        if not active:
            self.message_user(request, "All of them have ended already.", messages.WARNING)
        else:
            text = f"{ended.count(True)} cancelled, {ended.count(False)} asked to stop."
            self.message_user(request, text, messages.SUCCESS)

    @admin.action(description="Download the result (JSON)", permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[Computation]) -> JsonResponse | None:
        """The result of the one chosen with its model document, as a file."""
        chosen = list(queryset[:2])
        result = chosen[0].result_document if len(chosen) == 1 else None
        if result is None:
            self.message_user(request, "Choose one that has succeeded.", messages.ERROR)
            return None
        kind = chosen[0]._meta.model_name
        audit_record(actor=cast("User", request.user), action=f"{kind}.export", subject=chosen[0])
        name = f"{kind}-{chosen[0].short_id}.json"
        whole = self_contained(chosen[0].model_document, result)
        return JsonResponse(whole, headers={"Content-Disposition": f'attachment; filename="{name}"'})

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
        """Steps done and wanted."""
        done, wanted = row.progress
        return f"{done:,} of {wanted:,}" if wanted else "-"

    @display(description="duration")
    def duration(self, row: Computation) -> str:
        """From the start of the work to its end."""
        if row.started_at is None or row.finished_at is None:
            return "-"
        return f"{(row.finished_at - row.started_at).total_seconds():.1f} s"

    @display(description="input hash", ordering="input_hash")
    def hash_start(self, row: Computation) -> str:
        """Enough of the hash to tell inputs apart."""
        return row.input_hash[:12]

    @display(description="input hash")
    def hash_text(self, row: Computation) -> SafeString:
        """The whole hash, on as many lines as it takes."""
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', row.input_hash)

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
class AnalysisRunAdmin(_ComputationAdmin):
    """Monte Carlo runs."""

    list_display = (
        "__str__", "status_label", "iterations", "duration", "owner", "is_shared", "published_at", "hash_start",
        "created_at",
    )  # fmt: skip
    list_filter = ("status", "is_shared", ("published_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "owner__username", "input_hash", "error")
    inlines = (RunTransitionInline,)
    actions = ("publish", *_ComputationAdmin.actions)
    fieldsets = (
        (None, {"fields": ("id", "name", "owner", "is_shared", "status_text", "error")}),
        ("Progress", {"fields": ("iterations", "rate_text", "half_width_text", "attempt", "job_id", "heartbeat_at")}),
        ("Times", {"fields": _TIMES}),
        ("Baseline", {"fields": ("published_at", "published_by", "publication_note")}),
        ("Documents", {"fields": ("hash_text", "engine_version", "cached_from", "inputs", "outcome")}),
    )
    readonly_fields = (*_ComputationAdmin.readonly_fields, "iterations", "rate_text", "half_width_text")

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

    list_filter: tuple[str, ...] = ("status", "is_shared")
    search_fields = ("name", "owner__username", "input_hash", "error")
    fieldsets = (
        (None, {"fields": ("id", "name", "owner", "is_shared", "asked", "status_text", "error")}),
        ("Progress", {"fields": ("steps", "attempt", "job_id", "heartbeat_at")}),
        ("Times", {"fields": _TIMES}),
        ("Documents", {"fields": ("hash_text", "engine_version", "cached_from", "inputs", "outcome")}),
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
