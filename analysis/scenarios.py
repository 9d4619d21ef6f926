"""The scenarios of a run as lists: how likely in a year, in which family, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis.models import AnalysisRun, Scenario

Row = dict[str, Any]


class UnknownYear(ValueError):
    """A year that the run has no numbers for."""


class UnknownScenario(ValueError):
    """A scenario that the run does not have."""


def scenario_list(*, run: AnalysisRun, year: int | None, min_probability: float, orders: Sequence[str]) -> list[Row]:
    """Scenarios of at least some probability in a year, None for the target year, of a run that has a result.

    `orders` are `probability` (the likeliest first), `scenario_id` and `cluster` (in the model's order), the first one
    first. A row: scenario_id, probability, interval {q05, q50, q95}, cluster, title, description. Raises UnknownYear.
    """
    found = _Year(run, year)
    key: Mapping[str, Callable[[str], Any]] = {
        "probability": lambda code: -found.probabilities[code],
        "scenario_id": lambda code: code,
        "cluster": lambda code: found.places.get(found.clusters.get(code, ""), -1),
    }
    codes = [code for code, probability in found.probabilities.items() if probability >= min_probability]
    codes.sort(key=lambda code: [key[order](code) for order in (*orders, "probability", "scenario_id")])
    texts = {row.code: row for row in Scenario.objects.filter(code__in=codes)}
    return [found.row(code, texts.get(code)) for code in codes]


def scenario_detail(*, run: AnalysisRun, year: int | None, code: str) -> Row:
    """A scenario as in the list, with what it says about each hypothesis and its probability in every year.

    Raises UnknownScenario, UnknownYear.
    """
    found = _Year(run, year)
    if code not in found.probabilities:
        raise UnknownScenario("The run has no such scenario.")
    return {
        **found.row(code, Scenario.objects.filter(code=code).first()),
        "year": found.entry["year"],
        "outcomes": found.outcomes(code),
        "evolution": [
            {"year": each["year"], "probability": each["scenarios"][code], "interval": each["intervals"][code]}
            for each in found.result["temporal_evolution"]
        ],
    }


class _Year:
    """A year of a run's result."""

    def __init__(self, run: AnalysisRun, year: int | None) -> None:
        result = run.result_document
        if result is None:
            raise ValueError(f"{run} has no result")
        self.result = result
        self.entry = _entry(result, year)
        self.probabilities: Mapping[str, float] = self.entry["scenarios"]
        named = result["clusters"]["named"]
        self.places = {each["name"]: index for index, each in enumerate(named)}
        self.clusters = {code: each["name"] for each in named for code in each["scenarios"]}
        shown = result["metadata"]["hypotheses"]
        self.hypotheses = [row for row in run.model_document["hypotheses"] if row["code"] in shown]

    def row(self, code: str, text: Scenario | None) -> Row:
        """A scenario with its texts, where somebody has written some."""
        return {
            "scenario_id": code,
            "probability": self.probabilities[code],
            "interval": self.entry["intervals"][code],
            "cluster": self.clusters.get(code),
            "title": text.title if text else "",
            "description": text.narrative if text else _described(self.outcomes(code)),
        }

    def outcomes(self, code: str) -> list[Row]:
        """What a scenario says about each of the hypotheses that are reported."""
        return [
            {
                "hypothesis": row["code"],
                "label": row["label"],
                "outcome": letter,
                "meaning": row["outcome_a" if letter == "A" else "outcome_b"],
            }
            for row, letter in zip(self.hypotheses, code, strict=True)
        ]


def _entry(result: Mapping[str, Any], year: int | None) -> Mapping[str, Any]:
    wanted = result["metadata"]["target_year"] if year is None else year
    evolution: Sequence[Mapping[str, Any]] = result["temporal_evolution"]
    for entry in evolution:
        if entry["year"] == wanted:
            return entry
    raise UnknownYear(f"Should be a year from {evolution[0]['year']} to {evolution[-1]['year']}.")


def _described(outcomes: Sequence[Row]) -> str:
    """What a scenario is, where nobody has written about it."""
    pairs = ((each["label"] or each["hypothesis"], each["meaning"] or each["outcome"]) for each in outcomes)
    return "; ".join(f"{question}: {answer}" for question, answer in pairs)
