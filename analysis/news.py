"""What changed since the last baseline, and why, in the shape of the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.models import AnalysisRun, Scenario
from analysis.services.derived import COMPARISON, Question, told_by
from evidence.models import Hypothesis

REASONS = 5
"""That explain most are told."""
NEGLIGIBLE = 0.0005
"""A part of a difference below 0.05 percentage points explains nothing that one could see."""


@dataclass(frozen=True)
class Reason:
    """A change of the model and its part in the difference, with the 95 % half-width."""

    text: str
    difference: float
    half_width: float


@dataclass(frozen=True)
class Explanation:
    """What moved most between two baselines, by how much, and through which changes."""

    about: str
    before: float
    after: float
    reasons: list[Reason]
    changes: int

    @property
    def difference(self) -> float:
        """Of probabilities, after less before."""
        return self.after - self.before

    @property
    def moved(self) -> bool:
        """Whether anything moved that one could see."""
        return abs(self.difference) >= NEGLIGIBLE


def comparison_question(before: AnalysisRun, after: AnalysisRun) -> Question:
    """What a worker is asked: the comparison of two runs that succeeded."""
    return Question(COMPARISON, (str(told_by(before).pk), str(told_by(after).pk)))


def shifts(before: AnalysisRun, after: AnalysisRun) -> dict[str, float]:
    """How far the probability of outcome A of each hypothesis moved, of those that both runs report."""
    old, new = (_posteriors(run) for run in (before, after))
    return {code: new[code] - old[code] for code in new if code in old}


def explanation(comparison: Mapping[str, Any]) -> Explanation:
    """The headline of a comparison (`aifutures.comparison/1`) that moved most, of scenarios and hypotheses."""
    attribution = comparison["attribution"]
    headlines = [row for row in attribution["headlines"] if row["kind"] != "cluster"]
    top = max(headlines, key=lambda row: abs(row["difference"]))
    means = comparison["scenarios" if top["kind"] == "scenario" else "hypotheses"][top["name"]]
    parts = zip(attribution["steps"], top["parts"], strict=True)
    reasons = [Reason(step["text"], part["difference"], part["half_width"]) for step, part in parts]
    seen = [reason for reason in reasons if abs(reason.difference) >= NEGLIGIBLE]
    return Explanation(
        about=_words(top["kind"], top["name"]),
        before=means["before"],
        after=means["after"],
        reasons=sorted(seen, key=lambda reason: -abs(reason.difference))[:REASONS],
        changes=len(comparison["changes"]),
    )


def _posteriors(run: AnalysisRun) -> dict[str, float]:
    result = run.result_document or {}
    return {code: found["mean"] for code, found in result.get("hypothesis_intervals", {}).items()}


def _words(kind: str, name: str) -> str:
    if kind == "scenario":
        return Scenario.objects.filter(code=name).values_list("title", flat=True).first() or name
    hypothesis = Hypothesis.objects.filter(code=name).first()
    return f"{hypothesis.label}: {hypothesis.outcome_a}" if hypothesis else name
