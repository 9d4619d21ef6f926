"""What the queue runs: entry points that take ids, call the engine and report through the services."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection
from rq import get_current_job

from aifutures_site.config import get_config
from analysis.engine.estimate import ImpossibleObservation
from analysis.engine.simulate import Interrupted, Progress, simulate
from analysis.engine.spec import ModelError, parse_model, with_run
from analysis.engine.tally import CheckpointError
from analysis.models import AnalysisRun
from analysis.services import runs
from analysis.services.model_documents import published_study
from analysis.services.threads import engine_threads

logger = logging.getLogger(__name__)

stopping = threading.Event()
"""Set when the worker is told to stop: runs keep their checkpoint and go back to the queue."""

SLICE_SECONDS = 0.25
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_SHARE = 20
"""Between two checkpoints lies at least so many times what the last one took to make and write."""
HEARTBEAT_SECONDS = 2.0
WRITES = 3
WRITE_AGAIN_SECONDS = 0.2
"""A database that is away for a moment costs no run: a write is tried a few times, so long apart."""

T = TypeVar("T")


def warm_up() -> None:
    """Have the usual kernels, in float32, compiled or read from the cache, so that no such run waits for it.

    The first run in float64 has its own compiled, once for all processes that share the cache on disk.
    """
    simulate(with_run(published_study(), iterations=1), threads=1)


def run_execute(run_id: str) -> None:
    """Compute a queued run; a job whose run is not waiting for it does nothing."""
    close_old_connections()  # this process is older than the database's last restart, perhaps
    job = get_current_job()
    run = runs.run_start(run_id=UUID(run_id), job_id=job.id if job else "")
    if run is None:
        return
    try:
        with _heartbeat(run):
            _compute(run)
    except runs.Superseded as reason:
        logger.warning("stopped working on a run", extra={"run": run_id, "reason": str(reason)})
    finally:
        close_old_connections()


def _compute(run: AnalysisRun) -> None:
    """Simulate and store how it ended: well, stopped, or not at all, with a reason for its owner."""
    execution = _Execution(run)
    try:
        result = execution.simulate()
    except Interrupted as interrupted:
        if execution.cancelled:  # also where the worker stops as well: the run would never be taken up again
            runs.run_stop_cancelled(run=run)
        else:
            runs.run_requeue(run=run, reason="its worker was told to stop", checkpoint=interrupted.checkpoint)
    except (ModelError, ImpossibleObservation) as error:
        runs.run_fail(run=run, reason=str(error))
    except MemoryError:
        runs.run_fail(run=run, reason="There was not enough memory for this run: take fewer years or hypotheses.")
    except (runs.Superseded, DatabaseError, InterfaceError):
        raise  # nothing can be written now; where the database was lost, the reaper takes the run up again
    except Exception:
        logger.exception("a run failed", extra={"run": str(run.pk)})
        runs.run_fail(run=run, reason=f"The engine failed unexpectedly; the server's log names run {run.pk}.")
    else:
        _insist(lambda: runs.run_succeed(run=run, result=result))


def _insist(write: Callable[[], T]) -> T:
    """Do a write to the database, again where the database was away for a moment."""
    for _ in range(WRITES - 1):
        try:
            return write()
        except OperationalError:
            logger.warning("a write failed; trying again", exc_info=True)
            close_old_connections()
            time.sleep(WRITE_AGAIN_SECONDS)
    return write()


class _Execution:
    """One attempt at a run: the engine's callbacks, written to the run's row."""

    def __init__(self, run: AnalysisRun) -> None:
        self.run = run
        self.cancelled = False
        self.keep_at = time.monotonic() + CHECKPOINT_SECONDS

    def simulate(self) -> dict[str, object]:
        document = parse_model(self.run.model_document)
        checkpoint = None if self.run.checkpoint is None else bytes(self.run.checkpoint)
        computation = get_config().computation
        while True:
            try:
                return simulate(
                    document,
                    jit=computation.optimization.enable_jit,
                    threads=engine_threads(),
                    chunk=computation.parallel_processing.chunk_size,
                    slice_seconds=SLICE_SECONDS,
                    on_progress=self._progress,
                    should_stop=lambda: self.cancelled or stopping.is_set(),
                    on_checkpoint=self._keep,
                    checkpoint=checkpoint,
                )
            except CheckpointError as error:
                logger.warning("begun anew", extra={"run": str(self.run.pk), "reason": str(error)})
                checkpoint = None

    def _progress(self, progress: Progress) -> None:
        self.cancelled = _insist(lambda: runs.run_progress(run=self.run, progress=progress))

    def _keep(self, make: Callable[[], bytes]) -> None:
        begun = time.monotonic()
        if begun < self.keep_at:
            return
        checkpoint = make()
        _insist(lambda: runs.run_checkpoint(run=self.run, checkpoint=checkpoint))
        now = time.monotonic()
        self.keep_at = now + max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * (now - begun))


@contextlib.contextmanager
def _heartbeat(run: AnalysisRun) -> Iterator[None]:
    """Signs of life from a thread of its own, also while no slice ends (compiling, writing the result)."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(HEARTBEAT_SECONDS):
                try:
                    close_old_connections()
                    runs.run_heartbeat(run=run)
                except runs.Superseded:
                    return
                except Exception:
                    logger.warning("a heartbeat failed", extra={"run": str(run.pk)}, exc_info=True)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
