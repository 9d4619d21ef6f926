"""The scenarios: all of them as a map and a list, and each by itself."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url
from redis import RedisError

from accounts.models import User
from accounts.numbers import number_of
from accounts.policies import Scope
from analysis.futures import Futures
from analysis.models import AnalysisRun
from analysis.pages.access import requires
from analysis.pages.asking import ask
from analysis.pages.scenario_filter import ORDERS, ScenarioFilterForm
from analysis.pages.subject import NO_BASELINE, subject_run
from analysis.plots.course import course
from analysis.plots.source import run_source
from analysis.scenario_map import scenario_map
from analysis.scenario_profile import Profile, carriers, scenario_profile
from analysis.scenarios import UnknownScenario, UnknownYear
from analysis.services.derived import INFLUENCE, Question, answer_find, told_by
from analysis.tables.csv_rows import csv_text

logger = logging.getLogger(__name__)

CSV_COLUMNS = ("code", "title", "cluster", "year", "rank", "probability", "q05", "q95")


@require_safe
@requires(Scope.READ_SCENARIOS)
def scenarios(request: HttpRequest) -> HttpResponse:
    """All scenarios of a run in a year: the map, and the list of those that are asked for."""
    run = subject_run(request)
    if run is None:
        return render(request, "analysis/no_baseline.html")
    futures = Futures.of(run=run)
    form = ScenarioFilterForm(request.GET, futures=futures)
    status = 200 if form.is_valid() else 400
    found = futures.in_year(form.chosen_year)
    sought = form.sought(found)
    context = {
        "run": run,
        "named": run if request.GET.get("run") else None,
        "futures": futures,
        "form": form,
        "year": form.chosen_year,
        "first": found[0],
        "sought": sought,
        "number": len(found),
        "together": sum(future.estimate.mean for future in sought),
        "map": scenario_map(futures, found, {future.code for future in sought}),
        "scale": max(future.estimate.high for future in found),
        "orders": [(order, title, _with(request.GET, sort=order)) for order, (title, _) in ORDERS.items()],
        "query": (query := _with(request.GET)),
        "about": _about(request, form.chosen_year, futures),
        "source": run_source(run),
    }
    if request.headers.get("HX-Request"):
        parts = render(request, "analysis/parts/scenarios_found.html", context)
        return replace_url(parts, f"{request.path}{query}")
    return render(request, "analysis/scenarios.html", context, status=status)


@require_safe
@requires(Scope.READ_SCENARIOS)
def scenarios_csv(request: HttpRequest) -> HttpResponse:
    """The list that is asked for, as a CSV file."""
    run = subject_run(request)
    if run is None:
        raise Http404(NO_BASELINE)
    form = ScenarioFilterForm(request.GET, futures=(futures := Futures.of(run=run)))
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=400, content_type="text/plain; charset=utf-8")
    year = form.chosen_year
    rows = [
        (
            future.code,
            future.title,
            future.family.name if future.family else "",
            year,
            future.rank,
            future.estimate.mean,
            future.estimate.low,
            future.estimate.high,
        )
        for future in form.sought(futures.in_year(year))
    ]
    name = f"scenarios_{year}_{run.short_id}.csv"
    return HttpResponse(
        csv_text(CSV_COLUMNS, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
@requires(Scope.READ_SCENARIOS)
def scenario(request: HttpRequest, code: str) -> HttpResponse:
    """One scenario of a run."""
    run = subject_run(request)
    if run is None:
        return render(request, "analysis/no_baseline.html")
    profile = _profile(request, run, code)
    context = {
        "run": run,
        "named": run if request.GET.get("run") else None,
        "profile": profile,
        "plot": course(profile, source=run_source(run)),
        "about": _about(request, profile.year, profile.futures),
        **_evidence(run, profile),
    }
    return render(request, "analysis/scenario.html", context)


@require_safe
@requires(Scope.READ_EVIDENCE)
def scenario_evidence(request: HttpRequest, code: str) -> HttpResponse:
    """The part of a scenario's page about its evidence; a worker is asked where nobody has asked before."""
    run = subject_run(request)
    if run is None:
        raise Http404(NO_BASELINE)
    profile = _profile(request, run, code)
    found = _evidence(run, profile)
    if not found["answer"]:
        try:
            ask(_question(run, profile), user=cast("User", request.user))
        except RedisError as error:
            logger.warning("nobody could be asked what carries a scenario: %s", error)
    context = {"asked": True, "profile": profile, "about": _about(request, profile.year, profile.futures), **found}
    return render(request, "analysis/parts/scenario_evidence.html", context)


def _profile(request: HttpRequest, run: AnalysisRun, code: str) -> Profile:
    futures = Futures.of(run=run)
    try:
        return scenario_profile(futures=futures, code=code, year=_year(request, futures))
    except (UnknownScenario, UnknownYear) as error:
        raise Http404(str(error)) from None


def _question(run: AnalysisRun, profile: Profile) -> Question:
    return Question(INFLUENCE, (str(told_by(run).pk), f"scenario:{profile.future.code}@{profile.year}"))


def _evidence(run: AnalysisRun, profile: Profile) -> dict[str, Any]:
    """What is known, without computing anything, about the evidence that carries a scenario."""
    try:
        answer = answer_find(question=_question(run, profile))
    except RedisError as error:
        logger.warning("what carries a scenario could not be looked up: %s", error)
        return {"answer": None}
    if not answer.is_final:
        return {"answer": None}
    return {"answer": answer, "carriers": carriers(answer.document) if answer.document else []}


def _year(request: HttpRequest, futures: Futures) -> int:
    text = request.GET.get("year", "")
    if not text:
        return futures.target_year
    year = number_of(text)
    if year is None:
        raise UnknownYear("The year should be a number.")
    return year


def _about(request: HttpRequest, year: int, futures: Futures) -> str:
    """The query of links to other pages about the same run and year; empty for the baseline's target year."""
    query = QueryDict(mutable=True)
    if run := request.GET.get("run"):
        query["run"] = run
    if year != futures.target_year:
        query["year"] = str(year)
    return f"?{query.urlencode()}" if query else ""


def _with(given: QueryDict, **changes: str) -> str:
    """The query of an address like this one with some changes, without what is empty."""
    query = QueryDict(mutable=True)
    for name, value in {**given.dict(), **changes}.items():
        if value:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else ""


urlpatterns = [
    path("scenarios", scenarios, name="scenarios"),
    path("scenarios.csv", scenarios_csv, name="scenarios_csv"),
    path("scenarios/<code>", scenario, name="scenario"),
    path("scenarios/<code>/evidence", scenario_evidence, name="scenario_evidence"),
]
