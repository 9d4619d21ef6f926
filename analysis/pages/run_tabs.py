"""The tabs of a finished run: one line in `TABS` for each, a function that says what it shows, and a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.policies import Asker, Scope, may
from analysis.models import AnalysisRun
from analysis.pages import results, results_evidence, results_studies
from analysis.pages.run_inputs import assigned, inputs, reproduce
from analysis.pages.words import SAMPLERS
from analysis.plots.convergence import convergence
from analysis.plots.scenarios import ranking
from analysis.plots.source import run_source
from analysis.reports import run_report
from analysis.wording import percent, precision

Content = Callable[[HttpRequest, AnalysisRun], Mapping[str, Any]]


@dataclass(frozen=True)
class Tab:
    """A tab: its part of the address, what the link says, what its template is given, and who may open it.

    The template `analysis/run_<name>.html` extends `analysis/run_tab.html` and fills its block `tab`.
    """

    name: str
    label: str
    content: Content
    scope: Scope = Scope.READ_RESULTS

    @property
    def template(self) -> str:
        """The template's name."""
        return f"analysis/run_{self.name}.html"


def summary(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """The likeliest scenarios, and what was supposed."""
    report = run_report(run=run)
    first = report.likeliest
    finding = f"{first.title or first.code} leads with {percent(first.estimate.mean)}"
    chosen = run.model_document["run"]
    labels = {row["code"]: row for row in run.model_document["hypotheses"]}
    return {
        "ranking": ranking(
            report.scenarios,
            finding=finding,
            year=report.target_year,
            number=report.number,
            source=run_source(run),
        ),
        "interventions": [assigned(each, labels) for each in chosen["interventions"]],
        "observations": [assigned(each, labels) for each in chosen["observations"]],
        "filter": {key: value for key, value in chosen["evidence_filter"].items() if value},
    }


def precision_reached(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """How the precision grew, and what it is a precision of."""
    result = run.result_document or {}
    facts = result["convergence"]
    points = {each["iterations"]: each["max_half_width"] for each in facts["trace"]}
    points[facts["iterations"]] = facts["max_half_width"]
    plot = convergence(
        list(points.items()),
        threshold=facts["threshold"],
        total=facts["iterations"],
        finding=f"Every mean probability is known within {precision(facts['max_half_width'])}",
        source=run_source(run),
    )
    sampler = SAMPLERS[result["metadata"]["sampler"]].label
    return {"convergence": plot, "facts": facts, "sampler": sampler, "seconds": result["computation_time"]}


TABS = (
    Tab("summary", "Summary", summary),
    Tab("scenarios", "Scenarios", results.scenarios),
    Tab("timeline", "Timeline", results.timeline),
    Tab("hypotheses", "Hypotheses", results.hypotheses),
    Tab("clusters", "Clusters", results.clusters),
    Tab("convergence", "Convergence", precision_reached),
    Tab("sensitivity", "Sensitivity", results_studies.sensitivity),
    Tab("evidence", "Evidence", results_evidence.evidence, Scope.READ_EVIDENCE),
    Tab("robustness", "Robustness", results_studies.robustness),
    Tab("inputs", "Inputs", inputs, Scope.READ_EVIDENCE),
    Tab("reproduce", "Reproduce", reproduce),
)


def tabs_for(user: Asker) -> list[Tab]:
    """The tabs that the user may open, in order."""
    return [tab for tab in TABS if may(user, tab.scope)]
