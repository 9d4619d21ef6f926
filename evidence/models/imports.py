"""Files that curators upload, and what became of their rows."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.audit import current_request_id
from evidence.choices import ImportStatus, TableKind
from evidence.querysets import TableImportQuerySet


class TableImport(models.Model):
    """One file and its import: checking -> checked -> importing -> imported, or failed.

    `content` is the file until it is imported or refused; `counts` and `rows` are what the last step found, as in
    `evidence.services.imports.ImportAnswer`. `fault` says why there are none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=TableKind)
    file_name = models.CharField(max_length=200)
    content = models.BinaryField(null=True)
    is_large = models.BooleanField(default=False, help_text="Whether a worker reads it.")
    reason = models.TextField(blank=True)
    partial = models.BooleanField("good rows only", default=False)
    status = models.CharField(max_length=16, choices=ImportStatus, default=ImportStatus.CHECKING)
    counts = models.JSONField(default=dict, help_text="Rows by outcome.")
    rows = models.JSONField(default=list)
    fault = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True, default=current_request_id)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = TableImportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "import"
        indexes = [models.Index(fields=["-created_at", "-id"], name="evidence_import_newest_idx")]

    def __str__(self) -> str:
        return self.file_name
