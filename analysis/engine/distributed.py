"""Rounds on a Dask cluster: the block function, the merge in order, and what is made of a cluster's failures.

A task is one node of the tally's tree (MODEL.md 4), 2^k rounds from a multiple of 2^k on, added up by the process that
computes it: no number depends on how many processes there are, on which of them does what, or on how often a task was
begun again because its process died. The model document travels once to each process, as the result of a task of its
own: what is scattered instead is lost with the process that has it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import time
import uuid
from asyncio import CancelledError
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from math import log2
from multiprocessing import resource_tracker
from typing import Any

import distributed
import numba
import numpy as np

from .kernel_cache import source_digest
from .sampling import REPLICATES
from .simulate import Backend, ClusterLost, compiled, run_key
from .spec import ModelDocument, parse_model
from .tally import Tally

CONNECT_SECONDS = 3.0
PATIENCE_SECONDS = 30.0
"""A cluster without any worker, or that does not answer, is given up after so long."""
TASK_SECONDS = 1.0
FIRST_LEVEL, LAST_LEVEL = 4, 10
"""Tasks are of 2^4 rounds until one was timed, then of as many as take about a second, at most 2^10."""
_LOOK_SECONDS = 1.0
_LEAST_WAIT_SECONDS = 0.01


def engine_identity(document: ModelDocument) -> str:
    """What must be the same here and there for the same bits: the run, the engine and what compiles it."""
    return f"{run_key(document)} {source_digest()} numba {numba.__version__} numpy {np.__version__}"


# In the cluster's processes


def model_text(text: str) -> str:
    """The model document, for the tasks that need it."""
    return text


def compute_rounds(first: int, rounds: int, identity: str, text: str) -> Tally:
    """The tally of some rounds from `first` on; `seconds` is what they took. Raises ClusterLost in another engine."""
    backend = _prepared(identity, text)
    sums, squares, sweeps = _buffers(backend)
    begun = time.perf_counter()
    tally = Tally()
    for index in range(first, first + rounds):
        backend.run_blocks(index * REPLICATES, sums, squares, sweeps)
        tally.add(sums, squares, sweeps)
    tally.seconds = time.perf_counter() - begun
    return tally


@lru_cache(4)
def _prepared(identity: str, text: str) -> Backend:
    """What computes the model, compiled."""
    document = parse_model(json.loads(text))
    if (mine := engine_identity(document)) != identity:
        raise ClusterLost(f"a worker of the cluster has another engine ({mine}, asked for {identity})")
    backend = compiled(document)
    backend.run_blocks(0, *(part[:1] for part in _buffers(backend)))
    return backend


def _buffers(backend: Backend) -> tuple[Any, Any, Any]:
    program = backend.program
    shape = (REPLICATES, program.timeline.linear.size, program.report.size)
    squares = np.empty((REPLICATES, program.reference.size))
    return np.empty(shape), squares, np.empty((REPLICATES, 2), dtype=np.int64)


# In the process that has the run


class DaskCluster:
    """A Dask cluster, for as long as its client is open (see `connected` and `local_processes`)."""

    name = "dask"

    def __init__(self, client: distributed.Client) -> None:
        self.client = client
        self._answered = time.monotonic()
        self.threads = 0
        self.look()

    def look(self) -> None:
        """Ask the scheduler how many threads there are. Raises ClusterLost if there were none for a while."""
        now = time.monotonic()
        scheduler: Any = self.client.scheduler
        try:
            found = self.client.sync(scheduler.identity, n_workers=0, callback_timeout=_LOOK_SECONDS)
        except TimeoutError:
            found = {"total_threads": 0}
        except (OSError, CancelledError, RuntimeError) as error:
            raise ClusterLost(f"the cluster's scheduler is gone ({error})") from None
        self.threads = found["total_threads"] or self.threads
        if found["total_threads"]:
            self._answered = now
        elif now - self._answered > PATIENCE_SECONDS:
            raise ClusterLost(f"the cluster has had no worker for {PATIENCE_SECONDS:.0f} seconds")

    def stream(self, document: ModelDocument, rounds: range) -> DaskStream:
        """Begin to compute these rounds."""
        return DaskStream(self, document, rounds)


class DaskStream:
    """The rounds of one run: so many tasks asked for that no thread has to wait, their results taken in order."""

    def __init__(self, cluster: DaskCluster, document: ModelDocument, rounds: range) -> None:
        self._cluster = cluster
        client = self._client = cluster.client
        self._identity = engine_identity(document)
        self._next, self._stop = rounds.start, rounds.stop
        self._level = FIRST_LEVEL
        self._tasks: deque[distributed.Future[Tally]] = deque()
        self._looked = time.monotonic()
        self._name = f"rounds-{uuid.uuid4().hex}"
        with _failures():
            text = json.dumps(document.to_json())
            self._text = client.submit(model_text, text, key=f"model-{uuid.uuid4().hex}")

    def take(self, seconds: float) -> list[Tally]:
        """The next rounds in order; none if none are ready in so many seconds. Raises ClusterLost, MemoryError."""
        end = time.monotonic() + seconds
        parts: list[Tally] = []
        with _failures():
            self._ask()
            while self._tasks and (not parts or (self._tasks[0].done() and time.monotonic() < end)):
                try:  # of one that is done, the result may be on a machine that does not answer
                    parts.append(self._tasks[0].result(timeout=max(end - time.monotonic(), _LEAST_WAIT_SECONDS)))
                except TimeoutError:
                    break
                self._tasks.popleft()
                self._ask()
            self._look()
        if not parts:
            return []
        slowest = max(part.seconds / part.rounds for part in parts)
        self._level = max(0, min(LAST_LEVEL, int(log2(TASK_SECONDS / max(slowest, 1e-9)))))
        return parts

    def _look(self) -> None:
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._cluster.look()
            self._looked = time.monotonic()

    def _ask(self) -> None:
        """Ask for more tasks, until there are somewhat more than two for each thread.

        So many of one name Dask takes for tasks that any worker may begin with, wherever the model is.
        """
        wanted: list[tuple[int, int]] = []
        while self._next < self._stop and len(self._tasks) + len(wanted) < 2 * self._cluster.threads + 2:
            rounds = self._node(self._next)
            wanted.append((self._next, rounds))
            self._next += rounds
        if wanted:
            firsts, rounds_each = zip(*wanted, strict=True)
            self._tasks += self._client.map(
                compute_rounds,
                firsts,
                rounds_each,
                identity=self._identity,
                text=self._text,
                key=[(self._name, first) for first in firsts],
            )

    def _node(self, first: int) -> int:
        """How many rounds from `first` on are the next task: a whole node of the tree, within the run."""
        aligned = first & -first if first else 1
        left = 1 << (self._stop - first).bit_length() - 1
        return min(aligned, left, 1 << self._level)


@contextlib.contextmanager
def connected(address: str) -> Iterator[DaskCluster]:
    """The cluster of the scheduler at an address such as tcp://host:8786. Raises ClusterLost."""
    _silence()
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="aifutures")
    except (TimeoutError, OSError, ValueError, ImportError) as error:
        raise ClusterLost(f"no Dask scheduler at {address} ({error})") from None
    try:
        yield DaskCluster(client)
    finally:
        client.close()


@contextlib.contextmanager
def local_processes(count: int) -> Iterator[DaskCluster]:
    """So many worker processes of one thread on this machine, for trying. Raises ClusterLost."""
    _silence()
    resource_tracker.ensure_running()  # started by the first child it would take the mask off again
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # theirs for good: Ctrl-C is for this process
    try:
        workers = distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # without a dashboard it has a port even so
            silence_logs=logging.CRITICAL,
        )
    except (OSError, RuntimeError) as error:
        raise ClusterLost(f"{count} worker processes could not be started ({error})") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    with workers, distributed.Client(workers, set_as_default=False) as client:
        yield DaskCluster(client)


def _silence() -> None:
    """Nothing that Dask logs is for whoever started a run: what matters of it is raised."""
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """What Dask raises, as ClusterLost; no memory there is no memory."""
    try:
        yield
    except (ClusterLost, MemoryError):
        raise
    except CancelledError:
        raise ClusterLost("the connection to the cluster's scheduler was lost") from None
    except distributed.KilledWorker as error:
        raise ClusterLost(f"the cluster's workers died one after another: {error}") from None
    except Exception as error:
        raise ClusterLost(f"the cluster failed: {type(error).__name__}: {error}") from error
