"""What curators tell each other about items."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator
from django.db import models

from evidence.models.items import Evidence
from evidence.querysets import EvidenceNoteQuerySet


class EvidenceNote(models.Model):
    """A remark about an item, beside what the item says. It is never changed."""

    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(validators=[MaxLengthValidator(5_000), ProhibitNullCharactersValidator()])
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EvidenceNoteQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "note"
        indexes = [models.Index(fields=["-created_at", "-id"], name="evidence_note_newest_idx")]

    def __str__(self) -> str:
        return f"Note on {self.evidence}"
