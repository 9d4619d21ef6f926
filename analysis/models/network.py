"""The causal network."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from analysis.choices import Outcome
from analysis.querysets import InfluenceQuerySet
from evidence.models import Hypothesis
from evidence.models.history import curated_history


class Influence(models.Model):
    """When `source` has `source_outcome`, the odds of `target_outcome` of `target` rise by exp(strength).

    `strength` is in nats of log-odds, from 0 to 1. The place in `order` decides which random numbers an influence
    is drawn from, and which of two equally strong influences goes first where a feedback loop is cut.
    """

    order = models.PositiveSmallIntegerField(default=0, help_text="Place in the list of influences.")
    source = models.ForeignKey(Hypothesis, on_delete=models.PROTECT, related_name="influences_out")
    source_outcome = models.CharField(max_length=1, choices=Outcome)
    target = models.ForeignKey(Hypothesis, on_delete=models.PROTECT, related_name="influences_in")
    target_outcome = models.CharField(max_length=1, choices=Outcome)
    strength = models.FloatField(
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Rise of the target's log-odds in nats, 0 to 1.",
    )
    description = models.CharField(max_length=500, blank=True, help_text="Why, in one sentence.")

    objects = InfluenceQuerySet.as_manager()
    history = curated_history()

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_outcome", "target", "target_outcome"],
                name="analysis_influence_unique",
                violation_error_message="This influence is already in the network.",
            ),
            models.CheckConstraint(
                condition=~Q(source=F("target")),
                name="analysis_influence_not_on_itself",
                violation_error_message="A hypothesis cannot influence itself.",
            ),
            models.CheckConstraint(
                condition=Q(source_outcome__in=Outcome.values, target_outcome__in=Outcome.values),
                name="analysis_influence_outcomes",
            ),
            models.CheckConstraint(condition=Q(strength__gte=0, strength__lte=1), name="analysis_influence_strength"),
        ]

    def __str__(self) -> str:
        return f"{self.source.code}{self.source_outcome} > {self.target.code}{self.target_outcome}"
