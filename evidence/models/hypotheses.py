"""The questions about the future."""

from __future__ import annotations

from django.core.validators import ProhibitNullCharactersValidator, RegexValidator
from django.db import models

from evidence.models.checks import (
    AboveValidator,
    AtLeastValidator,
    AtMostValidator,
    BelowValidator,
    between,
    strictly_between,
)
from evidence.models.history import curated_history
from evidence.querysets import HypothesisQuerySet

CODE = r"^[A-Za-z][A-Za-z0-9_]{0,15}\Z"
_TEXT = (ProhibitNullCharactersValidator(),)
_PROBABILITY = (AboveValidator(0), BelowValidator(1))


class Hypothesis(models.Model):
    """A binary question about the future: outcome A or outcome B.

    The n-th letter of a scenario code is the outcome of the n-th hypothesis in `order`. The share of outcome A moves
    from `initial_probability` in the base year to what the evidence says, along a logistic curve in time.
    """

    code = models.CharField(
        max_length=16,
        unique=True,
        validators=[RegexValidator(CODE, "A letter, then letters, digits or _, 16 characters at most.")],
        help_text="Short name, such as H1.",
    )
    order = models.PositiveSmallIntegerField(unique=True, help_text="Place of its letter in scenario codes.")
    label = models.CharField(max_length=200, validators=_TEXT, help_text="The question in two or three words.")
    outcome_a = models.CharField("outcome A", max_length=200, validators=_TEXT)
    outcome_b = models.CharField("outcome B", max_length=200, validators=_TEXT)
    prior_probability = models.FloatField(
        default=0.5,
        validators=_PROBABILITY,
        help_text="P(outcome A) before any evidence, above 0 and below 1.",
    )
    initial_probability = models.FloatField(
        validators=_PROBABILITY,
        help_text="P(outcome A) as the state of affairs in the base year, above 0 and below 1.",
    )
    midpoint_year = models.FloatField(
        validators=[AtLeastValidator(1850), AtMostValidator(2250)],
        help_text="Calendar year of fastest change, 1850 to 2250.",
    )
    midpoint_sd = models.FloatField(
        "midpoint uncertainty",
        validators=[AtLeastValidator(0), AtMostValidator(20)],
        help_text="Standard deviation of that year, 0 to 20 years.",
    )
    speed = models.FloatField(
        validators=[AboveValidator(0), AtMostValidator(5)],
        help_text="Steepness of the change per year, above 0 and up to 5.",
    )

    version = models.PositiveIntegerField(default=1, editable=False)

    objects = HypothesisQuerySet.as_manager()
    history = curated_history()

    class Meta:
        ordering = ["order"]
        verbose_name_plural = "hypotheses"
        constraints = [
            models.CheckConstraint(condition=models.Q(code__regex=CODE), name="evidence_hypothesis_code"),
            models.CheckConstraint(
                condition=strictly_between("prior_probability", 0, 1), name="evidence_hypothesis_prior_probability"
            ),
            models.CheckConstraint(
                condition=strictly_between("initial_probability", 0, 1),
                name="evidence_hypothesis_initial_probability",
            ),
            models.CheckConstraint(
                condition=between("midpoint_year", 1850, 2250), name="evidence_hypothesis_midpoint_year"
            ),
            models.CheckConstraint(condition=between("midpoint_sd", 0, 20), name="evidence_hypothesis_midpoint_sd"),
            models.CheckConstraint(condition=models.Q(speed__gt=0, speed__lte=5), name="evidence_hypothesis_speed"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.label}"
