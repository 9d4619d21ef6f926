"""The evidence: what it says of each hypothesis, the list of findings, and each by itself."""

from __future__ import annotations

import logging
from typing import Any, cast
from urllib.parse import urlsplit

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_safe
from redis import RedisError

from accounts.models import User
from accounts.policies import Scope, may
from analysis.evidence_influence import ItemInfluence, item_influence
from analysis.evidence_weights import evidence_standing, evidence_weights
from analysis.futures import outcome_words
from analysis.models import AnalysisRun
from analysis.pages.access import requires
from analysis.pages.asking import ask
from analysis.pages.evidence_list import EvidenceFilterForm, asked, headings, rows
from analysis.pages.subject import NO_BASELINE
from analysis.plots.evidence import balance
from analysis.reports import Report, run_report
from analysis.selectors import baseline_run
from analysis.services.derived import INFLUENCE, Answer, Question, answer_find, told_by
from evidence.models import Evidence
from evidence.selectors import evidence_by_id, evidence_history, evidence_list

logger = logging.getLogger(__name__)

PER_PAGE = 30


@require_safe
@requires(Scope.READ_EVIDENCE)
def evidence(request: HttpRequest) -> HttpResponseBase:
    """The balance of the weights, and the findings that are asked for."""
    wanted = asked(request.GET)
    if any(not value for value in request.GET.values()):  # a form sends its empty fields, too
        return redirect(f"{request.path}{wanted.query(page=request.GET.get('page', ''))}")
    weights = evidence_weights()
    questions = [each.question for each in weights.balances]
    items = evidence_list(user=request.user, filters=wanted.filters)  # type: ignore[arg-type]
    found = items.order_by(*wanted.order, "hypothesis__order", "public_id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "balances": [(each, wanted.query(hypothesis=each.question.code)) for each in weights.balances],
        "everything": wanted.query(hypothesis=""),
        "number": sum(each.items for each in weights.balances),
        "left_out": sum(each.left_out for each in weights.balances),
        "leanings": [each.leaning for each in weights.balances if each.items],
        "plot": balance(weights.balances, source="Source: the approved findings as they stand today"),
        "asked": wanted,
        "form": EvidenceFilterForm(
            given=wanted.given, questions=questions, drafts=may(request.user, Scope.READ_DRAFTS)
        ),
        "headings": headings(wanted),
        "page": page,
        "rows": rows(page.object_list, weights),
        "before": wanted.query(page=str(page.number - 1)) if page.has_previous() else "",
        "after": wanted.query(page=str(page.number + 1)) if page.has_next() else "",
        "export": f"{reverse('api:evidence-export')}{_with_filters(wanted.given)}",
        "drafts": may(request.user, Scope.READ_DRAFTS),
    }
    return render(request, "analysis/evidence.html", context, status=400 if wanted.faults else 200)


@require_safe
@requires(Scope.READ_EVIDENCE)
def evidence_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """One finding: its source, its scores, its weight, what it does, and its history."""
    item, run = _item(request, public_id), baseline_run()
    standing = evidence_standing(item=item)
    context = {
        "item": item,
        "link": _web_address(item.source.url),
        "standing": standing,
        "outcome": outcome_words(standing.question, item.direction),
        "history": evidence_history(user=request.user, evidence=item),
        "drafts": may(request.user, Scope.READ_DRAFTS),
        **(_effect(item, run) if run else {}),
    }
    return render(request, "analysis/evidence_item.html", context)


@require_safe
@requires(Scope.READ_EVIDENCE)
def influence(request: HttpRequest, public_id: str) -> HttpResponse:
    """What a finding does to the baseline; a worker is asked where nobody has asked before."""
    item, run = _item(request, public_id), baseline_run()
    if run is None:
        raise Http404(NO_BASELINE)
    report = run_report(run=run)
    found = _effect(item, run, report)
    if found["answer"] is None:
        try:
            ask(_question(run, report), user=cast("User", request.user))
        except RedisError as error:
            logger.warning("nobody could be asked what a finding does: %s", error)
    return render(request, "analysis/parts/evidence_influence.html", {"item": item, "asked": True, **found})


def _item(request: HttpRequest, public_id: str) -> Evidence:
    try:
        return evidence_by_id(user=request.user, public_id=public_id)
    except Evidence.DoesNotExist:
        raise Http404("There is no such finding, or you may not see it.") from None


def _question(run: AnalysisRun, report: Report) -> Question:
    """The same as the likeliest scenario's page asks."""
    return Question(INFLUENCE, (str(told_by(run).pk), f"scenario:{report.likeliest.code}@{report.target_year}"))


def _effect(item: Evidence, run: AnalysisRun, report: Report | None = None) -> dict[str, Any]:
    """What is known, without computing anything, of what a finding does to the baseline."""
    report = report or run_report(run=run)
    if not any(each["id"] == item.public_id for each in run.model_document["evidence"]):
        return {"report": report, "answer": None, "unknown": True}
    answer: Answer | None = None
    try:
        answer = answer_find(question=_question(run, report))
    except RedisError as error:
        logger.warning("what a finding does could not be looked up: %s", error)
    if answer is None or not answer.is_final:
        return {"report": report, "answer": None}
    found: ItemInfluence | None = item_influence(answer.document, item, report) if answer.document else None
    return {"report": report, "answer": answer, "effect": found}


def _web_address(url: str) -> str:
    """The address, if a browser may follow it: nothing but http and https."""
    return url if urlsplit(url).scheme in ("http", "https") else ""


def _with_filters(given: dict[str, str]) -> str:
    """The export's query: the same filters, as CSV."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if name != "ordering"} | {"format": "csv"})
    return f"?{query.urlencode()}"


urlpatterns = [
    path("evidence", evidence, name="evidence"),
    path("evidence/<str:public_id>", evidence_item, name="evidence_item"),
    path("evidence/<str:public_id>/influence", influence, name="evidence_item_influence"),
]
