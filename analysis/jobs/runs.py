"""Monte Carlo runs: in slices, with checkpoints, making way between two slices for what is more urgent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import django_rq
from redis.exceptions import RedisError

from aifutures_site.config import get_config
from analysis.choices import WorkQueue
from analysis.engine.simulate import ClusterLost, Progress, simulate
from analysis.engine.spec import parse_model
from analysis.engine.tally import CheckpointError
from analysis.jobs.execution import Watch, execute, insist
from analysis.models import AnalysisRun
from analysis.services import runs
from analysis.services.cluster import cluster_address, cluster_at
from analysis.services.threads import engine_threads
from analysis.services.turns import shorter_waits

logger = logging.getLogger(__name__)

SLICE_SECONDS = 0.25
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_SHARE = 20
"""Between two checkpoints lies at least so many times what the last one took to make and write."""
TURN_SECONDS = 2.0
"""A run goes on for so long at least before it makes way again: however much else is asked, it gets on.

Whether a shorter one waits is asked no more often.
"""

QUIET_SECONDS = 5.0
"""After Redis could not be reached it is not asked for so long: one that hangs would hold every slice up."""

urgent: list[WorkQueue] = []
"""The queues that this process serves before that of the runs."""


def run_execute() -> None:
    """Compute the run whose turn it is, from its checkpoint if it has one."""
    execute(AnalysisRun, compute, lambda run, result: runs.run_succeed(run=run, result=result))


def compute(run: AnalysisRun, watch: Watch) -> Mapping[str, Any]:
    """The run's result document. Raises Stopped with its checkpoint."""
    return _Simulation(run, watch).result()


class _Simulation:
    """One attempt at a run: the engine's callbacks, written to the run's row."""

    def __init__(self, run: AnalysisRun, watch: Watch) -> None:
        self.run = run
        self.watch = watch
        self.begun = time.monotonic()
        self.ask_at = self.begun + TURN_SECONDS
        self.queues_at = self.begun
        self.left = run.iterations_total
        self.keep_at = self.begun + CHECKPOINT_SECONDS

    def result(self) -> Mapping[str, Any]:
        document = parse_model(self.run.model_document)
        checkpoint = None if self.run.checkpoint is None else bytes(self.run.checkpoint)
        computation = get_config().computation
        address = cluster_address(iterations=document.run.iterations)
        while True:
            try:
                with cluster_at(address) as cluster:
                    return simulate(
                        document,
                        jit=computation.optimization.enable_jit,
                        threads=engine_threads(),
                        chunk=computation.parallel_processing.chunk_size,
                        cluster=cluster,
                        slice_seconds=SLICE_SECONDS,
                        on_progress=self._progress,
                        should_stop=lambda: self.watch.should_stop() or self._makes_way(),
                        on_checkpoint=self.keep,
                        checkpoint=checkpoint,
                    )
            except ClusterLost as lost:
                self._cluster_lost(lost)
                address, checkpoint = None, lost.checkpoint or checkpoint
            except CheckpointError as error:
                logger.warning("begun anew", extra={"run": str(self.run.pk), "reason": str(error)})
                checkpoint = None

    def _cluster_lost(self, lost: ClusterLost) -> None:
        """Let the run go on here, where that is allowed. Raises ClusterLost with a reason for its owner."""
        logger.warning("the cluster was lost", extra={"run": str(self.run.pk), "reason": str(lost)})
        if not get_config().service.distributed_fallback:
            reason = "The cluster that computes long runs failed; the server's log says how. Run it again later."
            raise ClusterLost(reason) from lost

    def _progress(self, progress: Progress) -> None:
        self.left = progress.total - progress.completed
        self.watch.cancelled = insist(lambda: runs.run_progress(run=self.run, progress=progress))

    def _makes_way(self) -> bool:
        """Whether something waits that this worker serves first, or a run that is done sooner."""
        now = time.monotonic()
        if now - self.begun < TURN_SECONDS:
            return False
        if self._urgent_waits(now):
            return True
        if now < self.ask_at:
            return False
        self.ask_at = now + TURN_SECONDS
        return insist(lambda: shorter_waits(self.run, left=self.left))

    def _urgent_waits(self, now: float) -> bool:
        """Whether a queue that this worker serves first holds anything; not known while Redis cannot be reached."""
        if now < self.queues_at:
            return False
        try:
            return any(django_rq.get_queue(name).count for name in urgent)
        except RedisError:
            self.queues_at = time.monotonic() + QUIET_SECONDS
            return False

    def keep(self, make: Callable[[], bytes]) -> None:
        """Store a checkpoint, if it is time for one."""
        begun = time.monotonic()
        if begun < self.keep_at:
            return
        checkpoint = make()
        insist(lambda: runs.run_checkpoint(run=self.run, checkpoint=checkpoint))
        now = time.monotonic()
        self.keep_at = now + max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * (now - begun))
