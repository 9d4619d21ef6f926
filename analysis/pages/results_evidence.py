"""Tab of a finished run that shows what each piece of its evidence does; a worker computes it when somebody asks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from accounts.models import User
from accounts.policies import Scope
from analysis.engine.sensitivity.outputs import parse_output
from analysis.engine.spec import parse_model
from analysis.models import AnalysisRun
from analysis.pages.access import requires
from analysis.pages.asking import ask
from analysis.pages.results_panels import subjects_of
from analysis.pages.subject import finished_run
from analysis.plots import Column, Table
from analysis.plots.influence import Effect, carriers, effects
from analysis.plots.source import run_source
from analysis.plots.subjects import Subjects
from analysis.services.derived import INFLUENCE, Answer, Question, answer_find, told_by
from evidence.models import Source

logger = logging.getLogger(__name__)

KINDS = ("item", "source", "group")


def evidence(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """The answer if there is one, or the fragment that asks for it."""
    return _content(run)


@require_safe
@requires(Scope.READ_EVIDENCE)
def evidence_part(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is known now; a worker is asked where nobody has asked before."""
    run = finished_run(request, pk)
    found = _content(run)
    if not found["answer"].is_final:
        found |= {"asked": True, "hint": _asked(run, cast("User", request.user))}
    return render(request, "analysis/results_evidence.html", {"run": run, **found})


def _question(run: AnalysisRun) -> Question:
    """The same as the API asks by default, so that it is computed once."""
    return Question(INFLUENCE, (str(told_by(run).pk), parse_output(parse_model(run.model_document), None).name))


def _asked(run: AnalysisRun, user: User) -> str:
    """Ask a worker; gives what stands in the way, in words."""
    try:
        return ask(_question(run), user=user)
    except RedisError as error:
        logger.warning("nobody could be asked what the evidence does: %s", error)
        return "The queue cannot be reached now. It is tried again."


def _found(run: AnalysisRun) -> Answer:
    question = _question(run)
    try:
        return answer_find(question=question)
    except RedisError as error:
        logger.warning("an influence could not be looked up: %s", error)
        return Answer(question.job_id)


def _content(run: AnalysisRun) -> dict[str, Any]:
    answer = _found(run)
    if answer.document is None:
        return {"answer": answer}
    document, words = answer.document, subjects_of(run)
    titles = dict(
        Source.objects.filter(key__in=[each["id"] for each in document["sources"]]).values_list("key", "title")
    )
    found = {kind: effects(document[f"{kind}s"], titles if kind == "source" else {}) for kind in KINDS}
    dependence = document["hypotheses"]
    return {
        "answer": answer,
        "plots": [carriers(each, kind, words, source=run_source(run)) for kind, each in found.items() if each],
        "hanging": [words.label(code) for code, each in dependence.items() if each["hangs_on_one_source"]],
        "dependence": _dependence(dependence, found["source"], words),
        "left_out": document["left_out_already"],
    }


def _dependence(found: Mapping[str, Mapping[str, Any]], sources: list[Effect], words: Subjects) -> Table:
    """For each hypothesis the source that moves it most, and whether it hangs on that one."""
    labels = {each.name: each.label for each in sources}
    return Table(
        [
            Column("Question"),
            Column("Source that moves it most"),
            Column("Share of what its evidence says", "percent"),
            Column("Would turn without it"),
            Column("Hangs on it"),
        ],
        [
            [
                words.label(code),
                labels.get(each["source"], each["source"]) or "none",
                each["share"],
                "yes" if each["turns"] else "no",
                "yes" if each["hangs_on_one_source"] else "no",
            ]
            for code, each in found.items()
        ],
    )


urlpatterns = [path("runs/<uuid:pk>/evidence/influence", evidence_part, name="run_influence")]
