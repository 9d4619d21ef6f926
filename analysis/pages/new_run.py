"""A new run: what to ask, how precisely, on which evidence; and what exactly will be computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.exceptions import Throttled, ValidationError

from accounts.api.problems import faults
from accounts.limits import LimitsUnavailable
from accounts.policies import Scope
from aifutures_site.config import get_config
from analysis.api.new_runs import run_new, run_wished
from analysis.api.parameters import invalid
from analysis.engine.spec import ModelDocument, ModelError, parse_model
from analysis.pages.access import requires
from analysis.pages.run_actions import begun_once, refused
from analysis.pages.run_form import Body, Choice, Form, body_from, body_of, faults_by_field
from analysis.pages.run_plan import Measured, efforts, measured, plan
from analysis.pages.subject import NO_RUN, visible_run
from analysis.pages.words import CAUSAL_MODELS, SAMPLERS, Words
from analysis.questions import LATER
from analysis.services.requests import run_document

FROM = "from"
"""The key of the run that a new one starts from."""


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Scope.CREATE_ANALYSIS)
def new(request: HttpRequest) -> HttpResponseBase:
    """The form, filled in from a run where the address names one; and a run, once it is sent."""
    now = run_document()
    if request.method != "POST":
        return _page(request, now, _prefilled(request, now))
    form = Form(body_of(request.POST, now))
    if "check" in request.POST:
        return _page(request, now, form)
    try:
        pk = begun_once(request, run_new, form.body)
    except (ValidationError, ModelError) as error:
        return _page(request, now, _faulty(form.body, error), status=400)
    except (Throttled, LimitsUnavailable) as error:
        return _page(request, now, Form(form.body, {"": [refused(error)]}), status=429)
    return redirect("run", pk)


@require_POST
@requires(Scope.CREATE_ANALYSIS)
def preview(request: HttpRequest) -> HttpResponse:
    """What would run, for the form as it is filled in now."""
    form = Form(body_of(request.POST, run_document()))
    return render(request, "analysis/parts/run_plan.html", _planned(request, form, measured()))


def _prefilled(request: HttpRequest, now: ModelDocument) -> Form:
    """The form with the choices of the run that the address names, or empty. Raises Http404."""
    if FROM not in request.GET:
        return Form({})
    try:
        run = visible_run(request, UUID(request.GET[FROM]))
    except ValueError:
        raise Http404(NO_RUN) from None
    return Form(body_from(parse_model(run.model_document), now))


def _page(request: HttpRequest, now: ModelDocument, form: Form, status: int = 200) -> HttpResponse:
    known = measured()
    found = _planned(request, form, known)
    settings, usual = now.settings, now.run
    iterations = form.chosen("iterations", usual.iterations)
    choices = efforts(known)
    return render(
        request,
        "analysis/run_new.html",
        {
            **found,
            "run_id": uuid4(),
            "questions": form.questions(now.hypotheses, now.base_year + LATER),
            "years": range(now.base_year + 1, now.end_year + 1),
            "first_year": now.base_year,
            "target_year": form.chosen("target_year", None) or now.end_year,
            "efforts": choices,
            "iterations": iterations,
            "other": iterations not in {each.iterations for each in choices},
            "most": get_config().analysis.monte_carlo.max_iterations,
            "sources": _sources(now, form),
            "models": _choices(CAUSAL_MODELS, form.chosen("model", settings.causal_network.model)),
            "samplers": _choices(SAMPLERS, form.chosen("sampler", usual.sampler)),
            "seed": form.chosen("seed", usual.seed),
            "advanced": any(key in form.body for key in ("seed", "sampler", "model", "overrides", "fresh"))
            or "stop_when_converged" in form.body,
        },
        status=status,
    )


def _planned(request: HttpRequest, form: Form, known: Measured) -> dict[str, Any]:
    """The form, with all that is wrong, and what would run, unless something is wrong."""
    found = None
    try:
        found = plan(run_wished(form.body).document, form.body, known)
    except (ValidationError, ModelError) as error:
        form = form if form.faults else _faulty(form.body, error)
    return {"form": form, "plan": found, "request_line": found.request(_site(request)) if found else ""}


def _faulty(body: Body, error: ValidationError | ModelError) -> Form:
    problem = invalid(error) if isinstance(error, ModelError) else error
    return Form(body, faults_by_field(faults(problem.detail), body))


def _choices(words: Mapping[str, Words], chosen: str) -> list[Choice]:
    return [Choice(value, label, help, value == chosen) for value, (label, help) in words.items()]


def _sources(now: ModelDocument, form: Form) -> list[Choice]:
    """The publications that the evidence comes from, with how many items each has."""
    items = Counter(each.source or "" for each in now.evidence)
    titles = {each.source or "": each.title or each.source or "" for each in now.evidence}
    chosen = form.evidence.get("sources", [])
    return [
        Choice(key, title, str(items[key]), key in chosen)
        for key, title in sorted(titles.items(), key=lambda pair: pair[1].casefold())
        if key
    ]


def _site(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


urlpatterns = [
    path("runs/new", new, name="run_new"),
    path("runs/new/preview", preview, name="run_preview"),
]
