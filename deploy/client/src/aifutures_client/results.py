"""Answers of the API, typed. `document` is all that the server said; `to_frame()` needs pandas.

Probabilities are 0 to 1 and belong to the target year unless a year is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from uuid import UUID

from aifutures_client.frames import flat, frame

if TYPE_CHECKING:
    from pandas import DataFrame

Kind = Literal["scenarios", "hypotheses", "clusters"]
Quantile = Literal["mean", "q05", "q50", "q95"]
Document = Mapping[str, Any]


class Interval(TypedDict):
    """Quantiles of a probability over all that is uncertain."""

    q05: float
    q50: float
    q95: float


class Estimate(Interval):
    """P(A) of a hypothesis: mean, standard error of the simulation, quantiles."""

    mean: float
    mcse: float
    q25: float
    q75: float


class Spread(Interval):
    """Spread of a scenario's probability, and the standard error of its mean."""

    sd: float
    mcse: float
    q25: float
    q75: float


@dataclass(frozen=True)
class _Probabilities:
    """What runs and what-ifs have in common."""

    run_id: UUID
    probabilities: dict[str, float]
    """Mean probability of every scenario."""
    intervals: dict[str, Spread]
    hypotheses: dict[str, Estimate]
    """P(A) of every hypothesis."""
    clusters: dict[str, float]
    """Probability of every named family of scenarios."""
    computation_time: float
    """Seconds."""
    document: Document = field(repr=False)

    @property
    def target_year(self) -> int:
        """The year that the probabilities belong to."""
        return int(self.document["metadata"]["target_year"])

    @property
    def most_likely(self) -> str:
        """The scenario with the highest probability."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def to_frame(self, kind: Kind = "scenarios") -> DataFrame:
        """The target year: one row for each scenario (the likeliest first), hypothesis or cluster."""
        if kind == "clusters":
            return frame([{"cluster": name, "probability": p} for name, p in self.clusters.items()], "cluster")
        if kind == "hypotheses":
            return frame([{"hypothesis": code, **row} for code, row in self.hypotheses.items()], "hypothesis")
        spreads = self.intervals
        rows = [{"scenario": code, "probability": p, **spreads[code]} for code, p in self.probabilities.items()]
        return frame(rows, "scenario").sort_values("probability", ascending=False)

    def evolution(self, kind: Kind = "hypotheses", quantile: Quantile = "mean") -> DataFrame:
        """All years: one row for each year, one column for each hypothesis (P(A)), scenario or cluster."""
        spreads = {"scenarios": "intervals", "clusters": "cluster_intervals"}
        rows = []
        for year in self.document["temporal_evolution"]:
            if kind == "hypotheses":
                values = {code: row[quantile] for code, row in year["hypotheses"].items()}
            elif quantile == "mean":
                values = year[kind]
            else:
                values = {name: row[quantile] for name, row in year[spreads[kind]].items()}
            rows.append({"year": year["year"], **values})
        return frame(rows, "year")


@dataclass(frozen=True)
class RunResult(_Probabilities):
    """What a run found (`aifutures.result/1`)."""

    cached: bool = False
    """Answered by a stored result: nothing was computed for it."""
    converged: bool = False
    max_half_width: float = float("nan")
    """The largest 95 % half-width of any mean probability."""

    @property
    def input_hash(self) -> str:
        """Of all that went in: the same hash, seed and engine version give the same numbers."""
        return str(self.document["metadata"]["input_hash"])

    @classmethod
    def of(cls, document: Document) -> RunResult:
        """Read a result."""
        convergence = document["convergence"]
        return cls(
            **_common(document, document["clusters"]["named"]),
            cached=document["cached"],
            converged=convergence["converged"],
            max_half_width=convergence["max_half_width"],
        )


@dataclass(frozen=True)
class WhatIf(_Probabilities):
    """The answer under other inputs (`aifutures.what_if/1`), and `change`: it minus the model's own."""

    change: dict[Kind, dict[str, float]] = field(default_factory=dict)

    def to_frame(self, kind: Kind = "scenarios") -> DataFrame:
        """As of a run, with the change."""
        found = super().to_frame(kind)
        return found.assign(change=[self.change[kind].get(name) for name in found.index])

    @classmethod
    def of(cls, document: Document) -> WhatIf:
        """Read an answer."""
        change: dict[Kind, dict[str, float]] = document["change"]
        return cls(**_common(document, document["clusters"]), change=change)


def _common(document: Document, clusters: Iterable[Document]) -> dict[str, Any]:
    return {
        "run_id": UUID(document["run_id"]),
        "probabilities": document["scenario_probabilities"],
        "intervals": document["scenario_intervals"],
        "hypotheses": document["hypothesis_intervals"],
        "clusters": {each["name"]: each["probability"] for each in clusters},
        "computation_time": document["computation_time"],
        "document": document,
    }


@dataclass(frozen=True)
class Sensitivity:
    """What a number depends on (`aifutures.sensitivity/1`); the parts of `document` depend on the method."""

    id: UUID
    cached: bool
    method: str
    output: str
    ranking: list[str]
    """Parameters, the most influential first."""
    document: Document = field(repr=False)

    def to_frame(self) -> DataFrame:
        """One row for each parameter, the most influential first; a column for each measure of the method."""
        parts = {
            "sobol": ("first_order", "total_order"),
            "morris": ("mu", "mu_star", "sigma"),
            "local": ("derivative", "elasticity", "swings"),
        }.get(self.method, ())
        whole = self.document if parts else self.document[self.method]
        tables = {name: whole[name] for name in parts or ("parameters",)}
        rows = [
            {"parameter": parameter, **flat({name: table.get(parameter) for name, table in tables.items()})}
            for parameter in self.ranking
        ]
        return frame(rows, "parameter")

    @classmethod
    def of(cls, document: Document) -> Sensitivity:
        """Read a study."""
        cached, method, output, ranking = (document[name] for name in ("cached", "method", "output", "ranking"))
        return cls(UUID(document["id"]), cached, method, output, ranking, document)


@dataclass(frozen=True)
class Robustness:
    """Which conclusions hold under other assumptions (`aifutures.robustness/1`)."""

    id: UUID
    cached: bool
    conclusions: Document
    document: Document = field(repr=False)

    def to_frame(self) -> DataFrame:
        """One row for each variant of the model; columns for the headline probabilities under it."""
        headlines = self.document["headlines"]
        told = ("dimension", "title", "status", "half_width")
        base = {"variant": "base", **dict.fromkeys(told), **{each["name"]: each["base"] for each in headlines}}
        rows = [
            {"variant": variant["key"], **{name: variant[name] for name in told}}
            | {each["name"]: p for each, p in zip(headlines, variant["headlines"] or (), strict=False)}
            for variant in self.document["variants"]
        ]
        return frame([base, *rows], "variant")

    @classmethod
    def of(cls, document: Document) -> Robustness:
        """Read a report."""
        return cls(UUID(document["id"]), document["cached"], document["conclusions"], document)


class Difference(TypedDict):
    """A mean before and after, and whether the difference exceeds the joint 95 % error of both simulations."""

    before: float | None
    after: float | None
    difference: float | None
    half_width: float | None
    exceeds: bool | None


@dataclass(frozen=True)
class Comparison:
    """How two runs differ (`aifutures.comparison/1`)."""

    scenarios: dict[str, Difference]
    hypotheses: dict[str, Difference]
    clusters: dict[str, Difference]
    changes: list[str]
    """What differs between the two models, in words; empty without the right to read evidence."""
    document: Document = field(repr=False)

    def to_frame(self) -> DataFrame:
        """One row for each scenario, hypothesis and cluster."""
        kinds = {"scenario": self.scenarios, "hypothesis": self.hypotheses, "cluster": self.clusters}
        rows = [{"kind": kind, "name": name, **row} for kind, part in kinds.items() for name, row in part.items()]
        return frame(rows, ["kind", "name"])

    @classmethod
    def of(cls, document: Document) -> Comparison:
        """Read a comparison."""
        scenarios, hypotheses, clusters = (document[name] for name in ("scenarios", "hypotheses", "clusters"))
        changes = [each["text"] for each in document.get("changes", ())]
        return cls(scenarios, hypotheses, clusters, changes, document)


@dataclass(frozen=True)
class Scenario:
    """A future and how likely it is."""

    scenario_id: str
    """An outcome, A or B, for every hypothesis in order."""
    probability: float
    interval: Interval
    cluster: str | None
    title: str
    description: str


class ScenarioList(list[Scenario]):
    """Scenarios, in the order that was asked for."""

    def to_frame(self) -> DataFrame:
        """One row for each scenario."""
        rows = [
            {"scenario": each.scenario_id, "probability": each.probability, **each.interval, "cluster": each.cluster}
            | {"title": each.title, "description": each.description}
            for each in self
        ]
        return frame(rows, "scenario")


@dataclass(frozen=True)
class Evidence:
    """An item of evidence. `etag` names the version that was read, where it was read alone."""

    id: str
    hypothesis: str
    direction: str
    strength: float
    quality: float
    quality_scores: dict[str, float | None]
    source: Document
    description: str
    status: str
    version: int
    document: Document = field(repr=False)
    etag: str | None = None

    @classmethod
    def of(cls, document: Document, etag: str | None = None) -> Evidence:
        """Read an item."""
        names = [name for name in cls.__dataclass_fields__ if name not in {"document", "etag"}]
        return cls(**{name: document[name] for name in names}, document=document, etag=etag)


class EvidenceList(list[Evidence]):
    """Items of all pages, `total_count` as the server counts them, and the filters as it understood them."""

    def __init__(self, items: Iterable[Evidence], total_count: int, filters_applied: Document) -> None:
        super().__init__(items)
        self.total_count, self.filters_applied = total_count, filters_applied

    def to_frame(self) -> DataFrame:
        """One row for each item; `source.title`, `quality_scores.authority` and so on are columns."""
        return frame([flat(item.document) for item in self], "id")
