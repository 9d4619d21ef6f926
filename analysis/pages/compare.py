"""Two or more runs side by side: what differs by more than chance, and what explains it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from redis import RedisError

from accounts.models import User
from accounts.policies import Scope, may
from analysis.choices import RunStatus
from analysis.differences import (
    Difference,
    Explained,
    Input,
    differences,
    explained,
    inputs,
    labels_of,
    most_telling,
    supposed_in,
    told,
)
from analysis.models import AnalysisRun, Scenario
from analysis.news import comparison_question
from analysis.pages.access import requires
from analysis.pages.asking import ask
from analysis.pages.runs import FEWEST, MOST
from analysis.plots import Plot, Table
from analysis.plots.comparison import all_numbers, changes_of, courses, waterfall
from analysis.plots.source import runs_source
from analysis.reports import run_report
from analysis.selectors import run_list
from analysis.services.derived import Answer, answer_find

logger = logging.getLogger(__name__)

OFFERED = 100
"""The latest finished runs that can be chosen from the form."""


class NotComparable(ValueError):
    """Why the page compares nothing, in words, and the status that says so."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Pair:
    """The first run and another one: what a worker found, or why there is nothing (yet)."""

    number: int
    before: AnalysisRun
    after: AnalysisRun
    names: tuple[str, str]
    answer: Answer
    rows: Sequence[Difference] = ()
    heading: str = ""
    sentence: str = ""
    plots: Sequence[Plot] = ()
    inputs: Sequence[Input] = ()
    explained: Sequence[Explained] = ()
    chosen: Explained | None = None
    waterfall: Plot | None = None
    grouped: bool = False
    largest: float = 0.0
    """The difference that the heading names."""

    @property
    def is_done(self) -> bool:
        """Whether there is a comparison to show."""
        return bool(self.rows)


@require_safe
@requires(Scope.READ_RESULTS)
def run_compare(request: HttpRequest) -> HttpResponse:
    """What differs between the runs that the address names, or a form to choose them."""
    asked = _asked(request)
    if not asked:
        return _form(request, [], "")
    try:
        runs = _runs(request, asked)
    except NotComparable as reason:
        return _form(request, asked, str(reason), reason.status)
    names = _names(runs)
    pairs = [
        _pair(request, number, (runs[0], run), (names[0], names[number])) for number, run in enumerate(runs[1:], 1)
    ]
    context = {
        "runs": list(zip(runs, names, strict=True)),
        "address": ",".join(str(run.pk) for run in runs),
        "pairs": pairs,
        "courses": courses([run_report(run=run) for run in runs], names, source=runs_source(runs)),
        **_progress(request, runs, [pair.answer for pair in pairs]),
        **_summary(pairs, names),
    }
    return render(request, "analysis/compare.html", context)


@require_safe
@requires(Scope.READ_RESULTS)
def run_compare_waiting(request: HttpRequest) -> HttpResponse:
    """Whether the comparisons are there: then the page that asks is to load itself anew."""
    try:
        runs = _runs(request, _asked(request))
    except NotComparable:
        return HttpResponse(headers={"HX-Refresh": "true"})
    found = [_found(runs[0], run) for run in runs[1:]]
    if all(answer.is_final for answer in found):
        return HttpResponse(headers={"HX-Refresh": "true"})
    progress = _progress(request, runs, found)
    context = {
        "address": ",".join(str(run.pk) for run in runs),
        **progress,
        "hint": progress["problem"] or progress["hint"],
    }
    return render(request, "analysis/parts/compare_waiting.html", context)


def _asked(request: HttpRequest) -> list[str]:
    """The ids that the address names: `runs=a,b` or, from the form, where the newest stands first, `runs=b&runs=a`."""
    parts = (part.strip() for text in reversed(request.GET.getlist("runs")) for part in text.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def _runs(request: HttpRequest, asked: Sequence[str]) -> list[AnalysisRun]:
    """The runs with these ids, in this order. Raises NotComparable."""
    try:
        ids = [UUID(text) for text in asked]
    except ValueError:
        raise NotComparable("The address names something that is no run. Choose the runs here.", 404) from None
    if len(ids) < FEWEST:
        raise NotComparable("One run alone cannot be compared. Choose another one, too.")
    if len(ids) > MOST:
        raise NotComparable(f"At most {MOST} runs can be compared at once; these are {len(ids)}.")
    found = {run.pk: run for run in run_list(user=request.user).filter(pk__in=ids)}
    if missing := [pk for pk in ids if pk not in found]:
        raise NotComparable(f"There is no run {str(missing[0])[:8]} that you may see.", 404)
    for pk in ids:
        if found[pk].status != RunStatus.SUCCEEDED:
            state = found[pk].get_status_display().lower()
            raise NotComparable(f"{found[pk]} has no result to compare: it is {state}.", 409)
    return [found[pk] for pk in ids]


def _form(request: HttpRequest, asked: Sequence[str], problem: str, status: int = 200) -> HttpResponse:
    runs = run_list(user=request.user).filter(status=RunStatus.SUCCEEDED)[:OFFERED]
    context = {"choices": runs, "asked": asked, "problem": problem}
    return render(request, "analysis/compare_choose.html", context, status=status)


def _names(runs: Sequence[AnalysisRun]) -> list[str]:
    """What the runs are called, told apart by their ids where two have one name."""
    often = Counter(map(str, runs))
    return [f"{run} ({run.short_id})" if often[str(run)] > 1 else str(run) for run in runs]


def _found(before: AnalysisRun, after: AnalysisRun) -> Answer:
    question = comparison_question(before, after)
    try:
        return answer_find(question=question)
    except RedisError as error:
        logger.warning("a comparison could not be looked up: %s", error)
        return Answer(question.job_id)


def _pair(request: HttpRequest, number: int, runs: tuple[AnalysisRun, AnalysisRun], names: tuple[str, str]) -> Pair:
    before, after = runs
    answer = _found(before, after)
    if not answer.document:
        return Pair(number, before, after, names, answer)
    document, models = answer.document, may(request.user, Scope.READ_EVIDENCE)
    titles = dict(Scenario.objects.values_list("code", "title"))
    rows = differences(document, after.model_document, titles)
    items = _items(before, after)
    labels = labels_of(before.model_document, after.model_document)
    parts = explained(document, rows, labels, items) if models else []
    supposed = supposed_in(before.model_document, after.model_document)
    most = most_telling(rows, supposed)
    chosen = _chosen(parts, request.GET.get("about", most.key if most else ""))
    heading, sentence = told(rows, *names, supposed=supposed)
    source = runs_source(runs)
    kinds = [("outcomes", "questions and families", [row for row in rows if row.kind != "scenario"])]
    kinds.append(("scenarios", "scenarios", [row for row in rows if row.kind == "scenario"]))
    return Pair(
        number=number,
        before=before,
        after=after,
        names=names,
        answer=answer,
        rows=rows,
        heading=heading,
        sentence=sentence,
        plots=[
            changes_of(found, key=f"{key}-{number}", what=what, names=names, source=source)
            for key, what, found in kinds
        ],
        inputs=inputs(document, before.model_document, after.model_document, items, models=models),
        explained=sorted(parts, key=lambda each: ("hypothesis", "cluster", "scenario").index(each.about.kind)),
        chosen=chosen,
        waterfall=waterfall(chosen, key=f"waterfall-{number}", names=names, source=source) if chosen else None,
        grouped=document["attribution"]["grouped"],
        largest=most.size if most else 0.0,
    )


def _items(*runs: AnalysisRun) -> dict[str, str]:
    """The titles of the runs' evidence, by id."""
    return {item["id"]: item.get("title") or "" for run in runs for item in run.model_document["evidence"]}


def _chosen(parts: Sequence[Explained], key: str) -> Explained | None:
    """What is to be explained, or the largest that is."""
    return next((each for each in parts if each.about.key == key), parts[0] if parts else None)


def _progress(request: HttpRequest, runs: Sequence[AnalysisRun], answers: Sequence[Answer]) -> dict[str, Any]:
    """How many comparisons are there; workers are asked for the others, which counts against no limit on a page."""
    missing = [run for run, answer in zip(runs[1:], answers, strict=True) if not answer.is_final]
    found = {"done": len(answers) - len(missing), "number": len(answers), "complete": not missing}
    try:
        return {"problem": "", "hint": _asked_for(cast("User", request.user), runs[0], missing), **found}
    except RedisError as error:
        logger.warning("nobody could be asked for a comparison: %s", error)
        problem = "Nothing can be computed at the moment, because the queue cannot be reached. Try again in a minute."
        return {"problem": problem, "hint": "", **found}


def _asked_for(user: User, before: AnalysisRun, missing: Sequence[AnalysisRun]) -> str:
    """Ask for comparisons with a run; gives what stands in their way, in words. Raises RedisError."""
    return ask(*(comparison_question(before, run) for run in missing), user=user)


def _summary(pairs: Sequence[Pair], names: Sequence[str]) -> Mapping[str, Any]:
    """The sentence on top, and all numbers in one table."""
    done = [pair for pair in pairs if pair.is_done]
    if not done:
        others = ", ".join(names[1:])
        return {"heading": f"{others} against {names[0]}", "sentence": "", "table": None}
    most = max(done, key=lambda pair: pair.largest)
    sentence = most.sentence if len(names) == FEWEST else f"It is what differs most of {len(names)} runs compared."
    return {"heading": most.heading, "sentence": sentence, "table": _table(done, names[0])}


def _table(pairs: Sequence[Pair], first: str) -> Table:
    return all_numbers([(pair.names[1], {row.key: row for row in pair.rows}) for pair in pairs], first)


urlpatterns = [
    path("runs/compare", run_compare, name="run_compare"),
    path("runs/compare/waiting", run_compare_waiting, name="run_compare_waiting"),
]
