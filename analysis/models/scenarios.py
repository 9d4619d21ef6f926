"""The futures and their families."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from analysis.querysets import ScenarioClusterQuerySet, ScenarioQuerySet
from evidence.models.history import curated_history

CODE = r"^[AB]{2,8}\Z"
PATTERN = r"^[AB*]{2,8}\Z"
COLOUR = r"^#[0-9A-Fa-f]{6}\Z"


class ScenarioCluster(models.Model):
    """A named family of scenarios: those that fit `pattern` and the pattern of no cluster earlier in `order`.

    A pattern has one character per hypothesis: A, B, or * for either. The last cluster takes whatever is left, so
    its pattern is all `*`.
    """

    name = models.CharField(max_length=100, unique=True)
    pattern = models.CharField(max_length=8, validators=[RegexValidator(PATTERN, "One A, B or * for each hypothesis.")])
    order = models.PositiveSmallIntegerField(default=0, help_text="The first cluster that fits takes the scenario.")
    colour = models.CharField(
        max_length=7, validators=[RegexValidator(COLOUR, "A colour such as #009E73.")], help_text="Such as #009E73."
    )

    objects = ScenarioClusterQuerySet.as_manager()
    history = curated_history()

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(pattern__regex=PATTERN), name="analysis_cluster_pattern"),
            models.CheckConstraint(condition=Q(colour__regex=COLOUR), name="analysis_cluster_colour"),
        ]

    def __str__(self) -> str:
        return self.name


class Scenario(models.Model):
    """One future: an outcome for every hypothesis, and what it would be like to live in it.

    `code` has one letter per hypothesis, in their order: ABBABB.
    """

    code = models.CharField(
        max_length=8, unique=True, validators=[RegexValidator(CODE, "One A or B for each hypothesis.")]
    )
    title = models.CharField(max_length=200)
    narrative = models.TextField()

    objects = ScenarioQuerySet.as_manager()
    history = curated_history()

    class Meta:
        ordering = ["code"]
        constraints = [models.CheckConstraint(condition=Q(code__regex=CODE), name="analysis_scenario_code")]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"
