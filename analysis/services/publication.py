"""Which run is the baseline that everyone reads."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from analysis.choices import RunStatus
from analysis.models import AnalysisRun


@transaction.atomic
def run_publish(*, run: AnalysisRun, actor: User | None, note: str = "") -> AnalysisRun:
    """Make a finished run the baseline; earlier baselines stay published and readable.

    `note` says what changed and why. Raises ValidationError for a run that has not succeeded or is the baseline now.
    """
    run = AnalysisRun.objects.select_for_update().get(pk=run.pk)
    if run.status != RunStatus.SUCCEEDED:
        status = run.get_status_display().lower()
        raise ValidationError(f"Only a run that succeeded can be published; {run} is {status}.")
    if run == AnalysisRun.objects.published().first():
        raise ValidationError(f"{run} is the baseline already.")
    run.published_at, run.published_by, run.publication_note = timezone.now(), actor, note
    run.full_clean(exclude=["model_document", "result", "checkpoint"])
    run.save(update_fields=["published_at", "published_by", "publication_note"])
    return run
