"""Reads of the analysis."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Case, When

from accounts.policies import Asker
from analysis.choices import ACTIVE_STATUSES
from analysis.models import AnalysisRun, RobustnessReport, SensitivityStudy
from analysis.querysets import AnalysisRunQuerySet, ComputationQuerySet


def baseline_run() -> AnalysisRun | None:
    """The run that everyone reads: the one published last."""
    return AnalysisRun.objects.published().first()


def baseline_run_id() -> UUID | None:
    """The id of the run that everyone reads, in one light query."""
    return AnalysisRun.objects.published().values_list("pk", flat=True).first()


def baseline_before(run: AnalysisRun) -> AnalysisRun | None:
    """The run that was the baseline before this one; None for the first."""
    return AnalysisRun.objects.published().filter(published_at__lt=run.published_at).first()


def run_list(*, user: Asker) -> AnalysisRunQuerySet:
    """The runs that the user may see, newest first, without documents and checkpoints."""
    return AnalysisRun.objects.visible_to(user).select_related("owner")


def recent_runs(*, user: Asker, most: int = 5) -> list[AnalysisRun]:
    """The user's own runs: those that go on, then the latest."""
    active = Case(When(status__in=ACTIVE_STATUSES, then=0), default=1)
    return list(run_list(user=user).filter(owner_id=user.pk).order_by(active, "-created_at")[:most])


def study_list(*, user: Asker) -> ComputationQuerySet[SensitivityStudy]:
    """The sensitivity studies that the user may see, newest first, without documents."""
    return SensitivityStudy.objects.visible_to(user).select_related("owner")


def report_list(*, user: Asker) -> ComputationQuerySet[RobustnessReport]:
    """The robustness reports that the user may see, newest first, without documents."""
    return RobustnessReport.objects.visible_to(user).select_related("owner")


def run_by_id(text: str) -> AnalysisRun:
    """The run whose id is, or starts with, `text`. Raises ValidationError for none and for several."""
    digits = text.strip().lower().replace("-", "")
    try:
        low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    except ValueError:
        raise ValidationError(f"{text!r} is not the id of a run.") from None
    found = list(AnalysisRun.objects.filter(pk__gte=low, pk__lte=high).order_by("pk")[:2])
    if not digits or not found:
        raise ValidationError(f"There is no run {text!r}.")
    if len(found) > 1:
        raise ValidationError(f"Several runs start with {text!r}; give more of the id.")
    return found[0]
