"""What leaving an item of evidence out does to a run, from its influence report (MODEL.md 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.reports import HypothesisRow, Report, ScenarioRow
from evidence.models import Evidence


@dataclass(frozen=True)
class Shift:
    """A probability with and without an item, and the 95 % half-width of the difference."""

    present: float
    without: float
    half_width: float

    @property
    def difference(self) -> float:
        """What the item does: with it less without it."""
        return self.present - self.without


@dataclass(frozen=True)
class ItemInfluence:
    """What an item does to its hypothesis, through the causal network too, and to the likeliest scenario."""

    hypothesis: HypothesisRow
    on_hypothesis: Shift
    """Of the probability of outcome A."""
    scenario: ScenarioRow
    on_scenario: Shift
    rank: int
    """Of the item among all, 1 for the one that moves the scenario most."""
    number: int
    """Of items that count in the run."""


def item_influence(document: Mapping[str, Any], item: Evidence, report: Report) -> ItemInfluence | None:
    """The item's part of a document `aifutures.influence/1` about the report's likeliest scenario.

    None where the run left the item out, or does not report its hypothesis.
    """
    entries = document["items"]
    rank = next((place for place, each in enumerate(entries, 1) if each["id"] == item.public_id), None)
    hypothesis = next((row for row in report.hypotheses if row.code == item.hypothesis.code), None)
    if rank is None or hypothesis is None:
        return None
    entry = entries[rank - 1]
    return ItemInfluence(
        hypothesis=hypothesis,
        on_hypothesis=_shift(entry["hypotheses"][hypothesis.code]),
        scenario=report.likeliest,
        on_scenario=_shift(entry["output"]),
        rank=rank,
        number=len(entries),
    )


def _shift(change: Mapping[str, float]) -> Shift:
    return Shift(change["without"] - change["change"], change["without"], change["half_width"])
