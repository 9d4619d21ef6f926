"""Items of evidence."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from evidence.choices import Direction, EvidenceStatus
from evidence.models.checks import between
from evidence.models.hypotheses import Hypothesis
from evidence.models.sources import Source
from evidence.querysets import EvidenceQuerySet

PUBLIC_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
_UNIT_RANGE = (MinValueValidator(0.0), MaxValueValidator(1.0))


class Evidence(models.Model):
    """One finding of one source, as it bears on one hypothesis.

    All scores lie in [0, 1]. `strength` is how far the finding, if true, speaks for the outcome `direction`; the four
    quality scores say how far the finding can be trusted. `recency` is null unless a curator set it: it then follows
    from the source's publication date. `quality` is the weighted mean of the four as of the configured date; the
    services keep it, so that lists can sort and filter by it.

    States: draft -> submitted -> approved or rejected; approved -> retired. Analyses use approved items only.
    """

    public_id = models.CharField(
        "id",
        max_length=64,
        unique=True,
        validators=[RegexValidator(PUBLIC_ID, "Letters, digits, points, hyphens and underscores, 64 at most.")],
        help_text="Name of the item in model documents, such as H1-001.",
    )
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="items")
    hypothesis = models.ForeignKey(Hypothesis, on_delete=models.PROTECT, related_name="items")
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
    description = models.TextField(help_text="What the source found.")
    rationale = models.TextField(blank=True, help_text="Why it speaks for this outcome, and this strongly.")
    dependency_group = models.CharField(
        max_length=200,
        blank=True,
        help_text="Items that share data, authors or method share a group, and count less together.",
    )
    status = models.CharField(max_length=16, choices=EvidenceStatus, default=EvidenceStatus.DRAFT)
    quality = models.FloatField(editable=False, help_text="Weighted mean of the quality scores, 0 to 1.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["hypothesis__order", "public_id"]
        verbose_name = "item of evidence"
        verbose_name_plural = "evidence"
        constraints = [
            models.CheckConstraint(condition=models.Q(public_id__regex=PUBLIC_ID), name="evidence_evidence_public_id"),
            models.CheckConstraint(
                condition=models.Q(direction__in=Direction.values), name="evidence_evidence_direction"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=EvidenceStatus.values), name="evidence_evidence_status"
            ),
            *(
                models.CheckConstraint(condition=between(field, 0, 1), name=f"evidence_evidence_{field}")
                for field in ("strength", "authority", "methodology", "recency", "replication", "quality")
            ),
        ]
        indexes = [
            models.Index(fields=["quality"], name="evidence_evidence_quality_idx"),
            models.Index(fields=["hypothesis", "quality", "source"], name="evidence_evidence_composite"),
            models.Index(fields=["status", "hypothesis"], name="evidence_evidence_status_idx"),
            models.Index(fields=["dependency_group"], name="evidence_evidence_group_idx"),
        ]

    def __str__(self) -> str:
        return self.public_id
