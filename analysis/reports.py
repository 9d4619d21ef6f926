"""What the published baseline says, in the shape of the page that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analysis.constants import NO_COLOUR
from analysis.models import AnalysisRun, Scenario, ScenarioCluster

LIKELIEST = 12


@dataclass(frozen=True)
class Estimate:
    """A mean probability with its 90 % interval."""

    mean: float
    low: float
    high: float

    @property
    def complement(self) -> Estimate:
        """The same for the other of two outcomes."""
        return Estimate(1 - self.mean, 1 - self.high, 1 - self.low)


@dataclass(frozen=True)
class ClusterRow:
    """A family of scenarios with its probability in the target year."""

    name: str
    colour: str
    scenarios: int
    estimate: Estimate


@dataclass(frozen=True)
class ScenarioRow:
    """A scenario with its probability in the target year."""

    code: str
    title: str
    cluster: ClusterRow | None
    estimate: Estimate


@dataclass(frozen=True)
class HypothesisRow:
    """A question with its two outcomes, and the probability of A in the target year."""

    code: str
    label: str
    outcome_a: str
    outcome_b: str
    estimate: Estimate

    @property
    def likelier(self) -> str:
        """The likelier outcome."""
        return self.outcome_a if self.estimate.mean >= 0.5 else self.outcome_b


@dataclass(frozen=True)
class Year:
    """A year on the way, with the probability of each cluster in the order of the report's."""

    year: int
    clusters: list[Estimate]


@dataclass(frozen=True)
class Report:
    """One finished run as a page: the likeliest scenarios, the hypotheses and the clusters in the target year."""

    run: AnalysisRun
    target_year: int
    number: int
    """Of scenarios that there are."""
    outcomes: list[str]
    scenarios: list[ScenarioRow]
    hypotheses: list[HypothesisRow]
    clusters: list[ClusterRow]
    years: list[Year]
    facts: dict[str, Any]

    @property
    def likeliest(self) -> ScenarioRow:
        """The likeliest scenario."""
        return self.scenarios[0]

    @property
    def together(self) -> float:
        """The probability of all the scenarios listed."""
        return sum(row.estimate.mean for row in self.scenarios)

    @property
    def overlapping(self) -> int:
        """How many of the scenarios listed have an interval that overlaps the one of the likeliest."""
        return sum(row.estimate.high >= self.likeliest.estimate.low for row in self.scenarios[1:])


def run_report(*, run: AnalysisRun) -> Report:
    """The report of a run that succeeded. Words come from its own model document, titles from the database."""
    document, result = run.model_document, run.result_document
    if result is None:
        raise ValueError(f"{run} has no result to report")
    year = result["metadata"]["target_year"]
    then = next(entry for entry in result["temporal_evolution"] if entry["year"] == year)
    reported = [row for row in document["hypotheses"] if row["code"] in then["hypotheses"]]
    clusters = _clusters(result, then)
    scenarios = _scenarios(result, clusters)
    letters = zip(scenarios[0].code, reported, strict=True)
    return Report(
        run=run,
        target_year=year,
        number=len(result["scenario_probabilities"]),
        outcomes=[row["outcome_a" if letter == "A" else "outcome_b"] for letter, row in letters],
        scenarios=scenarios,
        hypotheses=[_hypothesis(row, then["hypotheses"][row["code"]]) for row in reported],
        clusters=list(clusters.values()),
        years=[_year(entry, clusters) for entry in result["temporal_evolution"]],
        facts={**result["convergence"], **result["metadata"]},
    )


def _clusters(result: dict[str, Any], then: dict[str, Any]) -> dict[str, ClusterRow]:
    colours = dict(ScenarioCluster.objects.values_list("name", "colour"))
    return {
        named["name"]: ClusterRow(
            name=named["name"],
            colour=colours.get(named["name"], NO_COLOUR),
            scenarios=len(named["scenarios"]),
            estimate=_estimate(then["clusters"][named["name"]], then["cluster_intervals"][named["name"]]),
        )
        for named in result["clusters"]["named"]
    }


def _scenarios(result: dict[str, Any], clusters: dict[str, ClusterRow]) -> list[ScenarioRow]:
    probabilities = result["scenario_probabilities"]
    codes = sorted(probabilities, key=probabilities.__getitem__, reverse=True)[:LIKELIEST]
    titles = dict(Scenario.objects.filter(code__in=codes).values_list("code", "title"))
    cluster_of = {code: clusters[named["name"]] for named in result["clusters"]["named"] for code in named["scenarios"]}
    return [
        ScenarioRow(
            code=code,
            title=titles.get(code, ""),
            cluster=cluster_of.get(code),
            estimate=_estimate(probabilities[code], result["scenario_intervals"][code]),
        )
        for code in codes
    ]


def _hypothesis(row: dict[str, Any], found: dict[str, float]) -> HypothesisRow:
    return HypothesisRow(row["code"], row["label"], row["outcome_a"], row["outcome_b"], _estimate(found["mean"], found))


def _year(entry: dict[str, Any], clusters: Iterable[str]) -> Year:
    means, intervals = entry["clusters"], entry["cluster_intervals"]
    return Year(entry["year"], [_estimate(means[name], intervals[name]) for name in clusters])


def _estimate(mean: float, interval: dict[str, float]) -> Estimate:
    return Estimate(mean, interval["q05"], interval["q95"])
