"""The publications that evidence comes from."""

from __future__ import annotations

from django.core.validators import ProhibitNullCharactersValidator
from django.db import models

from evidence.choices import SourceType
from evidence.models.history import curated_history
from evidence.querysets import SourceQuerySet

_TEXT = (ProhibitNullCharactersValidator(),)


class Source(models.Model):
    """One publication. It may bear on several hypotheses, with one item of evidence for each.

    `key` names it in model documents and filters and never changes once it is stored: the identifier if there is
    one, else the address without `https://`.
    """

    key = models.CharField(
        max_length=500, unique=True, editable=False, help_text="Stable name in model documents and filters."
    )
    title = models.CharField(max_length=500, validators=_TEXT)
    authors = models.CharField(max_length=500, blank=True, validators=_TEXT)
    publisher = models.CharField(max_length=300, blank=True, validators=_TEXT)
    source_type = models.CharField(max_length=32, choices=SourceType)
    publication_date = models.DateField(help_text="Day of first publication; the age of the evidence follows from it.")
    url = models.URLField("address", max_length=500, blank=True)
    identifier = models.CharField(max_length=200, blank=True, validators=_TEXT, help_text="DOI, arXiv number or ISBN.")
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = SourceQuerySet.as_manager()
    history = curated_history()

    class Meta:
        ordering = ["title", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(source_type__in=SourceType.values), name="evidence_source_source_type"
            ),
            models.CheckConstraint(condition=~models.Q(key="") & ~models.Q(title=""), name="evidence_source_named"),
            models.CheckConstraint(
                condition=~models.Q(url="", identifier=""),
                name="evidence_source_can_be_found",
                violation_error_message="A source needs an address or an identifier.",
            ),
            models.UniqueConstraint(
                fields=["url"],
                condition=~models.Q(url=""),
                name="evidence_source_url_unique",
                violation_error_message="Another source has this address.",
            ),
            models.UniqueConstraint(
                fields=["identifier"],
                condition=~models.Q(identifier=""),
                name="evidence_source_identifier_unique",
                violation_error_message="Another source has this identifier.",
            ),
        ]
        indexes = [
            models.Index(fields=["publication_date"], name="evidence_source_date"),
            models.Index(fields=["title", "id"], name="evidence_source_title"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.publication_date:%Y})"
