"""Which run a page is about."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest

from accounts.pages.lookup import row_or_404
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run, run_list

NO_BASELINE = "No baseline has been published yet."
NO_RUN = "There is no such run, or you may not see it."
NO_RESULT = "There is no such run with a result that you may see."


def visible_run(request: HttpRequest, pk: UUID) -> AnalysisRun:
    """The run, if the user may see it. Raises Http404."""
    return row_or_404(run_list(user=request.user), NO_RUN, pk=pk)


def finished_run(request: HttpRequest, pk: UUID) -> AnalysisRun:
    """The run, if it has a result and the user may see it. Raises Http404."""
    return row_or_404(run_list(user=request.user), NO_RESULT, pk=pk, status=RunStatus.SUCCEEDED)


def subject_run(request: HttpRequest) -> AnalysisRun | None:
    """The run that `run=` names, or the baseline; None where there is none yet.

    Raises Http404 for a run that the user may not see, that has no result, or that does not exist.
    """
    text = request.GET.get("run")
    if not text:
        return baseline_run()
    try:
        return finished_run(request, UUID(text))
    except ValueError:
        raise Http404(NO_RESULT) from None
