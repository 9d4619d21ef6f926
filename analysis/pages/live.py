"""A run that has no result (yet): how far it is, or how it ended, in the shape of the page that shows it."""

from __future__ import annotations

from dataclasses import dataclass

from redis.exceptions import RedisError

from analysis.choices import RunStatus, WorkQueue
from analysis.models import AnalysisRun
from analysis.plots import Plot
from analysis.plots.convergence import convergence
from analysis.progress import Progress, progress_of
from analysis.services.turns import positions
from analysis.services.workers import queue_hint
from analysis.wording import precision


@dataclass(frozen=True)
class Live:
    """How far a run is: `progress` as the socket tells it, and what people want to know besides."""

    run: AnalysisRun
    progress: Progress
    threshold: float
    """Half-width below which it counts as converged."""
    hint: str
    """What it waits for, where that needs somebody."""

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return int(100 * self.progress["completed"] / max(self.progress["total"], 1))

    @property
    def plot(self) -> Plot:
        """The precision so far; the page adds what comes."""
        done, width = self.progress["completed"], self.progress["max_half_width"]
        finding = "The precision of every mean probability, as it grows"
        if width:
            finding = f"So far every mean probability is known within {precision(width)}"
        return convergence(
            [(done, width)],
            threshold=self.threshold,
            total=self.progress["total"],
            finding=finding,
            source=f"Source: AI Futures, run {self.run}, while it is computed.",
        )


def live(run: AnalysisRun) -> Live:
    """How far the run is now."""
    waits = run.status == RunStatus.QUEUED
    position = positions(AnalysisRun).get(run.pk) if waits else None
    settings = run.model_document["settings"]["monte_carlo"]
    return Live(run, progress_of(run, position), settings["convergence_threshold"], _hint() if waits else "")


def _hint() -> str:
    try:
        return queue_hint(WorkQueue.ANALYSIS)
    except RedisError:
        return "The queue cannot be reached now; the run waits for it in the database."
