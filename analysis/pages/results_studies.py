"""Tabs of a finished run that show studies of its model: sensitivity and robustness.

What is being computed is a fragment that asks for itself every two seconds until there is something to show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import Throttled, ValidationError

from accounts.limits import LimitsUnavailable
from accounts.models import User
from accounts.pages.lookup import row_or_404
from accounts.policies import Scope
from analysis.api.new_studies import report_new, study_new
from analysis.choices import RunStatus, StudyMethod
from analysis.engine.spec import ModelError
from analysis.models import AnalysisRun, RobustnessReport, SensitivityStudy, Study
from analysis.pages.access import requires
from analysis.pages.results_panels import (
    METHODS,
    ROBUSTNESS,
    Panel,
    report_panel,
    reports_of,
    studies_of,
    study_panel,
    subjects_of,
)
from analysis.pages.run_actions import begun_once, refused
from analysis.pages.subject import finished_run
from analysis.plots.robustness import SHORT, dimension_table
from analysis.querysets import ComputationQuerySet
from analysis.reports import run_report
from analysis.services.lifecycle import computation_cancel
from analysis.services.sharing import require_owner

NO_STUDY = "There is no such study of yours."
OFFERED = 3
"""The likeliest scenarios that a study is offered about."""
NAMED_EXCEPTIONS = 3
"""Variants that are named where a conclusion does not hold."""


def sensitivity(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """What drives one number of the run: the study of each method, or how to start it."""
    report, words, rows = run_report(run=run), subjects_of(run), list(studies_of(request.user, run))
    offered = words.outputs(
        year=report.target_year,
        scenarios=[row.code for row in report.scenarios[:OFFERED]],
        clusters=[row.name for row in report.clusters],
        hypotheses=[row.code for row in report.hypotheses],
    )
    known = {each.name: each for each in [*offered, *(words.output(row.output) for row in rows)]}
    first = rows[0].output if rows else offered[0].name
    output = known.get(request.GET.get("output", first), known[first])
    studied = {row.output for row in rows if row.status == RunStatus.SUCCEEDED}
    panels = [
        study_panel(request.user, run, words=words, output=output, method=method, rows=rows) for method in METHODS
    ]
    return {
        "outputs": [(each, each.name in studied) for each in known.values()],
        "output": output,
        "panels": panels,
        "lead": _lead(panels),
    }


def robustness(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """Which conclusions hold under other decisions: the run's report, or how to start it."""
    return _robustness(request, run)


@require_safe
@requires(Scope.READ_RESULTS)
def study_part(request: HttpRequest, pk: UUID, method: str) -> HttpResponse:
    """The part of a tab that shows one study, as it is now."""
    run = finished_run(request, pk)
    if _checked(method) == ROBUSTNESS:
        return render(request, "analysis/results_robustness.html", {"run": run, **_robustness(request, run)})
    words, rows = subjects_of(run), list(studies_of(request.user, run))
    output = words.output(request.GET.get("output", ""))
    panel = study_panel(request.user, run, words=words, output=output, method=method, rows=rows)
    return render(request, "analysis/results_study.html", {"run": run, "panel": panel})


@require_POST
@requires(Scope.CREATE_ANALYSIS)
def study_start(request: HttpRequest, pk: UUID, method: str) -> HttpResponseBase:
    """Have it computed, as POST /sensitivity and POST /robustness do."""
    run, output = finished_run(request, pk), request.POST.get("output", "")
    body: dict[str, Any] = {"run": str(run.pk)}
    begin: Callable[..., Study] = report_new
    model: type[Study] = RobustnessReport
    if _checked(method) != ROBUSTNESS:
        body |= {"method": method, "output": output}
        begin, model = study_new, SensitivityStudy
    try:
        begun_once(request, begin, body, model=model, about=f"{method} {output}")
    except (Throttled, LimitsUnavailable) as error:
        messages.error(request, refused(error))
    except ModelError as error:
        messages.error(request, f"Nothing was started: {error}")
    except ValidationError:
        messages.error(request, "Nothing was started: choose one of the outputs that the form offers.")
    return redirect(_address(run, method, output))


@require_POST
@requires(Scope.CANCEL_ANALYSIS)
def study_cancel(request: HttpRequest, pk: UUID, method: str) -> HttpResponseBase:
    """Stop the one that `study` names: at once while it waits, soon while it is worked on."""
    run, user = finished_run(request, pk), cast("User", request.user)
    rows: ComputationQuerySet[Any] = reports_of(user, run) if _checked(method) == ROBUSTNESS else studies_of(user, run)
    try:
        found = row_or_404(rows, NO_STUDY, pk=UUID(request.POST.get("study", "")))
    except ValueError:
        raise Http404(NO_STUDY) from None
    require_owner(found, user, Scope.CANCEL_ANALYSIS)
    computation_cancel(computation=found, actor=user)
    return redirect(_address(run, method, request.POST.get("output", "")))


def _lead(panels: Sequence[Panel]) -> str:
    """The finding of the most telling study that there is, as a sentence."""
    found = {panel.method: panel.plots[0].finding for panel in panels if panel.plots}
    for method in (StudyMethod.SOBOL, StudyMethod.VALUE_OF_INFORMATION, StudyMethod.LOCAL, StudyMethod.MORRIS):
        if method in found:
            return f"{found[method]}."
    return "Nothing has been studied about this number yet. Each of the four studies below looks at it in its own way."


def _robustness(request: HttpRequest, run: AnalysisRun) -> dict[str, Any]:
    report, words = run_report(run=run), subjects_of(run)
    panel = report_panel(request.user, run, words=words, report=report)
    if not panel.result:
        return {"panel": panel}
    result = panel.result
    titles = {each["key"]: each["title"] for each in result["variants"]}

    def told(each: Mapping[str, Any]) -> dict[str, Any]:
        exceptions = [titles[key] for key in each["exceptions"]]
        code = each["subject"]
        title = words.titles.get(code)
        name = f"{title} ({code})" if title else words.label(code)
        text = each["text"].replace(code, name, 1)
        more = max(len(exceptions) - NAMED_EXCEPTIONS, 0)
        return {**each, "text": text, "named": exceptions[:NAMED_EXCEPTIONS], "more": more}

    conclusions = result["conclusions"]
    return {
        "panel": panel,
        "dimensions": dimension_table(result, words),
        "decisions": [(SHORT.get(key, key), title) for key, title in result["dimensions"].items()],
        "conclusions": {
            **conclusions,
            **{key: [told(each) for each in conclusions[key]] for key in ("hold_in_all", "depend", "hold_in_none")},
        },
        "not_run": [each for each in result["variants"] if each["status"] == "not_run"],
    }


def _checked(method: str) -> str:
    if method not in METHODS and method != ROBUSTNESS:
        raise Http404("There is no such study.")
    return method


def _address(run: AnalysisRun, method: str, output: str) -> str:
    """Of the tab, where the method stands in it."""
    tab = ROBUSTNESS if method == ROBUSTNESS else "sensitivity"
    query = f"?{urlencode({'output': output})}" if output else ""
    return f"{reverse('run_tab', args=[run.pk, tab])}{query}#study-{method}"


urlpatterns = [
    path("runs/<uuid:pk>/studies/<slug:method>", study_part, name="run_study"),
    path("runs/<uuid:pk>/studies/<slug:method>/start", study_start, name="run_study_start"),
    path("runs/<uuid:pk>/studies/<slug:method>/cancel", study_cancel, name="run_study_cancel"),
]
