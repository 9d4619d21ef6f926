"""What must hold of runs whatever has happened to them: each has ended once, lawfully, with the bits it must have."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from analysis.choices import FINAL_STATUSES, RunStatus
from analysis.engine.verification import NOT_COMPARED
from analysis.models import AnalysisRun

LAWFUL = {
    RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.CANCELLED},
    RunStatus.RUNNING: {RunStatus.QUEUED, *FINAL_STATUSES},
}
"""What may follow what; nothing follows an end."""


def numbers(result: Mapping[str, Any]) -> str:
    """A result document as text, without what depends on when and where it was computed."""
    metadata = {key: value for key, value in result["metadata"].items() if f"metadata.{key}" not in NOT_COMPARED}
    kept = {key: value for key, value in result.items() if key not in NOT_COMPARED}
    return json.dumps(kept | {"metadata": metadata}, sort_keys=True)


def faults(runs: Iterable[AnalysisRun], reference: Mapping[str, str], running_per_user: int) -> list[str]:
    """Everything that should not be, in words. `reference` has the numbers of undisturbed runs by input hash."""
    runs = list(runs)
    found = [f"{run.short_id}: {fault}" for run in runs for fault in _faults(run, reference)]
    return [*found, *_crowds(runs, running_per_user)]


def _faults(run: AnalysisRun, reference: Mapping[str, str]) -> Iterator[str]:
    history = list(run.transitions.order_by("id"))
    if run.status not in FINAL_STATUSES:
        yield f"still {run.status}"
    if not history or history[0].status != RunStatus.QUEUED or history[-1].status != run.status:
        yield f"its history {[each.status for each in history]} is not that of one {run.status}"
    for before, after in itertools.pairwise(history):
        if after.status not in LAWFUL.get(RunStatus(before.status), ()):
            yield f"{after.status} after {before.status}"
        if after.at < before.at:
            yield f"{after.status} before the {before.status} that it follows"
        if after.attempt != before.attempt + (after.status == RunStatus.RUNNING):
            yield f"attempt {after.attempt} after {before.attempt}"
    if (run.status == RunStatus.SUCCEEDED) != (run.result is not None):
        yield f"{run.status} with{'' if run.result else 'out'} a result"
    if run.status == RunStatus.FAILED and not run.error:
        yield "failed without a reason"
    if run.result is not None:
        expected = reference.get(run.input_hash)
        if expected is None:
            yield "no undisturbed run to compare it with"
        elif expected != numbers(run.result):
            yield "other numbers than an undisturbed run"


def _crowds(runs: Sequence[AnalysisRun], limit: int) -> Iterator[str]:
    """Users of whom more were worked on at a time than may be."""
    changes: dict[int | None, list[tuple[datetime, int]]] = defaultdict(list)
    for run in runs:
        history = list(run.transitions.order_by("id"))
        for begun, ended in itertools.pairwise(history):
            if begun.status == RunStatus.RUNNING:
                changes[run.owner_id] += [(begun.at, 1), (ended.at, -1)]
    for owner, steps in changes.items():
        most = max(itertools.accumulate(step for _, step in sorted(steps)))
        if owner is not None and most > limit:
            yield f"{most} runs of one user at a time"
