"""Studies of why the numbers are so: sensitivity, robustness."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from analysis.choices import StudyMethod
from analysis.models.computations import (
    Computation,
    Transition,
    computation_constraints,
    computation_indexes,
    transition_constraints,
)
from analysis.querysets import ComputationManager


class Study(Computation):
    """A computation that asks something of a model, in seconds: it keeps no checkpoint, and a lost one begins anew.

    Steps are the engine's own: model evaluations of a sensitivity study, variants of a robustness report.
    """

    request = models.JSONField(help_text="What is asked; with the model document, all that the result depends on.")
    model_hash = models.CharField(
        max_length=64, blank=True, help_text="The input hash of runs of the model, which are what it is about."
    )
    steps_total = models.PositiveBigIntegerField(default=0, help_text="0 while nobody knows.")
    steps_completed = models.PositiveBigIntegerField(default=0)

    progress_fields: ClassVar[tuple[str, ...]] = ("steps_total", "steps_completed")

    objects = ComputationManager()

    class Meta(Computation.Meta):
        abstract = True

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done and wanted; (0, 0) while nobody knows how many they are."""
        return self.steps_completed, self.steps_total


def _steps_constraint(prefix: str) -> models.BaseConstraint:
    return models.CheckConstraint(condition=Q(steps_completed__lte=F("steps_total")), name=f"{prefix}_progress")


def _model_index(prefix: str) -> models.Index:
    """What finds the studies of a run's model."""
    return models.Index(fields=["model_hash", "-created_at"], name=f"{prefix}_of_model")


class SensitivityStudy(Study):
    """Which uncertain parameters an output of a model depends on, and by how much (MODEL.md 7)."""

    method = models.CharField(max_length=32, choices=StudyMethod)
    output = models.CharField(max_length=200, help_text="The number that is explained, such as entropy@2050.")

    class Meta(Study.Meta):
        abstract = False
        verbose_name = "sensitivity study"
        verbose_name_plural = "sensitivity studies"
        constraints = [
            *computation_constraints("analysis_sensitivity"),
            _steps_constraint("analysis_sensitivity"),
            models.CheckConstraint(condition=Q(method__in=StudyMethod.values), name="analysis_sensitivity_method"),
        ]
        indexes = [*computation_indexes("analysis_sensitivity"), _model_index("analysis_sensitivity")]


class SensitivityTransition(Transition):
    """One change of a sensitivity study's status."""

    study = models.ForeignKey(SensitivityStudy, on_delete=models.CASCADE, related_name="transitions")

    class Meta(Transition.Meta):
        constraints = transition_constraints("analysis_sensitivity_transition")


class RobustnessReport(Study):
    """What of a model's conclusions holds under other models, priors, weights and evidence."""

    class Meta(Study.Meta):
        abstract = False
        verbose_name = "robustness report"
        constraints = [*computation_constraints("analysis_robustness"), _steps_constraint("analysis_robustness")]
        indexes = [*computation_indexes("analysis_robustness"), _model_index("analysis_robustness")]


class RobustnessTransition(Transition):
    """One change of a robustness report's status."""

    report = models.ForeignKey(RobustnessReport, on_delete=models.CASCADE, related_name="transitions")

    class Meta(Transition.Meta):
        constraints = transition_constraints("analysis_robustness_transition")
