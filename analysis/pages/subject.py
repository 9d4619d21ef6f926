"""Which run a page is about."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest

from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.selectors import baseline_run, run_list


def subject_run(request: HttpRequest) -> AnalysisRun | None:
    """The run that `run=` names, or the baseline; None where there is none yet.

    Raises Http404 for a run that the user may not see, that has no result, or that does not exist.
    """
    text = request.GET.get("run")
    if not text:
        return baseline_run()
    try:
        found = run_list(user=request.user).filter(pk=UUID(text), status=RunStatus.SUCCEEDED).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404("There is no such run with a result that you may see.")
    return found
