"""Runs of the analysis."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from analysis.choices import RunStatus
from analysis.models.computations import (
    Computation,
    Transition,
    computation_constraints,
    computation_indexes,
    transition_constraints,
)
from analysis.querysets import AnalysisRunManager


class AnalysisRun(Computation):
    """One Monte Carlo run of a model document (`aifutures.model/1` in, `aifutures.result/1` out).

    Units: iterations are Monte Carlo iterations, `rate` is iterations per second, `max_half_width` the largest 95 %
    half-width of any mean probability.
    """

    iterations_total = models.PositiveBigIntegerField()
    iterations_completed = models.PositiveBigIntegerField(default=0)
    rate = models.FloatField(null=True, blank=True, help_text="Iterations per second.")
    max_half_width = models.FloatField(null=True, blank=True, help_text="Largest 95 % half-width so far.")
    checkpoint = models.BinaryField(null=True, blank=True, help_text="State to go on from.")

    published_at = models.DateTimeField(null=True, blank=True, help_text="When it became the baseline.")
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    publication_note = models.TextField(blank=True, help_text="What changed since the last baseline, and why.")

    heavy_fields: ClassVar[tuple[str, ...]] = (*Computation.heavy_fields, "checkpoint")
    progress_fields: ClassVar[tuple[str, ...]] = ("iterations_total", "iterations_completed", "max_half_width")
    passing_fields: ClassVar[tuple[str, ...]] = ("checkpoint",)

    objects = AnalysisRunManager()

    class Meta(Computation.Meta):
        verbose_name = "run"
        constraints = [
            *computation_constraints("analysis_run"),
            models.CheckConstraint(
                condition=Q(iterations_total__gte=1, iterations_completed__lte=F("iterations_total")),
                name="analysis_run_progress",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(status=RunStatus.SUCCEEDED),
                name="analysis_run_published_succeeded",
            ),
        ]
        indexes = [
            *computation_indexes("analysis_run"),
            models.Index(
                fields=["-published_at"], condition=Q(published_at__isnull=False), name="analysis_run_published"
            ),
        ]

    @property
    def is_published(self) -> bool:
        """Whether the run is or was the baseline."""
        return self.published_at is not None

    @property
    def progress(self) -> tuple[int, int]:
        """Iterations done and wanted."""
        return self.iterations_completed, self.iterations_total


class RunTransition(Transition):
    """One change of a run's status."""

    run = models.ForeignKey(AnalysisRun, on_delete=models.CASCADE, related_name="transitions")

    class Meta(Transition.Meta):
        constraints = transition_constraints("analysis_transition")
        indexes = [models.Index(fields=["run", "at"], name="analysis_transition_of_run")]
