"""What every history of curated objects keeps: what a row was, and who made it so, when, why and by which request."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from accounts.audit import current_request_id


class HistoryRow(models.Model):
    """The request that a version came with, so that it is found together with its audit entries and log lines."""

    request_id = models.CharField(max_length=64, blank=True, default=current_request_id, editable=False)

    class Meta:
        abstract = True


def curated_history() -> HistoricalRecords:
    """The history of a curated model."""
    return HistoricalRecords(history_change_reason_field=models.TextField(null=True), bases=[HistoryRow])
