"""The what-if explorer: other assumptions, and what they would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import Throttled

from accounts.limits import Cost, LimitsUnavailable, limit_status
from accounts.models import User
from accounts.pages.lookup import row_or_404
from accounts.policies import Asker, Scope
from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.engine.faults import ModelError
from analysis.engine.spec import parse_model
from analysis.models import AnalysisRun, SavedQuestion, Scenario
from analysis.pages.access import requires
from analysis.pages.run_actions import begun_once
from analysis.pages.subject import NO_BASELINE, NO_RESULT
from analysis.plots import Plot
from analysis.plots.source import run_source
from analysis.plots.what_if import answer_of, clusters_with_ghosts, hypotheses_with_ghosts, ranking_of_changes
from analysis.questions import RUN, Question, question_of
from analysis.reports import Report, run_report
from analysis.selectors import baseline_run, run_list
from analysis.services.questions import question_delete, question_save
from analysis.services.runs import run_create

NAME = 200
"""Characters of a run's name."""


@dataclass(frozen=True)
class Explorer:
    """What a run's result says, as the explorer shows it."""

    report: Report
    plots: list[Plot]
    data: dict[str, Any]
    """What the scripts need: the run's numbers as an answer, and the names of all that an answer speaks of."""


@require_safe
@requires(Scope.CREATE_ANALYSIS)
def what_if(request: HttpRequest) -> HttpResponse:
    """The explorer, asked what its address says."""
    run = _run(request.user, request.GET)
    saved = SavedQuestion.objects.visible_to(request.user)
    if run is None:
        return render(request, "analysis/what_if_empty.html", {"saved": saved})
    question = question_of(document=parse_model(run.model_document), query=request.GET)
    context = {
        "run": run,
        "question": question,
        "explorer": _explorer(run),
        "iterations": f"{get_config().analysis.monte_carlo.default_iterations:,}",
        "saved": saved,
    }
    return render(request, "analysis/what_if.html", context)


@require_POST
@requires(Scope.CREATE_ANALYSIS)
def what_if_save(request: HttpRequest) -> HttpResponseBase:
    """Keep the question."""
    try:
        query = _question(request).query
        saved = question_save(owner=_user(request), name=request.POST.get("name", ""), query=query)
    except (ModelError, ValidationError) as error:
        messages.error(request, f"Not saved. {_reasons(error)}", extra_tags="error")
    else:
        messages.success(request, f"Saved as \u201c{saved.name}\u201d. It is in the list below.")
    return _back(request)


@require_POST
@requires(Scope.CREATE_ANALYSIS)
def what_if_run(request: HttpRequest) -> HttpResponseBase:
    """Answer the question by a run of its own, as POST /analysis/run would, from the model that was explored."""
    try:
        question = _question(request)
        document = question.run_document(iterations=get_config().analysis.monte_carlo.default_iterations)
        name = question.title[:NAME]
        pk = begun_once(
            request,
            lambda wish: run_create(document=document, owner=wish.user, name=name, run_id=wish.pk, admit=wish.admit),
            about=question.query,
        )
    except Throttled:
        minutes = -(-limit_status(user=_user(request), cost=Cost.ANALYSIS_RUNS).reset // 60)
        reason = f"You have started as many runs as you may in an hour. Try again in {minutes} min."
    except LimitsUnavailable:
        reason = "The queue cannot be reached now. Try again in a moment."
    except (ModelError, ValidationError) as error:
        reason = _reasons(error)
    else:
        return redirect("run", pk)
    messages.error(request, f"Nothing was started. {reason}", extra_tags="error")
    return _back(request)


@require_POST
@requires(Scope.CREATE_ANALYSIS)
def what_if_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Keep a question no longer."""
    question = row_or_404(SavedQuestion.objects.visible_to(request.user), "There is no such question of yours.", pk=pk)
    question_delete(question=question, actor=_user(request))
    messages.success(request, f"\u201c{question.name}\u201d is deleted.")
    return _back(request)


def _run(user: Asker, query: QueryDict) -> AnalysisRun | None:
    """The run that is asked about; None without a baseline. Raises Http404 for one that the user may not see."""
    if RUN not in query:
        return baseline_run()
    try:
        pk = UUID(query.get(RUN))
    except ValueError:
        raise Http404(NO_RESULT) from None
    return row_or_404(run_list(user=user), NO_RESULT, pk=pk, status=RunStatus.SUCCEEDED)


def _question(request: HttpRequest) -> Question:
    """The question that a form holds, as the query of an address. Raises ModelError, ValidationError, Http404."""
    query = QueryDict(request.POST.get("query", ""))
    run = _run(request.user, query)
    if run is None:
        raise Http404(NO_BASELINE)
    question = question_of(document=parse_model(run.model_document), query=query)
    if question.faults:
        raise ModelError(list(question.faults))
    if not question.changes:
        raise ValidationError("Nothing is changed: move a slider or suppose something first.")
    return question


def _explorer(run: AnalysisRun) -> Explorer:
    result, report, source = run.result_document or {}, run_report(run=run), run_source(run)
    titles = dict(Scenario.objects.filter(code__in=result["scenario_probabilities"]).values_list("code", "title"))
    clusters = {code: named["name"] for named in result["clusters"]["named"] for code in named["scenarios"]}
    return Explorer(
        report=report,
        plots=[
            ranking_of_changes(report, titles=titles, clusters=clusters, result=result, source=source),
            clusters_with_ghosts(report, result=result, source=source),
            hypotheses_with_ghosts(report, result=result, source=source),
        ],
        data={
            "url": reverse("api:what-if"),
            "run": str(run.pk),
            "year": report.target_year,
            "answer": answer_of(result),
            "order": sorted(result["scenario_probabilities"], key=lambda code: -result["scenario_probabilities"][code]),
            "shown": len(report.scenarios),
            "titles": titles,
            "clusters": clusters,
            "hypotheses": {row.code: [row.outcome_a, row.outcome_b] for row in report.hypotheses},
        },
    )


def _back(request: HttpRequest) -> HttpResponseBase:
    """To the explorer, with the question as it was."""
    query = QueryDict(request.POST.get("query", "")).urlencode()
    return redirect(f"{reverse('what_if')}{'?' if query else ''}{query}")


def _reasons(error: ModelError | ValidationError) -> str:
    if isinstance(error, ModelError):
        return " ".join(f"{fault.path}: {fault.message}." for fault in error.faults)
    return " ".join(error.messages)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


urlpatterns = [
    path("what-if", what_if, name="what_if"),
    path("what-if/save", what_if_save, name="what_if_save"),
    path("what-if/run", what_if_run, name="what_if_run"),
    path("what-if/saved/<int:pk>/delete", what_if_delete, name="what_if_delete"),
]
