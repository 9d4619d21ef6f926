"""Runs of the analysis."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from analysis.choices import ACTIVE_STATUSES, FINAL_STATUSES, RunStatus
from analysis.querysets import AnalysisRunManager


class AnalysisRun(models.Model):
    """One computation of a model document, from the wish to the result.

        queued -> running -> succeeded | failed | cancelled
        queued -> cancelled | failed;  running -> queued (the worker was lost or told to stop)

    The whole model document is kept, so a run can be repeated for ever. A cached run has no result of its own: it
    points to the run that computed it. Every write of a worker names its `attempt`; where that is no longer the
    row's, another worker has taken over.

    Units: iterations are Monte Carlo iterations, `rate` is iterations per second, `max_half_width` the largest 95 %
    half-width of any mean probability.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="runs",
        help_text="Who asked for it; empty for the system's own runs.",
    )
    is_shared = models.BooleanField("shared", default=False, help_text="Everyone who reads results may see it.")

    model_document = models.JSONField(help_text="The inputs, `aifutures.model/1`.")
    input_hash = models.CharField(
        max_length=64, help_text="SHA-256 of all in the model document that bears on numbers."
    )
    engine_version = models.CharField(max_length=32)
    result = models.JSONField(null=True, blank=True, help_text="The outcome, `aifutures.result/1`.")
    cached_from = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cached_runs",
        help_text="The run that computed the result, where this one did not have to.",
    )

    status = models.CharField(max_length=16, choices=RunStatus, default=RunStatus.QUEUED)
    error = models.TextField(blank=True, help_text="Why it failed and what can be done about it.")
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True, help_text="Last time it entered the queue.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="Last time a worker took it.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="When it reached a final state.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    iterations_total = models.PositiveBigIntegerField()
    iterations_completed = models.PositiveBigIntegerField(default=0)
    rate = models.FloatField(null=True, blank=True, help_text="Iterations per second.")
    max_half_width = models.FloatField(null=True, blank=True, help_text="Largest 95 % half-width so far.")
    progress_seq = models.PositiveIntegerField(default=0, help_text="Number of the last progress message.")

    attempt = models.PositiveSmallIntegerField(default=0, help_text="How many workers have taken it so far.")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How many of them died over it.")
    job_id = models.CharField(max_length=64, blank=True, help_text="Id of the queue's job.")
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="Last sign of life of its worker.")
    checkpoint = models.BinaryField(null=True, blank=True, help_text="State to go on from.")

    published_at = models.DateTimeField(null=True, blank=True, help_text="When it became the baseline.")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    publication_note = models.TextField(blank=True, help_text="What changed since the last baseline, and why.")

    objects = AnalysisRunManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "run"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="analysis_run_status"),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.SUCCEEDED) | Q(result__isnull=False) | Q(cached_from__isnull=False),
                name="analysis_run_succeeded_has_result",
            ),
            models.CheckConstraint(
                condition=Q(status__in=FINAL_STATUSES, finished_at__isnull=False)
                | Q(status__in=ACTIVE_STATUSES, finished_at__isnull=True),
                name="analysis_run_final_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.RUNNING) | Q(started_at__isnull=False, attempt__gte=1),
                name="analysis_run_running_has_worker",
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.FAILED) | ~Q(error=""), name="analysis_run_failed_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(iterations_total__gte=1, iterations_completed__lte=F("iterations_total")),
                name="analysis_run_progress",
            ),
            models.CheckConstraint(condition=Q(input_hash__regex=r"^[0-9a-f]{64}\Z"), name="analysis_run_input_hash"),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(status=RunStatus.SUCCEEDED),
                name="analysis_run_published_succeeded",
            ),
            models.CheckConstraint(
                condition=Q(cached_from__isnull=True) | ~Q(cached_from=F("id")),
                name="analysis_run_not_cached_from_itself",
            ),
            models.UniqueConstraint(fields=["job_id"], condition=~Q(job_id=""), name="analysis_run_job_unique"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="analysis_run_newest"),
            models.Index(fields=["owner", "-created_at"], name="analysis_run_of_owner"),
            models.Index(fields=["status", "-created_at"], name="analysis_run_by_status"),
            models.Index(fields=["-created_at"], condition=Q(is_shared=True), name="analysis_run_shared"),
            models.Index(
                fields=["status", "heartbeat_at"], condition=Q(status__in=ACTIVE_STATUSES), name="analysis_run_active"
            ),
            models.Index(
                fields=["input_hash", "engine_version", "-finished_at"],
                condition=Q(status=RunStatus.SUCCEEDED),
                name="analysis_run_cache",
            ),
            models.Index(
                fields=["-published_at"], condition=Q(published_at__isnull=False), name="analysis_run_published"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Run {self.short_id}"

    @property
    def short_id(self) -> str:
        """The first eight characters of the id, for people."""
        return str(self.pk)[:8]

    @property
    def is_final(self) -> bool:
        """Whether the status can no longer change."""
        return self.status in FINAL_STATUSES

    @property
    def is_published(self) -> bool:
        """Whether the run is or was the baseline."""
        return self.published_at is not None

    @property
    def result_document(self) -> dict[str, Any] | None:
        """The result, its own or that of the run it was cached from; loaded from the database when asked for."""
        if self.cached_from_id is None:
            return self.result
        return AnalysisRun.objects.values_list("result", flat=True).get(pk=self.cached_from_id)


class RunTransition(models.Model):
    """One change of a run's status: to what, when, in which attempt and for what reason."""

    run = models.ForeignKey(AnalysisRun, on_delete=models.CASCADE, related_name="transitions")
    status = models.CharField(max_length=16, choices=RunStatus)
    at = models.DateTimeField()
    attempt = models.PositiveSmallIntegerField()
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]
        verbose_name = "transition"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="analysis_transition_status")
        ]
        indexes = [models.Index(fields=["run", "at"], name="analysis_transition_of_run")]

    def __str__(self) -> str:
        return f"{self.get_status_display()} at {self.at:%Y-%m-%d %H:%M:%S}"
