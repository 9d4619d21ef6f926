"""What an item of evidence says, and where the words stand in review."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import (
    MaxLengthValidator,
    ProhibitNullCharactersValidator,
)
from django.db import models

from evidence.choices import Direction, EvidenceStatus
from evidence.models.checks import AtLeastValidator, AtMostValidator, between
from evidence.models.hypotheses import Hypothesis
from evidence.models.sources import Source

_UNIT_RANGE = (AtLeastValidator(0.0), AtMostValidator(1.0))
_TEXT = (MaxLengthValidator(20_000), ProhibitNullCharactersValidator())

SCORES = ("strength", "authority", "methodology", "recency", "replication")
WEIGHING = ("hypothesis", "source", "direction", *SCORES, "dependency_group")
"""What bears on the numbers of an analysis."""
CONTENT = (*WEIGHING, "description", "rationale")
"""All that an item says. The rest is about the item."""


class Assessment(models.Model):
    """What one finding of one source says about one hypothesis, and who wrote and reviewed that.

    All scores lie in [0, 1]. `strength` is how far the finding, if true, speaks for the outcome `direction`; the four
    quality scores say how far the finding can be trusted. `recency` is null unless a curator set it: it then follows
    from the source's publication date. `quality` is the weighted mean of the four as of the configured date, `weight`
    the item's weight of evidence by itself; the services keep both, so that lists can sort and filter by them.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    hypothesis = models.ForeignKey(Hypothesis, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=1, choices=Direction)
    strength = models.FloatField(validators=_UNIT_RANGE, help_text="How far it speaks for that outcome, 0 to 1.")
    authority = models.FloatField(validators=_UNIT_RANGE, help_text="Standing of the source, 0 to 1.")
    methodology = models.FloatField(validators=_UNIT_RANGE, help_text="Soundness of the method, 0 to 1.")
    recency = models.FloatField(
        null=True,
        blank=True,
        validators=_UNIT_RANGE,
        help_text="0 to 1; leave empty to derive it from the publication date.",
    )
    replication = models.FloatField(validators=_UNIT_RANGE, help_text="Confirmation by others, 0 to 1.")
    description = models.TextField(validators=_TEXT, help_text="What the source found.")
    rationale = models.TextField(
        blank=True, validators=_TEXT, help_text="Why it speaks for this outcome, and this strongly."
    )
    dependency_group = models.CharField(
        max_length=200,
        blank=True,
        validators=[ProhibitNullCharactersValidator()],
        help_text="Items that share data, authors or method share a group, and count less together.",
    )
    status = models.CharField(max_length=16, choices=EvidenceStatus, default=EvidenceStatus.DRAFT)
    quality = models.FloatField(editable=False, help_text="Weighted mean of the quality scores, 0 to 1.")
    weight = models.FloatField(
        default=0.0, editable=False, help_text="Weight of evidence in nats, above 0 for outcome A, before discounts."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text="Who last edited the content.",
    )
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text="Who took the last decision: approved, rejected or retired.",
    )
    reviewed_at = models.DateTimeField(null=True, editable=False)
    review_reason = models.TextField(blank=True, editable=False, help_text="Why it was decided so.")

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=models.Q(direction__in=Direction.values), name="%(app_label)s_%(class)s_direction"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=EvidenceStatus.values), name="%(app_label)s_%(class)s_status"
            ),
            *(
                models.CheckConstraint(condition=between(field, 0, 1), name=f"%(app_label)s_%(class)s_{field}")
                for field in (*SCORES, "quality")
            ),
        ]

    @property
    def content(self) -> dict[str, Any]:
        """What it says, by the names of `CONTENT`."""
        return {field: getattr(self, field) for field in CONTENT}
