"""Monte Carlo runs: what the life of a computation has more in their case (see `lifecycle`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

from accounts.models import User
from analysis.engine import ENGINE_VERSION
from analysis.engine.simulate import Progress, rounded_iterations
from analysis.engine.spec import ModelDocument, input_hash
from analysis.models import AnalysisRun
from analysis.services.lifecycle import (
    computation_create,
    computation_progress,
    computation_succeed,
    computation_write,
)


def run_create(
    *,
    document: ModelDocument,
    owner: User | None,
    name: str = "",
    is_shared: bool = False,
    fresh: bool = False,
    run_id: UUID | None = None,
    admit: Callable[[], None] = lambda: None,
) -> AnalysisRun:
    """A new run, answered from an equal one or queued after the commit; `run_id`, where given, is its id.

    `fresh`, `admit` and what is raised as in `computation_create`.
    """
    run = AnalysisRun(
        id=run_id or uuid4(),
        name=name,
        owner=owner,
        is_shared=is_shared,
        model_document=document.to_json(),
        input_hash=input_hash(document),
        engine_version=ENGINE_VERSION,
        iterations_total=rounded_iterations(document.run.iterations),
    )
    return computation_create(computation=run, fresh=fresh, admit=admit)


def run_progress(*, run: AnalysisRun, progress: Progress) -> bool:
    """Record how far the run is; True if somebody asked to cancel it. Raises Superseded."""
    return computation_progress(
        computation=run,
        iterations_completed=progress.completed,
        rate=progress.rate,
        max_half_width=progress.max_half_width,
    )


def run_checkpoint(*, run: AnalysisRun, checkpoint: bytes) -> None:
    """Keep the state to go on from; what was lost before it counts no more. Raises Superseded."""
    computation_write(computation=run, checkpoint=checkpoint, losses=0)


def run_succeed(*, run: AnalysisRun, result: Mapping[str, Any]) -> None:
    """Store the result document and end the run well. Raises Superseded."""
    iterations = result["metadata"]["iterations"]
    computation_succeed(
        computation=run,
        result=result,
        iterations_completed=iterations,
        iterations_total=iterations,
        max_half_width=result["convergence"]["max_half_width"],
    )
