"""What a figure rests on, in one line."""

from __future__ import annotations

from analysis.models import AnalysisRun


def run_source(run: AnalysisRun) -> str:
    """Run, evidence, effort and hash of a run that succeeded."""
    result = run.result_document
    if result is None:
        raise ValueError(f"{run} has no result to cite")
    metadata = result["metadata"]
    when = run.published_at or run.finished_at
    day = f", {when.day} {when:%B %Y}" if when else ""
    return (
        f"Source: AI Futures, run {run}{day}; evidence as of {metadata['as_of']}; {metadata['iterations']:,} "
        f"iterations; input {run.input_hash[:12]}, engine {metadata['engine_version']}."
    )
