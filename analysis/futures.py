"""All scenarios of a run, year by year, as pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from analysis.constants import NO_COLOUR
from analysis.engine.spec import HypothesisSpec, ModelDocument, parse_model
from analysis.models import AnalysisRun, Scenario, ScenarioCluster
from analysis.reports import Estimate
from analysis.scenarios import UnknownScenario, UnknownYear

OTHER = {"A": "B", "B": "A"}


@dataclass(frozen=True)
class Family:
    """A cluster, and its stored colour."""

    name: str
    colour: str


@dataclass(frozen=True)
class Future:
    """A scenario in a year; `rank` 1 is the likeliest of that year."""

    code: str
    title: str
    family: Family | None
    estimate: Estimate
    rank: int

    @property
    def name(self) -> str:
        """What to call it: its title where somebody has given it one."""
        return self.title or self.code


@dataclass(frozen=True)
class Futures:
    """A run's scenarios in every year. Words come from its own model document, titles from the database."""

    document: ModelDocument
    target_year: int
    questions: Sequence[HypothesisSpec]
    """The hypotheses that are reported: one for each letter of a scenario's code."""
    families: Mapping[str, Family]
    """By name, in the model's order."""
    _evolution: Sequence[Mapping[str, Any]]
    _family_of: Mapping[str, Family]
    _titles: Mapping[str, str]

    @classmethod
    def of(cls, *, run: AnalysisRun) -> Self:
        """The scenarios of a run that succeeded."""
        result, document = run.result_document, parse_model(run.model_document)
        if result is None:
            raise ValueError(f"{run} has no result to show")
        colours = dict(ScenarioCluster.objects.values_list("name", "colour"))
        named = {each["name"]: each["scenarios"] for each in result["clusters"]["named"]}
        families = {name: Family(name, colours.get(name, NO_COLOUR)) for name in named}
        shown = result["metadata"]["hypotheses"]
        return cls(
            document=document,
            target_year=result["metadata"]["target_year"],
            questions=[each for each in document.hypotheses if each.code in shown],
            families=families,
            _evolution=result["temporal_evolution"],
            _family_of={code: families[name] for name, codes in named.items() for code in codes},
            _titles=dict(Scenario.objects.values_list("code", "title")),
        )

    @property
    def years(self) -> list[int]:
        """The years from the base year to the end year."""
        return [entry["year"] for entry in self._evolution]

    @cached_property
    def highest(self) -> float:
        """The largest probability of any scenario in any year."""
        return max(max(entry["scenarios"].values()) for entry in self._evolution)

    def in_year(self, year: int) -> list[Future]:
        """Every scenario, the likeliest first. Raises UnknownYear."""
        entry = self._entry(year)
        found: Mapping[str, float] = entry["scenarios"]
        return [
            Future(
                code=code,
                title=self._titles.get(code, ""),
                family=self._family_of.get(code),
                estimate=_estimate(found[code], entry["intervals"][code]),
                rank=rank,
            )
            for rank, code in enumerate(sorted(found, key=lambda code: (-found[code], code)), 1)
        ]

    def course(self, code: str) -> list[Estimate]:
        """A scenario's probability in each of the years. Raises UnknownScenario."""
        if code not in self._evolution[0]["scenarios"]:
            raise UnknownScenario(f"The run has no scenario {code}.")
        return [_estimate(entry["scenarios"][code], entry["intervals"][code]) for entry in self._evolution]

    def outcome_course(self, question: str, letter: str) -> list[Estimate]:
        """The probability of an outcome of a hypothesis, by itself, in each of the years."""
        found = [entry["hypotheses"][question] for entry in self._evolution]
        of_a = [_estimate(each["mean"], each) for each in found]
        return of_a if letter == "A" else [each.complement for each in of_a]

    def _entry(self, year: int) -> Mapping[str, Any]:
        for entry in self._evolution:
            if entry["year"] == year:
                return entry
        raise UnknownYear(f"Should be a year from {self.years[0]} to {self.years[-1]}.")


def outcome_words(question: HypothesisSpec, letter: str) -> str:
    """An outcome as a phrase, or what stands in the code where nobody has named it."""
    return (question.outcome_a if letter == "A" else question.outcome_b) or f"{question.code}={letter}"


def question_words(question: HypothesisSpec) -> str:
    """A hypothesis by its label, or its code where it has none."""
    return question.label or question.code


def _estimate(mean: float, interval: Mapping[str, float]) -> Estimate:
    return Estimate(mean, interval["q05"], interval["q95"])
