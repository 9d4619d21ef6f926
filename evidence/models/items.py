"""Items of evidence, and the changes proposed to approved ones."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from evidence.choices import OPEN_STATUSES, EvidenceStatus
from evidence.models.assessments import Assessment
from evidence.models.history import curated_history
from evidence.models.hypotheses import Hypothesis
from evidence.models.sources import Source
from evidence.querysets import EvidenceQuerySet, EvidenceRevisionQuerySet

PUBLIC_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"


class Evidence(Assessment):
    """One finding of one source, as it bears on one hypothesis.

    States: draft -> submitted -> approved or rejected -> retired; an edit makes any but an approved item a draft.
    Analyses use approved items only. What weighs in an approved item is changed by way of an `EvidenceRevision`.
    `version` counts every change of the item and of its revisions.
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
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = EvidenceQuerySet.as_manager()
    history = curated_history()

    class Meta(Assessment.Meta):
        ordering = ["hypothesis__order", "public_id"]
        verbose_name = "item of evidence"
        verbose_name_plural = "evidence"
        constraints = [
            models.CheckConstraint(condition=models.Q(public_id__regex=PUBLIC_ID), name="evidence_evidence_public_id"),
            *Assessment.Meta.constraints,
        ]
        indexes = [
            models.Index(fields=["quality"], name="evidence_evidence_quality_idx"),
            models.Index(fields=["weight"], name="evidence_evidence_weight_idx"),
            models.Index(fields=["hypothesis", "quality", "source"], name="evidence_evidence_composite"),
            models.Index(fields=["status", "hypothesis"], name="evidence_evidence_status_idx"),
            models.Index(fields=["dependency_group"], name="evidence_evidence_group_idx"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def open_revision(self) -> EvidenceRevision | None:
        """The change that is being written or reviewed; there is one at most.

        Takes a query, unless the item comes `with_open_revision`.
        """
        found = getattr(self, "open_revisions", None)
        return next(iter(self.revisions.open() if found is None else found), None)


class EvidenceRevision(Assessment):
    """What an approved item is to say instead: draft -> submitted -> approved or rejected.

    The item counts as it is until the revision is approved; then it takes the revision's content.
    """

    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="revisions")
    reason = models.TextField(help_text="Why the item is to change.")

    objects = EvidenceRevisionQuerySet.as_manager()
    history = curated_history()

    class Meta(Assessment.Meta):
        ordering = ["-created_at", "-id"]
        verbose_name = "revision"
        constraints = [
            *Assessment.Meta.constraints,
            models.CheckConstraint(
                condition=~models.Q(status=EvidenceStatus.RETIRED), name="evidence_evidencerevision_never_retired"
            ),
            models.UniqueConstraint(
                fields=["evidence"],
                condition=models.Q(status__in=OPEN_STATUSES),
                name="evidence_evidencerevision_one_open",
                violation_error_message="The item has an open revision already.",
            ),
        ]
        indexes = [models.Index(fields=["status", "created_at"], name="evidence_revision_status_idx")]

    def __str__(self) -> str:
        return f"Revision of {self.evidence}"
