"""What a figure rests on, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.models import AnalysisRun, Study


def run_source(run: AnalysisRun) -> str:
    """Run, evidence, effort and hash of a run that succeeded. Raises ValueError for one that did not."""
    return f"Source: AI Futures, {_cited(run)}."


def runs_source(runs: Sequence[AnalysisRun]) -> str:
    """The same of runs side by side."""
    return f"Source: AI Futures, {'; and '.join(_cited(run) for run in runs)}."


def _cited(run: AnalysisRun) -> str:
    result = run.result_document
    if result is None:
        raise ValueError(f"{run} has no result to cite")
    metadata = result["metadata"]
    when = run.published_at or run.finished_at
    day = f", {when.day} {when:%B %Y}" if when else ""
    return (
        f"run {run}{day}; evidence as of {metadata['as_of']}; {metadata['iterations']:,} "
        f"iterations; input {run.input_hash[:12]}, engine {metadata['engine_version']}"
    )


def study_source(study: Study, run: AnalysisRun) -> str:
    """Study, model, effort and hash of a study that succeeded, of the model of `run`."""
    result = study.result_document
    if result is None:
        raise ValueError(f"{study} has no result to cite")
    metadata = result["metadata"]
    day = f", {study.finished_at.day} {study.finished_at:%B %Y}" if study.finished_at else ""
    runs = f"{metadata['iterations']:,} iterations a variant" if "iterations" in metadata else ""
    effort = runs or f"{metadata['evaluations']:,} evaluations of the model"
    return (
        f"Source: AI Futures, {study._meta.verbose_name} {study.short_id} of the model of run {run}{day}; {effort}; "
        f"input {study.input_hash[:12]}, engine {metadata['engine_version']}."
    )
