"""What the fields of a model document must mean to each other (MODEL.md 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .faults import Fault, duplicates

if TYPE_CHECKING:
    from .spec import ModelDocument

MAX_YEARS = 76
MIDPOINT_MARGIN = 50
"""Years by which a midpoint may lie before the base year or after the end year."""


def cross_check(document: ModelDocument) -> Iterator[Fault]:
    """What is wrong with a document whose fields are each right by themselves."""
    yield from _check_years(document)
    yield from _check_references(document)
    yield from _check_influences(document)
    yield from _check_clusters(document)
    yield from _check_run(document)
    weights = document.settings.evidence.weights_sum
    if abs(weights - 1) > 1e-9:
        yield Fault("settings.evidence", f"the four quality weights must sum to 1, not {weights:.12g}")


def midpoint_range(document: ModelDocument) -> tuple[int, int]:
    """The earliest and the latest year that a midpoint may lie in."""
    return document.base_year - MIDPOINT_MARGIN, document.end_year + MIDPOINT_MARGIN


def _check_years(document: ModelDocument) -> Iterator[Fault]:
    base, end = document.base_year, document.end_year
    if end <= base:
        yield Fault("end_year", f"must be after base_year {base}, not {end}")
        return
    if end - base + 1 > MAX_YEARS:
        yield Fault("end_year", f"at most {MAX_YEARS} years are analysed, not {end - base + 1}")
    low, high = midpoint_range(document)
    for index, hypothesis in enumerate(document.hypotheses):
        if not low <= hypothesis.midpoint_year <= high:
            yield Fault(
                f"hypotheses[{index}].midpoint_year", f"must lie in {low} to {high}, not {hypothesis.midpoint_year:g}"
            )
    dated = [("run.target_year", document.target_year)] + [
        (f"run.{kind}[{index}].from_year", assignment.from_year)
        for kind in ("interventions", "observations")
        for index, assignment in enumerate(getattr(document.run, kind))
    ]
    for path, year in dated:
        if not base <= year <= end:
            yield Fault(path, f"must lie in {base} to {end}, not {year}")


def _check_references(document: ModelDocument) -> Iterator[Fault]:
    for index in duplicates(document.codes):
        yield Fault(f"hypotheses[{index}].code", f"duplicate code {document.codes[index]!r}")
    for index in duplicates(item.id for item in document.evidence):
        yield Fault(f"evidence[{index}].id", f"duplicate id {document.evidence[index].id!r}")
    run = document.run
    used = [(f"evidence[{i}].hypothesis", item.hypothesis) for i, item in enumerate(document.evidence)]
    used += [(f"influences[{i}].source", influence.source) for i, influence in enumerate(document.influences)]
    used += [(f"influences[{i}].target", influence.target) for i, influence in enumerate(document.influences)]
    used += [(f"run.interventions[{i}].hypothesis", item.hypothesis) for i, item in enumerate(run.interventions)]
    used += [(f"run.observations[{i}].hypothesis", item.hypothesis) for i, item in enumerate(run.observations)]
    used += [(f"run.hypotheses[{i}]", code) for i, code in enumerate(run.hypotheses or ())]
    if run.evidence_filter.hypothesis is not None:
        used.append(("run.evidence_filter.hypothesis", run.evidence_filter.hypothesis))
    known = set(document.codes)
    for path, code in used:
        if code not in known:
            yield Fault(path, f"unknown hypothesis {code!r}; known are {', '.join(document.codes)}")


def _check_influences(document: ModelDocument) -> Iterator[Fault]:
    for index, influence in enumerate(document.influences):
        if influence.source == influence.target:
            yield Fault(f"influences[{index}]", f"{influence.source} cannot influence itself")
    for index in duplicates(influence.key for influence in document.influences):
        yield Fault(f"influences[{index}]", f"duplicate influence {document.influences[index].key}")


def _check_clusters(document: ModelDocument) -> Iterator[Fault]:
    n = len(document.hypotheses)
    for index, cluster in enumerate(document.clusters):
        if len(cluster.pattern) != n:
            yield Fault(f"clusters[{index}].pattern", f"must have {n} letters, not {cluster.pattern!r}")
    for index in duplicates(cluster.name for cluster in document.clusters):
        yield Fault(f"clusters[{index}].name", f"duplicate name {document.clusters[index].name!r}")
    if set(document.clusters[-1].pattern) != {"*"}:
        last = len(document.clusters) - 1
        yield Fault(f"clusters[{last}].pattern", f"the last cluster must take every scenario: {'*' * n!r}")


def _check_run(document: ModelDocument) -> Iterator[Fault]:
    run, limit = document.run, document.settings.monte_carlo.max_iterations
    if run.iterations > limit:
        yield Fault("run.iterations", f"must be at most {limit} (settings.monte_carlo.max_iterations)")
    for kind in ("interventions", "observations"):
        for index in duplicates(item.hypothesis for item in getattr(run, kind)):
            yield Fault(f"run.{kind}[{index}].hypothesis", "the same hypothesis twice")
    for index in duplicates(run.hypotheses or ()):
        yield Fault(f"run.hypotheses[{index}]", "the same hypothesis twice")
    sources = {item.source for item in document.evidence}
    for index, source in enumerate(run.evidence_filter.sources):
        if source not in sources:
            yield Fault(f"run.evidence_filter.sources[{index}]", f"no evidence item has the source {source!r}")
