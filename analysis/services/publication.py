"""Which run is the baseline that everyone reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.audit import audit_record
from accounts.models import User
from accounts.stamps import stamp_renew
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from evidence.models import Hypothesis
from evidence.services.rules import StaleVersion

BASELINE = "baseline"
"""The stamp of answers that rest on which run is the baseline."""


@transaction.atomic
def run_publish(*, run: AnalysisRun, actor: User | None, note: str = "", seen: str | None = None) -> AnalysisRun:
    """Make a finished run the baseline; earlier ones stay published and readable.

    `note` says what changed and why, `seen` is the key of the baseline that the publisher compared it with, empty for
    none; None does not mind. Raises ValidationError for a run that has not succeeded, that supposes something or
    reports only a part of the model, or that is the baseline now; StaleVersion.
    """
    _hold(run)
    run, baseline = AnalysisRun.objects.get(pk=run.pk), AnalysisRun.objects.published().first()
    if run.status != RunStatus.SUCCEEDED:
        status = run.get_status_display().lower()
        raise ValidationError(f"Only a run that succeeded can be published; {run} is {status}.")
    if supposed := suppositions(run.model_document):
        raise ValidationError(f"The baseline is the whole model with nothing supposed; {run} has {supposed}.")
    if run == baseline:
        raise ValidationError(f"{run} is the baseline already.")
    if seen is not None and seen != (str(baseline.pk) if baseline else ""):
        raise StaleVersion("Another baseline has been published meanwhile; look again at what differs.")
    run.published_at, run.published_by, run.publication_note = timezone.now(), actor, note
    run.full_clean(exclude=["model_document", "result", "checkpoint"])
    run.save(update_fields=["published_at", "published_by", "publication_note"])
    audit_record(actor=actor, action="analysisrun.publish", subject=run, reason=note)
    stamp_renew(subject=BASELINE)
    return run


def _hold(run: AnalysisRun) -> None:
    """Until the transaction's end nobody else changes the run or takes the baseline's place.

    Publishers go one after the other by a row that always is, as there may be no baseline yet. Statements of their own,
    in one order for all: whatever is read after them shows what others did before.
    """
    list(Hypothesis.objects.order_by("pk").select_for_update(no_key=True).values_list("pk")[:1])
    rows = AnalysisRun.objects.filter(Q(pk=run.pk) | Q(published_at__isnull=False)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def suppositions(document: Mapping[str, Any]) -> str:
    """What a run's model document supposes or leaves out, in words; empty for the whole model as it is.

    A prior, a strength or a midpoint that was moved is no other than one that is stored: the publisher's note says so.
    """
    chosen = document.get("run", {})
    given = [row for row in document.get("hypotheses", ()) if row.get("posterior_probability") is not None]
    found = {
        "probabilities instead of evidence": given,
        "interventions": chosen.get("interventions"),
        "observations": chosen.get("observations"),
        "fewer hypotheses": chosen.get("hypotheses"),
        "filtered evidence": any(chosen.get("evidence_filter", {}).values()),
    }
    return ", ".join(name for name, given in found.items() if given)
