"""The PDF report of a run: given out once a worker has made it."""

from __future__ import annotations

import logging
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe
from redis import RedisError

from accounts.audit import audit_record
from accounts.models import User
from accounts.policies import Scope
from analysis.choices import RunStatus
from analysis.models import AnalysisRun
from analysis.pages.access import requires
from analysis.pages.asking import ask
from analysis.pages.subject import visible_run
from analysis.services.derived import Answer, answer_find
from analysis.services.run_reports import report_bytes, report_question

logger = logging.getLogger(__name__)


@require_safe
@requires(Scope.READ_RESULTS)
def run_report(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The report as a PDF, or a page that says it is being made and opens it."""
    run, user = visible_run(request, pk), cast("User", request.user)
    if run.status != RunStatus.SUCCEEDED:
        return redirect("run", pk)
    answer, hint = _asked(run, user)
    content = report_bytes(answer) if answer else None
    if content is None:
        return render(request, "analysis/report_waiting.html", {"run": run, "hint": hint, **_state(answer)})
    audit_record(actor=user, action="analysisrun.export", subject=run, details={"format": "pdf"})
    disposition = f'inline; filename="aifutures-{run.short_id}.pdf"'
    return HttpResponse(content, content_type="application/pdf", headers={"Content-Disposition": disposition})


@require_safe
@requires(Scope.READ_RESULTS)
def run_report_state(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Whether the report is there: then the page that asks goes on to it."""
    run = visible_run(request, pk)
    answer, hint = _asked(run, cast("User", request.user))
    return render(request, "analysis/parts/report_state.html", {"run": run, "hint": hint, **_state(answer)})


def _state(answer: Answer | None) -> dict[str, Any]:
    """Whether the report is there, or cannot be had: why, and whether it is worth another try soon."""
    if answer is None or not answer.is_final:
        return {"ready": False, "failed": False}
    if answer.document is not None:
        return {"ready": True, "failed": False}
    return {"ready": False, "failed": True, "reason": answer.refusal or answer.reason, "again": not answer.refusal}


def _asked(run: AnalysisRun, user: User) -> tuple[Answer | None, str]:
    """What is known; a worker is asked where there is nothing yet. The second is what stands in the way, in words."""
    try:
        question = report_question(run=run, user=user)
        answer = answer_find(question=question)
        if answer.is_final:
            return answer, ""
        return answer, ask(question, user=user)
    except RedisError as error:
        logger.warning("nobody could be asked for a report: %s", error)
        return None, "The queue cannot be reached now. It is tried again."


urlpatterns = [
    path("runs/<uuid:pk>/report.pdf", run_report, name="run_report"),
    path("runs/<uuid:pk>/report/state", run_report_state, name="run_report_state"),
]
