"""What a new run would be: what exactly is computed, how exact it becomes and how long it takes, before it begins."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from aifutures_site.config import get_config
from analysis.choices import RunStatus
from analysis.engine.posterior import posteriors
from analysis.engine.simulate import rounded_iterations
from analysis.engine.spec import ModelDocument
from analysis.models import AnalysisRun
from analysis.pages.run_inputs import assigned
from analysis.pages.words import CAUSAL_MODELS, Words
from analysis.services.turns import positions
from analysis.wording import duration, precision

LONG = 2**18
"""Iterations of a run that tells how fast runs are: shorter ones are over before they are at speed."""
EFFORTS = ((2**16, "A first look"), (2**20, "Good for most questions"), (None, "As usual"), (2 * 10**7, "Very precise"))
"""Iterations (None: the configured number), and how precise that is in words."""


@dataclass(frozen=True)
class Measured:
    """What past runs tell: iterations per second, and how the half-width fell with the iterations."""

    rate: float | None
    trace: Sequence[tuple[int, float]]

    def seconds(self, iterations: int) -> float | None:
        """How long so many iterations take."""
        return iterations / self.rate if self.rate else None

    def half_width(self, iterations: int) -> float | None:
        """The half-width after so many iterations: between the points of the trace, and by the root law beyond them."""
        if not self.trace:
            return None
        (first, _), (last, width) = self.trace[0], self.trace[-1]
        if iterations >= last or len(self.trace) == 1:
            return width * math.sqrt(last / iterations)
        for (below, before), (above, after) in zip(self.trace, self.trace[1:], strict=False):
            if iterations <= above:
                share = math.log(max(iterations, first) / below) / math.log(above / below)
                return before ** (1 - share) * after**share
        return width


@dataclass(frozen=True)
class Effort:
    """A number of iterations in words."""

    iterations: int
    label: str
    half_width: str
    """The largest of any mean probability, in words; empty where nothing was measured."""
    time: str

    @property
    def is_usual(self) -> bool:
        """Whether it is what a run has that does not say otherwise."""
        return self.iterations == get_config().analysis.monte_carlo.default_iterations


@dataclass(frozen=True)
class Counted:
    """How many items of evidence on a hypothesis count, of those that there are."""

    code: str
    label: str
    used: int
    total: int


@dataclass(frozen=True)
class Plan:
    """A run that has not begun."""

    document: ModelDocument
    body: Mapping[str, Any]
    iterations: int
    half_width: str
    time: str
    ahead: int
    counts: list[Counted]
    interventions: list[str]
    observations: list[str]
    reported: list[str]
    causal_model: Words

    @property
    def used(self) -> int:
        """Items that count."""
        return sum(each.used for each in self.counts)

    @property
    def json(self) -> str:
        """The body of POST /analysis/run."""
        return json.dumps(self.body, indent=2, ensure_ascii=False)

    def request(self, site: str) -> str:
        """The command line that asks the API for it."""
        body = shlex.quote(json.dumps(self.body, ensure_ascii=False))
        return (
            f'curl -X POST "{site}{reverse("api:analysis-new")}" \\\n  -H "Authorization: Api-Key $KEY" '
            f'-H "Content-Type: application/json" \\\n  -d {body}'
        )

    @property
    def command(self) -> str:
        """The command of this installation that does the same; nothing where there is none."""
        options = {
            "iterations": "--iterations",
            "seed": "--seed",
            "sampler": "--sampler",
            "target_year": "--target-year",
        }
        lists = {"interventions": "--do", "observations": "--given"}
        flags = {"stop_when_converged": "--stop-when-converged", "fresh": "--fresh"}
        if not self.body.keys() <= {*options, *lists, *flags, "name"}:
            return ""
        words = ["python", "manage.py", "run_analysis"]
        words += [part for key, option in options.items() if key in self.body for part in (option, str(self.body[key]))]
        for key, option in lists.items():
            for each in self.body.get(key, ()):
                words += [option, f"{each['hypothesis']}={each['outcome']}@{each['from_year']}"]
        words += [option for key, option in flags.items() if self.body.get(key)]
        words += ["--name", self.body["name"]] if "name" in self.body else []
        return shlex.join(words)


def measured() -> Measured:
    """How fast and how precise the latest runs were."""
    ended = AnalysisRun.objects.filter(status=RunStatus.SUCCEEDED, cached_from__isnull=True)
    rate = ended.filter(iterations_total__gte=LONG, rate__isnull=False).order_by("-finished_at").values_list("rate")
    facts = ended.filter(published_at__isnull=False).order_by("-iterations_completed")
    found = facts.values_list("result__convergence", "result__computation_time").first()
    if found is None:
        return Measured(rate.values_list("rate", flat=True).first(), [])
    convergence, seconds = found
    trace = [(each["iterations"], each["max_half_width"]) for each in convergence["trace"] if each["max_half_width"]]
    return Measured(
        rate.values_list("rate", flat=True).first() or convergence["iterations"] / max(seconds, 1e-3), trace
    )


def efforts(known: Measured) -> list[Effort]:
    """What precision can be chosen, within what the configuration allows."""
    monte_carlo = get_config().analysis.monte_carlo
    usual, most = monte_carlo.default_iterations, monte_carlo.max_iterations
    found = {number or usual: label for number, label in EFFORTS if (number or usual) <= most}
    return [Effort(number, label, *_estimates(known, number)) for number, label in sorted(found.items())]


def plan(document: ModelDocument, body: Mapping[str, Any], known: Measured) -> Plan:
    """What the document's run would be."""
    labels = {row.code: row.model_dump() for row in document.hypotheses}
    iterations = rounded_iterations(document.run.iterations)
    half_width, time = _estimates(known, iterations)
    run = document.run
    return Plan(
        document=document,
        body=body,
        iterations=iterations,
        half_width=half_width,
        time=time,
        ahead=len(positions(AnalysisRun)),
        counts=[
            Counted(each.code, labels[each.code]["label"], len(each.used), len(each.used) + len(each.excluded))
            for each in posteriors(document)
        ],
        interventions=[assigned(each.model_dump(), labels) for each in run.interventions],
        observations=[assigned(each.model_dump(), labels) for each in run.observations],
        reported=[labels[code]["label"] or code for code in run.hypotheses or ()],
        causal_model=CAUSAL_MODELS[document.settings.causal_network.model],
    )


def _estimates(known: Measured, iterations: int) -> tuple[str, str]:
    width, seconds = known.half_width(iterations), known.seconds(iterations)
    return precision(width) if width else "", duration(seconds) if seconds is not None else ""
