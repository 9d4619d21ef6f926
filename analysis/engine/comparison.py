"""Two results side by side: what differs by more than chance, what changed in their models, and what explains what."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .attribution import SETTING, Attribution, attribute, default_iterations
from .changes import Change, model_changes
from .estimate import STUDENT_T, ImpossibleObservation, reporting
from .faults import faults_of
from .simulate import rounded_iterations
from .spec import ModelDocument, ModelError, input_hash

SCHEMA = "aifutures.comparison/1"
MONTE_CARLO = "Monte Carlo settings (iterations, seed, sampler, precision)"
"""The part that is no change of the model: how the results differ from their models at the common setting."""
MAX_ITERATIONS = 2**20
TOP = 5
"""Scenarios of either result that are attributed."""


class ComparisonError(ValueError):
    """Two results that cannot be compared, and why."""


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _Error(_Read):
    mcse: float


class _Estimated(_Error):
    mean: float


class _Cluster(_Error):
    name: str
    probability: float


class _Clusters(_Read):
    named: tuple[_Cluster, ...]


class _Metadata(_Read):
    input_hash: str
    engine_version: str
    iterations: int
    seed: int
    sampler: str
    dtype: str
    target_year: int


class _Head(_Read):
    """What is compared of a result document."""

    scenario_probabilities: dict[str, float]
    scenario_intervals: dict[str, _Error]
    hypothesis_intervals: dict[str, _Estimated]
    clusters: _Clusters
    metadata: _Metadata

    def estimates(self) -> dict[str, dict[str, _Estimated]]:
        """Mean and standard error of everything, by kind and name."""
        return {
            "scenario": {
                code: _Estimated(mean=mean, mcse=self.scenario_intervals[code].mcse)
                for code, mean in self.scenario_probabilities.items()
            },
            "hypothesis": self.hypothesis_intervals,
            "cluster": {
                named.name: _Estimated(mean=named.probability, mcse=named.mcse) for named in self.clusters.named
            },
        }


def compare(
    before_document: ModelDocument,
    before_result: Mapping[str, Any],
    after_document: ModelDocument,
    after_result: Mapping[str, Any],
    *,
    iterations: int | None = None,
    jit: bool = True,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare two results at their target years; `iterations` are those of each model on the way between theirs.

    Gives, as plain JSON values:

    - `before`, `after`: {name, input_hash, engine_version, iterations, seed, sampler, dtype, target_year}
    - `changes` [{path, kind, about, before, after, text}], see `changes.model_changes`
    - `scenarios`, `hypotheses` (P(A)), `clusters` {name: {before, after, difference, half_width, exceeds}}: the joint
      95 % half-width is t sqrt(mcse1^2 + mcse2^2), t = 2.131 (15 degrees of freedom, MODEL.md 4); a cluster that one
      model does not have is null there
    - `attribution` {setting, grouped, steps [{text, changes (their indices)}], headlines [{kind, name, difference,
      parts [{difference, half_width}]}]}: one part per step, the last of which is MONTE_CARLO; the parts sum to the
      difference. Headlines are the hypotheses, the common clusters and the five likeliest scenarios of either result.
      `grouped` says that there were too many changes to make one by one.

    Raises ComparisonError where hypotheses, years or reported hypotheses differ, or a result is not that of its model.
    """
    iterations = default_iterations(before_document) if iterations is None else iterations
    if not 1 <= iterations <= MAX_ITERATIONS:
        raise ComparisonError(f"iterations: must be 1 to {MAX_ITERATIONS:,}, not {iterations}")
    heads = [_head("first", before_document, before_result), _head("second", after_document, after_result)]
    _check_models(before_document, after_document)
    changes = [*model_changes(before_document, after_document), *_engine_change(heads[0], heads[1])]
    rows = _rows(heads[0], heads[1])
    try:
        found = attribute(
            before_document,
            after_document,
            changes,
            iterations=iterations,
            jit=jit,
            threads=threads,
            on_progress=on_progress,
        )
    except (ImpossibleObservation, ModelError) as error:
        raise ComparisonError(f"a model on the way from the first to the second cannot be run: {error}") from None
    return {
        "schema": SCHEMA,
        "before": {"name": before_document.name, **heads[0].metadata.model_dump()},
        "after": {"name": after_document.name, **heads[1].metadata.model_dump()},
        "changes": [change._asdict() for change in changes],
        "scenarios": rows["scenario"],
        "hypotheses": rows["hypothesis"],
        "clusters": rows["cluster"],
        "attribution": {
            "setting": {"iterations": rounded_iterations(iterations), **SETTING},
            "grouped": found.grouped,
            "steps": [
                *(step._asdict() for step in found.steps),
                {"text": MONTE_CARLO, "changes": [i for i, each in enumerate(changes) if each.kind == "monte_carlo"]},
            ],
            "headlines": [
                _headline(found, at, rows[kind][name])
                for wanted in ("hypothesis", "cluster", "scenario")
                for at, (kind, name) in enumerate(found.quantities)
                if kind == wanted and (kind != "scenario" or name in _top(rows["scenario"]))
            ],
        },
    }


def _head(which: str, document: ModelDocument, result: Mapping[str, Any]) -> _Head:
    """What is compared of the result, once it is seen to be the document's."""
    try:
        head = _Head.model_validate(result)
    except ValidationError as error:
        fault = next(iter(faults_of(error)))
        raise ComparisonError(f"the {which} result cannot be compared: {fault}; run its model again") from None
    if head.metadata.input_hash != input_hash(document):
        raise ComparisonError(
            f"the {which} result was computed from another model than the one given with it "
            f"(input {head.metadata.input_hash[:16]!r}, not {input_hash(document)[:16]!r})"
        )
    scenarios = set(reporting(document).codes)
    fits = {
        "scenario_probabilities": head.scenario_probabilities.keys() == scenarios,
        "scenario_intervals": head.scenario_intervals.keys() == scenarios,
        "hypothesis_intervals": head.hypothesis_intervals.keys() == set(document.reported),
        "clusters": [each.name for each in head.clusters.named] == [cluster.name for cluster in document.clusters],
    }
    for path, fit in fits.items():
        if not fit:
            raise ComparisonError(f"the {which} result cannot be compared: {path} does not fit its model")
    return head


def _check_models(before: ModelDocument, after: ModelDocument) -> None:
    compared = {
        "the models have different hypotheses": [", ".join(each.codes) for each in (before, after)],
        "the models cover different years": [f"{each.base_year} to {each.end_year}" for each in (before, after)],
        "the results report different hypotheses": [", ".join(each.reported) for each in (before, after)],
    }
    for what, (first, second) in compared.items():
        if first != second:
            raise ComparisonError(f"{what}: {first}, and {second}")


def _engine_change(before: _Head, after: _Head) -> list[Change]:
    old, new = before.metadata.engine_version, after.metadata.engine_version
    if old == new:
        return []
    return [Change("engine_version", "monte_carlo", "", old, new, f"Engine from {old} to {new}")]


def _rows(before: _Head, after: _Head) -> dict[str, dict[str, dict[str, Any]]]:
    old, new = before.estimates(), after.estimates()
    return {
        kind: {name: _row(old[kind].get(name), new[kind].get(name)) for name in old[kind] | new[kind]} for kind in old
    }


def _row(before: _Estimated | None, after: _Estimated | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "before": before and before.mean,
        "after": after and after.mean,
        "difference": None,
        "half_width": None,
        "exceeds": None,
    }
    if before and after:
        difference, half_width = after.mean - before.mean, STUDENT_T * math.hypot(before.mcse, after.mcse)
        row |= {"difference": difference, "half_width": half_width, "exceeds": abs(difference) > half_width}
    return row


def _top(scenarios: Mapping[str, Mapping[str, float]]) -> set[str]:
    return {
        code
        for when in ("before", "after")
        for code in sorted(scenarios, key=lambda code: -scenarios[code][when])[:TOP]
    }


def _headline(found: Attribution, at: int, row: Mapping[str, Any]) -> dict[str, Any]:
    kind, name = found.quantities[at]
    parts = zip(found.parts[:, at], found.half_widths[:, at], strict=True)
    rest = {
        "difference": row["difference"] - float(found.total[at]),
        "half_width": math.hypot(row["half_width"], found.total_half_width[at]),
    }
    return {
        "kind": kind,
        "name": name,
        "difference": row["difference"],
        "parts": [*({"difference": float(part), "half_width": float(width)} for part, width in parts), rest],
    }
